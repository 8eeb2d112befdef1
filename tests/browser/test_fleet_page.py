"""The fleet's pages in real Chromium: forty gates on one screen, acts by keyboard, nothing that axe-core objects to."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.fleet.model import Enrolment
from sync.collector.fleet.service import find_gate
from sync.keywords import key_words
from tests.browser.centre import collector, faults_of, start, watch
from tests.sync.collector import fortygates
from tests.sync.collector.staff import IT, cookie_for


@dataclass
class Town:
    """A serving centre with forty gates."""

    state: Path
    address: str
    cookie: str


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Made a moment ago."""
    state = StateDir(tmp_path / "centre")
    initialize(state, time.time())
    centre = Centre.open(state)
    fortygates.build(centre, time.time(), days=1)
    cookie = cookie_for(centre, IT, now=time.time())
    centre.close()
    process, where = start(state.path)
    yield Town(state.path, where, cookie)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)


@pytest.fixture
def page(browser: Browser, town: Town) -> Iterator[Page]:
    """IT's browser on a desk of 1440 by 900."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    name, _, value = town.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": town.address}])
    opened = context.new_page()
    faults = watch(opened)
    yield opened
    context.close()
    assert faults == []


def test_forty_gates_fit_on_one_screen_and_the_page_keeps_itself_fresh(town: Town, page: Page) -> None:
    """All of them in sight, the sick ones first; a change appears where it belongs, without a reload."""
    page.clock.install()
    page.goto(f"{town.address}/fleet")
    bottoms = page.locator("[data-gate]").evaluate_all("all => all.map(one => one.getBoundingClientRect().bottom)")
    assert (len(bottoms), max(bottoms) <= 900) == (fortygates.GATES, True), max(bottoms)
    first = page.locator("[data-gate]").evaluate_all("all => all.slice(0, 5).map(one => one.dataset.gate)")
    assert sorted(first) == sorted(fortygates.SICK)
    page.evaluate("window.untouched = true")
    collector(town.state, "gate", "retire", fortygates.SILENT, "--reason", "market closed")
    page.clock.fast_forward(6_000)
    expect(page.locator(f"[data-gate={fortygates.SILENT}]")).to_have_count(0)
    assert page.evaluate("window.untouched")


def test_every_fleet_page_is_for_everybody_in_both_languages(town: Town, page: Page) -> None:
    """At a phone's width and a desk's."""
    paths = ("/fleet", "/fleet?state=note", f"/fleet/{fortygates.RUNAWAY}", "/fleet/new", "/kept")
    for path in (*paths, "/kept/aside-23-8801"):
        for language in ("en", "zh"):
            page.goto(f"{town.address}{path}{'&' if '?' in path else '?'}lang={language}")
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            assert faults_of(page) == []


def test_a_gate_is_retired_by_keyboard_with_a_reason_and_a_tick(town: Town, page: Page) -> None:
    """Without them the form says what is missing, beside the field, and stays open."""
    page.goto(f"{town.address}/fleet/{fortygates.SILENT}")
    summary = page.get_by_text("退役", exact=True)
    summary.focus()
    page.keyboard.press("Enter")
    form = page.locator("form[action$=retire]")
    form.get_by_label("原因").focus()
    page.keyboard.press("Enter")
    expect(form.get_by_text("请勾选确认。")).to_be_visible()
    assert faults_of(page) == []
    form.get_by_label("原因").fill("market closed")
    form.get_by_role("checkbox").press("Space")
    form.get_by_role("button").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("闸机已退役")
    expect(page.locator(".conditions")).to_contain_text("已退役")


def test_a_gate_is_enrolled_by_hand_and_eye(town: Town, page: Page) -> None:
    """R25: the code on a phone's screen, the words large enough to read aloud, a tick and a reason to confirm."""
    gate = fortygates.FLAPPING
    page.goto(f"{town.address}/fleet/{gate}")
    page.get_by_text("开通", exact=True).click()
    form = page.locator("form[action$=enrol]")
    form.get_by_label("原因").fill("new device")
    form.get_by_role("checkbox").check()
    form.get_by_role("button").click()
    expect(page.get_by_role("img", name="开通码")).to_be_visible()
    assert faults_of(page) == []
    with Centre.open(StateDir(town.state)).database.write() as session:
        row = session.get_one(Enrolment, find_gate(session, gate).number)
        row.public_key, row.asked_at, row.software, row.others = bytes(range(32)), time.time(), "0.1.0", 1
    english, chinese = key_words(bytes(range(32)))
    page.goto(f"{town.address}/fleet/{gate}?lang=en")
    assert faults_of(page) == []
    page.goto(f"{town.address}/fleet/{gate}?lang=zh")
    words = page.locator(".key-words")
    expect(words).to_contain_text(english)
    expect(words).to_contain_text(" ".join(chinese))
    assert faults_of(page) == []
    words.get_by_role("button", name="一致，确认开通").click()
    expect(page.locator(".key-words").get_by_text("请勾选确认。")).to_be_visible()
    words = page.locator(".key-words")
    words.get_by_label("原因").first.fill("compared by telephone")
    words.get_by_role("checkbox").check()
    words.get_by_role("button", name="一致，确认开通").click()
    expect(page.get_by_role("status")).to_contain_text("闸机已开通")
