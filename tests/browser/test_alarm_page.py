"""/alarms in real Chromium, empty and full, at both widths, in both languages; a recipient is added by keyboard."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sync.collector.centre import Centre
from sync.collector.config import StateDir
from tests.browser.centre import faults_of, start, watch
from tests.sync.collector.processes import collector
from tests.sync.collector.staff import COOKIE, IT, cookie_for

MINUTE = 60.0


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A centre with a gate, whose messages are files."""
    where = tmp_path / "centre"
    collector(where, "init")
    collector(where, "venue", "create", "东门农贸市场")
    collector(where, "checkpoint", "create", "南门", "--venue", "1", "--direction", "in")
    for number in (1, 2):
        collector(where, "gate", "create", f"南门{number}号闸机", "--checkpoint", "1")
    (where / "collector.toml").write_text(f'[messages]\ndirectory = "{tmp_path}/out"\n')
    return where


@pytest.fixture
def page(state: Path, browser: Browser) -> Iterator[Page]:
    """IT's browser at /alarms; any script error or blocked content fails the test."""
    process, address = start(state)
    centre = Centre.open(StateDir(state))
    cookie = cookie_for(centre, IT, now=time.time())
    centre.close()
    context = browser.new_context(base_url=address)
    context.add_cookies([{"name": COOKIE, "value": cookie.partition("=")[2], "url": address}])
    opened = context.new_page()
    faults = watch(opened)
    yield opened
    context.close()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    assert faults == []


def check(page: Page) -> None:
    for language in ("en", "zh"):
        page.goto(f"/alarms?lang={language}")
        assert faults_of(page) == []


def test_alarms_from_an_empty_page_to_a_full_one(state: Path, page: Page) -> None:
    """What is the matter, who is told, whether it left: read and done without a mouse."""
    check(page)
    page.locator("[name=address]").focus()
    page.keyboard.type("it@town.example")
    page.keyboard.press("Enter")
    expect(page.locator("[data-recipient] th")).to_have_text("i…@town.example")
    page.get_by_role("button", name="试发").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("已交出")
    page.get_by_text("添加接收人").press("Enter")
    page.locator("[name=address]").fill("https://127.0.0.1/hook")
    page.keyboard.press("Enter")
    expect(page.locator(".wrong")).to_contain_text("这个网址不能用")
    assert faults_of(page) == []
    deadline = time.monotonic() + 20  # the attendant sends within seconds
    while page.goto("/alarms") and not page.get_by_text("已发出").is_visible():
        assert time.monotonic() < deadline
    now = time.time()
    with sqlite3.connect(state / "collector.db") as database:
        database.executemany(
            "INSERT INTO alarm (gate, kind, began_at, told_at, gone_at, ended_at, cleared_at) VALUES (?,?,?,?,?,?,?)",
            [
                (1, "silent", now - 40 * MINUTE, now - 25 * MINUTE, None, None, None),
                (2, "fault.camera", now - 20 * MINUTE, now - 15 * MINUTE, now - MINUTE, None, None),
                (2, "silent", now - 300 * MINUTE, now - 280 * MINUTE, *[now - 200 * MINUTE] * 3),
            ],
        )
    page.goto("/alarms")
    expect(page.locator("#present-head + table tbody tr")).to_have_count(2)
    check(page)
