"""PURE, but for one file of this package that is read once: the official divisions of China, province to township.

Codes are the Ministry of Civil Affairs' with trailing zeros cut: 44 Guangdong, 4406 Foshan, 440607 Sanshui, 440607001
Xinan – what lies in a division has its code as prefix, and nothing else has. Levels may be missing: Dongguan's towns
stand directly below the city, a municipality's districts below the province. Source, date and licence: data/README.md.
What it does not establish: that a code was valid earlier, or what a statistician's code – another system – means.
"""

from __future__ import annotations

import lzma
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "divisions.txt.xz"
TOWNSHIP_DIGITS = 9
_PREFIXES = (2, 4, 6, TOWNSHIP_DIGITS)


@dataclass(frozen=True, slots=True)
class Division:
    """code: 2, 4, 6 or 9 digits. name: its own official one, such as "西南街道"."""

    code: str
    name: str


def find(code: str) -> Division | None:
    """The division of that code; None for what is none."""
    if not (code.isascii() and code.isdigit()):
        return None
    lines = _lines()
    at = bisect_left(lines, f"{code} ".encode())
    division = _division(lines[at]) if at < len(lines) else None
    return division if division and division.code == code else None


def below(code: str) -> tuple[Division, ...]:
    """The direct children, by code; the provinces for ""; none for a township or an unknown code."""
    if code and find(code) is None:
        return ()
    lines, children = _lines(), []
    at, end = (bisect_left(lines, code.encode() + b" \xff"), _end(code)) if code else (0, len(lines))
    while at < end:
        child = _division(lines[at])
        children.append(child)
        at = _end(child.code)
    return tuple(children)


def is_township(code: str) -> bool:
    """Whether it is a township's or street's (乡镇、街道)."""
    return len(code) == TOWNSHIP_DIGITS and find(code) is not None


def is_lowest(code: str) -> bool:
    """Whether a venue's region may end there (R11): at a township, and where there are none – Sanya, Longgang."""
    return find(code) is not None and not below(code)


def path(code: str) -> tuple[Division, ...]:
    """From the province down to it; empty for an unknown code."""
    if find(code) is None:
        return ()
    above = (find(code[:digits]) for digits in _PREFIXES if digits <= len(code))
    return tuple(division for division in above if division)


def full_name(code: str) -> str:
    """Such as "广东省佛山市三水区西南街道"; "" for an unknown code."""
    return "".join(division.name for division in path(code))


def _end(code: str) -> int:
    """The first line behind a division and all that lies in it: ":" follows "9"."""
    return bisect_left(_lines(), f"{code}:".encode())


def _division(line: bytes) -> Division:
    code, _blank, name = line.decode().partition(" ")
    return Division(code, name)


@lru_cache(maxsize=1)
def _lines() -> list[bytes]:
    """`code name` in the order of codes; as bytes: 42,000 of them in 4 MB."""
    return lzma.decompress(TABLE.read_bytes()).splitlines()
