"""The fleet's pages over HTTP: what they show, what they change, and what they refuse (R25)."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from sync.collector.fleet import kept
from sync.collector.fleet.conditions import Severity
from sync.collector.fleet.model import Enrolment
from sync.collector.fleet.overview import gate_states
from sync.collector.fleet.service import find_gate
from sync.collector.intake.api import take_batch
from sync.collector.invariants import broken
from sync.collector.privacy import audit
from sync.keywords import key_words
from sync.wire.keys import key_id
from tests.sync.collector import fortygates
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.visit import Browser


@pytest.fixture
def browser(site: Site) -> Browser:
    return Browser(site)


@pytest.fixture
def troubled(site: Site, gate: Gate) -> Gate:
    """A gate with a record set aside (2) and one in conflict (1)."""
    take_batch(site.centre, gate.batch(1, [gate.record(1), b'{"no":"record"}']), NOW)
    take_batch(site.centre, gate.batch(1, [gate.record(91)]), NOW)
    return gate


def done(site: Site) -> list[tuple[str, str, str]]:
    with site.centre.database.read() as session:
        return [(line.act, line.detail, line.reason) for line in audit.lines(session.connection())]


def test_forty_gates_the_sick_ones_first(site: Site) -> None:
    """Each looks like what it is, and says what to do; the others are one line each."""
    fortygates.build(site.centre, NOW, days=1)
    browser = Browser(site)
    page = browser.get("/fleet").text
    shown = re.findall(r'<li class="(\w+)" data-gate="([^"]+)"', page)
    assert [name for _, name in shown[:5]] == ["gate-23", "gate-24", "gate-7", "gate-18", "gate-31"]
    assert [state for state, _ in shown] == ["broken"] * 4 + ["attention"] + ["fine"] * 35
    said = browser.words("/fleet")
    for part in (
        "与 gate-24 使用同一队列",
        "失去联系 4周 到现场确认设备是否还在",
        "时钟越走越偏：快 14分钟，每天再偏 14分钟",
        "时断时续：6 小时内断开 7 次",
        "故障 4",
        "其余 35 台",
    ):
        assert part in said, part
    parts = json.loads(browser.get("/fleet/parts.json?state=attention").data)["parts"]
    assert re.findall(r'data-gate="([^"]+)"', parts["gates"]) == ["gate-31"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 40),
        ("?state=broken", 4),
        ("?state=silent", 1),
        ("?venue=4", 3),
        ("?state=fine&venue=4", 2),
        ("?state=x", 40),
    ],
)
def test_filters_are_plain_forms(site: Site, query: str, expected: int) -> None:
    """By address, so that they can be kept as a bookmark; nonsense asks for nothing."""
    fortygates.build(site.centre, NOW, days=1)
    assert len(re.findall("data-gate=", Browser(site).get(f"/fleet{query}").text)) == expected


def test_empty_states_say_what_to_do(site: Site, browser: Browser) -> None:
    """Nothing is there; nothing is like that; nothing is wrong."""
    assert "还没有闸机。 新建闸机" in browser.words("/fleet")
    assert "没有等待处理的记录" in browser.words("/kept")
    site.gate()
    assert "没有符合条件的闸机。 显示全部" in browser.words("/fleet?state=fine")
    assert "一周内没有联系" in browser.words("/fleet/gate-1")


def test_all_well_is_said(site: Site, gate: Gate, browser: Browser) -> None:
    """Somebody who looks at a calm page must know that it is one."""
    gate.have = (1, 1)
    take_batch(site.centre, gate.batch(1, [gate.record(1)]), NOW)
    assert "没有需要处理的闸机" in browser.words("/fleet")


def test_a_gates_page_tells_everything(site: Site, troubled: Gate, browser: Browser) -> None:
    """Figures, conditions with what to do, how to enrol a device."""
    said = browser.words("/fleet/gate-1")
    for part in (
        "1号闸机 gate-1",
        "同号不同内容的记录：1 条",
        "逐条查看",
        "软件版本 0.1.0",
        "搁置 1，冲突 1，隔离 0",
        "制作一个开通码，让设备的摄像头读取",
    ):
        assert part in said, part
    assert browser.get("/fleet/gate-9").status_code == 404
    assert "2026-09-21 22:00:00 0 准确 2 0" in said


def test_a_gate_is_made_moved_revoked_and_retired_with_reasons(site: Site, browser: Browser) -> None:
    """Each act stands in the audit under the account; the last two need a tick."""
    site.gate()
    made = browser.post("/fleet/new", name="北门1号", checkpoint="1", id="north-1")
    assert (made.status_code, made.location) == (303, "/fleet/north-1")
    again = browser.post("/fleet/new", name="北门1号", checkpoint="1", id="north-1")
    assert (again.status_code, "这个编号已经有闸机使用" in again.text) == (422, True)
    assert browser.post("/fleet/new", name="x", checkpoint="77").status_code == 422
    assert browser.post("/fleet/new", name="x", checkpoint="1", id="new").status_code == 422
    for act in ("revoke", "retire"):
        untold = browser.post(f"/fleet/north-1/{act}", reason="stolen")
        assert (untold.status_code, "请勾选确认" in untold.text) == (422, True)
        assert browser.post(f"/fleet/north-1/{act}", sure="y").status_code == 422
        assert browser.post(f"/fleet/north-1/{act}", sure="y", reason="stolen").status_code == 303
    moved = browser.post("/fleet/gate-1/move", checkpoint="1", reason="works")
    assert (moved.status_code, "它已经是这样了" in moved.text) == (422, True)
    with site.centre.database.read() as session:
        row = find_gate(session, "north-1")
    assert (row.revoked_at, row.retired_at) == (NOW, NOW)
    assert done(site) == [
        ("gate_create", "north-1 at checkpoint 1", "new gate"),
        ("gate_revoke", "north-1", "stolen"),
        ("gate_retire", "north-1", "stolen"),
    ]
    assert "north-1" not in browser.get("/fleet").text
    assert "north-1" in browser.get("/fleet?retired=yes").text


def test_destructive_acts_are_posted_only_and_with_a_token(site: Site, gate: Gate) -> None:
    """A link or another site's form changes nothing."""
    browser = Browser(site)
    for path in ("/fleet/gate-1/revoke", "/fleet/gate-1/retire", "/kept/aside-1-2/discard"):
        assert browser.get(path).status_code == 405
    browser._client.application.config["WTF_CSRF_ENABLED"] = True
    assert browser.post("/fleet/gate-1/revoke", reason="x", sure="y").status_code == 400
    with site.centre.database.read() as session:
        assert find_gate(session, "gate-1").revoked_at is None


