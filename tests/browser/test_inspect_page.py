"""The inspector's page in real Chromium: a thumb, a queue, a network that goes and comes (R19, R4, R4b)."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import delete, select

from sync.collector.accounts.model import SignedIn
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.intake.model import RecordRow
from sync.collector.invariants import broken
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.record import Direction, Registered
from tests.browser.centre import faults_of, start, watch
from tests.sync.collector.staff import COOKIE, employ, signed_in

PICTURES = Path(__file__).parents[2] / "build" / "inspect"
_NUMBERS = count(1)
PHONE: Any = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@dataclass
class Town:
    """A venue of two ways in, of a centre that serves, and an inspector's phone."""

    centre: Centre
    address: str
    venue: int
    context: BrowserContext
    account: int

    @property
    def path(self) -> str:
        return f"/venues/{self.venue}/inspect"

    def sign_in(self) -> None:
        cookie = signed_in(self.centre, self.account, time.time())
        self.context.add_cookies([{"name": COOKIE, "value": cookie.partition("=")[2], "url": self.address}])

    def records(self) -> list[Registered]:
        here = select(RecordRow.raw).where(RecordRow.venue == self.venue).order_by(RecordRow.sequence)
        with self.centre.database.read() as session:
            raws = session.scalars(here).all()
        return [msgspec.json.decode(raw, type=Registered) for raw in raws]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Centre, str]]:
    """One for all tests: each has a venue of its own, and starting takes longer than most of them do."""
    state = StateDir(tmp_path_factory.mktemp("town") / "centre")
    initialize(state, time.time())
    process, address = start(state.path)
    centre = Centre.open(state)
    yield centre, address
    end(process)
    assert broken(centre.database) == []
    centre.close()


@pytest.fixture
def town(served: tuple[Centre, str], browser: Browser) -> Iterator[Town]:
    centre, address = served
    with centre.database.write() as session:
        venue = create_venue(session, f"东门农贸市场{next(_NUMBERS)}").id
        create_checkpoint(session, venue, "南门", Direction.IN)
        create_checkpoint(session, venue, "北门", Direction.OUT)
    account = employ(centre, f"chen{venue}", Appointment(Role.INSPECTOR, venue=venue), now=time.time())
    context = browser.new_context(base_url=address, reduced_motion="reduce", **PHONE)
    made = Town(centre, address, venue, context, account)
    made.sign_in()
    yield made
    context.close()


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)


@pytest.fixture
def page(town: Town) -> Iterator[Page]:
    """The page, standing at 南门; any script error or blocked content fails the test."""
    opened = town.context.new_page()
    faults = watch(opened)
    opened.goto(town.path)
    opened.get_by_role("button", name="南门").click()
    yield opened
    assert faults == []


def ready(page: Page) -> None:
    """A second touch within a blink is the same finger: the page takes the next one after it."""
    page.locator("#tap:not(.just-tapped)").wait_for()


def tap(page: Page) -> None:
    page.get_by_role("button", name="体温正常").click()
    ready(page)


