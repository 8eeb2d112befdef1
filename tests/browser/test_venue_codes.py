"""Venue codes in real Chromium: an inspector's phone downloads them, an administrator renews, a visitor reads."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.venues import codes
from sync.collector.venues.model import VenueState
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.record import Direction
from tests.browser.centre import faults_of, start, watch
from tests.sync.collector.staff import cookie_for

PHONE = {"width": 360, "height": 740}


@dataclass
class Venue:
    """A serving centre with a market of two gates, and one that waits."""

    address: str
    administrator: str
    inspector: str
    of_waiting: str
    token: str
    renewable: str


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """With its codes issued; the one of 西门 is there to be renewed. One for all tests: to start it takes seconds."""
    state, now = StateDir(tmp_path_factory.mktemp("town") / "centre"), time.time()
    initialize(state, now)
    centre = Centre.open(state)
    with centre.database.write() as session:
        market = create_venue(session, "佛山市三水区西南街道东门农贸市场")
        market.address = "广东省佛山市三水区西南街道人民路 35 号"
        create_venue(session, "西门市场").state = VenueState.WAITING.value
        create_checkpoint(session, market.id, "南门", Direction.IN)
        create_checkpoint(session, market.id, "W" * 100, Direction.OUT)
        create_checkpoint(session, market.id, "西门", Direction.IN)
        codes.issue_missing(session, market, now)
        tokens = [codes.of_place(session, market, checkpoint).token for checkpoint in (1, 3)]
    people = [
        cookie_for(centre, Appointment(role, venue=number), now=now)
        for role, number in ((Role.VENUE_ADMINISTRATOR, 1), (Role.INSPECTOR, 1), (Role.INSPECTOR, 2))
    ]
    centre.close()
    process, where = start(state.path)
    yield Venue(where, *people, *tokens)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)


def opened(browser: Browser, venue: Venue, cookie: str | None, *, with_script: bool = True) -> BrowserContext:
    """A phone's browser, signed in with that cookie."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=with_script, accept_downloads=True)
    if cookie is not None:
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": venue.address}])
    return context


@pytest.fixture
def page(browser: Browser, venue: Venue) -> Iterator[Page]:
    """The administrator's phone, on which any script error or blocked content fails the test."""
    context = opened(browser, venue, venue.administrator)
    shown = context.new_page()
    faults = watch(shown)
    yield shown
    context.close()
    assert faults == []


def test_every_page_of_the_codes_is_for_everybody_in_both_languages(venue: Venue, page: Page) -> None:
    """At a phone's width and a desk's, staff's pages and the visitor's, with names of 100 letters."""
    for path in ("/venues/1/codes", f"/v/{venue.token}", "/v/0000000000"):
        for language in ("en", "zh"):
            page.goto(f"{venue.address}{path}?lang={language}")
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            assert faults_of(page) == []


def test_an_inspector_saves_picture_and_poster_on_a_phone(browser: Browser, venue: Venue, tmp_path: Path) -> None:
    """R19: without a script, by touch alone; a venue that waits says why it has none."""
    context = opened(browser, venue, venue.inspector, with_script=False)
    page = context.new_page()
    page.goto(f"{venue.address}/venues/1/codes")
    card = page.locator(".codes > li", has=page.get_by_role("heading", name="南门 · 进"))
    for word, name in (("图片", "场所码-佛山市三水区西南街道东门农贸市场-南门.png"), ("打印海报", ".pdf")):
        with page.expect_download() as download:
            card.get_by_role("link", name=word).click()
        assert download.value.suggested_filename.endswith(name)
        download.value.save_as(tmp_path / f"saved{name[-4:]}")
    (symbol,) = zxingcpp.read_barcodes(Image.open(tmp_path / "saved.png"), zxingcpp.BarcodeFormat.QRCode)
    assert symbol.text.endswith(f"/V/{venue.token}")
    assert (tmp_path / "saved.pdf").read_bytes().startswith(b"%PDF-")
    assert page.get_by_text("换新码").count() == 0
    context.close()
    context = opened(browser, venue, venue.of_waiting)
    page = context.new_page()
    page.goto(f"{venue.address}/venues/2/codes")
    expect(page.get_by_text("等待属地审批")).to_be_visible()
    assert page.locator("main a").count() == 1, "the way back to the venue, and nothing to download"
    assert faults_of(page) == []
    context.close()


def test_a_code_is_renewed_by_keyboard_and_visitors_see_it(venue: Venue, page: Page) -> None:
    """The old poster says that it was replaced, the new one is genuine; a form without a tick stays open."""
    page.goto(f"{venue.address}/venues/1/codes")
    card = page.locator(".codes > li", has=page.get_by_role("heading", name="西门 · 进"))
    card.get_by_text("换新码").first.focus()
    page.keyboard.press("Enter")
    card.get_by_label("原因").fill("pasted over")
    page.keyboard.press("Enter")
    expect(card.get_by_text("请勾选确认。")).to_be_visible()
    assert faults_of(page) == []
    card.get_by_role("checkbox").press("Space")
    card.get_by_role("button").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("新码已生成")
    number = card.get_by_text("编号").inner_text().split()[1]
    page.goto(f"{venue.address}/v/{venue.renewable}")
    expect(page.get_by_role("heading", level=1)).to_have_text("这个场所码已经更换")
    assert faults_of(page) == []
    page.goto(f"{venue.address}/V/{number.lower()}")
    expect(page.get_by_role("heading", level=1)).to_have_text("这是真的场所码")
    expect(page.get_by_text("佛山市三水区西南街道东门农贸市场")).to_be_visible()
