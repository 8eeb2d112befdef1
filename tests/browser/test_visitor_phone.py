"""A visitor's phone in real Chromium: from the poster's address to the scan result, its renewal, and its end."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from edge import credentials
from edge.decide import Situation, decide
from edge.verify import verify
from hardware.ports import Frame
from hardware.symbols import CascadeReader
from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.venues import codes
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Direction, Moment, Outcome
from tests.browser.centre import faults_of, start, watch
from tests.sync.collector.gateside import Gate, Site
from tests.sync.collector.people import somebody

PHONE = {"width": 360, "height": 740}
HEAVIEST = 40_000
NAMES = r"佛山市\S+|广东省[^\n]+|南门|欧阳试验\d号|中文"


@dataclass
class Town:
    """A serving centre, the address on a poster, and the gate beside it."""

    state: Path
    address: str
    poster: str
    gate: Gate

    def code(self) -> str:
        """The six digits that came last, as the town's gateway would send them."""
        files = sorted((self.state / "messages").glob("*"), key=lambda file: file.stat().st_mtime)
        found = [re.search(r"验证码\D*(\d{6})|\b(\d{6})\b", file.read_text()) for file in files]
        assert found, "no message"
        assert found[-1]
        return found[-1][1] or found[-1][2]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Whoever registers is green; codes go into a directory."""
    state, now = StateDir(tmp_path / "centre"), time.time()
    state.path.mkdir()
    state.config.write_text(
        f'[messages]\ndirectory = "{state.path}/messages"\n'
        '[status]\ndefault = "green"\n[visitors]\ncolour_needs = "word"\ncall = "12345"\n'
    )
    initialize(state, now)
    centre = Centre.open(state)
    with centre.database.write() as session:
        market = create_venue(session, "佛山市三水区西南街道东门农贸市场")
        market.address = "广东省佛山市三水区西南街道人民路 35 号"
        create_checkpoint(session, market.id, "南门", Direction.IN)
        codes.issue_missing(session, market, now)
        token = codes.of_place(session, market, 1).token
    gate = Site(centre, tmp_path).gate()
    centre.close()
    process, where = start(state.path)
    yield Town(state.path, where, f"{where}/V/{token}", gate)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)


def shown(page: Page, gate: Gate, at: float) -> tuple[Outcome, str]:
    """What the gate's reader and judgement make of a photograph of the screen."""
    picture = Image.open(BytesIO(page.screenshot())).convert("L")
    symbols = CascadeReader().read(Frame(np.asarray(picture), 1, 0.0)).symbols
    assert len(symbols) == 1, symbols
    now = Moment(at, "b" * 36, 100.0, ClockQuality.SYNCHRONIZED)
    verification = verify(credentials.read(symbols[0].text), gate.snapshot, now)
    return decide(verification, Policy(), Situation(now, 36.5)).outcome, symbols[0].text


def fill_in(page: Page, number: int, *, phone: bool = True) -> None:
    who = somebody(number)
    page.get_by_label("姓名").fill(who.name)
    page.get_by_label("证件号码").fill(who.number)
    if phone:
        page.get_by_label("手机号").fill(who.phone or "")


def registered(page: Page, town: Town) -> None:
    """The whole way to the tap, by touch and keyboard alone."""
    page.goto(town.poster)
    page.get_by_role("link", name="登记").click()
    fill_in(page, 1)
    page.get_by_role("button", name="发送验证码").click()
    expect(page.get_by_role("heading", name="填写验证码")).to_be_visible()
    deadline = time.monotonic() + 15
    while not list((town.state / "messages").glob("*")) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    page.get_by_label("六位验证码").fill(town.code())
    page.get_by_role("button", name="确定").click()
    expect(page.get_by_role("button", name="登记，出示扫码结果")).to_be_visible()


def test_from_the_poster_to_the_gate_and_on(browser: Browser, town: Town) -> None:
    """R1, R3, R5: the symbol is renewed before it ends, by the page itself; without network it says so and goes."""
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    faults = watch(page)
    page.clock.install()
    weights: dict[str, int] = {}
    page.on("response", lambda answer: weights.update({answer.url: len(answer.body())}))
    registered(page, town)
    page.get_by_role("button", name="登记，出示扫码结果").click()
    expect(page.get_by_role("heading", name="绿码")).to_be_visible()
    outcome, first = shown(page, town.gate, time.time())
    assert outcome is Outcome.PASS
    assert sum(weight for url, weight in weights.items() if "/phone/result" in url or "/static/" in url) < HEAVIEST
    page.clock.run_for(60_000)
    expect(page.get_by_role("timer")).to_contain_text("0:5")
    assert shown(page, town.gate, time.time())[1] == first, "not before it is due"
    with page.expect_response(lambda answer: "/phone/result" in answer.url):
        page.clock.run_for(50_000)
    expect(page.get_by_role("timer")).to_contain_text(re.compile("1:5|2:0"))
    outcome, second = shown(page, town.gate, time.time())
    assert outcome is Outcome.PASS
    assert second != first
    page.route("**/phone/result/*", lambda route: route.abort())
    page.clock.run_for(130_000)
    expect(page.get_by_text("已过期")).to_be_visible()
    expect(page.locator(".symbol")).to_be_hidden()
    page.unroute("**/phone/result/*")
    with page.expect_response(lambda answer: "/phone/result" in answer.url):
        page.clock.run_for(10_000)
    expect(page.locator(".symbol")).to_be_visible()
    page.get_by_role("button", name="全屏显示").click()
    assert page.locator(".code").evaluate("each => each.getBoundingClientRect().height >= innerHeight")
    assert shown(page, town.gate, time.time())[0] is Outcome.PASS
    assert faults == []
    context.close()


def test_without_a_script_the_page_renews_itself(browser: Browser, town: Town) -> None:
    """An old phone: the same way, a link and a refresh; the poster's language is kept."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    registered(page, town)
    page.get_by_role("button", name="登记，出示扫码结果").click()
    outcome, first = shown(page, town.gate, time.time())
    assert outcome is Outcome.PASS
    refresh = page.locator("meta[http-equiv=refresh]").get_attribute("content")
    assert 90 <= int(refresh or 0) <= 105
    page.get_by_role("link", name="刷新二维码").click()
    assert shown(page, town.gate, time.time())[1] != first
    context.close()


def test_every_page_of_the_way_is_for_everybody(browser: Browser, town: Town) -> None:
    """axe-core, 320 px, both languages; with companions, and with what went wrong."""
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    registered(page, town)
    page.goto(f"{town.address}/phone/companions")
    fill_in(page, 2, phone=False)
    page.get_by_role("button", name="添加").click()
    page.goto(town.poster)
    page.get_by_label("欧阳试验2号").check()
    page.get_by_role("button", name="登记，出示扫码结果").click()
    result = page.url.removeprefix(town.address)
    for path in (result, "/phone", "/phone/visits", "/phone/companions", "/phone/register", "/phone/confirm/x"):
        for language in ("zh", "en"):
            page.goto(f"{town.address}{path}?lang={language}")
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            assert faults_of(page) == []
            if language == "en":
                text = re.sub(NAMES, "", page.locator("body").inner_text())
                assert not re.search("[\u4e00-\u9fff]", text), text
    page.goto(f"{town.address}/phone/register?lang=zh")
    page.get_by_role("button", name="发送验证码").click()
    assert faults_of(page) == []
    page.goto(town.poster)
    assert faults_of(page) == []
    context.close()