def sent(page: Page) -> None:
    """Nothing waits on the phone any more."""
    expect(page.locator("#inspect")).to_have_attribute("data-queue", "0", timeout=40_000)


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def test_a_shift_at_the_entrance(town: Town, page: Page) -> None:
    """One tap, companions, a figure, a fever, an undo: what the page says is what the centre holds."""
    said, mine = page.locator("[data-said]"), page.locator("[data-mine]")
    tap(page)
    expect(said).to_contain_text("已登记：体温正常")
    expect(mine).to_have_text("1")
    page.get_by_role("button", name="多一人").click()
    page.get_by_role("button", name="多一人").click()
    picture(page, "companions")
    page.locator("#people").press("Enter")  # no touch of the first button
    expect(mine).to_have_text("1")
    tap(page)
    expect(mine).to_have_text("4")
    expect(page.locator("#people")).to_have_value("1")
    page.locator("#temperature").fill("３６，８")
    page.keyboard.press("Enter")
    expect(said).to_contain_text("已登记：36.8 ℃")
    ready(page)
    picture(page, "passed")
    page.locator("#temperature").fill("44")
    page.get_by_role("button", name="登记体温").click()
    expect(page.locator("[data-wrong]")).to_contain_text("34.0 到 43.0")
    page.locator("#temperature").fill("373")
    tap(page)  # the big button, with a fever in the field: what was typed outranks it
    expect(said).to_contain_text("不得进入")
    expect(said).to_contain_text("37.3 ℃，达到或超过 37.3 ℃")
    picture(page, "fever")
    expect(mine).to_have_text("5")
    page.get_by_role("button", name="北门").click()
    tap(page)
    page.get_by_role("button", name="撤销上一次").click()
    expect(said).to_contain_text("已撤销")
    expect(mine).to_have_text("5")
    sent(page)
    expect(page.locator("[data-figure='venue.fevers']")).to_have_text("1")
    expect(page.locator("[data-waiting]")).to_be_hidden()
    found = [(each.people, each.temperature, each.outcome.value, each.place.direction.value) for each in town.records()]
    one, three, warm, hot = (
        (1, None, "pass", "in"),
        (3, None, "pass", "in"),
        (1, 36.8, "pass", "in"),
        (1, 37.3, "deny", "in"),
    )
    out = (1, None, "pass", "out")
    assert found == [one, three, warm, hot, out, out]
    assert [bool(each.takes_back) for each in town.records()] == [False] * 5 + [True]


def test_what_is_tapped_offline_arrives_once_and_in_order(town: Town, page: Page) -> None:
    """Through a reload, a second tab, a lost answer and an ended session (R2)."""
    waiting = page.locator("[data-waiting]")
    tap(page)
    page.locator("#inspect[data-kept]").wait_for(state="attached")
    town.context.set_offline(True)
    for celsius in ("36.1", "36.2", "36.3"):
        if celsius == "36.2":  # the phone had no memory left: the page comes back from the phone itself
            rendered = [page.reload() and page.locator("#inspect").get_attribute("data-now") for _ in range(2)]
            assert rendered[0] == rendered[1]
        page.locator("#temperature").fill(celsius)
        page.keyboard.press("Enter")
        ready(page)
    expect(waiting).to_contain_text("离线：3 次登记在本机等待，联网后自动送出", timeout=20_000)
    expect(page.locator("[data-mine]")).to_have_text("4")
    picture(page, "offline")
    page.get_by_role("button", name="撤销上一次").click()
    with town.centre.database.write() as session:  # meanwhile the session ends
        session.execute(delete(SignedIn))
    town.context.set_offline(False)
    expect(waiting).to_contain_text("登录已失效：4 次登记保存在本机", timeout=40_000)
    picture(page, "signed-out")
    page.goto(town.path)
    assert "/sign-in" in page.url
    town.sign_in()
    lost = town.context.new_page()
    # The centre takes the first one in, and its answer is lost on the way.
    cut = re.compile(".*/taps")
    lost.route(cut, lambda route: (route.fetch(), route.abort()), times=1)
    lost.goto(town.path)
    page.goto(town.path)
    for tab in (page, lost):
        expect(tab.locator("[data-waiting]")).to_be_hidden(timeout=40_000)
        sent(tab)
        expect(tab.locator("[data-mine]")).to_have_text("3", timeout=40_000)
    made = town.records()
    assert [each.temperature for each in made] == [None, 36.1, 36.2, 36.3, 36.3]
    assert [each.takes_back.sequence if each.takes_back else None for each in made] == [None] * 4 + [4]
    assert [each.when.at for each in made[:4]] == sorted(each.when.at for each in made[:4])


