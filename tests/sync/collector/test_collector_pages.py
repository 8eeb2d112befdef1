"""The live page: what it shows, to whom, in which language."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

import sync.collector
from edge.reasons import REASONS
from sync.collector.app import create_app
from sync.collector.config import Settings
from sync.collector.fleet.model import PolicyDocument
from sync.collector.fleet.overview import gate_states
from sync.collector.fleet.service import set_policy
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Place
from tests.sync.collector.gateside import NOW, Gate, Served, Site

PACKAGE = Path(sync.collector.__file__).parent
CATALOGUE = PACKAGE / "translations/en/LC_MESSAGES/messages.po"
CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")


def live(served: Served, query: str = "") -> dict[str, dict[str, object]]:
    """`/live` as JSON."""
    reply = served.signed_in().request("GET", f"/live{query}")
    assert reply.status == 200
    seen: dict[str, dict[str, object]] = json.loads(reply.body)
    return seen


def words(html: str) -> str:
    """What a reader sees of a part, blanks collapsed."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_a_record_is_shown_with_time_place_result_and_reason_in_words(served: Served, gate: Gate) -> None:
    """China time, words beside every mark, the deciding reason first."""
    red = gate.record(1, outcome=Outcome.DENY, reasons=["red", "test_old"], status="red", temperature=36.8)
    served.post(gate.batch(1, [red])).answer()
    shown = words(str(live(served)["parts"]["records"]))
    for part in (
        "禁止通行",
        "红码，禁止通行；核酸检测已超过有效期",
        "2026-09-21 22:13:21",
        "东门市场 · 南门",
        "进",
        "36.8 ℃",
        "扫码结果",
    ):
        assert part in shown
    english = words(str(live(served, "?lang=en")["parts"]["records"]))
    for part in ("No entry", "Red: no entry; Test is too old", "In", "Scan result"):
        assert part in english


def test_the_newest_arrival_stands_first(served: Served, gate: Gate) -> None:
    """And a batch's own order is kept, newest first."""
    served.post(gate.batch(1, [gate.record(number) for number in (1, 2, 3)])).answer()
    assert [record["sequence"] for record in live(served)["live"]["records"]] == [3, 2, 1]  # type: ignore[attr-defined]


def test_counts_are_todays_in_china(served: Served, gate: Gate) -> None:
    """Yesterday's records are held, not counted as today's."""
    yesterday = Moment(NOW - 86_400, "b", 1.0, ClockQuality.SYNCHRONIZED)
    records = [gate.record(1), gate.record(2, outcome=Outcome.REFER), gate.record(3, when=yesterday)]
    served.post(gate.batch(1, records)).answer()
    assert live(served)["live"]["counts"] == {"passed": 1, "referred": 1, "denied": 0, "invalid": 0, "held": 3}


def test_a_gate_is_connected_silent_or_never_heard_of(serve: Callable[..., Served], site: Site, gate: Gate) -> None:
    """R25: last contact, backlog, clock error, software."""
    now = [NOW]
    served = serve(lambda: now[0])
    site.gate("2号闸机")
    served.post(gate.batch(1, [gate.record(1)], sent_at=NOW - 45)).answer()

    def states() -> list[tuple[str, object]]:
        with served.centre.database.read() as session:
            return [(gate.link.value, gate.backlog) for gate in gate_states(session, now[0], Settings())]

    assert states() == [("connected", 0), ("never", None)]
    shown = words(str(live(served)["parts"]["gates"]))
    for part in ("1号闸机", "在线", "慢 45秒", "0.1.0", "时钟误差超过 30 秒", "从未联系"):
        assert part in shown
    now[0] += 61
    assert states()[0] == ("silent", 0)


def test_the_backlog_shown_is_what_still_waits_after_the_batch(served: Served, gate: Gate) -> None:
    """The report counts what waits before the batch is acknowledged."""
    batch = gate.batch(1, [gate.record(1), gate.record(2)], report=gate.report(1200))
    served.post(batch).answer()
    assert live(served)["live"]["gates"][0]["backlog"] == 1198  # type: ignore[index]


def test_a_replayed_batch_is_no_news_of_the_gate(serve: Callable[..., Served], gate: Gate) -> None:
    """Whoever sends an old batch again cannot make a silent gate look alive."""
    now = [NOW]
    served = serve(lambda: now[0])
    batch = gate.batch(1, [gate.record(1)])
    served.post(batch).answer()
    now[0] += 500
    served.post(batch).answer()
    gates = live(served)["live"]["gates"]
    assert (gates[0]["last_contact"], gates[0]["link"]) == (NOW, "silent")  # type: ignore[index]


def test_set_aside_and_conflicting_records_are_told(served: Served, gate: Gate) -> None:
    """Never silently (STYLE 11)."""
    served.post(gate.batch(1, [gate.record(1), b'{"no":"record"}'])).answer()
    served.post(gate.batch(1, [gate.record(99)])).answer()
    shown = words(str(live(served)["parts"]["gates"]))
    assert "无法读取的记录：1 条，已搁置" in shown
    assert "同号不同内容的记录：1 条，均已保留" in shown


def test_hostile_text_of_a_gate_is_shown_as_text(served: Served, gate: Gate) -> None:
    """What stands in a record never becomes markup; a checkpoint that does not exist here is shown by number."""
    place = Place(1, 88, Direction.OUT)
    evil = "<script>alert(1)</script>"
    served.post(gate.batch(1, [gate.record(1, kind=evil, reasons=[evil], place=place)])).answer()
    shown = str(live(served)["parts"]["records"])
    assert "<script" not in shown
    assert "东门市场 · 编号 88" in words(shown)


