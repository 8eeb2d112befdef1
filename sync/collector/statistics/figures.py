"""PURE: what a venue's hourly counts say about people: who came and went, measured, refused (R15).

A person counts once: by the code that opened, less the openings that nobody went through, or by an inspector's
registration. Codes that were not genuine, and people who were referred to the inspector, are columns of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TypeVar

CHINA = timezone(timedelta(hours=8))
_CHINA_HOURS = 8
_EPOCH = date(1970, 1, 1)
HOURS = 24
GATE = 0
"""The inspector's number in what a gate decided alone."""

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Cell:
    """A sum of rows of the roll-up. hour: whole hours since 1970, None in a sum over all of them."""

    hour: int | None
    checkpoint: int
    direction: str
    inspector: int
    type: str
    outcome: str
    count: int
    measured: int
    not_measured: int
    fevers: int


@dataclass(frozen=True, slots=True)
class Figures:
    """People, but for `invalid`: codes. entered, left: entries and exits. refused: denied at a gate or by hand.

    referred: sent to the inspector by a gate, a code shown again among them. unused: openings that nobody went through,
    which `entered` and `left` do not count. measured, not_measured: checks with and without a temperature.
    """

    entered: int = 0
    left: int = 0
    measured: int = 0
    not_measured: int = 0
    fevers: int = 0
    refused: int = 0
    referred: int = 0
    unused: int = 0
    invalid: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


NOTHING = Figures()


def figures(cell: Cell) -> Figures:
    """What one sum adds."""
    passed = refused = referred = unused = invalid = 0
    match cell.type, cell.outcome:
        case (("scan" | "registered"), "pass"):
            passed = cell.count
        case (("scan" | "registered"), "deny"):
            refused = cell.count
        case "scan", "refer":
            referred = cell.count
        case "passage", "not_passed":
            passed, unused = -cell.count, cell.count
        case "folded", _:
            invalid = cell.count
        case _:
            return NOTHING
    is_entry = cell.direction == "in"
    return Figures(
        entered=passed if is_entry else 0,
        left=0 if is_entry else passed,
        measured=cell.measured,
        not_measured=cell.not_measured,
        fevers=cell.fevers,
        refused=refused,
        referred=referred,
        unused=unused,
        invalid=invalid,
    )


def total(cells: Iterable[Cell]) -> Figures:
    """All of them together."""
    return sum(map(figures, cells), NOTHING)


def by(cells: Iterable[Cell], key: Callable[[Cell], _Key]) -> dict[_Key, Figures]:
    """Grouped."""
    grouped: dict[_Key, Figures] = {}
    for cell in cells:
        at = key(cell)
        grouped[at] = grouped.get(at, NOTHING) + figures(cell)
    return grouped


def of_hours(cells: Iterable[Cell], first_hour: int) -> list[Figures]:
    """Each hour of the day that begins with that one."""
    grouped = by(cells, lambda cell: cell.hour)
    return [grouped.get(first_hour + hour, NOTHING) for hour in range(HOURS)]


def registered_by(cells: Iterable[Cell], inspector: int) -> Figures:
    """What an inspector did by hand."""
    return total(cell for cell in cells if cell.inspector == inspector and cell.type == "registered")


def today(now: float) -> date:
    """The day in China. now: seconds since 1970."""
    return datetime.fromtimestamp(now, CHINA).date()


def first_hour(day: date) -> int:
    """When a day begins in China, in whole hours since 1970."""
    return (day - _EPOCH).days * HOURS - _CHINA_HOURS


def time_of(hour: int) -> datetime:
    """When that hour begins, in China time."""
    return datetime.fromtimestamp(hour * 3600, CHINA)


def read_day(text: str | None, now: float) -> date:
    """The day that a page was asked for: today where it is none, or lies ahead or before 1970."""
    latest = today(now)
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return latest
    return day if _EPOCH <= day <= latest else latest
