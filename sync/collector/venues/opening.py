"""PURE: when a venue is open, in China time, and for how long it was: silence counts in opening hours only (R10).

China has one time zone and no summer time since 1991, so that a day is 86,400 seconds. Holidays are not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from sync.collector.errors import Mistake

DAY_MINUTES = 24 * 60
EVERY_DAY = frozenset(range(1, 8))
LOOK_BACK_DAYS = 21
_DAY_SECONDS = 86_400
_CHINA_SECONDS = 8 * 3600
_TIME = re.compile(r"(\d{1,2})[:：](\d{2})", re.ASCII)


class OpeningFault(Enum):
    """What is wrong with opening hours."""

    TIME = "a time is 00:00 to 24:00"
    DAYS = "days are 1 (Monday) to 7 (Sunday), one at least"


class BadOpening(Mistake):
    """These are no opening hours; `fault` says why."""

    def __init__(self, fault: OpeningFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Opening:
    """open_minute, close_minute: of the day, 0 to 1439; what closes at or before it opens closes on the next day.

    days: ISO weekdays, 1 Monday to 7 Sunday, on which it opens. Raises BadOpening.
    """

    open_minute: int
    close_minute: int
    days: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        if not (0 <= self.open_minute < DAY_MINUTES and 0 <= self.close_minute < DAY_MINUTES):
            raise BadOpening(OpeningFault.TIME)
        if not self.days or not self.days <= EVERY_DAY:
            raise BadOpening(OpeningFault.DAYS)

    @classmethod
    def of_mask(cls, open_minute: int, close_minute: int, days_mask: int) -> Opening:
        """From the three integers that are stored; a bit beyond Sunday's is refused as a day."""
        if days_mask < 0:
            raise BadOpening(OpeningFault.DAYS)
        days = frozenset(bit + 1 for bit in range(days_mask.bit_length()) if days_mask >> bit & 1)
        return cls(open_minute, close_minute, days)

    @property
    def days_mask(self) -> int:
        """Bit 0 Monday to bit 6 Sunday."""
        return sum(1 << (day - 1) for day in self.days)

    @property
    def open_minutes(self) -> int:
        """Of a day on which it opens: 1 to 1440."""
        return (self.close_minute - self.open_minute - 1) % DAY_MINUTES + 1

    def is_open(self, now: float) -> bool:
        """now: seconds since 1970."""
        return any(begin <= now < end for begin, end in self._periods(now, now))

    def open_seconds_since(self, since: float, now: float) -> float:
        """How long it was open between the two, of the last 21 days at most; 0 where since is not before now."""
        since = max(since, now - LOOK_BACK_DAYS * _DAY_SECONDS)
        return sum(max(0.0, min(end, now) - max(begin, since)) for begin, end in self._periods(since, now))

    def _periods(self, since: float, now: float) -> Iterator[tuple[float, float]]:
        """From opening to closing, of each day that may reach into that time."""
        first, last = (int((at + _CHINA_SECONDS) // _DAY_SECONDS) for at in (since, now))
        for day in range(first - 1, last + 1):
            if (day + 3) % 7 + 1 in self.days:  # 1970-01-01 was a Thursday
                begin = day * _DAY_SECONDS - _CHINA_SECONDS + self.open_minute * 60
                yield begin, begin + self.open_minutes * 60


def read(text_from: str, text_to: str, days: Iterable[int]) -> Opening:
    """Typed hours, such as "08:00" and "20:00"; "24:00" is midnight. Raises BadOpening."""
    return Opening(_minute(text_from), _minute(text_to), frozenset(days))


def _minute(text: str) -> int:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise BadOpening(OpeningFault.TIME)
    hours, minutes = int(match[1]), int(match[2])
    if minutes > 59 or hours * 60 + minutes > DAY_MINUTES:
        raise BadOpening(OpeningFault.TIME)
    return (hours * 60 + minutes) % DAY_MINUTES
