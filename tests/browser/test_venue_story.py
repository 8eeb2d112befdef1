"""The notice's annex as one story in real Chromium, on phones: from a shopkeeper's first link to the last unbinding."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from hardware.ports import Frame
from hardware.symbols import CascadeReader
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.fleet.provisioning import provision
from sync.collector.fleet.service import create_gate
from sync.collector.invariants import broken
from sync.wire.statedir import StateDir as GateDir
from sync.wire.status import Identity
from tests.browser.centre import faults_of, start, too_wide, watch
from tests.sync.collector.gateside import Gate, Site
from tests.sync.collector.staff import COOKIE, employ, signed_in
from tests.sync.collector.test_inspectors import contact, known

NAME = "佛山市三水区西南街道永安百货有限公司"
PASSWORD = "correct mule staple harbour"
SMALL: Any = {"width": 360, "height": 640}
PHONE: Any = {"viewport": SMALL, "has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}


@dataclass
class Town:
    """A serving centre whose messages are written into a directory, and as many phones as the story needs."""

    centre: Centre
    address: str
    browser: Browser
    messages: Path
    phones: list[Page] = field(default_factory=list)

    def phone(self, login: str = "", *appointments: Appointment) -> Page:
        """A phone, where somebody is signed in if a login is named."""
        context: BrowserContext = self.browser.new_context(base_url=self.address, **PHONE)
        if login:
            account = employ(self.centre, login, *appointments, now=time.time())
            cookie = signed_in(self.centre, account, time.time())
            context.add_cookies([{"name": COOKIE, "value": cookie.partition("=")[2], "url": self.address}])
        page = context.new_page()
        page.story_faults = watch(page)  # type: ignore[attr-defined]
        self.phones.append(page)
        return page


@pytest.fixture
def town(tmp_path: Path, browser: Browser) -> Iterator[Town]:
    state = StateDir(tmp_path / "centre")
    messages = tmp_path / "messages"
    state.path.mkdir()
    state.config.write_text(f'[venues]\napproval = true\nregion = "440607"\n[messages]\ndirectory = "{messages}"\n')
    initialize(state, time.time())
    process, address = start(state.path)
    centre = Centre.open(state)
    made = Town(centre, address, browser, messages)
    yield made
    for phone in made.phones:
        phone.context.close()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    assert broken(centre.database) == []
    centre.close()


def link_in(messages: Path) -> str:
    """The path of the link in the newest message, once it is there."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        for file in messages.glob("*") if messages.exists() else ():
            if found := re.search(r"/join/[\w-]+", file.read_text(encoding="utf-8")):
                return found[0]
        time.sleep(0.1)
    raise AssertionError("no message, not within 30 s")


def check(page: Page) -> None:
    """The page at hand in both languages, at both widths; what axe-core looks at is the same in both."""
    where = page.url.partition("?")[0]
    for language in ("en", "zh"):
        page.goto(f"{where}?lang={language}")
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert (faults_of(page) if language == "zh" else too_wide(page)) == []
    page.set_viewport_size(SMALL)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def open_and_press(page: Page, summary: str, name: str) -> None:
    """Something that asks once more before it is done."""
    page.locator("details", has=page.locator("summary", has_text=summary)).first.locator("summary").click()
    press(page, name)