def test_without_a_script_the_page_is_a_form(town: Town, browser: Browser) -> None:
    """Sent, told, undone; sent twice it is one."""
    context = browser.new_context(base_url=town.address, java_script_enabled=False, **PHONE)
    context.add_cookies(town.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(town.path)
    expect(page.get_by_text("您在哪个检测点？")).to_be_visible()
    page.get_by_role("button", name="北门").click()
    page.get_by_role("button", name="体温正常").click()
    expect(page.locator("[data-said]")).to_contain_text("已登记：体温正常")
    expect(page.locator("[data-mine]")).to_have_text("1")
    page.locator("#temperature").fill("38")
    page.keyboard.press("Enter")
    expect(page.locator("[data-said]")).to_contain_text("不得进入")
    page.get_by_role("button", name="撤销上一次").click()
    expect(page.get_by_text("已撤销上一次登记。")).to_be_visible()
    page.get_by_text("记录一次消毒").click()
    page.get_by_label("卫生间").check()
    page.get_by_role("button", name="记录", exact=True).click()
    expect(page.locator(".plain-list")).to_contain_text("卫生间")
    context.close()
    assert [(each.outcome.value, each.place.direction.value) for each in town.records()] == [
        ("pass", "out"),
        ("deny", "out"),
        ("deny", "out"),
    ]


def test_the_page_in_both_languages_at_both_widths(town: Town, page: Page) -> None:
    """Nothing wider than the screen, nothing that axe-core objects to: at rest, and with a refusal on it."""
    for language in ("en", "zh"):
        page.goto(f"{town.path}?lang={language}")
        assert faults_of(page) == []
        page.locator("#temperature").fill("39")
        page.keyboard.press("Enter")
        page.locator(".result.deny").wait_for()
        assert faults_of(page) == []
        page.set_viewport_size({"width": 320, "height": 640})
        picture(page, f"page-{language}")
        page.reload()


def test_the_statistics_in_both_languages_at_both_widths(town: Town, page: Page) -> None:
    """What was tapped stands in the chart's table and under its inspector; nothing wider than a phone."""
    tap(page)
    page.get_by_role("button", name="多一人").click()
    tap(page)
    expect(page.locator("[data-mine]")).to_have_text("3")
    expect(page.locator("[data-figure='venue.entered']")).to_have_text("3")
    sent(page)
    page.get_by_role("link", name="检测统计").click()
    expect(page.locator(".count").first).to_contain_text("3")
    expect(page.get_by_role("row", name=re.compile("chen"))).to_contain_text("3")
    page.locator(".chart summary").click()
    assert [cell for cell in page.locator(".chart td").all_text_contents() if cell not in ("0", "–")] == ["3"]
    for language in ("en", "zh"):
        page.goto(f"/venues/{town.venue}/statistics?lang={language}")
        assert faults_of(page) == []
        page.set_viewport_size({"width": 360, "height": 640})
        page.locator(".chart img").scroll_into_view_if_needed()
        expect(page.locator(".chart img")).to_have_js_property("complete", True, timeout=30_000)
        picture(page, f"statistics-{language}")


def test_who_signs_in_on_the_same_phone_sends_nobody_elses_taps(town: Town, page: Page) -> None:
    """What one inspector tapped waits for that inspector: a record names who did it (R8, R19)."""
    waiting = page.locator("[data-waiting]")
    page.locator("#inspect[data-kept]").wait_for(state="attached")
    town.context.set_offline(True)
    for _ in range(3):
        tap(page)
    wang = employ(town.centre, "wang", Appointment(Role.INSPECTOR, venue=town.venue), now=time.time())
    chen, town.account = town.account, wang
    town.sign_in()
    town.context.set_offline(False)
    expect(page.locator(".whoami a")).to_have_text("wang 某", timeout=40_000)
    page.get_by_role("button", name="南门").click()
    expect(waiting).to_contain_text("本机还有其他检测员的 3 次登记")
    expect(page.locator("[data-mine]")).to_have_text("0")
    assert town.records() == []
    town.account = chen
    town.sign_in()
    page.goto(town.path)
    expect(page.locator("[data-figure='mine.entered']")).to_have_text("3", timeout=40_000)
    expect(waiting).to_be_hidden()
    assert [str(each.inspector) for each in town.records()] == [page.get_attribute("#inspect", "data-inspector")] * 3


def test_an_undo_follows_its_tap_whatever_the_phones_clock_does(town: Town, page: Page) -> None:
    """Set back in between by an hour: an undo that came first would be refused, and its tap would count."""
    tap(page)
    expect(page.locator("[data-figure='venue.entered']")).to_have_text("1")
    town.context.set_offline(True)
    tap(page)
    page.evaluate("() => { const now = Date.now; Date.now = () => now() - 3_600_000; }")
    page.get_by_role("button", name="撤销上一次").click()
    town.context.set_offline(False)
    sent(page)
    expect(page.locator("[data-unsent]")).to_be_hidden()
    assert [each.takes_back.sequence if each.takes_back else None for each in town.records()] == [None, None, 2]


def test_a_phone_that_keeps_nothing_is_not_led_away_from_what_waits(town: Town, page: Page) -> None:
    """Full, or private: taps live in the page alone, which neither reloads itself nor is left without a question."""
    page.locator("#inspect[data-kept]").wait_for(state="attached")
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
    town.context.set_offline(True)
    tap(page)
    expect(page.locator("[data-waiting]")).to_contain_text("离线时请勿关闭本页")
    with town.centre.database.write() as session:
        session.execute(delete(SignedIn))
    town.context.set_offline(False)
    link = page.get_by_role("link", name="重新登录")
    expect(link).to_have_attribute("target", "_blank", timeout=40_000)
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="检测统计").click()
    page.wait_for_url(re.compile("/sign-in"))
    assert asked == ["beforeunload"]


