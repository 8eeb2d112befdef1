"""Charts: what is drawn is what the table says, hostile names stay text, and the picture needs no right at all."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from xml.etree import ElementTree as Xml

import pytest
from flask import Flask

from sync.collector import charts
from sync.collector.charts import Bars, Chart, Group, Line, Ranking, Series, Spark, Words, draw, figures
from sync.collector.charts.model import MOST_POINTS, thinned
from sync.collector.charts.scales import number_marks, time_marks

NOW = 1_650_000_000  # 13:20 in China
HOSTILE = '</text><script>alert("x")</script>&$\\frac{\x00'
WORDS = Words("积压", "北京时间", "条", "闸机的积压")
HOURS = tuple(f"{hour:02d}:00" for hour in range(24))
ALLOWED = {"svg", "g", "path", "text", "title", "desc", "defs", "use", "clipPath", "rect", "pattern"}
SVG = "{http://www.w3.org/2000/svg}"


def line(*values: float | None, name: str = "南门") -> Line:
    return Line(WORDS, (Series(name, tuple((NOW + 3_600 * hour, value) for hour, value in enumerate(values))),))


EVERY: dict[str, Chart] = {
    "line": line(1, 2, None, 3, 5),
    "lines": Line(WORDS, (*line(1, 2, None, 4).series, *line(3, None, 5, name=HOSTILE).series)),
    "stacked": Bars(WORDS, HOURS, (Group("放行", tuple(range(24))), Group(HOSTILE, (1,) * 24))),
    "beside": Bars(WORDS, HOURS, (Group("入", tuple(range(24))), Group("出", (None,) * 24)), stacked=False),
    "ranking": Ranking(WORDS, (("南门", 12_345), (HOSTILE, 0))),
    "one row": Ranking(WORDS, (("南门", 0),)),
    "spark": Spark(WORDS, (1, None, 3, 0)),
    "none": Line(WORDS, ()),
    "silent": line(None, None),
    "one point": line(5),
    "zeros": line(0, 0, 0),
    "no bars": Bars(WORDS, (), ()),
    "no rows": Ranking(WORDS, ()),
    "hostile words": Bars(Words(HOSTILE, HOSTILE, HOSTILE, HOSTILE), (HOSTILE,), (Group(HOSTILE, (1,)),)),
}


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
@pytest.mark.parametrize("chart", EVERY.values(), ids=EVERY)
def test_a_picture_runs_nothing_and_refers_to_nothing_outside(chart: Chart, narrow: bool) -> None:
    """Nor does it need a style sheet or a style attribute: `default-src 'none'` has nothing to stop."""
    root = Xml.fromstring(draw(chart, narrow=narrow))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= ALLOWED
    for element in root.iter():
        for name, value in element.attrib.items():
            assert name != "style"
            assert not name.lower().startswith("on")
            assert not name.endswith("href") or value.startswith("#")
            assert "url(" not in value or value.startswith("url(#")
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "title description")
    assert root[0].text
    assert root[1].text


def texts(svg: bytes) -> list[str]:
    return [element.text or "" for element in Xml.fromstring(svg).iter(f"{SVG}text")]


def test_a_hostile_name_is_text() -> None:
    """As it was written, but for what XML cannot carry."""
    assert any(each.startswith("</text><script>") for each in texts(draw(EVERY["lines"])))
    assert b"<script" not in draw(EVERY["lines"])


@pytest.mark.parametrize("chart", EVERY.values(), ids=EVERY)
def test_the_same_chart_is_the_same_bytes(chart: Chart) -> None:
    """An ETag holds; no date, no chance, no trace of the machine; also with others drawing beside it."""
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(draw, [chart] * 4))) == 1


def test_without_figures_it_says_so_in_both_languages() -> None:
    """Not an empty frame that looks like zero."""
    assert texts(draw(EVERY["silent"])) == ["暂无数据"]
    assert texts(draw(EVERY["silent"], "en")) == ["No figures yet"]
    assert figures(EVERY["none"]).rows == ()


def test_a_silent_time_is_a_gap_with_a_word() -> None:
    """A line drawn through it would claim what nobody knows."""
    assert "无数据" in texts(draw(line(1, 2, None, 3)))
    assert "无数据" not in texts(draw(line(1, 2, 2, 3)))
    assert figures(line(1, None, 3)).rows[1] == ("2022-04-15 14:20", "–")
    assert figures(Line(Words("积压"), line(1).series), "en").heads[0] == "Time"


def test_the_axis_shows_china_time() -> None:
    """Days begin at midnight in China."""
    marks = time_marks(NOW, NOW + 86_400, 9)
    assert [text for _, text in marks] == ["15:00", "18:00", "21:00", "04-16", "03:00", "06:00", "09:00", "12:00"]
    assert all((at + 8 * 3_600) % 10_800 == 0 for at, _ in marks)


@pytest.mark.parametrize("highest", [0, 0.3, 1, 4, 5, 7, 9, 10, 11, 99, 860, 1_000, 123_456, 10**9])
def test_the_y_axis_has_few_round_marks_and_holds_everything(highest: float) -> None:
    """Steps of 1, 2 or 5 and zeros."""
    marks = number_marks(highest, 4)
    steps = {after - before for before, after in pairwise(marks)}
    assert 2 <= len(marks) <= 5
    assert marks[0] == 0
    assert marks[-1] >= highest
    assert len(steps) == 1
    assert str(int(steps.pop())).rstrip("0") in ("1", "2", "5")


def test_of_very_many_points_no_peak_is_lost() -> None:
    """100,000: bounded in picture and table, which show the same; the table says what it left out."""
    points = [(NOW + at, float(at % 100)) for at in range(100_000)]
    points[54_321] = (NOW + 54_321, 9_999.0)
    kept = thinned(points)
    assert len(kept) <= MOST_POINTS
    assert kept == sorted(kept)
    assert (NOW + 54_321, 9_999.0) in kept
    chart = Line(WORDS, (Series("南门", tuple(points)),))
    table = figures(chart)
    assert len(table.rows) <= MOST_POINTS
    assert "200" in table.note
    assert len(draw(chart)) < 60_000


def test_a_long_gap_survives_the_thinning() -> None:
    """A month of silence among a hundred thousand points."""
    points = [(float(at), None if 40_000 <= at < 60_000 else 1.0) for at in range(100_000)]
    assert sum(value is None for _, value in thinned(points)) > MOST_POINTS / 2 * 0.15


def test_the_table_has_the_figures_of_the_bars() -> None:
    """One row for each label, one column for each kind."""
    table = figures(EVERY["stacked"])
    assert table.heads == ("北京时间", "放行", HOSTILE)
    assert table.rows[13] == ("13:00", "13", "1")
    assert figures(EVERY["ranking"]).rows[0] == ("南门", "12,345")


def test_the_answer_is_strict_and_asked_for_again_by_its_etag() -> None:
    """Another chart is another ETag; a browser that has it is answered with 304."""
    app = Flask(__name__)
    app.add_url_rule("/chart", view_func=lambda: charts.response(draw(EVERY["line"], **charts.wanted_size())))
    client = app.test_client()
    first = client.get("/chart")
    assert first.content_type == "image/svg+xml; charset=utf-8"
    assert "default-src 'none'" in first.headers["Content-Security-Policy"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert client.get("/chart", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get("/chart?narrow=1").headers["ETag"] != first.headers["ETag"]


def test_a_command_does_not_wait_for_the_drawing_library() -> None:
    """matplotlib is imported by the first picture."""
    program = "import sys, sync.collector.charts, sync.collector.cli; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
