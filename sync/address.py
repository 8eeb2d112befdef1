"""PURE: which addresses of a centre may be used at all. Whether the centre is there, the transport finds out."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from sync.errors import SyncError


class UnsafeAddress(SyncError):
    """The collector's address cannot be used. The sentence says what to write instead."""


def check_address(collector: str) -> bool:
    """Whether the address is this machine's own, where plain http is safe. Raises UnsafeAddress."""
    try:
        parts = urlsplit(collector)
        host, _ = parts.hostname or "", parts.port
    except ValueError as cause:
        raise UnsafeAddress(f"{collector!r} is no address: {cause}") from cause
    if parts.scheme not in ("http", "https") or not host:
        raise UnsafeAddress(f"{collector!r} is no address of a collector: write https:// and the server's name")
    if parts.username or parts.query or parts.fragment:
        raise UnsafeAddress("the collector's address is only https://, the server's name and perhaps a path")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UnsafeAddress(f"http:// is allowed to this machine only: write https://{parts.netloc} instead")
    return _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
