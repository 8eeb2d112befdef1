"""PURE: which servers this centre speaks to, and which addresses of the network it connects to for that.

An address that people enter on a page must not reach what stands behind the town's firewall (SSRF): only https, and
only addresses that the whole internet may reach. What collector.toml allows is written there by whoever runs the
machine: `http://10.1.2.3:8080` allows that one server, without TLS; a name allows private addresses behind it too, yet
never this machine, link-local or multicast ones – a name's owner may change where it leads.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sync.collector.outbound.errors import NotAllowed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_URL = 1_000
_PORTS = {"http": 80, "https": 443}
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that IANA gives out; the rest is special or nobody's
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "100.64.0.0/10",  # carriers' NAT, where clouds keep their metadata too
            "168.63.129.16/32",  # one cloud's own services behind a public address
            "192.0.0.0/24",  # IETF's; Python before 3.12.4 calls some of them global
            "192.88.99.0/24",  # 6to4 relays
            "2001::/23",  # Teredo and IETF's: others' IPv4 addresses inside
            "2002::/16",  # 6to4: an IPv4 address inside
            "3fff::/20",  # documentation
        ),
    )
)
_PRIVATE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A server: scheme, host in lower case, port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @classmethod
    def of(cls, url: str) -> Origin:
        """Raises NotAllowed for what is no plain address of a server."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as cause:
            raise NotAllowed(f"this is no address: {cause}") from cause
        has_strange = not url.isascii() or not url.isprintable() or " " in url or "\\" in url
        if parts.scheme not in _PORTS or not host or has_strange or len(url) > MAX_URL:
            raise NotAllowed("an address begins with https:// and a server's name, and has no spaces")
        if "@" in parts.netloc or parts.fragment:
            raise NotAllowed("an address has no user, no password and no #")
        return cls(parts.scheme, host, _PORTS[parts.scheme] if port is None else port)


@dataclass(frozen=True, slots=True)
class Rules:
    """allowed: servers that collector.toml names; everybody else is reached by https at public addresses only."""

    allowed: frozenset[Origin] = frozenset()

    @classmethod
    def allowing(cls, urls: Iterable[str]) -> Rules:
        """Raises NotAllowed."""
        return cls(frozenset(map(Origin.of, urls)))

    def check(self, origin: Origin) -> None:
        """Raises NotAllowed for plain http, and for a literal address that must not be reached."""
        if origin.scheme != "https" and origin not in self.allowed:
            raise NotAllowed("only https:// is allowed: collector.toml may name a server without it (outbound.allow)")
        literal = _literal(origin.host)
        if literal is not None and not self.permits(origin, literal):
            raise NotAllowed(_refusal(origin))

    def permits(self, origin: Origin, address: Address) -> bool:
        """Whether to connect to `address`, to which the origin's name leads at this moment."""
        address = _plain(address)
        if is_public(address):
            return True
        if origin not in self.allowed:
            return False
        literal = _literal(origin.host)
        return address == _plain(literal) if literal is not None else any(address in net for net in _PRIVATE)

    def permitted(self, origin: Origin, addresses: Iterable[Address]) -> list[Address]:
        """Those of a name's addresses. Raises NotAllowed where it has none."""
        found = [address for address in addresses if self.permits(origin, address)]
        if not found:
            raise NotAllowed(_refusal(origin))
        return found


def is_public(address: Address) -> bool:
    """Whether the whole internet may reach it: no private, local, special, or embedded address."""
    address = _plain(address)
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _NEVER)


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 (RFC 4291 §2.5.5.2) is that IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refusal(origin: Origin) -> str:
    return (
        f"{origin.host} stands inside a private network or on this machine, where the centre sends nothing: "
        "collector.toml may allow that server (outbound.allow)"
    )
