"""Choosing a venue's position in real Chromium (R11): fields, the phone's own, and a map of the town's tiles."""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import asinh, cos, pi, radians, tan
from pathlib import Path

import pytest
from flask import Flask, Response, make_response, render_template_string, request
from flask_bootstrap import Bootstrap5
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from sync.collector import app as collector_app
from sync.collector import headers, languages
from sync.collector.venues import maps, positions
from sync.collector.venues.maps import Asked, MapSettings, View
from sync.collector.venues.positions import Position
from tests.browser.centre import WIDTHS, faults_of, watch

PICTURES = Path(__file__).parents[2] / "build" / "position"
XINAN = Position(23.1558, 112.8967)
PHONE = {"latitude": XINAN.latitude, "longitude": XINAN.longitude, "accuracy": 12}
PAGE = """<!doctype html><html lang="{{ language() }}"><head><meta charset="utf-8"><title>场所</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{{ bootstrap.load_css() }}
<link rel="stylesheet" href="{{ url_for('static', filename='collector.css') }}">
{% from "venues/position.html" import position, position_scripts with context %}{{ position_scripts(map) }}</head>
<body>{% include "marks.svg" %}<main><div class="card-page"><h1>场所</h1>
<form method="post" class="plain">{{ position(asked, map) }}<button class="btn btn-primary">提交</button></form>
</div></main></body></html>"""


def tile_of(at: positions.Pair, zoom: int) -> tuple[int, int, int]:
    """Zoom, column and row of the tile in which a place lies (web Mercator)."""
    count = 2**zoom
    latitude = radians(at[0])
    return zoom, int((at[1] + 180) / 360 * count), int((1 - asinh(tan(latitude)) / pi) / 2 * count)


