"""What every drawing shares: a sheet of paper, its axes, its key, its texts.

Every place is computed from the figures, nothing is measured with the server's fonts: the same chart is the same bytes
on every machine.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from sync.collector.charts.document import Text, finished
from sync.collector.charts.model import Words, legible
from sync.collector.charts.scales import grouped, number_marks, width

INK, QUIET, RULE, SILENT = "#1b2733", "#52606d", "#d5dce3", "#edf0f4"
_PER_INCH = 72
_NAME = 24  # characters of a name in the key

# ids are the same each time. No text goes through matplotlib.
matplotlib.rcParams.update({"svg.hashsalt": "venue-gate", "hatch.linewidth": 0.9, "path.simplify": False})


@dataclass(frozen=True, slots=True)
class Paper:
    """In pixels. marks: of the x axis at most."""

    width: float
    height: float
    letter: float
    marks: int


@dataclass(slots=True)
class Sheet:
    """A drawing under way."""

    paper: Paper
    figure: Figure
    texts: list[Text] = field(default_factory=list)

    @classmethod
    def of(cls, paper: Paper, *, ground: str = "white") -> Sheet:
        """An empty one."""
        figure = Figure(figsize=(paper.width / _PER_INCH, paper.height / _PER_INCH), dpi=_PER_INCH, facecolor=ground)
        FigureCanvasSVG(figure)
        return cls(paper, figure)

    def write(self, x: float, y: float, text: str, size: float, colour: str = INK, anchor: str = "start") -> None:
        """A line of text; pixels from the upper left corner."""
        self.texts.append(Text(x, y, text, size, colour, anchor))

    def axes(self, left: float, top: float, right: float, bottom: float) -> Axes:
        """An area for figures; pixels from the upper left corner."""
        wide, high = self.paper.width, self.paper.height
        return self.figure.add_axes((left / wide, 1 - bottom / high, (right - left) / wide, (bottom - top) / high))

    def document(self, words: Words, language: str) -> bytes:
        """The SVG."""
        written = io.BytesIO()
        self.figure.savefig(written, format="svg", facecolor=self.figure.get_facecolor(), metadata={"Date": None})
        return finished(written.getvalue(), self.texts, words, language)


def upright(sheet: Sheet, words: Words, names: Sequence[str], keys: Sequence[Any], highest: float) -> Axes:
    """Axes with y from 0, its name above it, rules, and a key where there are names."""
    paper, small = sheet.paper, sheet.paper.letter - 1
    marks = number_marks(highest, 4)
    left = max(width(grouped(mark), small) for mark in marks) + 14
    sheet.write(8, 1.4 * paper.letter, words.y, small, QUIET)
    sheet.write(paper.width - 8, paper.height - 6, words.x, small, QUIET, "end")
    top, bottom = _write_key(sheet, names, keys) + paper.letter, paper.height - 3.4 * paper.letter
    axes = sheet.axes(left, top, paper.width - 14, bottom)
    axes.set(ylim=(0, marks[-1]), yticks=marks, yticklabels=[])
    axes.tick_params(length=0)
    axes.grid(axis="y", color=RULE, lw=1)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side == "bottom", color=QUIET)
    for mark in marks:
        y = bottom - (bottom - top) * mark / marks[-1]
        sheet.write(left - 6, y + small / 3, grouped(mark), small, QUIET, "end")
    return axes


def mark(sheet: Sheet, axes: Axes, marks: Sequence[tuple[float, str]], first: float, last: float) -> None:
    """The x axis from first to last: short strokes, and their words, which stay on the paper."""
    paper, box, small = sheet.paper, axes.get_position(), sheet.paper.letter - 1
    axes.set(xlim=(first, last), xticks=[at for at, _ in marks], xticklabels=[])
    axes.tick_params(axis="x", length=4, color=QUIET)
    for at, text in marks:
        half = width(text, small) / 2 + 2
        x = (box.x0 + (at - first) / (last - first) * box.width) * paper.width
        x = min(max(x, half), paper.width - half)
        sheet.write(x, paper.height - 1.95 * paper.letter, text, small, QUIET, "middle")


def _write_key(sheet: Sheet, names: Sequence[str], keys: Sequence[Any]) -> float:
    """In as many rows as it needs; returns where it ends."""
    paper, x, y = sheet.paper, sheet.paper.width, 1.4 * sheet.paper.letter
    for name, key in zip((legible(name, _NAME) for name in names), keys, strict=False):
        needed = 34 + width(name, paper.letter) + 14
        if x + needed > paper.width:
            x, y = 8.0, y + 1.6 * paper.letter
        _place_key(sheet, key, x, y)
        sheet.write(x + 34, y, name, paper.letter)
        x += needed
    return y


def _place_key(sheet: Sheet, key: Line2D | Rectangle, x: float, y: float) -> None:
    wide, high, letter = sheet.paper.width, sheet.paper.height, sheet.paper.letter
    if isinstance(key, Line2D):
        key.set_data([x / wide, (x + 14) / wide, (x + 28) / wide], [1 - (y - letter * 0.35) / high] * 3)
        key.set_markevery([1])
    else:
        key.set_bounds(x / wide, 1 - (y + 1) / high, 28 / wide, letter / high)
    key.set_transform(sheet.figure.transFigure)
    sheet.figure.add_artist(cast(Any, key))
