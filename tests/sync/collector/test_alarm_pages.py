"""/alarms for IT: recipients are added, tried and removed; alarms are seen; nobody else gets there."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.alarms import service
from sync.collector.app import create_app
from sync.collector.messages.queue import newest
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import IT, cookie_for
from tests.sync.collector.test_alarms import MINUTE, Town


class Desk:
    """IT at /alarms, signed in."""

    def __init__(self, site: Site, now: float = NOW, language: str = "zh") -> None:
        self.site, self.language = site, language
        self.app: Flask = create_app(site.centre, lambda: now)
        self.client = self.app.test_client()
        self.be(IT, now=now)
        self.page, self.status = "", 0

    def be(self, *appointments: Appointment, now: float = NOW) -> None:
        """Somebody else signs in here."""
        name, _, value = cookie_for(self.site.centre, *appointments, now=now).partition("=")
        self.client.set_cookie(name, value, domain="localhost")

    def go(self, path: str = "/alarms", **form: str) -> Desk:
        """Open a page, or send a form of the page at hand with its token."""
        near = {"REMOTE_ADDR": "127.0.0.1"}
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.page)
        data = {"csrf_token": token[1], **form} if form and token else None
        send = self.client.post if data else self.client.get
        answer = send(f"{path}?lang={self.language}", data=data, base_url="http://localhost", environ_overrides=near)
        self.page, self.status = answer.text, answer.status_code
        return self

    def add(self, address: str) -> Desk:
        """By the form."""
        return self.go().go("/alarms/recipients", address=address, language="zh")


@pytest.fixture
def desk(site: Site) -> Desk:
    return Desk(site)


def test_an_empty_page_says_what_will_be_there(desk: Desk) -> None:
    page = desk.go().page
    assert "没有告警。" in page
    assert "闸机失去联系 15分钟" in page
    assert "还没有接收人" in page


def test_a_recipient_is_added_tried_and_removed(desk: Desk) -> None:
    """The address is masked from then on; the test goes into the queue; what waits is withdrawn."""
    assert desk.add("zhang@town.example").status == 303
    page = desk.go().page
    assert "z…@town.example" in page
    assert "zhang@" not in page
    centre = desk.site.centre
    with centre.database.read() as session:
        (recipient,) = service.recipients_of(centre).all(session)
    assert recipient.created_by.startswith("account worker")
    assert desk.go(f"/alarms/recipients/{recipient.id}/test", go="1").status == 303
    assert "等待发送" in desk.go().page
    assert desk.go(f"/alarms/recipients/{recipient.id}/remove", go="1").status == 303
    with centre.database.read() as session:
        assert service.recipients_of(centre).all(session) == []
        assert [row.state for row in newest(session, 5)] == ["given_up"]
    assert desk.go().go(f"/alarms/recipients/{recipient.id}/remove", go="1").status == 404


def test_a_webhooks_secret_is_shown_once(desk: Desk) -> None:
    """And its address never whole."""
    shown = desk.add("https://hook.example/t0ken")
    assert (shown.status, "whsec_" in shown.page) == (200, True)
    page = desk.go().page
    assert "https://hook.example/…" in page
    assert "t0ken" not in page
    assert "whsec_" not in page


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nobody", "请填写邮箱"),
        ("http://hook.example/", "这个网址不能用"),
        ("https://127.0.0.1/", "这个网址不能用"),
        ("https://10.0.0.1/", "这个网址不能用"),
        (" ", "请填写此项"),
        ("it@town.example", "已在列表中"),
    ],
)
def test_what_cannot_be_told_is_said_beside_the_field(desk: Desk, address: str, sentence: str) -> None:
    desk.add("it@town.example")
    refused = desk.add(address)
    assert refused.status == 422
    assert sentence in refused.page


def test_alarms_are_seen_with_place_and_time(site: Site) -> None:
    town = Town(site)
    town.open(2)
    town.pass_time(MINUTE)
    town.pass_time(20 * MINUTE, silent={0})
    page = Desk(site, town.now).go().page
    present, _, past = page.partition("已解除")
    assert "东门市场 · 南门" in present
    assert "1号闸机" in present
    assert "2号闸机" not in page
    assert "还没有解除的告警" in past


def test_the_english_page_holds_no_chinese_but_names(site: Site) -> None:
    town = Town(site)
    town.open(1)
    town.tell("it@town.example")
    town.pass_time(MINUTE)
    town.pass_time(20 * MINUTE, silent={0})
    page = Desk(site, town.now, "en").go().page
    text = re.sub(r"<[^>]+>", " ", page.partition('id="main"')[2])
    for name in ("东门市场", "南门", "1号闸机", "中文"):
        text = text.replace(name, "")
    assert re.findall(r"[一-鿿]+", text) == []


@pytest.mark.parametrize("role", [Role.CLERK, Role.AUTHORITY, None])
def test_nobody_else_sees_or_changes_it(site: Site, role: Role | None) -> None:
    """Deny by default."""
    appointments = [Appointment(role, region="" if role is Role.AUTHORITY else None)] if role else []
    desk = Desk(site)
    desk.go()
    desk.be(*appointments)
    assert desk.go().status == 403


def test_a_form_without_its_token_changes_nothing(desk: Desk) -> None:
    desk.go()
    near = {"REMOTE_ADDR": "127.0.0.1"}
    answer = desk.client.post(
        "/alarms/recipients",
        data={"address": "thief@town.example", "language": "zh"},
        base_url="http://localhost",
        environ_overrides=near,
    )
    assert answer.status_code == 400
    with desk.site.centre.database.read() as session:
        assert service.recipients_of(desk.site.centre).all(session) == []