def test_kept_records_are_shown_and_decided(site: Site, troubled: Gate, browser: Browser) -> None:
    """Versions side by side; accept, correct and discard, each with its reason."""
    with site.centre.database.read() as session:
        conflict = next(str(each.name) for each in kept.listed(session)[0] if each.name.digest)
    listed = browser.words("/kept?gate=gate-1")
    for part in ("第 2 号", "缺少字段 type", "同号不同内容"):
        assert part in listed
    assert "没有等待处理的记录" in browser.words("/kept?gate=gate-7")
    said = browser.words(f"/kept/{conflict}")
    assert "已计入的记录 留下的这份" in said
    assert "when.at 1790000001.0 1790000091.0 ≠ 不同" in said
    refused = browser.post("/kept/aside-1-2/accept", reason="ticket 1")
    assert (refused.status_code, "不能作为记录：缺少字段 type" in unescape(refused.text)) == (422, True)
    typed = troubled.record(2).decode()
    kept_typing = browser.post("/kept/aside-1-2/correct", document="{", reason="ticket 1")
    assert (kept_typing.status_code, ">\r\n{</textarea>" in kept_typing.text) == (422, True)
    for path, form in (
        ("/kept/aside-1-2/correct", {"document": typed}),
        (f"/kept/{conflict}/accept", {}),
    ):
        assert browser.post(path, reason="ticket 1", **form).status_code == 303, path
    assert "没有等待处理的记录" in browser.words("/kept")
    assert "已更正" in browser.words("/kept?resolved=yes")
    assert "计为 centre-1/1" in browser.words("/kept/aside-1-2")
    assert browser.post("/kept/aside-1-2/discard", reason="x").location == "/kept/aside-1-2"
    assert [act for act, _, _ in done(site)] == ["record_correct", "record_accept"]
    assert broken(site.centre.database) == []
    assert browser.get("/kept/aside-1-99").status_code == 404


