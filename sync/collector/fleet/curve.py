"""What waited on a gate over the last week, as a chart: broken where the gate was silent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sync.collector.charts import Line, Series, Words
from sync.collector.charts.model import Point
from sync.collector.fleet.history import SAMPLE_SECONDS, Sample
from sync.collector.languages import translate as _

_SILENT_SECONDS = 2 * SAMPLE_SECONDS


def backlog(samples: Sequence[Sample]) -> Line:
    """The highest backlog of each ten minutes, by the centre's clock."""
    words = Words(_("一周内的待传记录"), x=_("时间"), y=_("条"), description=_("线断开处闸机没有联系。"))
    return Line(words, (Series(_("待传记录"), tuple(_points(samples))),))


def _points(samples: Sequence[Sample]) -> Iterator[Point]:
    for earlier, later in pairwise(samples):
        yield earlier.last_at, float(earlier.most_backlog)
        if later.first_at - earlier.last_at > _SILENT_SECONDS:
            yield (earlier.last_at + later.first_at) / 2, None
    if samples:
        yield samples[-1].last_at, float(samples[-1].most_backlog)
