"""PURE: what a chart shows. Times are seconds since 1970; None is "no figure", which is not zero."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

MOST_POINTS = 400
"""Of a line, in picture and table alike: two for each piece of the time shown, its lowest and its highest."""
MOST_BARS = 60
"""Labels of a bar chart, rows of a ranking; the rest is left out, and the table says how many."""
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Point: TypeAlias = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Words:
    """What a chart says of itself. title: also read to whoever does not see it. x, y: what the axes measure, with
    the unit. description: one more sentence for a screen reader."""

    title: str
    x: str = ""
    y: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One line; points in the order of time."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Lines over time, broken where there is no figure."""

    words: Words
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One kind of bar: a value for each label."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each label: the groups one upon the other, or side by side."""

    words: Words
    labels: tuple[str, ...]
    groups: tuple[Group, ...]
    stacked: bool = True


@dataclass(frozen=True, slots=True)
class Ranking:
    """A horizontal bar for each row, in the order given."""

    words: Words
    rows: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Spark:
    """A line without axes, for a row of a table that has the figures beside it."""

    words: Words
    values: tuple[float | None, ...]


Chart: TypeAlias = Line | Bars | Ranking | Spark


def is_empty(chart: Chart) -> bool:
    """Whether there is no figure to draw."""
    match chart:
        case Line():
            return all(value is None for each in chart.series for _, value in each.points)
        case Bars():
            return all(value is None for each in chart.groups for value in each.values)
        case Ranking():
            return not chart.rows
        case Spark():
            return all(value is None for value in chart.values)


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most so many: the time is cut into equal pieces, and each keeps its lowest and its highest point.

    A peak is never lost. A piece without any figure stays a gap; a gap within a piece is too short to be seen.
    """
    if len(points) <= most:
        return list(points)
    first, width = points[0][0], (points[-1][0] - points[0][0]) * 2 / most or 1.0
    pieces: dict[int, list[Point]] = {}
    for point in points:
        pieces.setdefault(min(int((point[0] - first) / width), most // 2 - 1), []).append(point)
    return [point for piece in pieces.values() for point in _extremes(piece)]


def _extremes(piece: list[Point]) -> list[Point]:
    known = [point for point in piece if point[1] is not None]
    if not known:
        return piece[:1]
    return sorted({min(known, key=_value), max(known, key=_value)})


def _value(point: Point) -> float:
    return point[1] or 0.0


def runs(points: Sequence[Point]) -> Iterator[list[tuple[float, float]]]:
    """The stretches without a gap."""
    run: list[tuple[float, float]] = []
    for at, value in points:
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def legible(text: str, most: int = 60) -> str:
    """One line that XML can carry, cut with an ellipsis. Names come from people."""
    line = " ".join(_NOT_IN_XML.sub("\ufffd", text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
