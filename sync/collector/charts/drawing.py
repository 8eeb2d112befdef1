"""Drawing with matplotlib: one function for each kind of chart.

Not by colour alone: each line has its dash and marker, each bar its hatch. matplotlib promises nothing about threads,
so one draws at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from threading import Lock
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from sync.collector.charts.model import (
    MOST_BARS,
    Bars,
    Chart,
    Line,
    Point,
    Ranking,
    Series,
    Spark,
    is_empty,
    legible,
    runs,
    thinned,
)
from sync.collector.charts.scales import grouped, time_marks, width
from sync.collector.charts.sheet import QUIET, SILENT, Paper, Sheet, mark, upright

_STYLES: tuple[tuple[str, Any, str, str], ...] = (  # colour (over 4.5 : 1 on white), dash, marker, hatch
    ("#123a63", "-", "o", ""),
    ("#a65f00", (0, (6, 2.5)), "s", "////"),
    ("#a11d1d", (0, (1.5, 2)), "^", "xxxx"),
    ("#17663a", (0, (7, 2, 1.5, 2)), "D", "----"),
    ("#6a3d8a", (0, (3, 1.5)), "v", "||||"),
    ("#45535f", (0, (10, 3)), "P", "++++"),
)
_MOST_SERIES = len(_STYLES)
_NO_FIGURES = {"zh": "暂无数据", "en": "No figures yet"}
_GAP = {"zh": "无数据", "en": "no figures"}
_WIDE, _NARROW, _SPARK = Paper(720, 300, 13, 9), Paper(300, 250, 12, 4), Paper(120, 28, 10, 0)
_HOUR = 3_600
_DRAWING = Lock()


def draw(chart: Chart, language: str, *, narrow: bool) -> bytes:
    """See `charts.draw`."""
    paper = _SPARK if isinstance(chart, Spark) else _NARROW if narrow else _WIDE
    with _DRAWING:
        return _sheet(chart, paper, language).document(chart.words, language)


def _sheet(chart: Chart, paper: Paper, language: str) -> Sheet:
    if is_empty(chart):
        return _nothing(chart, paper, language)
    match chart:
        case Line():
            return _line(chart, paper, language)
        case Bars():
            return _bars(chart, paper)
        case Ranking():
            return _ranking(chart, paper)
        case Spark():
            return _spark(chart, paper)


def _nothing(chart: Chart, paper: Paper, language: str) -> Sheet:
    sheet = Sheet.of(paper)
    text = "–" if isinstance(chart, Spark) else _NO_FIGURES[language]
    sheet.write(paper.width / 2, paper.height / 2 + 4, text, paper.letter, QUIET, "middle")
    return sheet


def _line(chart: Line, paper: Paper, language: str) -> Sheet:
    sheet = Sheet.of(paper)
    series = [Series(each.name, tuple(thinned(each.points))) for each in chart.series[:_MOST_SERIES]]
    times = [at for each in series for at, _ in each.points]
    room = _HOUR / 2 if min(times) == max(times) else 0
    first, last = min(times) - room, max(times) + room
    gaps = [gap for each in series for gap in _gaps(each.points)] if len(series) == 1 else []
    names = [each.name for each in series] if len(series) > 1 or gaps else []
    keys: list[Any] = [Line2D([], [], color=c, ls=d, marker=m, lw=2, ms=5) for c, d, m, _ in _STYLES[: len(series)]]
    if gaps:
        names, keys = [*names, _GAP[language]], [*keys, Rectangle((0, 0), 1, 1, **_silence())]
    highest = max(value for each in series for _, value in each.points if value is not None)
    axes = upright(sheet, chart.words, names, keys, highest)
    for start, end in gaps:
        axes.axvspan(start, end, zorder=0.5, **_silence())
    for each, (colour, dash, marker, _) in zip(series, _STYLES, strict=False):
        how = {"color": colour, "ls": dash, "marker": marker}
        for run in runs(each.points):
            _stretch(axes, run, (last - first) / 12, how)
    mark(sheet, axes, time_marks(first, last, paper.marks), first, last)
    return sheet


def _silence() -> dict[str, Any]:
    """How a time without figures looks."""
    return {"fc": SILENT, "ec": QUIET, "lw": 0.8, "ls": (0, (2, 3))}


def _stretch(axes: Axes, run: Sequence[tuple[float, float]], spacing_seconds: float, how: dict[str, Any]) -> None:
    """One unbroken stretch, with a marker now and then – and on a point that stands alone."""
    marked, following = [], float("-inf")
    for number, (at, _) in enumerate(run):
        if at >= following:
            marked.append(number)
            following = at + spacing_seconds
    x, y = zip(*run, strict=True)
    axes.plot(x, y, lw=2, ms=5, markevery=marked, clip_on=False, zorder=3, **how)


def _gaps(points: Sequence[Point]) -> list[tuple[float, float]]:
    """From the last figure before each gap to the first after it; at the ends, from the first or to the last moment."""
    known = [at for at, value in points if value is not None]
    silent = [at for at, value in points if value is None]
    ends = [points[0][0], *known, points[-1][0]]
    return [(before, after) for before, after in pairwise(ends) if any(before <= at <= after for at in silent)]


def _bars(chart: Bars, paper: Paper) -> Sheet:
    sheet, labels, groups = Sheet.of(paper), chart.labels[:MOST_BARS], chart.groups[:_MOST_SERIES]
    values = [[value or 0.0 for value in each.values[:MOST_BARS]] for each in groups]
    columns = list(zip(*values, strict=True))
    highest = max(map(sum, columns)) if chart.stacked else max(map(max, columns))
    keys = [Rectangle((0, 0), 1, 1, **_fill(number)) for number in range(len(groups))]
    axes = upright(sheet, chart.words, [each.name for each in groups] if len(groups) > 1 else [], keys, highest)
    wide = 0.8 if chart.stacked else 0.8 / len(groups)
    below = [0.0] * len(labels)
    for number, heights in enumerate(values):
        shift = 0.0 if chart.stacked else (number - (len(groups) - 1) / 2) * wide
        axes.bar([at + shift for at in range(len(labels))], heights, wide, below, zorder=3, **_fill(number))
        if chart.stacked:
            below = [low + height for low, height in zip(below, heights, strict=True)]
    mark(sheet, axes, _readable(labels, paper), -0.6, len(labels) - 0.4)
    return sheet


def _fill(number: int) -> dict[str, Any]:
    colour, _, _, hatch = _STYLES[number]
    return {"fc": "white" if hatch else colour, "ec": colour, "hatch": hatch, "lw": 1}


def _readable(labels: Sequence[str], paper: Paper) -> list[tuple[float, str]]:
    """As many labels as stand side by side: each, each second, each third …; a long one is cut."""
    short, room = [legible(label, 12) for label in labels], paper.width - 60
    widest = min(max(width(label, paper.letter - 1) for label in short) + 8, room)
    every = -int(-len(short) * widest // room)
    return [(float(at), label) for at, label in enumerate(short) if at % every == 0]


def _ranking(chart: Ranking, paper: Paper) -> Sheet:
    """The label above its bar, the figure behind it: long names have the whole width."""
    rows, letter, step = chart.rows[:MOST_BARS], paper.letter, paper.letter * 2.9
    sheet = Sheet.of(replace(paper, height=len(rows) * step + 2.4 * letter))
    highest = max(*(value for _, value in rows), 1e-9, 1e-9)
    room = paper.width - 26 - max(width(grouped(value), letter) for _, value in rows)
    sheet.write(8, 1.4 * letter, chart.words.x, letter - 1, QUIET)
    axes = sheet.axes(0, 0, paper.width, sheet.paper.height)
    axes.set(xlim=(0, paper.width), ylim=(sheet.paper.height, 0))
    axes.set_axis_off()
    for number, (label, value) in enumerate(rows):
        top, length = 2 * letter + number * step, max(value / highest, 0.0) * room
        sheet.write(8, top + 1.1 * letter, legible(label, int((paper.width - 16) / letter)), letter)
        axes.add_patch(Rectangle((8, top + 1.5 * letter), length, letter, **_fill(0)))
        sheet.write(14 + length, top + 2.4 * letter, grouped(value), letter)
    return sheet


def _spark(chart: Spark, paper: Paper) -> Sheet:
    sheet = Sheet.of(paper, ground="none")
    points = thinned(list(enumerate(chart.values)), 120)
    highest = max(value for _, value in points if value is not None) or 1.0
    axes = sheet.axes(4, 4, paper.width - 4, paper.height - 4)
    axes.set(xlim=(0, max(points[-1][0], 1)), ylim=(0, highest))
    axes.set_axis_off()
    for run in runs(points):
        x, y = zip(*run, strict=True)
        dot = "o" if run[-1][0] == points[-1][0] or len(run) == 1 else ""
        axes.plot(x, y, color=_STYLES[0][0], lw=1.6, marker=dot, ms=4, markevery=[-1], clip_on=False)
    return sheet