@pytest.mark.timeout(300)
def test_the_annex_as_one_story(town: Town) -> None:
    """Create, share, bind, refuse a stranger, poster, checkpoint, register, statistics, hand over, unbind (R11-R19)."""
    lan, authority = town.phone(), town.phone("wu", Appointment(Role.AUTHORITY, region="440607"))

    lan.goto("/sign-in")
    lan.get_by_role("link", name="注册账户").click()
    lan.get_by_label("姓名").fill("黄兰")
    lan.get_by_label("手机号或邮箱").fill("138 0013 8000")
    press(lan, "发送链接")
    expect(lan.get_by_role("heading", level=1)).to_have_text("请查收")
    lan.goto(link_in(town.messages))
    lan.get_by_label("新密码").fill(PASSWORD)
    lan.get_by_label("再输入一次").fill(PASSWORD)
    press(lan, "保存密码")
    lan.get_by_label("登录名").fill("13800138000")
    lan.get_by_label("密码").fill(PASSWORD)
    press(lan, "登录")

    check(lan)
    lan.get_by_role("link", name="我是管理员").click()
    check(lan)
    lan.get_by_role("link", name="西南街道").click()
    check(lan)
    lan.get_by_label("场所名称").fill("永安")
    lan.get_by_label("统一社会信用代码").fill("91440607 MA4UQ5EK55")
    lan.get_by_label("场所类型").select_option("2.supermarket")
    lan.get_by_label("详细地址").fill("人民三路 35 号")
    press(lan, "创建场所")
    expect(lan.get_by_role("alert")).to_contain_text("简称")
    lan.get_by_label("场所名称").fill(NAME)
    press(lan, "创建场所")
    expect(lan.get_by_role("status").first).to_contain_text("等待镇街审核")
    venue = int(lan.url.partition("?")[0].rpartition("/")[2])

    authority.goto("/venues?shown=waiting")
    check(authority)
    authority.get_by_role("link", name=NAME).click()
    check(authority)
    press(authority, "同意")
    expect(authority.get_by_role("status").first).to_contain_text("现在可以使用")

    lan.goto(f"/venues/{venue}")
    check(lan)
    code = lan.locator("#code").inner_text()
    assert re.fullmatch(r"\d{6}", code)

    mei, stranger = town.phone("mei"), town.phone("stranger")
    for phone in (mei, stranger):
        phone.goto("/venues/mine")
        phone.get_by_role("link", name="我是检测员").click()
        phone.get_by_label("场所申报码").fill(code)
        press(phone, "绑定")
        expect(phone.get_by_role("status")).to_contain_text("申请已发给")
    check(mei)
    lan.goto(f"/venues/{venue}/members")
    check(lan)
    for login, word in (("mei", "同意"), ("stranger", "拒绝")):
        lan.locator("li", has_text=login).get_by_role("button", name=word).click()
    stranger.goto(f"/venues/{venue}")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("您没有这项权限")

    lan.goto(f"/venues/{venue}/checkpoints")
    lan.get_by_label("名称").fill("北门")
    lan.get_by_role("radio", name="出").check()
    press(lan, "新建")
    check(lan)

    mei.goto(f"/venues/{venue}/codes")
    with mei.expect_download() as poster:
        mei.get_by_role("link", name="打印海报").first.click()
    assert (name := poster.value.suggested_filename).endswith(".pdf"), name
    drawn = pypdfium2.PdfDocument(poster.value.path())[0].render(scale=2).to_pil().convert("L")
    (symbol,) = CascadeReader().read(Frame(np.asarray(drawn), 1, 0.0)).symbols
    visitor = town.phone()
    visitor.goto(symbol.text.lower().replace("http://127.0.0.1:8000", town.address))
    expect(visitor.locator("main")).to_contain_text(NAME)
    assert faults_of(visitor) == []

    mei.goto(f"/venues/{venue}/inspect")
    mei.get_by_role("button", name="正门").click()
    mei.locator("[data-finding=normal]").click()
    expect(mei.locator("[data-mine]")).to_have_text("1")
    mei.goto(f"/venues/{venue}/statistics")
    check(mei)
    expect(mei.locator("main")).to_contain_text("mei 某")

    lan.goto(f"/venues/{venue}/members")
    open_and_press(lan, "交接管理员", "请其接任")
    mei.goto("/venues/mine")
    check(mei)
    press(mei, f"接受 {NAME}")
    expect(mei.get_by_role("status")).to_contain_text("您现在是场所管理员")
    lan.goto(f"/venues/{venue}/members")
    expect(lan.get_by_role("heading", level=1)).to_have_text("您没有这项权限")

    gate = gate_at(town)
    assert [entry.name for entry in known(gate)] == ["m＊"]
    mei.goto(f"/venues/{venue}/members")
    open_and_press(mei, "解绑", "解绑")
    expect(mei.get_by_role("status").first).to_contain_text("已解绑")
    assert contact(Site(town.centre, town.centre.state.path), gate, time.time())
    assert known(gate) == [], "gone at its next update"
    for page in town.phones:
        assert page.story_faults == [], page.url  # type: ignore[attr-defined]


def gate_at(town: Town) -> Gate:
    """A gate at the venue's first checkpoint, as it was provisioned."""
    with town.centre.database.write() as session:
        row = create_gate(session, 1, "1号闸机")
    directory = town.centre.state.path / row.id
    provision(town.centre, directory, Identity(row.id, town.address), time.time())
    gate = Gate(GateDir.at(directory), outbox=f"{row.number:032x}")
    gate.have = gate.snapshot.order
    return gate
