"""PURE: a record's bytes as people may look at them, whatever is in them, and where two versions of one differ."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

_MAX_SHOWN = 8_192
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # control and direction marks: they could make a text lie


@dataclass(frozen=True, slots=True)
class Difference:
    """A field, such as when.at, and its value in each version as JSON; None where a version lacks it."""

    field: str
    values: tuple[str | None, ...]

    @property
    def is_same(self) -> bool:
        """Whether every version says the same."""
        return len(set(self.values)) == 1


def visible(raw: bytes) -> str:
    """The bytes as text in which every character can be seen: what is no UTF-8 or no print as \\x1b or \\u202e."""
    text = raw[:_MAX_SHOWN].decode("utf-8", "backslashreplace")
    shown = "".join(
        _escaped(character) if unicodedata.category(character) in _HIDDEN else character for character in text
    )
    return shown + ("…" if len(raw) > _MAX_SHOWN else "")


def editable(raw: bytes) -> str:
    """The same JSON laid out for people to change, every hidden character as \\uXXXX; nothing for what is no object."""
    if fields(raw) is None:
        return ""
    text = msgspec.json.format(raw, indent=2).decode()
    return "".join(_json_escaped(one) if one != "\n" and unicodedata.category(one) in _HIDDEN else one for one in text)


def fields(raw: bytes) -> dict[str, str] | None:
    """Its fields by their path, values as JSON; None for what is no JSON object."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return dict(_flat("", found)) if isinstance(found, dict) else None


def compare(*versions: bytes) -> list[Difference] | None:
    """Every field of the versions in order, the first one's first; None where one of them is no JSON object."""
    told = [fields(raw) for raw in versions]
    if any(each is None for each in told):
        return None
    every = dict.fromkeys(name for each in told for name in each or ())
    return [Difference(name, tuple((each or {}).get(name) for each in told)) for name in every]


def _flat(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else name, inner)
    else:
        yield visible(path.encode("utf-8", "surrogatepass")), visible(msgspec.json.encode(value))


def _json_escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65_536 else f"\\U{code:08x}"