def test_a_phone_that_was_signed_out_keeps_no_page(town: Town, page: Page) -> None:
    """Also where that happened on another page: without network whoever holds the phone finds nothing on it."""
    page.locator("#inspect[data-kept]").wait_for(state="attached")
    page.goto("/")
    assert page.evaluate("caches.keys()") == [f"venue-gate:{town.venue}:"]
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/sign-in")
    page.evaluate(
        "async () => {"
        "  for (let n = 0; n < 99 && (await caches.keys()).length; n++) await new Promise(requestAnimationFrame);"
        "}"
    )
    assert page.evaluate("caches.keys()") == []


def test_a_page_that_a_busy_centre_did_not_give_is_kept_later(town: Town) -> None:
    """What is kept for the time without network failed once, as with a centre that is busy: it is tried again."""
    page = town.context.new_page()
    page.clock.install()
    page.add_init_script(
        "const whole = Cache.prototype.addAll;"
        "Cache.prototype.addAll = function () {"
        "  Cache.prototype.addAll = whole;"
        "  document.documentElement.dataset.refused = '';"
        "  return Promise.reject(new TypeError('Failed to fetch'));"
        "};"
    )
    page.goto(town.path)
    page.get_by_role("button", name="南门").click()
    page.locator("html[data-refused] #inspect:not([data-kept])").wait_for(state="attached")
    page.clock.fast_forward(20_000)
    page.locator("#inspect[data-kept]").wait_for(state="attached")


class _Down(BaseHTTPRequestHandler):
    """A proxy whose centre restarts."""

    def do_GET(self) -> None:
        self.send_error(502)

    def log_message(self, *_arguments: object) -> None:
        pass


def test_the_page_comes_back_while_the_centre_restarts(tmp_path: Path, browser: Browser) -> None:
    """Its proxy answers, with 502: for the queue at the entrance that is no network."""
    state, now = StateDir(tmp_path / "centre"), time.time()
    initialize(state, now)
    centre = Centre.open(state)
    with centre.database.write() as session:
        create_checkpoint(session, create_venue(session, "西门市场").id, "南门", Direction.IN)
    account = employ(centre, "chen", Appointment(Role.INSPECTOR, venue=1), now=now)
    process, address = start(state.path)
    with browser.new_context(base_url=address, **PHONE) as context:
        town = Town(centre, address, 1, context, account)
        town.sign_in()
        page = context.new_page()
        page.goto(town.path)
        page.locator("#inspect[data-kept]").wait_for(state="attached", timeout=60_000)  # tried again after 20 s
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        process.send_signal(signal.SIGINT)  # at once, whoever is connected
        process.wait(timeout=20)
        with ThreadingHTTPServer(("127.0.0.1", int(address.rpartition(":")[2])), _Down) as proxy:
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            page.reload()
            tap(page)
            expect(page.locator("[data-waiting]")).to_contain_text("离线：1 次登记在本机等待")
            proxy.shutdown()
    centre.close()
