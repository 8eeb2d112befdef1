"""On which ways the pages are shown: to a browser on this very machine, and by TLS under the centre's own address.

Passwords cross no network in the clear: without `address` in collector.toml the pages answer this machine only.
"""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from flask import Request

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class Reach(Enum):
    """How a request came."""

    LOCAL = "local"  # from this machine, and meant for it
    FRONT = "front"  # by TLS through the proxy on this machine, under the centre's address
    NO_ADDRESS = "no address"  # from elsewhere, and collector.toml has no address
    OTHER_NAME = "other name"  # under a name that is not the centre's
    NO_TLS = "no tls"  # under the centre's name, but not by TLS through the proxy


def reach(request: Request, address: str | None) -> Reach:
    """address: of collector.toml, such as https://centre.example."""
    if is_local(request):
        return Reach.LOCAL
    if address is None:
        return Reach.NO_ADDRESS
    if request.host.lower() != urlsplit(address).netloc.lower():
        return Reach.OTHER_NAME
    by_proxy = _is_loopback(request.remote_addr or "") and request.headers.get("X-Forwarded-Proto") == "https"
    return Reach.FRONT if by_proxy else Reach.NO_TLS


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
