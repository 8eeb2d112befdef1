"""Accounts in real Chromium: from the first link to an inspector's own sign-in, at both widths, in both languages."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.centre import collector, faults_of, start, watch

PASSWORD = "correct mule staple harbour"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A fresh centre with one venue."""
    collector(tmp_path / "centre", "init")
    collector(tmp_path / "centre", "venue", "create", "东门农贸市场")
    return tmp_path / "centre"


@pytest.fixture
def address(state: Path) -> Iterator[str]:
    """Where it serves."""
    process, where = start(state)
    yield where
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser, on which any script error or blocked content fails the test."""
    context = browser.new_context()
    opened = context.new_page()
    faults = watch(opened)
    yield opened
    context.close()
    assert faults == []


def type_in(page: Page, **values: str) -> None:
    """By keyboard alone: each field is reached with Tab, the form is sent with Enter."""
    for name, value in values.items():
        page.locator(f"main [name={name}]").first.focus()
        page.keyboard.type(value)
    page.keyboard.press("Enter")


def check(page: Page) -> None:
    """The page at hand, in both languages."""
    where = page.url.partition("?")[0]
    for language in ("en", "zh"):
        page.goto(f"{where}?lang={language}")
        assert faults_of(page) == []


def test_from_the_first_link_to_an_inspectors_sign_in(state: Path, address: str, page: Page) -> None:
    """Nobody is told a password; IT sets up a phone; an inspector is created, appointed, and signs in by her link."""
    link = collector(state, "account", "link", "it", "--reason", "first day")
    token = link.rpartition("/")[2]
    page.goto(f"{address}/link/{token}")
    check(page)
    type_in(page, password=PASSWORD, again=PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("登录")
    check(page)
    type_in(page, login="it", password=PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("启用两步验证")
    assert faults_of(page) == []
    secret = page.locator("figcaption code").inner_text().replace(" ", "")
    type_in(page, code=pyotp.TOTP(secret).now())
    expect(page.get_by_role("heading", level=1)).to_contain_text("您好")
    for path in ("/", "/account", "/account/password", "/accounts", "/accounts/new"):
        page.goto(f"{address}{path}")
        check(page)
    type_in(page, login="mei", name="李梅")
    expect(page.get_by_role("heading", level=1)).to_contain_text("李梅")
    page.get_by_text("分配身份").click()
    page.locator("#role-appoint").select_option("inspector")
    page.locator("#place-appoint").fill("1")
    page.locator("#reason-appoint").fill("order 4")
    page.get_by_role("button", name="分配", exact=True).click()
    expect(page.get_by_text("检测员 · 东门农贸市场")).to_be_visible()
    check(page)
    page.get_by_text("发一次性链接").click()
    page.locator("#reason-link").fill("order 4")
    page.get_by_role("button", name="生成链接").click()
    hers = page.locator("code").inner_text().rpartition("/")[2]
    page.get_by_role("button", name="退出").click()
    page.goto(f"{address}/link/{hers}")
    type_in(page, password="seventeen quiet pelicans", again="seventeen quiet pelicans")
    type_in(page, login="mei", password="seventeen quiet pelicans")
    expect(page.get_by_text("检测员 · 东门农贸市场")).to_be_visible()
    page.goto(f"{address}/accounts")
    expect(page.get_by_role("heading", level=1)).to_have_text("您没有这项权限")
    check(page)
