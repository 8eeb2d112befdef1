"""The centre's live page in real Chromium, before a real `collector serve`."""

from __future__ import annotations

import http.client
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.record import Direction, Outcome
from tests.browser.centre import start
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.staff import IT, cookie_for

CONTRAST = """
() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest("script, noscript")) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${walker.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""


@dataclass
class Running:
    """A serving collector, its address, and a gate that can post to it."""

    process: subprocess.Popen[str]
    address: str
    state: Path
    gate: Gate
    cookie: str  # of a browser where the town's IT is signed in

    def post(self, first: int, *records: bytes) -> None:
        """Post a batch; it must be taken."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=10)
        batch = self.gate.batch(first, list(records))
        connection.request("POST", "/v1/batches", batch, {"Content-Type": "application/cose"})
        assert connection.getresponse().status == 200
        connection.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """One venue, one checkpoint, two gates, no record yet."""
    state = tmp_path / "centre"
    initialize(StateDir(state), NOW)
    centre = Centre.open(StateDir(state))
    with centre.database.write() as session:
        create_checkpoint(session, create_venue(session, "东门农贸市场").id, "南门", Direction.IN)
    site = Site(centre, tmp_path)
    gate = site.gate("南门1号闸机")
    site.gate("南门2号闸机")
    cookie = cookie_for(centre, IT, now=time.time())
    centre.close()
    process, address = start(state)
    served = Running(process, address, state, gate, cookie)
    yield served
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(timeout=20)


@pytest.fixture(params=[320, 1440])
def page(request: pytest.FixtureRequest, browser: Browser, running: Running) -> Iterator[Page]:
    """A page of a phone's and of a desk's width, on which any script error or blocked content fails the test."""
    context = browser.new_context(viewport={"width": request.param, "height": 800})
    name, _, value = running.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": running.address}])
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if "Security Policy" in message.text else None)
    yield opened
    context.close()
    assert faults == []


def test_a_record_appears_without_a_reload(running: Running, page: Page) -> None:
    """Live, with word and reason, nothing wider than the screen."""
    page.goto(f"{running.address}/records")
    expect(page.get_by_text("还没有记录")).to_be_visible()
    page.evaluate("window.untouched = true")
    running.post(1, running.gate.record(1, outcome=Outcome.DENY, reasons=["red"], status="red"))
    row = page.get_by_role("row").filter(has_text="红码，禁止通行")
    expect(row).to_be_visible()
    expect(row).to_contain_text("东门农贸市场 · 南门")
    running.post(2, running.gate.record(2))
    expect(page.locator("[data-key]")).to_have_count(2)
    expect(page.locator("[data-key]").first).to_contain_text("绿码")
    expect(page.locator("[data-gate=gate-1]")).to_contain_text("在线")
    expect(page.locator("[data-announcement]")).to_contain_text("新到")
    assert page.evaluate("window.untouched")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_collector_that_stops_answering_is_said_and_coming_back_is_seen(running: Running, page: Page) -> None:
    """The page never looks live when it is not, and recovers by itself."""
    running.post(1, running.gate.record(1))
    page.goto(f"{running.address}/records")
    alert = page.get_by_role("alert")
    expect(alert).to_be_hidden()
    running.process.kill()
    running.process.wait()
    expect(alert).to_contain_text("无法连接采集中心", timeout=15_000)
    expect(page.locator("[data-key]")).to_have_count(1)
    running.process, _ = start(running.state, urlsplit(running.address).port or 0)
    expect(alert).to_be_hidden(timeout=15_000)


def test_both_languages_keep_the_contrast(running: Running, page: Page) -> None:
    """Text of at least 4.5 : 1 in every state that the page shows (WCAG 2.2, 1.4.3)."""
    gate = running.gate
    outcomes = [gate.record(1), gate.record(2, outcome=Outcome.DENY), gate.record(3, outcome=Outcome.REFER)]
    running.post(1, *outcomes, b'{"not":"a record"}')
    for language, word in (("zh", "实时记录"), ("en", "Live records")):
        page.goto(f"{running.address}/records?lang={language}")
        expect(page.get_by_role("heading", level=1)).to_have_text(word)
        assert page.evaluate(CONTRAST) == []


def test_the_page_is_usable_by_keyboard(running: Running, page: Page) -> None:
    """First the way past the head, then the languages; the focus is seen."""
    page.goto(f"{running.address}/records")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    for _ in range(3):
        page.keyboard.press("Tab")
    english = page.get_by_role("link", name="English")
    expect(english).to_be_focused()
    assert english.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Live records")