@dataclass
class Tiles:
    """A tile server; asked: every tile that a browser wanted, by address."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    referrers: set[str | None] = field(default_factory=set)


@pytest.fixture(scope="module")
def tiles() -> Iterator[Tiles]:
    """Each tile says which it is."""
    seen = Tiles()

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.asked.append(self.path)
            seen.referrers.add(self.headers.get("Referer"))
            picture = Image.new("RGB", (256, 256), "#eef3e8")
            ImageDraw.Draw(picture).rectangle((0, 0, 255, 255), outline="#8a9a7a")
            ImageDraw.Draw(picture).text((20, 120), self.path, fill="#334")
            body = io.BytesIO()
            picture.save(body, "PNG")
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(body.getvalue())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seen.address = f"http://127.0.0.1:{server.server_port}"
    yield seen
    server.shutdown()


@dataclass
class Site:
    """A page with the fields. settings, asked: what it draws. posted: what its form sent."""

    address: str = ""
    settings: MapSettings = field(default_factory=MapSettings)
    asked: Asked = field(default_factory=Asked)
    posted: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def site(tiles: Tiles) -> Iterator[Site]:
    """Headers as the centre's pages have them; the town's tiles."""
    app = Flask(collector_app.__name__)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    languages.init_app(app)
    app.after_request(headers.with_headers)
    place = Site(settings=MapSettings(f"{tiles.address}/{{z}}/{{x}}/{{y}}.png", attribution="© 本镇地图"))
    tiles.asked.clear()
    tiles.referrers.clear()

    @app.route("/", methods=["GET", "POST"])
    def page() -> Response:
        place.posted.update(request.form)
        answer = make_response(render_template_string(PAGE, asked=place.asked, map=place.settings))
        return maps.allowing(answer, place.settings)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.address = f"http://127.0.0.1:{server.server_port}"
    yield place
    server.shutdown()


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, site: Site) -> Iterator[Opened]:
    """Opens the page in a phone's browser of its own; in the end nothing was stopped and no script had failed."""
    contexts, faults = [], []

    def open_page(language: str = "zh", **options: object) -> Page:
        context = browser.new_context(viewport={"width": 360, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        faults.append(watch(page))
        page.goto(f"{site.address}/?lang={language}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == [[]] * len(faults)


def fields(page: Page) -> positions.Pair:
    """What stands in the two fields."""
    return float(page.locator("#latitude").input_value()), float(page.locator("#longitude").input_value())


def settled(page: Page) -> None:
    """Until every tile in sight is there."""
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.leaflet-tile')];"
        "return all.length && all.every(each => each.complete && each.naturalWidth) }"
    )


def middle(page: Page) -> tuple[float, float]:
    """Of the map, in pixels of the window."""
    page.locator(".map").scroll_into_view_if_needed()
    box = page.locator(".map").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def marker_at(page: Page) -> tuple[float, float]:
    """Where its tip is."""
    box = page.locator(".leaflet-marker-icon").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"]


def metres(one: positions.Pair, other: positions.Pair) -> float:
    """Between places that are close."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]) * cos(radians(one[0]))) * 111_320


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_phone_s_own_position_fills_the_fields_and_the_map(
    site: Site, tiles: Tiles, opened: Opened, language: str
) -> None:
    """One tap; the accuracy is told, the tiles around it are fetched, and the form sends it."""
    page = opened(language, permissions=["geolocation"], geolocation=PHONE)
    page.locator("[data-locate]").click()
    expect(page.get_by_role("status")).to_contain_text("12 米" if language == "zh" else "12 m")
    assert fields(page) == (XINAN.latitude, XINAN.longitude)
    settled(page)
    zoom, column, row = tile_of((XINAN.latitude, XINAN.longitude), 17)
    assert f"/{zoom}/{column}/{row}.png" in tiles.asked
    assert marker_at(page) == pytest.approx(middle(page), abs=2)
    assert tiles.referrers == {f"{site.address}/"}
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"located-{language}.png", full_page=True)
    page.get_by_role("button", name="提交").click()
    assert site.posted == {"latitude": "23.155800", "longitude": "112.896700"}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("zh", "未获准使用位置。请在浏览器或手机设置中允许，或手工填写。"),
        ("en", "The browser may not use the position"),
    ],
)
def test_a_refused_position_is_told_in_the_page_s_language(opened: Opened, language: str, sentence: str) -> None:
    """And the button can be tried again; nothing was filled in."""
    page = opened(language, permissions=[])
    page.locator("[data-locate]").click()
    expect(page.get_by_role("status")).to_contain_text(sentence)
    expect(page.locator("[data-locate]")).to_be_enabled()
    expect(page.locator("#latitude")).to_have_value("")


def test_a_marker_on_shifted_tiles_means_wgs_84(site: Site, tiles: Tiles, opened: Opened) -> None:
    """R11: a Chinese map shows the place elsewhere; the fields hold where it is."""
    site.settings = MapSettings(site.settings.tiles, "gcj02")
    page = opened(permissions=["geolocation"], geolocation=PHONE)
    page.locator("[data-locate]").click()
    expect(page.locator("#latitude")).to_have_value("23.155800")
    settled(page)
    shown, unshifted = tile_of(positions.to_gcj02(XINAN), 17), tile_of((XINAN.latitude, XINAN.longitude), 17)
    assert shown != unshifted
    under = page.evaluate(
        "([x, y]) => document.elementsFromPoint(x, y).find(each => each.matches('.leaflet-tile'))?.src"
        " ?? [...document.querySelectorAll('.leaflet-tile')].find(each => { const box = each.getBoundingClientRect();"
        " return box.left <= x && x < box.right && box.top <= y && y < box.bottom; }).src",
        middle(page),
    )
    assert under == f"{tiles.address}/{shown[0]}/{shown[1]}/{shown[2]}.png"
    page.mouse.click(*middle(page))
    page.wait_for_function("document.querySelector('[data-said]').textContent === ''")
    assert metres(fields(page), (XINAN.latitude, XINAN.longitude)) < 3
    from_, to = marker_at(page), middle(page)
    page.mouse.move(from_[0], from_[1] - 20)
    page.mouse.down()
    page.mouse.move(to[0] + 40, to[1] - 60, steps=5)
    page.mouse.up()
    page.wait_for_function("document.querySelector('#latitude').value > '23.1561'")
    x, y = marker_at(page)
    metres_a_pixel = 40_075_016.686 / 256 / 2**17 * cos(radians(XINAN.latitude))
    expected_east = (x - to[0]) * metres_a_pixel
    moved = fields(page)
    east = (moved[1] - XINAN.longitude) * cos(radians(moved[0])) * 111_320
    assert east == pytest.approx(expected_east, abs=3)
    assert (to[1] - y) * metres_a_pixel == pytest.approx((moved[0] - XINAN.latitude) * 110_800, abs=3)


def test_typed_and_pasted_coordinates_move_the_marker(site: Site, opened: Opened) -> None:
    """As a Chinese map copies them, longitude first; in the system that is said."""
    site.asked = Asked(system_name="system", latitude="23.1", longitude="112.9")
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    settled(page)
    page.evaluate("navigator.clipboard.writeText('112.8967，23.1558')")
    page.locator("#latitude").select_text()
    page.keyboard.press("Control+V")
    expect(page.locator("#longitude")).to_have_value("112.8967")
    expect(page.locator("#latitude")).to_have_value("23.1558")
    settled(page)
    page.wait_for_function("document.querySelector('.leaflet-marker-icon')")
    page.locator("#system").select_option("bd09")
    page.mouse.click(*middle(page))
    page.wait_for_function("document.querySelector('#system').value === 'wgs84'")
    where = positions.from_bd09(23.1558, 112.8967)
    assert metres(fields(page), (where.latitude, where.longitude)) < 25
    assert metres(fields(page), (23.1558, 112.8967)) > 300
    page.locator("#latitude").fill("up north")
    page.locator("#latitude").blur()
    expect(page.locator(".leaflet-marker-icon")).to_have_count(0)


def test_without_javascript_the_fields_remain(site: Site, opened: Opened) -> None:
    """No button, no map, no hole where they would be; what is typed is sent."""
    site.asked = Asked("north", "east", "system", faults=("请输入纬度和经度两个数，例如 23.155800, 112.896700。",))
    page = opened(java_script_enabled=False)
    expect(page.locator("[data-locate]")).to_be_hidden()
    expect(page.locator(".map")).to_be_hidden()
    expect(page.get_by_text("© 本镇地图")).to_be_hidden()
    page.get_by_label("纬度").fill("23.1558")
    page.get_by_label("经度").fill("112.8967")
    page.get_by_label("坐标来自").select_option(label="高德、腾讯地图（GCJ-02）")
    page.get_by_role("button", name="提交").click()
    assert site.posted == {"north": "23.1558", "east": "112.8967", "system": "gcj02"}


def test_without_tiles_there_is_no_map_and_nothing_is_fetched_for_one(site: Site, tiles: Tiles, opened: Opened) -> None:
    """The button works all the same."""
    site.settings = MapSettings()
    page = opened(permissions=["geolocation"], geolocation=PHONE)
    page.locator("[data-locate]").click()
    expect(page.locator("#latitude")).to_have_value("23.155800")
    assert page.evaluate("typeof L") == "undefined"
    assert page.locator(".map").count() == 0
    assert tiles.asked == []


def test_the_map_begins_where_settings_say(site: Site, tiles: Tiles, opened: Opened) -> None:
    """A town's own server has no tiles of all of China."""
    site.settings = MapSettings(site.settings.tiles, view=View(23.17, 112.9, 12))
    settled(opened())
    assert {path.split("/")[1] for path in tiles.asked} == {"12"}
    zoom, column, row = tile_of((23.17, 112.9), 12)
    assert f"/{zoom}/{column}/{row}.png" in tiles.asked


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everybody_can_use_it_at_every_width(site: Site, opened: Opened, language: str) -> None:
    """At a phone's width and a desk's: nothing that axe-core objects to; a fault stands by its fields."""
    site.asked = Asked(system_name="system", latitude="23.1558", longitude="112.8967", faults=("fault",))
    page = opened(language)
    settled(page)
    assert faults_of(page) == []
    for width in (360, WIDTHS[-1]):
        page.set_viewport_size({"width": width, "height": 800})
        settled(page)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{language}-{width}.png", full_page=True)


def test_the_script_shifts_as_the_centre_does(opened: Opened) -> None:
    """Two writings of one formula, compared in a thousand places of China and a few beside it."""
    dice = random.Random(10)
    places = [(dice.uniform(18, 53.5), dice.uniform(73.6, 135)) for _ in range(1000)]
    places += [(48.85, 2.35), (-33.9, 18.4), (0.0, 0.0), (35.681236, 139.767125)]
    page = opened()
    theirs = page.evaluate(
        "async places => { const { toGcj02, fromGcj02, fromBd09 } = await import('/static/shifted.js');"
        "return places.map(place => [toGcj02(place), fromGcj02(place), fromBd09(place)]) }",
        places,
    )
    for place, answers in zip(places, theirs, strict=True):
        ours = [positions.from_gcj02(*place), positions.from_bd09(*place)]
        pairs = [positions.to_gcj02(Position(*place)), *((each.latitude, each.longitude) for each in ours)]
        for mine, other in zip(pairs, answers, strict=True):
            assert other == pytest.approx(mine, abs=1e-9)