def test_hostile_bytes_of_a_record_are_text(site: Site, gate: Gate, browser: Browser) -> None:
    """No markup, no character that turns the reading."""
    evil = '{"<script>alert(1)</script>":"\u202e"}'.encode()
    take_batch(site.centre, gate.batch(1, [evil, '"<i>\u202e"'.encode()]), NOW)
    for number in (1, 2):
        page = browser.get(f"/kept/aside-1-{number}").text
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "<i>" not in page


def test_the_fleet_is_exported(site: Site, troubled: Gate, browser: Browser) -> None:
    """As files with names."""
    csv, jsn = browser.get("/fleet.csv"), browser.get("/fleet.json")
    assert csv.headers["Content-Disposition"] == "attachment; filename=fleet.csv"
    assert csv.data.startswith("\ufeff编号,".encode())
    assert json.loads(jsn.data)["gates"][0]["severity"] == Severity.ATTENTION.value
    assert browser.get("/fleet.exe").status_code == 404


def test_the_state_of_one_gate_needs_no_other(site: Site, troubled: Gate) -> None:
    """`only` is that gate, retired or not."""
    site.gate("2号闸机")
    with site.centre.database.read() as session:
        assert [each.id for each in gate_states(session, NOW, site.centre.settings, only="gate-2")] == ["gate-2"]


def test_the_backlog_curve_is_a_picture_with_its_table(site: Site, gate: Gate, browser: Browser) -> None:
    """R25: what waited, over a week; the figures stand behind the picture, which runs nothing."""
    for minutes in (0, 11, 22):
        report = gate.report(700 + minutes)
        take_batch(site.centre, gate.batch(1, [], report=report), NOW - 3600 + minutes * 60)
    page = browser.get("/fleet/gate-1").text
    assert 'src="/fleet/gate-1/backlog.svg"' in page
    assert all(str(700 + minutes) in page for minutes in (0, 11, 22))
    assert "断开 2 次" in browser.words("/fleet/gate-1")
    picture = browser.get("/fleet/gate-1/backlog.svg")
    assert picture.content_type.startswith("image/svg+xml")
    assert "<script" not in picture.text
    assert "sandbox" in picture.headers["Content-Security-Policy"]
    assert browser.get("/fleet/gate-9/backlog.svg").status_code == 404


def test_a_device_is_enrolled_from_the_gates_page(site: Site, browser: Browser) -> None:
    """R25: the code is shown once, the words are compared there, a tick and a reason each; the audit has them."""
    gate_id = browser.post("/fleet/new", name="北门1号", checkpoint="1", id="north-1").location.rpartition("/")[2]
    assert browser.post(f"/fleet/{gate_id}/enrol").status_code == 422
    shown = browser.post(f"/fleet/{gate_id}/enrol", reason="new gate")
    assert (shown.status_code, "<svg" in shown.text) == (200, True)
    with site.centre.database.write() as session:
        row = session.get_one(Enrolment, find_gate(session, gate_id).number)
        row.public_key, row.asked_at, row.others = bytes(range(32)), NOW, 2
    english, chinese = key_words(bytes(range(32)))
    page = browser.words(f"/fleet/{gate_id}")
    for part in (english, " ".join(chinese), "试过 2 次"):
        assert part in page
    kid = key_id(bytes(range(32))).hex()
    untold = browser.post(f"/fleet/{gate_id}/confirm", reason="seen", kid=kid)
    assert (untold.status_code, "请勾选确认" in untold.text) == (422, True)
    other = browser.post(f"/fleet/{gate_id}/confirm", reason="seen", sure="y", kid="00" * 8)
    assert (other.status_code, "另一台设备" in other.text) == (422, True)
    done = browser.post(f"/fleet/{gate_id}/confirm", reason="seen", sure="y", kid=kid)
    assert (done.status_code, done.location) == (303, f"/fleet/{gate_id}")
    page = browser.words(f"/fleet/{gate_id}")
    assert ("已确认钥匙词" in page, english in page) == (True, False)
    taken = browser.post(f"/fleet/{gate_id}/enrol", reason="again")
    assert (taken.status_code, "请勾选" in taken.text) == (422, True)
    assert browser.post(f"/fleet/{gate_id}/enrol", reason="again", replace="y").status_code == 200
    assert browser.post(f"/fleet/{gate_id}/refuse", reason="lost").status_code == 303