def test_a_fresh_centre_says_what_to_do(served: Served) -> None:
    """The empty state is designed."""
    parts = live(served)["parts"]
    assert "collector gate create" in str(parts["gates"])
    assert "还没有记录" in str(parts["records"])


@pytest.mark.parametrize("path", ["/sign-in", "/records", "/live"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "centre.example"},
        {"X_Forwarded_For": "10.0.0.9"},
        {"Forwarded": "for=10.0.0.9"},
        {"Host": "127.0.0.1@centre.example"},
    ],
    ids=str,
)
def test_what_comes_from_elsewhere_sees_no_page(served: Served, path: str, headers: dict[str, str]) -> None:
    """Without an address of its own the centre shows no page through a proxy or by a foreign name (DNS rebinding)."""
    reply = served.signed_in().request("GET", path, **headers)
    assert reply.status == 403


def test_another_machine_sees_no_page_and_its_batches_are_taken(served: Served, site: Site, gate: Gate) -> None:
    """`serve` on a non-loopback address."""
    client = create_app(site.centre, lambda: NOW).test_client()
    far = {"REMOTE_ADDR": "192.0.2.7"}
    page = client.get("/sign-in", environ_overrides=far)
    assert (page.status_code, "不能从这里打开" in page.text) == (403, True)
    batch = gate.batch(1, [gate.record(1)])
    taken = client.post("/v1/batches", data=batch, content_type="application/cose", environ_overrides=far)
    assert taken.status_code == 200


def test_pages_allow_no_inline_script_and_nothing_from_elsewhere(served: Served) -> None:
    """A strict content security policy that the page itself keeps: closed town networks."""
    reply = served.signed_in().request("GET", "/records")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = reply.body.decode()
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)


def test_a_page_that_does_not_exist_is_a_page(served: Served) -> None:
    """People get words; machines get problem documents."""
    reply = served.request("GET", "/nowhere")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_the_chosen_language_is_kept(served: Served) -> None:
    """In a cookie that no script reads."""
    cookie = served.request("GET", "/sign-in?lang=en").headers["set-cookie"]
    kept = re.search(r"lang=en;.*HttpOnly", cookie)
    assert kept
    reply = served.request("GET", "/sign-in", Cookie="lang=en")
    assert '<html lang="en">' in reply.body.decode()
    assert '<html lang="zh-Hans">' in served.request("GET", "/sign-in?lang=fr").body.decode()


def test_every_sentence_has_its_english() -> None:
    """What the sources say and what the catalogue translates are the same set; no Chinese in the English."""
    with (PACKAGE / "translations/babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = {
        message
        for _, _, message, _, _ in extract_from_dir(PACKAGE, methods, options, {"_": None, "_l": None})
        if message
    }
    with CATALOGUE.open("rb") as catalogue:
        translated = {message.id: message.string for message in read_po(catalogue, locale="en") if message.id}
    assert found == translated.keys()
    assert len(found) > 50
    for chinese, english in translated.items():
        assert english, chinese
        assert not CHINESE.search(english), english
        assert re.findall(r"%\(\w+\)s|{\w}", chinese) == re.findall(r"%\(\w+\)s|{\w}", english)


def test_the_english_page_holds_no_chinese_but_names(served: Served, gate: Gate) -> None:
    """Nothing in the templates escapes the catalogue."""
    records = [gate.record(number, reasons=[code]) for number, code in enumerate(REASONS, 1)]
    served.post(gate.batch(1, records[:40])).answer()
    page = words(served.signed_in().request("GET", "/records?lang=en").body.decode())
    for name in ("某", "东门市场", "南门", "1号闸机", "中文"):
        page = page.replace(name, "")
    assert not CHINESE.search(page.replace("·", "")), CHINESE.findall(page)


def test_a_new_policy_reaches_the_gate_with_a_higher_number(served: Served, gate: Gate) -> None:
    """R9: at the next contact, and only once."""
    with served.centre.database.write() as session:
        row: PolicyDocument = set_policy(session, b'{"yellow":"deny"}', NOW)
    assert row.number == 2
    gate.have = (1, 1)
    answer = served.post(gate.batch(1, [])).answer()
    assert answer.updates is not None
    assert b'"yellow":"deny"' in answer.updates["policy.json"]
    gate.have = (1, 2)
    assert served.post(gate.batch(1, [])).answer().updates is None


def test_a_policy_that_this_version_cannot_read_stops_no_record(served: Served, gate: Gate) -> None:
    """After an upgrade: records first; the gate keeps the updates that it has."""
    with served.centre.database.write() as session:
        session.add(PolicyDocument(created_at=NOW, document=b'{"measure_of_the_past":1}'))
    gate.have = (0, 0)
    answer = served.post(gate.batch(1, [gate.record(1)])).answer()
    receipt = gate.receipt(answer)
    assert (receipt.next, receipt.epoch) == (2, 1)
    assert answer.updates is not None
    assert b"measure_of_the_past" not in answer.updates["policy.json"]


def test_updates_are_issued_anew_before_they_grow_stale(serve: Callable[..., Served], gate: Gate) -> None:
    """A gate with a link never meets `stale_trust`, though nothing changes (trust_hours 24)."""
    now = [NOW]
    served = serve(lambda: now[0])
    gate.have = (1, 1)
    now[0] += 5 * 3600
    assert served.post(gate.batch(1, [])).answer().updates is None
    now[0] += 2 * 3600
    assert served.post(gate.batch(1, [])).answer().updates is not None
