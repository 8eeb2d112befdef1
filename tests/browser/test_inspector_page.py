"""An inspector's own page in real Chromium: by keyboard alone, at both widths; the badge is read, and printed."""

from __future__ import annotations

import io
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from edge.staff import verify
from hardware.ports import Frame
from hardware.symbols import CascadeReader
from sync.collector.accounts import passwords, secrets
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.members.model import Inspector
from sync.collector.members.staff import badge_of
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.badges import read_badge
from sync.wire.record import Direction
from sync.wire.staff import StaffEntry
from tests.browser.centre import faults_of, start, watch
from tests.sync.collector.staff import employ, signed_in

PASSWORD = "correct mule staple harbour"
PIN = "48291537"
VENUE = "佛山市三水区西南街道东门农贸市场经营管理有限公司"


@dataclass
class Place:
    """A serving centre with one inspector."""

    centre: Centre
    address: str
    cookie: str

    def mine(self) -> Inspector:
        with self.centre.database.read() as session:
            return session.get_one(Inspector, 1)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """With a long legal name and three checkpoints."""
    state, now = StateDir(tmp_path / "centre"), time.time()
    initialize(state, now)
    centre = Centre.open(state)
    with centre.database.write() as session:
        venue = create_venue(session, VENUE).id
        for name, direction in (
            ("南门", Direction.IN),
            ("北门", Direction.OUT),
            ("水产区卸货口东侧临时通道", Direction.IN),
        ):
            create_checkpoint(session, venue, name, direction)
    account = employ(centre, "mei", Appointment(Role.INSPECTOR, venue=1), now=now)
    with centre.database.write() as session:
        session.get_one(Account, account).password = passwords.hashed(PASSWORD)
    process, where = start(state.path)
    yield Place(centre, where, signed_in(centre, account, now))
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    centre.close()


@pytest.fixture
def page(browser: Browser, place: Place) -> Iterator[Page]:
    """Her phone."""
    context = browser.new_context(viewport={"width": 360, "height": 780}, device_scale_factor=2)
    name, _, value = place.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": place.address}])
    opened = context.new_page()
    faults = watch(opened)
    yield opened
    context.close()
    assert faults == []


def check(page: Page) -> None:
    """The page at hand, in both languages."""
    where = page.url.partition("?")[0]
    for language in ("en", "zh"):
        page.goto(f"{where}?lang={language}")
        assert faults_of(page) == []
    page.set_viewport_size({"width": 360, "height": 780})


def read(picture: bytes) -> str:
    """What the gate's own reader sees in a screenshot."""
    luma = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
    (symbol,) = CascadeReader().read(Frame(luma, 1, 0.0)).symbols
    return symbol.text


def test_an_inspector_sets_herself_up_by_keyboard(place: Place, page: Page) -> None:
    """Checkpoint, PIN, badge; the badge reads, prints on one card, and is replaced with one tap and a confirmation."""
    page.goto(f"{place.address}/venues/1/inspector")
    check(page)
    page.get_by_role("radio", name="不固定").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("已保存")
    assert place.mine().checkpoint_id == 3

    page.get_by_role("link", name="设置 PIN").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("闸机面板的 PIN")
    check(page)
    for name, value in (("present", PASSWORD), ("pin", "123456"), ("again", "123456")):
        page.locator(f"[name={name}]").focus()
        page.keyboard.type(value)
    page.keyboard.press("Enter")
    expect(page.get_by_text("太容易猜到")).to_be_visible()
    assert faults_of(page) == []
    for name, value in (("present", PASSWORD), ("pin", PIN), ("again", PIN)):
        page.locator(f"[name={name}]").fill(value)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("PIN 已保存")
    assert verify(PIN, StaffEntry(1, "m＊", 3, place.mine().pin, None, 1))

    page.get_by_text("显示二维码").focus()
    page.keyboard.press("Enter")
    shown = page.get_by_role("img", name="检测员 1 的工作证二维码")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    key = secrets.load(place.centre.state)
    assert read_badge(read(shown.screenshot())) == badge_of(key, place.mine())

    page.get_by_role("link", name="打印工作证").click()
    check(page)
    expect(page.get_by_role("button", name="打印")).to_be_visible()
    card = page.get_by_role("article", name="工作证")
    assert read_badge(read(card.screenshot())) == badge_of(key, place.mine())
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b", printed)) == 1
    (box,) = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed))
    assert [round(float(side) / 72 * 25.4) for side in box] == [54, 86]

    page.get_by_role("link", name="返回检测员设置").click()
    before = place.mine().badge
    page.get_by_text("换新工作证", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("已换新工作证")
    assert place.mine().badge == before + 1
