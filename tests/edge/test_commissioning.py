"""Setting-up codes before the camera, and what a device does that is nobody's gate, or is one no longer (R25)."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.commissioning import WINDOW_SECONDS, Commissioning, Taken, Window
from edge.setting_up import SettingUp
from hardware.ports import Condition, Signal
from sync.outbox import Outbox
from sync.wire import jsonform
from sync.wire.enrolment import Code, write_code
from sync.wire.receipt import Receipt, Standing, sign_receipt
from sync.wire.status import Fault, Handover, Setup, Step, SyncStatus, WifiSetup, WifiStep
from tests.edge.test_gate import Bench, Sources

ENROLMENT = write_code(Code("https://centre.example", bytes(16)))
WIFI = "WIFI:T:WPA;S:market;P:a-long-secret;;"


@pytest.fixture
def new_device(authority, state):
    """A device as its installation left it."""
    with Outbox(state.outbox, "board:card") as outbox:
        made = Bench(authority, state, outbox, lambda pin, level: None)
        yield made
        made.barrier.close()
        made.indicator.close()


@pytest.fixture
def gate(authority, state):
    """A gate in service."""
    authority.install(state)
    with Outbox(state.outbox, "board:card") as outbox:
        made = Bench(authority, state, outbox, lambda pin, level: None)
        yield made
        made.barrier.close()
        made.indicator.close()


def press(bench: Bench) -> None:
    bench.button.active = True
    bench.button.active = False
    look(bench)


def look(bench: Bench, seconds: float = 6.0) -> None:
    """Time passes, with nobody before the camera."""
    bench.sources.pass_by(seconds)
    bench.show()


def tell(bench: Bench, **fields: object) -> None:
    """What gate-sync says."""
    now = bench.clock.now()
    told = SyncStatus(now.at, now.boot, now.mono, 1, connected=True, backlog=0, **fields)  # type: ignore[arg-type]
    bench.state.run.mkdir(exist_ok=True)
    bench.state.sync_status.write_bytes(jsonform.encode(told))


def handed_over(path) -> str | None:
    return jsonform.decode(path.read_bytes(), Handover, "handover").text if path.exists() else None


def test_a_new_device_starts_and_asks_for_its_code(new_device):
    """It answers no visitor, records nothing of a place that it has not, and is no fault."""
    look(new_device)
    new_device.show(new_device.authority.pass_text())
    status = new_device.status()
    assert (status.signal, status.enrolled, status.faults) == ("not_enrolled", False, [])
    assert (new_device.openings, new_device.records()) == (0, [])


def test_a_new_device_takes_codes_without_the_button_and_shows_how_it_goes(new_device):
    """Each step has its own signal; when the keys are there it is a gate, and its start is recorded as that gate's."""
    new_device.show(ENROLMENT)
    assert handed_over(new_device.state.enrolment) == ENROLMENT
    assert new_device.results.signal is Signal.CODE_TAKEN
    assert new_device.state.enrolment.stat().st_mode & 0o777 == 0o600
    for number, (step, signal) in enumerate(
        [(Step.ASKING, Signal.CODE_TAKEN), (Step.CONFIRM, Signal.CONFIRM_WORDS)], start=1
    ):
        tell(new_device, setup=Setup(number, step, "five words", "五字"))
        look(new_device)
        assert new_device.results.signal is signal
    new_device.authority.install(new_device.state)
    tell(new_device, setup=Setup(3, Step.ENROLLED))
    look(new_device)
    assert new_device.results.signal is Signal.SETUP_DONE
    look(new_device)
    assert new_device.results.signal is Signal.READY
    assert [record.place.venue for record in new_device.records()] == [7, 7]  # started, adopted
    new_device.show(new_device.authority.pass_text())
    assert new_device.openings == 1


def test_an_attackers_code_before_a_gate_does_nothing(gate):
    """No button, no setting-up: an unknown code like any other, for enrolment as for Wi-Fi."""
    for text in (ENROLMENT, WIFI):
        gate.show(text)
        assert gate.results.shown.codes == ["unknown_format"]
        look(gate)
    assert not gate.state.enrolment.exists()
    assert not gate.state.wifi.exists()


def test_the_button_opens_ten_minutes_of_the_monotonic_clock(gate):
    """Whatever the wall clock says meanwhile; the inspector sees that they run, and they end by themselves."""
    press(gate)
    assert gate.status().setup_seconds in range(590, 601)
    assert gate.indicator._condition is Condition.SETUP_OPEN
    gate.sources.at -= 100_000  # somebody sets the clock back
    gate.sources.seconds += WINDOW_SECONDS - 60
    gate.show(WIFI)
    assert handed_over(gate.state.wifi) == WIFI
    gate.sources.seconds += 61
    gate.show(ENROLMENT)
    assert not gate.state.enrolment.exists()
    assert gate.status().setup_seconds is None


def test_visitors_pass_while_the_ten_minutes_run(gate):
    """Setting up is no reason to keep people waiting."""
    press(gate)
    gate.show(gate.authority.pass_text())
    assert gate.openings == 1


