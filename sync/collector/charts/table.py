"""PURE: the table behind a chart, made from the very value that is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from sync.collector.charts.model import MOST_BARS, MOST_POINTS, Bars, Chart, Line, Ranking, Series, Spark, thinned
from sync.collector.charts.scales import china, grouped

_NOTHING = "–"
_TIME = {"zh": "时间", "en": "Time"}  # a head is never empty, also where the axis needs no word
_NOTES = {
    "zh": (
        "数据点很多：整段时间分为 {pieces} 份，每份只列最小值和最大值。",
        "只列出前 {shown} 项，共 {all} 项。",
    ),
    "en": (
        "There are many points: of each of {pieces} pieces of the time only the lowest and the highest are listed.",
        "The first {shown} of {all} are listed.",
    ),
}


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown; the first of a row is its head. note: what was left out, or nothing."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def figures(chart: Chart, language: str = "zh") -> Table:
    """What the picture shows, in words and digits. Times are China's."""
    many, more = _NOTES[language]
    match chart:
        case Line():
            kept = [thinned(each.points) for each in chart.series]
            was_thinned = any(len(each.points) > MOST_POINTS for each in chart.series)
            heads = (chart.words.x or _TIME[language], *(each.name for each in chart.series))
            note = many.format(pieces=MOST_POINTS // 2) if was_thinned else ""
            return Table(heads, _by_time([Series("", tuple(points)) for points in kept]), note)
        case Bars():
            heads = (chart.words.x, *(each.name for each in chart.groups))
            rows = [(label, *map(_cell, values)) for label, *values in zip(*_columns(chart), strict=True)]
            note = more.format(shown=MOST_BARS, all=len(rows)) if len(rows) > MOST_BARS else ""
            return Table(heads, tuple(rows[:MOST_BARS]), note)
        case Ranking():
            note = more.format(shown=MOST_BARS, all=len(chart.rows)) if len(chart.rows) > MOST_BARS else ""
            shown = tuple((label, grouped(value)) for label, value in chart.rows[:MOST_BARS])
            return Table((chart.words.y, chart.words.x), shown, note)
        case Spark():
            cells = tuple((str(number), _cell(value)) for number, value in enumerate(chart.values, 1))
            return Table((chart.words.x, chart.words.y), cells)


def _columns(chart: Bars) -> tuple[tuple[object, ...], ...]:
    return (chart.labels, *(each.values for each in chart.groups))


def _by_time(series: list[Series]) -> tuple[tuple[str, ...], ...]:
    at_times = [dict(each.points) for each in series]
    times = sorted({at for known in at_times for at in known})
    return tuple((china(at, "%Y-%m-%d %H:%M"), *(_cell(known.get(at)) for known in at_times)) for at in times)


def _cell(value: object) -> str:
    return grouped(value) if isinstance(value, int | float) else _NOTHING
