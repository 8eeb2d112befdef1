"""The flow of a day as a chart, and hour by hour as a file."""

from __future__ import annotations

from datetime import date

from sync.collector import charts, spreadsheet
from sync.collector.charts import Bars, Group, Words
from sync.collector.languages import translate as _
from sync.collector.statistics import figures, words
from sync.collector.statistics.counts import Names
from sync.collector.statistics.figures import Cell, Figures


def title(day: date) -> str:
    """Of the chart."""
    return _("%(day)s 各时段人流", day=day.isoformat())


def chart(cells: list[Cell], day: date) -> charts.Chart:
    """Entries and exits of each hour, side by side; without a figure where the day has none."""
    hours = figures.of_hours(cells, figures.first_hour(day))
    # An hour may be below nothing: what it takes back may have been counted in the hour before.
    entered, left = (
        [max(0, value) for value in each] for each in zip(*((h.entered, h.left) for h in hours), strict=True)
    )
    is_empty = not any((*entered, *left))
    groups = [Group(_("进"), _values(entered, is_empty)), Group(_("出"), _values(left, is_empty))]
    said = Words(title(day), _("时段（时）"), _("人数"))
    return Bars(said, tuple(f"{hour:02d}" for hour in range(figures.HOURS)), tuple(groups), stacked=False)


def as_csv(cells: list[Cell], names: Names) -> bytes:
    """A line for each hour, checkpoint, direction and inspector; China time."""
    heads = [_("日期"), _("时段（时）"), _("检测点"), _("方向"), _("检测员"), *words.columns().values()]
    grouped = figures.by(cells, lambda cell: (cell.hour or 0, cell.checkpoint, cell.direction, cell.inspector))
    return spreadsheet.as_csv(heads, (_line(key, each, names) for key, each in sorted(grouped.items(), key=_first)))


def _line(key: tuple[int, int, str, int], people: Figures, names: Names) -> list[object]:
    hour, checkpoint, direction, inspector = key
    at = figures.time_of(hour)
    return [
        at.date().isoformat(),
        at.hour,
        words.checkpoint(names.checkpoints, checkpoint),
        words.direction(direction),
        words.inspector(names.inspectors, inspector),
        *(getattr(people, name) for name in words.columns()),
    ]


def _first(pair: tuple[tuple[int, int, str, int], Figures]) -> tuple[int, int, str, int]:
    return pair[0]


def _values(numbers: list[int], is_empty: bool) -> tuple[float | None, ...]:
    return tuple(None if is_empty else float(number) for number in numbers)