def test_a_restart_ends_the_ten_minutes(gate):
    """A power cut makes no new window, and a button that is stuck opens it once."""
    press(gate)
    again = Commissioning(gate.state, gate.button)
    again.look(True, gate.clock.now().mono)
    assert again.take(ENROLMENT, gate.clock.now()) is Taken.NOT_OURS
    gate.button.active = True  # and it stays so
    again.look(True, 0.0)
    again.look(True, WINDOW_SECONDS + 1)
    assert again.seconds_left(WINDOW_SECONDS + 1) == 0


@pytest.mark.parametrize("text", ["VE1:", "VE1:%%%", ENROLMENT + "A", "WIFI:", "WIFI:S:x", "WIFI:T:WEP;S:a;P:bbbbb;;"])
def test_a_hostile_code_within_the_window_is_not_handed_over(gate, text):
    """It is told on the lamps, and nothing is written."""
    press(gate)
    gate.show(text)
    assert gate.results.signal is Signal.SETUP_FAILED
    assert not gate.state.enrolment.exists()
    assert not gate.state.wifi.exists()
    assert [record for record in gate.records() if getattr(record, "type", "") == "scan"] == []


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=300), st.sampled_from(["", "VE1:", "WIFI:"]))
def test_no_text_makes_it_raise(tmp_path_factory, text, prefix):
    """Anything can be held before a camera."""
    from sync.wire.statedir import StateDir

    state = StateDir.at(tmp_path_factory.mktemp("device"))
    commissioning = Commissioning(state)
    commissioning.look(False, 0.0)
    assert commissioning.take(prefix + text, Sources_now()) in Taken


def Sources_now():
    from edge.clock import Clock

    return Clock(Sources()).now()


def test_a_code_that_cannot_be_written_is_told(new_device):
    """/run may be full; the next attempt is the next time that it is held up."""
    new_device.state.run.rmdir() if new_device.state.run.exists() and not any(new_device.state.run.iterdir()) else None
    new_device.state.enrolment.mkdir(parents=True)
    new_device.show(ENROLMENT)
    assert new_device.results.signal is Signal.SETUP_FAILED


def test_what_became_of_a_code_is_announced_once(gate):
    """On lamps and by sound; what was told before this start is no news."""
    tell(gate, wifi=WifiSetup(1, WifiStep.WRONG_PASSWORD, "market"))
    look(gate)
    assert gate.results.signal is Signal.READY
    for number, (step, signal) in enumerate(
        [(WifiStep.JOINING, Signal.READY), (WifiStep.NO_SUCH_NETWORK, Signal.SETUP_FAILED)], start=2
    ):
        tell(gate, wifi=WifiSetup(number, step, "market"))
        look(gate, 1.5)
        assert gate.results.signal is signal
    look(gate)
    assert gate.results.signal is Signal.READY


def receipt(bench: Bench, standing: Standing, at: float) -> None:
    """What the centre's newest receipt says."""
    said = Receipt("g1", bench.outbox.id, 1, 1, at, "ab" * 16, standing)
    bench.state.receipts.mkdir(exist_ok=True)
    path = bench.state.receipt(bench.outbox.id)
    path.write_bytes(sign_receipt(said, bench.authority.receipts))
    os.utime(path, ns=(0, os.stat(path).st_mtime_ns + int(at)))


def test_a_revoked_gate_says_so_and_lets_nobody_in_until_it_is_trusted_again(gate):
    """The centre's signed word alone: on lamps, display and status, over a restart too."""
    receipt(gate, Standing.QUARANTINED, gate.sources.at)
    look(gate)
    gate.show(gate.authority.pass_text())
    status = gate.status()
    assert (status.signal, Fault.REVOKED in status.faults, gate.openings) == ("revoked", True, 0)
    assert gate.indicator._condition is Condition.REVOKED
    gate.authority.install(gate.state, number=2, issued_at=int(gate.sources.at) + 1)  # it was enrolled anew
    look(gate)
    look(gate)
    gate.show(gate.authority.pass_text())
    assert (Fault.REVOKED in gate.status().faults, gate.openings) == (False, 1)


def test_a_gate_that_was_revoked_by_mistake_works_again_with_the_next_receipt(gate):
    """Whatever the newest receipt says is so."""
    receipt(gate, Standing.QUARANTINED, gate.sources.at)
    look(gate)
    receipt(gate, Standing.ACCEPTED, gate.sources.at)
    look(gate)
    assert gate.results.signal is Signal.READY


def test_a_revoked_gate_can_be_enrolled_anew(gate):
    """By the button, as any gate."""
    receipt(gate, Standing.QUARANTINED, gate.sources.at)
    press(gate)
    gate.show(ENROLMENT)
    assert handed_over(gate.state.enrolment) == ENROLMENT


def test_idle_signals_follow_gate_sync():
    """Silence of gate-sync is no state of an enrolment."""
    assert SettingUp.idle(None) is Signal.NOT_ENROLLED
    window = Window()
    window.pressed(5.0)
    assert [window.seconds_left(at) for at in (5.0, 604.0, 605.0, 700.0)] == [600.0, 1.0, 0.0, 0.0]
