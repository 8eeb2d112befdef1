"""An inspector's own page (R18, R19): checkpoint, PIN and badge, over the real application."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from edge.staff import verify
from sync.collector.accounts import secrets, service
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.app import create_app
from sync.collector.members.model import Inspector
from sync.collector.members.staff import badge_of
from sync.collector.privacy import audit
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.badges import text_of
from sync.wire.record import Direction
from sync.wire.staff import StaffEntry
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.test_signing_in import INSPECTOR, PASSWORD, Browser, with_password

PAGE = "/venues/1/inspector"
PIN = "48291537"


@pytest.fixture
def app(site: Site) -> Flask:
    """The whole application, CSRF protection and all."""
    return create_app(site.centre, lambda: NOW)


@pytest.fixture
def mei(site: Site, app: Flask) -> Browser:
    """An inspector of venue 1, signed in."""
    with_password(site.centre, "mei", INSPECTOR)
    with site.centre.database.write() as session:
        account = service.find(session, "mei")
        service.set_address(account, secrets.load(site.centre.state), "tel:+8613800138000")
    return Browser(app).sign_in("mei", PASSWORD).go(PAGE)


def row(site: Site) -> Inspector:
    with site.centre.database.read() as session:
        return session.get_one(Inspector, 1)


def acts(site: Site) -> list[tuple[str, str, str]]:
    with site.centre.database.look() as connection:
        return [(line.act, line.actor, line.detail) for line in audit.lines(connection)]


def test_opening_the_page_gives_a_number(site: Site, mei: Browser) -> None:
    """Also to whom IT appointed, without a declaration code; again it is the same."""
    assert (mei.status, row(site).id) == (200, 1)
    assert "东门市场" in mei.page
    mei.go(PAGE)
    with site.centre.database.read() as session:
        assert session.query(Inspector).count() == 1


def test_a_checkpoint_in_use_is_chosen(site: Site, mei: Browser) -> None:
    """Of this venue; or none."""
    with site.centre.database.write() as session:
        create_checkpoint(session, 1, "北门", Direction.OUT)
        create_checkpoint(session, create_venue(session, "西门小学").id, "正门", Direction.IN)
        session.execute(text("UPDATE checkpoint SET closed_at = 1 WHERE name = '北门'"))
    assert "北门" not in mei.go(PAGE).page
    assert mei.go(f"{PAGE}/checkpoint", checkpoint="1").where == PAGE
    assert row(site).checkpoint_id == 1
    for other in ("2", "3", "99", "x"):
        assert mei.go(f"{PAGE}/checkpoint", checkpoint=other).status == 422
        assert row(site).checkpoint_id == 1
    mei.go(PAGE).go(f"{PAGE}/checkpoint", checkpoint="0")
    assert row(site).checkpoint_id is None


def test_a_pin_is_set_with_the_accounts_password(site: Site, mei: Browser) -> None:
    """Kept as a hash that a gate can check; the audit says so."""
    mei.go(f"{PAGE}/pin")
    assert mei.go(f"{PAGE}/pin", present=PASSWORD, pin=PIN, again=PIN).where == PAGE
    assert "PIN 已保存" in mei.page
    kept = row(site).pin
    assert kept is not None
    assert verify(PIN, StaffEntry(1, "m＊", 0, kept, None, 1))
    assert acts(site) == [("inspector_pin", "account mei", "inspector 1 of venue 1")]
    assert PIN not in mei.page


def test_what_is_not_right_is_told_and_changes_nothing(site: Site, mei: Browser) -> None:
    """A phone left open sets no PIN, nor does a guessable one."""
    for present, pin, again, words in (
        ("a guess", PIN, PIN, "密码不正确"),
        (PASSWORD, "12345", "12345", "6 到 12 位数字"),
        (PASSWORD, "123456", "123456", "太容易猜到"),
        (PASSWORD, "138001", "138001", "自己的手机号"),
        (PASSWORD, PIN, "48291538", "不一致"),
        (PASSWORD, "", "", "请填写"),
    ):
        mei.go(f"{PAGE}/pin")
        mei.go(f"{PAGE}/pin", present=present, pin=pin, again=again)
        assert (mei.status, row(site).pin, acts(site)) == (422, None, [])
        assert words in mei.page


def test_full_width_digits_are_digits(site: Site, mei: Browser) -> None:
    """A Chinese keyboard types them, a panel does not."""
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in PIN)
    mei.go(f"{PAGE}/pin")
    mei.go(f"{PAGE}/pin", present=PASSWORD, pin=wide, again=wide)
    assert verify(PIN, StaffEntry(1, "m＊", 0, row(site).pin, None, 1))


def test_guesses_at_the_password_wait(site: Site, mei: Browser) -> None:
    """As everywhere that asks for it."""
    mei.go(f"{PAGE}/pin")
    for _ in range(5):
        mei.go(f"{PAGE}/pin", present="a guess", pin=PIN, again=PIN)
    mei.go(f"{PAGE}/pin", present=PASSWORD, pin=PIN, again=PIN)
    assert "错误次数过多" in mei.page
    assert row(site).pin is None


def expected_badge(site: Site) -> str:
    return text_of(badge_of(secrets.load(site.centre.state), row(site)))


def symbol(mei: Browser) -> bytes:
    answer = mei.client.get(f"{PAGE}/badge.svg", base_url="http://localhost")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    return answer.data


def test_a_new_badge_ends_the_one_before(site: Site, mei: Browser) -> None:
    """One tap and a confirmation; a link alone does nothing."""
    before, drawn = expected_badge(site), symbol(mei)
    mei.go(PAGE)
    assert mei.client.get(f"{PAGE}/badge/new", base_url="http://localhost").status_code == 405
    assert mei.client.post(f"{PAGE}/badge/new", base_url="http://localhost").status_code == 400  # no token
    assert (expected_badge(site), symbol(mei)) == (before, drawn)
    assert mei.go(f"{PAGE}/badge/new", x="").where == PAGE
    assert expected_badge(site) != before
    assert symbol(mei) != drawn
    assert acts(site) == [("inspector_badge", "account mei", "inspector 1 of venue 1")]


def test_one_inspectors_page_is_no_other_venues(site: Site, mei: Browser) -> None:
    """Every address of it: an inspector here is nobody there."""
    with site.centre.database.write() as session:
        other = create_venue(session, "西门小学").id
    mei.go(PAGE)
    for path in ("", "/pin", "/badge", "/badge.svg"):
        assert mei.client.get(f"/venues/{other}/inspector{path}", base_url="http://localhost").status_code == 403
        assert mei.client.get(f"/venues/99/inspector{path}", base_url="http://localhost").status_code == 404
    for path in ("/checkpoint", "/badge/new", "/pin"):
        form = {"present": PASSWORD, "pin": PIN, "again": PIN, "checkpoint": "0"}
        assert mei.go(PAGE).go(f"/venues/{other}/inspector{path}", **form).status == 403
    with site.centre.database.read() as session:
        assert session.query(Inspector).count() == 1
    assert acts(site) == []


def test_an_administrator_is_no_inspector_by_that(site: Site, app: Flask) -> None:
    """R12: may be one too, by an appointment of its own."""
    with_password(site.centre, "wang", Appointment(Role.VENUE_ADMINISTRATOR, venue=1))
    assert Browser(app).sign_in("wang", PASSWORD).go(PAGE).status == 403


def test_a_venue_that_is_not_active_has_no_inspectors(site: Site, mei: Browser) -> None:
    """Nor do its gates know any."""
    with site.centre.database.write() as session:
        session.execute(text("UPDATE venue SET state = 'closed'"))
    assert (mei.go(PAGE).status, "没有启用" in mei.page) == (422, True)


def test_both_languages_say_it(mei: Browser) -> None:
    """中文 first."""
    assert "检测员设置" in mei.page
    for path, words in (("", "Inspector's settings"), ("/pin", "New PIN"), ("/badge", "54 × 86 mm")):
        assert words in mei.go(f"{PAGE}{path}?lang=en").page
