"""The authority's pages in real Chromium (R3): looked up, set, a list with bad lines; both widths, both languages."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.privacy.access import personal
from sync.collector.visitors import registry
from sync.collector.visitors.status.register import Register
from tests.browser.centre import WIDTHS, collector, faults_of, start, watch
from tests.sync.collector.people import CLERK, somebody
from tests.sync.collector.staff import COOKIE, cookie_for

PICTURES = Path(__file__).parents[2] / "build" / "status"


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """Signed in as the authority at a centre where somebody registered and declared a fever."""
    state = tmp_path / "centre"
    collector(state, "init")
    centre = Centre.open(StateDir(state))
    with personal(centre, CLERK, time.time()) as access:
        visitor = registry.register(access, somebody(1)).id
        Register(centre.settings.status).declare(access, visitor, ("fever", "cough"), contact=True)
    cookie = cookie_for(centre, Appointment(Role.AUTHORITY, region=""), now=time.time())
    centre.close()
    process, address = start(state)
    context = browser.new_context(base_url=address)
    context.add_cookies([{"name": COOKIE, "value": cookie.partition("=")[2], "url": address}])
    opened = context.new_page()
    faults = watch(opened)
    yield opened
    context.close()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    assert faults == []


def check(page: Page, name: str) -> None:
    """What stands there now, at both widths; a picture of each, to be looked at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    assert faults_of(page) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=True)


def test_somebody_is_looked_up_and_set_red_and_a_list_is_refused(page: Page, tmp_path: Path) -> None:
    """By keyboard where it is words; each page clean in both languages."""
    for language in ("en", "zh"):
        page.goto(f"/status?lang={language}")
        check(page, f"index-{language}")
    page.locator("[name=number]").first.focus()
    page.keyboard.type(somebody(1).number)
    page.locator("[name=case]").first.focus()
    page.keyboard.type("通知 5 号")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(somebody(1).name)
    where = page.url
    page.locator("summary", has_text="设置码色").click()
    check(page, "person-zh")
    page.get_by_label("红码").check()
    page.get_by_label("原因").select_option("contact")
    page.locator("#case-set").fill("通知 5 号")
    page.get_by_role("button", name="设置", exact=True).click()
    expect(page.get_by_role("heading", level=1).locator("xpath=..")).to_contain_text("红码")
    page.goto(f"{where}?lang=en")
    page.locator("summary", has_text="Take back").click()
    check(page, "red-en")
    (tmp_path / "list.csv").write_bytes("证件号码,码色,到期日\n123,红,2026-01-01\n,绿,x\n".encode("gbk"))
    page.goto("/status?lang=zh")
    page.locator("[name=file]").set_input_files(tmp_path / "list.csv")
    page.locator("#case-list").fill("通知 5 号")
    page.get_by_role("button", name="导入").click()
    expect(page.locator("main")).to_contain_text("2 行有错误")
    check(page, "list-zh")
    page.locator("[name=number]").first.fill(somebody(2).number)
    page.locator("[name=case]").first.fill("通知 5 号")
    page.get_by_role("button", name="查找").click()
    page.locator("summary", has_text="按证件设置码色").click()
    check(page, "nobody-zh")
