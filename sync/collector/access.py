"""Who may see the pages until accounts exist: a browser on this very machine, nobody else."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from flask import Request

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def is_local(request: Request) -> bool:
    """Whether the request comes from this machine and was meant for it.

    A proxy on this machine speaks for others, so what it forwards is not local. A foreign name in Host is another
    site's page that reaches for ours (DNS rebinding).
    """
    if any(name in request.headers for name in _FORWARDED):
        return False
    return _is_loopback(request.remote_addr or "") and _is_loopback(_host_name(request.host))


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback
