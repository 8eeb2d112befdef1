"""What the display shows for what the gate and gate-sync say."""

from __future__ import annotations

from enum import Enum

import msgspec
import pytest

from edge.panel import words
from edge.panel.freshness import Now, Readings, Silence
from edge.panel.view import View, panel_silent, view
from edge.reasons import REASONS, Text, words_for
from hardware.ports import Hint, Signal
from sync.wire.record import ClockQuality, Direction, Outcome
from sync.wire.status import (
    STICK_SHOWN_SECONDS,
    Fault,
    GateStatus,
    QueueStatus,
    Setup,
    Shown,
    Step,
    StickPhase,
    StickStatus,
    StickTrouble,
    SyncStatus,
    Trouble,
    WifiSetup,
    WifiStep,
)

NOW = Now(boot="b", mono=1000.0, wall=1_700_000_000.0)
GATE = GateStatus(
    wall=NOW.wall,
    boot="b",
    mono=999.0,
    pid=7,
    software="0.1.0",
    signal="ready",
    clock=ClockQuality.SYNCHRONIZED,
    outbox="0" * 32,
    next_sequence=1,
    acknowledged=1,
    lamps=dict.fromkeys(words.LAMPS, False),
    trust=(1, 3),
    trust_issued_at=int(NOW.wall) - 7200,
)
SYNC = SyncStatus(wall=NOW.wall, boot="b", mono=999.0, pid=8, connected=True, backlog=0, last_contact=NOW.wall)


def shown(gate: GateStatus | None = GATE, sync: SyncStatus | None = SYNC) -> View:
    """The view of fresh statuses, or of missing ones."""
    return view(Readings(gate or Silence.MISSING, sync or Silence.MISSING), NOW)


def result(signal: str, *codes: str, **fields: object) -> GateStatus:
    """A gate that shows this result now."""
    return msgspec.structs.replace(GATE, signal=signal, shown=Shown(1, signal, list(codes)), **fields)


@pytest.mark.parametrize("code", REASONS)
def test_a_results_words_are_its_deciding_reasons_and_never_its_detail(code: str) -> None:
    """R5: they fit the result and the reason; the queue behind reads along, so `detail` stays the inspector's."""
    reason = REASONS[code]
    seen = shown(result("deny", code, "red"))
    said = words_for(Outcome.DENY, code)
    assert (seen.texts["word"], seen.texts["advice"]) == (said.word, said.advice)
    everything = msgspec.json.encode(seen).decode()
    assert reason.detail.zh not in everything
    assert reason.detail.en not in everything


def test_a_pass_by_policy_says_please_pass() -> None:
    """A saved pass that the policy lets in must not read "see the inspector" beside an open gate."""
    assert shown(result("pass", "saved")).texts["word"] == words.SIGNALS[Signal.PASS].word
    assert shown(result("pass", "yellow")).texts["advice"] == REASONS["green"].advice


def test_the_policy_may_tell_the_queue() -> None:
    """Neutral words unless it says so."""
    told = msgspec.structs.replace(GATE, signal="deny", shown=Shown(1, "deny", ["fever"], tell_the_queue=True))
    assert REASONS["fever"].detail.zh in shown(told).texts["advice"].zh


@pytest.mark.parametrize("signal", Signal)
def test_a_signal_without_a_known_reason_has_words_of_its_own(signal: Signal) -> None:
    """A record's code that is newer than this panel leaves the signal's own words."""
    seen = shown(result(signal.value, "from_the_future"))
    assert seen.state == signal.value
    assert seen.texts["word"] == words.SIGNALS[signal].word


def test_a_result_that_the_lamps_no_longer_show_lends_no_words() -> None:
    """What is shown is the signal in force, not the last visitor's result."""
    gate = msgspec.structs.replace(GATE, shown=Shown(9, "pass", ["green"]))
    assert shown(gate).texts["word"] == words.SIGNALS[Signal.READY].word


def test_a_signal_that_this_panel_does_not_know_is_out_of_order() -> None:
    """Nothing unknown is shown as if it were understood."""
    assert shown(result("welcome", "green")).state == "out_of_order"


def test_a_silent_gate_is_out_of_order_and_its_lamps_are_unknown() -> None:
    """No status: call staff; no lamp is claimed to be lit or dark."""
    seen = shown(gate=None)
    assert seen.state == "out_of_order"
    assert seen.texts["advice"] == words.GATE_SILENT.advice
    assert set(seen.lamps.values()) == {None}
    assert seen.texts["lamp-pass"] == words.UNKNOWN
    assert seen.texts["faults"] == words.SILENCES[Silence.MISSING]


def test_a_silent_panel_is_out_of_order_and_claims_nothing() -> None:
    """What a page shows by itself when its server is gone."""
    seen = panel_silent()
    assert seen.state == "out_of_order"
    assert seen.texts["advice"] == words.PANEL_SILENT.advice
    assert set(seen.lamps.values()) == {None}


def test_lamps_are_told_as_they_stand_in_words_too() -> None:
    """R5: lit or dark is a word beside the fill."""
    seen = shown(result("pass", "green", lamps=GATE.lamps | {"pass": True, "relay": True}))
    assert seen.lamps["pass"] is True
    assert seen.lamps["deny"] is False
    assert seen.texts["lamp-pass"].en == "on"
    assert seen.texts["lamp-deny"].en == "off"
    assert seen.texts["lamp-relay"].en == "open"


@pytest.mark.parametrize(
    ("next_sequence", "zh", "en"),
    [
        (40, "已全部上传", "None waiting"),
        (41, "待上传 1 条", "1 record waiting"),
        (52, "待上传 12 条", "12 records waiting"),
    ],
)
def test_the_backlog_counts_what_the_centre_does_not_hold(next_sequence: int, zh: str, en: str) -> None:
    """R24: whoever stands at the gate sees how many records wait."""
    gate = msgspec.structs.replace(GATE, next_sequence=next_sequence, acknowledged=40)
    assert shown(gate).texts["backlog"] == Text(zh, en)


def test_the_backlog_is_the_uploaders_when_the_gate_is_silent() -> None:
    """One of the two is enough to know it; without both it is unknown."""
    assert shown(None, msgspec.structs.replace(SYNC, backlog=3)).texts["backlog"] == words.waiting(3)
    assert shown(None, None).texts["backlog"] == words.UNKNOWN


def test_an_offline_gate_that_works_says_both() -> None:
    """Offline is the normal path: people keep passing, and the page says so."""
    sync = msgspec.structs.replace(SYNC, connected=False, trouble=Trouble.NO_NETWORK)
    seen = shown(sync=sync)
    assert seen.texts["link"] == Text("离线，正常工作（无网络）", "Offline but working (no network)")
    assert "link" in seen.alarms


@pytest.mark.parametrize("gate", [None, result("out_of_order")], ids=["silent", "out of order"])
def test_an_offline_gate_that_does_not_work_is_not_said_to_work(gate: GateStatus | None) -> None:
    """ "But working" is said only of a gate that works."""
    assert shown(gate, msgspec.structs.replace(SYNC, connected=False)).texts["link"] == words.OFFLINE


def test_a_centre_that_answers_with_a_refusal_is_not_simply_online() -> None:
    """A revoked gate reaches the centre, and whoever stands there must see both."""
    seen = shown(sync=msgspec.structs.replace(SYNC, trouble=Trouble.REFUSED))
    assert seen.texts["link"] == Text("在线（被中心拒绝）", "Online (refused by the centre)")
    assert "link" in seen.alarms


def test_an_uploader_that_does_not_answer_is_not_online() -> None:
    """An old "online" is as false as an old green."""
    assert shown(sync=None).texts["link"] == words.SYNC_SILENT


def test_the_age_of_the_trust_data_is_told_on_the_gates_own_clock() -> None:
    """R10: whoever trusts a decision sees how old the keys and lists behind it are."""
    assert shown().texts["trust"] == Text("2 小时前", "2 h ago")
    none = shown(msgspec.structs.replace(GATE, trust=None, trust_issued_at=None))
    assert none.texts["trust"] == words.NO_TRUST
    assert "trust" in none.alarms


@pytest.mark.parametrize(
    ("seconds", "en"),
    [(-1, "Unknown"), (0, "just now"), (59, "just now"), (60, "1 min ago"), (3599, "59 min ago"), (172800, "2 d ago")],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, en: str) -> None:
    """A negative age means that a clock ran backwards: it is not known."""
    assert words.age(seconds).en == en


def test_faults_and_damaged_records_are_told_together() -> None:
    """Nothing is dropped silently: what is missing, sick or set aside stands on the page."""
    seen = shown(msgspec.structs.replace(GATE, faults=[Fault.CAMERA, Fault.DISK], queue=QueueStatus(damaged=2)))
    assert seen.texts["faults"].en == (
        "No picture from the camera; Storage card nearly full or failing; 2 damaged records set aside"
    )
    assert "faults" in seen.alarms


def test_a_gate_with_nothing_wrong_raises_no_alarm() -> None:
    """An alarm that always burns is none."""
    assert shown().alarms == ()


def test_the_place_is_named_once() -> None:
    """Venue, checkpoint and gate; the gate's id only where it has no name."""
    gate = msgspec.structs.replace(
        GATE, venue_name="东升市场", checkpoint_name="南门", gate_name="南门", gate="g1", direction=Direction.OUT
    )
    assert shown(gate).place == "东升市场 · 南门"
    assert shown(gate).texts["direction"] == Text("出口", "Exit")


@pytest.mark.parametrize(
    ("table", "choices"),
    [
        (words.SIGNALS, Signal),
        (words.CLOCKS, ClockQuality),
        (words.DIRECTIONS, Direction),
        (words.TROUBLES, Trouble),
        (words.FAULTS, Fault),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_choice_has_its_words(table: dict[Enum, object], choices: type[Enum]) -> None:
    """A state added to the wire forms must not reach the page without words."""
    assert set(table) == set(choices)


@pytest.mark.parametrize("hint", Hint)
def test_a_code_that_is_seen_and_not_read_comes_with_what_would_help(hint):
    """R5: the visitor holds it closer, turned, brighter, still."""
    told = shown(msgspec.structs.replace(GATE, signal="reading", hint=hint.value)).texts
    assert told["word"] == words.SIGNALS[Signal.READING].word
    assert told["advice"] == words.HINTS[hint]


def test_a_pass_that_was_used_already_says_so():
    """A state of its own on lamps and page; the advice is the reason's."""
    told = shown(result("already_used", "already_used")).texts
    assert told["word"] == words.SIGNALS[Signal.ALREADY_USED].word
    assert told["advice"] == REASONS["already_used"].advice


def test_a_stick_has_its_words_while_it_is_there_and_shortly_after() -> None:
    """R25: not before it may be pulled; a failure says what failed, and is an alarm."""
    stick = StickStatus(boot="b", mono=NOW.mono - 1, wall=NOW.wall, pid=9, phase=StickPhase.WRITTEN)
    pulled = {"phase": StickPhase.FAILED, "trouble": StickTrouble.FULL}
    for changed, zh, is_alarm in (
        ({}, "正在收尾，请勿拔出", False),
        ({"phase": StickPhase.COPIED}, "可以拔出", False),
        (pulled, "拷贝未完成，可以拔出（U盘已满）", True),
    ):
        told = msgspec.structs.replace(SYNC, stick=msgspec.structs.replace(stick, **changed))
        seen = shown(sync=told)
        assert (seen.texts["stick"].zh, "stick" in seen.alarms) == (zh, is_alarm)
    old = msgspec.structs.replace(SYNC, stick=msgspec.structs.replace(stick, mono=NOW.mono - STICK_SHOWN_SECONDS - 1))
    other = msgspec.structs.replace(SYNC, stick=msgspec.structs.replace(stick, boot="another"))
    assert "stick" not in shown(sync=old).texts
    assert "stick" not in shown(sync=other).texts
    assert "stick" not in shown().texts


def test_every_phase_and_trouble_of_a_stick_has_a_word() -> None:
    """In both languages, each its own."""
    assert set(words.STICKS) == set(StickPhase)
    assert set(words.STICK_TROUBLES) == set(StickTrouble)
    said = [*words.STICKS.values(), *words.STICK_TROUBLES.values()]
    assert len({text.zh for text in said}) == len({text.en for text in said}) == len(said)


def test_the_key_words_stand_large_on_the_display_in_both_lists() -> None:
    """R25: whoever is on the telephone with the centre reads them from there."""
    gate = msgspec.structs.replace(GATE, signal="confirm_words", enrolled=False)
    sync = msgspec.structs.replace(SYNC, setup=Setup(1, Step.CONFIRM, "portion hope essence spike have", "虚星占筹香"))
    seen = shown(gate, sync)
    assert seen.texts["advice"] == Text("虚 星 占 筹 香", "portion hope essence spike have")
    assert "setup" in seen.alarms
    in_service = shown(GATE, sync).texts["setup"]  # a gate that enrols anew, with visitors before it
    assert "portion hope" in in_service.en
    assert "虚 星" in in_service.zh


def test_the_setup_line_says_what_goes_on_and_else_that_this_is_a_gate() -> None:
    """The button's minutes, the network's name, never a password; nothing of it alarms on an ordinary day."""
    assert "setup" not in shown().texts
    assert "setup" not in shown().alarms
    gate = msgspec.structs.replace(GATE, setup_seconds=480)
    sync = msgspec.structs.replace(SYNC, wifi=WifiSetup(2, WifiStep.WRONG_PASSWORD, "market"))
    told = shown(gate, sync).texts["setup"]
    assert told.en == "Setting-up codes are read for 8 min; The Wi-Fi password is wrong (market)"
    assert "8 分钟" in told.zh
    ended = msgspec.structs.replace(sync, setup=Setup(3, Step.ENROLLED))
    assert "setup" not in shown(GATE, ended).texts
    bare = shown(msgspec.structs.replace(GATE, enrolled=False)).texts["setup"]
    assert bare.en == "Not enrolled"
