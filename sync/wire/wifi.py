"""PURE: the `WIFI:` code, as routers and phones print it – the network's name and password in one QR symbol (R25).

    WIFI:T:WPA;S:market;P:secret;;          T, S, P, H in any order, each ended by ";"; ";" at the end

The form has no standard but its use: ZXing's "Barcode Contents" and, for WPA3, the Wi-Fi Alliance's WPA3 specification
§7 (`T:SAE`, `R:` for transition disable). A backslash makes the next of \\ ; , : " a plain character. A value wholly in
hexadecimal digits may be meant as hex where it stands in no quotes; ZXing's own readers take it as text, and so do we.
Decides what a code says. Whether such a network is there, nobody knows here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from sync.wire.errors import WireError

PREFIX = "WIFI:"
MAX_TEXT = 400
MAX_NAME_BYTES = 32  # IEEE 802.11 §9.4.2.2
_ESCAPED = '\\;,:"'


class Security(Enum):
    """How the network is protected."""

    OPEN = "open"
    WPA = "wpa"  # WPA2 and, where both sides can, WPA3
    WPA3 = "wpa3"  # SAE alone


@dataclass(frozen=True, slots=True)
class Wifi:
    """A network. name: its SSID; password: "" where it is open, and never in a representation or a log."""

    name: str
    security: Security
    password: str = field(default="", repr=False)
    hidden: bool = False


_SECURITY = {
    "": Security.OPEN,
    "NOPASS": Security.OPEN,
    "WPA": Security.WPA,
    "WPA2": Security.WPA,
    "WPA/WPA2": Security.WPA,
    "WPA2/WPA3": Security.WPA,
    "WPA2-PSK": Security.WPA,
    "SAE": Security.WPA3,
    "WPA3": Security.WPA3,
}


def read_code(text: str) -> Wifi:
    """Raises WireError for what is no such code, or of a network that a gate does not join. No sentence repeats it."""
    if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
        raise WireError(f"a Wi-Fi code begins with {PREFIX} and has at most {MAX_TEXT} characters")
    fields = _fields(text[len(PREFIX) :])
    kind = fields.get("T", "").upper()
    if kind not in _SECURITY:
        raise WireError("this Wi-Fi code is of a kind that a gate does not join (WEP, or with a user name)")
    name, password, security = fields.get("S", ""), fields.get("P", ""), _SECURITY[kind]
    if security is Security.OPEN and password and "T" not in fields:
        security = Security.WPA
    if not 0 < len(name.encode()) <= MAX_NAME_BYTES:
        raise WireError(f"a network's name has 1 to {MAX_NAME_BYTES} bytes")
    if security is Security.OPEN:
        password = ""
    elif not _is_password(password, security):
        raise WireError("that is no password of such a network: WPA has 8 to 63 characters, or 64 hexadecimal digits")
    return Wifi(name, security, password, fields.get("H", "").lower() == "true")


def write_code(wifi: Wifi) -> str:
    """The code of a network."""
    kind = {Security.OPEN: "nopass", Security.WPA: "WPA", Security.WPA3: "SAE"}[wifi.security]
    password = f"P:{_escape(wifi.password)};" if wifi.password else ""
    hidden = "H:true;" if wifi.hidden else ""
    return f"{PREFIX}T:{kind};S:{_escape(wifi.name)};{password}{hidden};"


def _fields(body: str) -> dict[str, str]:
    """Each field once: of two that say different things, nobody knows which is meant."""
    fields: dict[str, str] = {}
    for raw in _split(body):
        name, colon, value = raw.partition(":")
        if not colon:
            raise WireError("a field of the Wi-Fi code has no value")
        if name.upper() in fields:
            raise WireError("a field stands twice in the Wi-Fi code")
        fields[name.upper()] = _plain(value)
    return fields


def _split(body: str) -> list[str]:
    """At each ";" that no backslash precedes; empty parts, as at the end, are none."""
    parts, part, escaped = [], "", False
    for character in body:
        if character == ";" and not escaped:
            parts.append(part)
            part = ""
            continue
        part += character
        escaped = character == "\\" and not escaped
    if part.strip():
        raise WireError("the Wi-Fi code is cut: its last field does not end")
    return [each for each in parts if each]


def _plain(value: str) -> str:
    """Without quotes around the whole, and without the backslashes."""
    if len(value) >= 2 and value[0] == value[-1] == '"' and not value.endswith('\\"'):
        value = value[1:-1]
    plain, escaped = "", False
    for character in value:
        if character == "\\" and not escaped:
            escaped = True
            continue
        plain += character
        escaped = False
    if escaped:
        raise WireError("the Wi-Fi code ends in a backslash")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in plain):
        raise WireError("a control character stands in the Wi-Fi code")
    return plain


def _is_password(password: str, security: Security) -> bool:
    if security is Security.WPA3:
        return 0 < len(password.encode()) <= 128
    if len(password) == 64:
        return all(digit in "0123456789abcdefABCDEF" for digit in password)
    return 8 <= len(password) <= 63 and all(0x20 <= ord(character) <= 0x7E for character in password)


def _escape(value: str) -> str:
    return "".join(f"\\{character}" if character in _ESCAPED else character for character in value)
