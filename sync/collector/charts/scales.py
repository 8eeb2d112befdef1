"""PURE: marks of the axes – round numbers, whole hours and days of China – and how wide a text will be."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

CHINA_SECONDS = 8 * 3600  # no daylight saving since 1991
_HOUR, _DAY = 3_600, 86_400
_STEPS = (
    *(60, 300, 600, 1_800, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY, 91 * _DAY, 364 * _DAY),
)


def china(at: float, form: str) -> str:
    """A time of seconds since 1970 in China time; form: of strftime."""
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=at + CHINA_SECONDS)).strftime(form)


def time_marks(first: float, last: float, most: int) -> list[tuple[float, str]]:
    """At most so many marks on whole minutes, hours or days: 08:00, or the date where a day begins."""
    step = next((step for step in _STEPS if (last - first) / step < most), max(_STEPS[-1], (last - first) / most))
    start = -(-(first + CHINA_SECONDS) // step) * step - CHINA_SECONDS
    count = int((last - start) // step) + 1
    return [(start + number * step, _clock(start + number * step, step)) for number in range(count)]


def _clock(at: float, step: float) -> str:
    if step >= 91 * _DAY:
        return china(at, "%Y-%m")
    return china(at, "%m-%d") if (at + CHINA_SECONDS) % _DAY == 0 else china(at, "%H:%M")


def number_marks(highest: float, most: int) -> list[float]:
    """From 0 to the highest or a little more: steps of 1, 2 or 5 and zeros, whole numbers."""
    step = 1
    while highest / step > most:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return [float(step * number) for number in range(int(-(-highest // step)) + 1)] if highest > 0 else [0.0, 1.0]


def grouped(value: float) -> str:
    """12,345 – or 0.5 where it is not whole."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}".rstrip("0")


def width(text: str, size: float) -> float:
    """About how wide, in the unit of `size`: the viewer's fonts are not known here, a Han character is a square."""
    return size * sum(1.0 if unicodedata.east_asian_width(each) in "WF" else 0.58 for each in text)
