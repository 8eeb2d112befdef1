"""Charts in a page of the centre, in real Chromium, under the pages' own content security policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server

from sync.collector import app as collector_app
from sync.collector import charts, languages
from tests.browser.centre import WIDTHS, faults_of, watch
from tests.sync.collector.test_collector_charts import EVERY

PICTURES = Path(__file__).parents[2] / "build" / "charts"
PAGE = """<!doctype html><html lang="{{ language() }}"><head><meta charset="utf-8"><title>图表</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{{ url_for('static', filename='collector.css') }}"></head><body><main><h1>图表</h1>
{% from "charts/figure.html" import figure, spark %}
<p>积压 {{ spark(url_for('picture', name='spark'), '近一天的积压') }} 3 条</p>
{% for name, chart in every.items() if name != 'spark' %}
{{ figure(url_for('picture', name=name, lang=language()), chart.words.title ~ ' ' ~ name, figures(chart, language())) }}
{% endfor %}</main></body></html>"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page with every chart; headers as the centre's pages have them."""
    app = Flask(collector_app.__name__)
    languages.init_app(app)
    app.after_request(collector_app.with_headers)

    @app.get("/chart/<name>.svg")
    def picture(name: str):
        return charts.response(charts.draw(EVERY[name], languages.language(), **charts.wanted_size()))

    @app.get("/")
    def page() -> str:
        return render_template_string(PAGE, every=EVERY, figures=charts.figures)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_chart_is_shown_and_its_table_opens(browser: Browser, address: str, width: int, language: str) -> None:
    """At a phone's width and a desk's: nothing is blocked, nothing is wider than the screen, axe-core is content."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    faults = watch(page)
    page.goto(f"{address}/?lang={language}")
    pictures = page.locator("img")
    for each in pictures.all():
        each.scroll_into_view_if_needed()
        expect(each).to_have_js_property("complete", True)
        is_spark = "spark" in (each.get_attribute("src") or "")
        assert each.evaluate("picture => picture.naturalWidth") == (120 if is_spark else 300 if width < 576 else 720)
    expect(page.locator("figure .empty").first).to_have_text("暂无数据" if language == "zh" else "No figures yet")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("figure table").first).to_be_visible()
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{language}-{width}.png", full_page=True)
    assert faults_of(page) == []
    assert faults == []
    page.close()


def test_a_chart_opened_by_itself_obeys_its_own_policy(browser: Browser, address: str) -> None:
    """Nothing is stopped, for it asks for nothing; a name that looks like a script is not one."""
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{address}/chart/lines.svg")
    assert page.evaluate("document.documentElement.getBoundingClientRect().width") == 720
    assert page.evaluate("document.querySelectorAll('script').length") == 0
    assert said == []
    page.close()
