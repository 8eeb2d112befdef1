"""Charts of the pages: figures in, an SVG picture and a table with the same figures out.

A chart has a URL of its own and stands in a page as an image; the page's macro (templates/charts/figure.html) puts the
table behind it. Drawing starts matplotlib, which takes a second and 45 MB: it is imported by the first picture.
"""

from __future__ import annotations

from sync.collector.charts.model import Bars, Chart, Group, Line, Ranking, Series, Spark, Words
from sync.collector.charts.table import Table, figures
from sync.collector.charts.web import response, wanted_size

__all__ = [
    "Bars",
    "Chart",
    "Group",
    "Line",
    "Ranking",
    "Series",
    "Spark",
    "Table",
    "Words",
    "draw",
    "figures",
    "response",
    "wanted_size",
]


def draw(chart: Chart, language: str = "zh", *, narrow: bool = False) -> bytes:
    """The picture, an SVG document; the same bytes for the same chart. language: "zh" or "en", of our own few words.

    narrow: for a phone's width, with larger letters in proportion. Safe in threads, which wait for each other.
    """
    from sync.collector.charts import drawing

    return drawing.draw(chart, language, narrow=narrow)
