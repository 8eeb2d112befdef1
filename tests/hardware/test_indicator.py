"""Lamps and buzzer, read from the pins (R5)."""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median

import pytest

from hardware.errors import PinsError
from hardware.indicator import LampIndicator, LampPins
from hardware.pins import make_factory
from hardware.ports import Condition, Signal
from hardware.states import BUZZER, CONDITIONS, RESULTS, SERVICE_LAMP

PINS = LampPins(passing=22, deny=27, refer=23, link=24, buzzer=25)
NAMES = {"GPIO22": "pass", "GPIO27": "deny", "GPIO23": "refer", "GPIO24": "link", "GPIO25": "buzzer"}


class Rig:
    """An indicator, and each change of its pins as an analyser would see it."""

    def __init__(self) -> None:
        self.edges: list[tuple[float, str, bool]] = []
        self.indicator = LampIndicator(make_factory("mock", self._changed), PINS)

    def _changed(self, pin: str, level: bool) -> None:
        self.edges.append((time.monotonic(), NAMES[pin], level))

    def ons(self, name: str) -> list[bool]:
        return [level for _, changed, level in self.edges if changed == name]

    def wait_for_changes(self, name: str, count: int, seconds: float = 5.0) -> list[float]:
        """The seconds between the first `count` changes of one output."""
        deadline = time.monotonic() + seconds
        while len(at := [when for when, changed, _ in self.edges if changed == name]) < count:
            assert time.monotonic() < deadline, self.edges
        return [after - before for before, after in pairwise(at[:count])]

    def lit(self) -> set[str]:
        return {name for name, lit in self.indicator.lamps().lit.items() if lit}


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.indicator.close()


@pytest.mark.parametrize("signal", [signal for signal in Signal if signal is not Signal.READY])
def test_a_signal_lights_its_own_lamps_and_sounds_at_once(rig, signal):
    """Each rhythm begins with light; lamps of other results stay dark."""
    rig.indicator.show(signal)
    assert rig.lit() == {*RESULTS[signal].lamps, BUZZER}


@pytest.mark.parametrize("condition", Condition)
def test_a_condition_is_on_the_service_lamp_at_once(rig, condition):
    """And sounds when it begins."""
    rig.indicator.show_condition(condition)
    assert rig.lit() == {SERVICE_LAMP} | ({BUZZER} if CONDITIONS[condition].sound else set())


def test_the_pins_move_in_the_rhythm_of_the_table(rig):
    """Deny: 0.12 s on, 0.12 s off, and four tones that end."""
    rig.indicator.show(Signal.DENY)
    gaps = rig.wait_for_changes("deny", 11)
    assert median(gaps) == pytest.approx(0.12, abs=0.05)
    tones = rig.ons(BUZZER)  # a machine under load may drop one, never leave one on
    assert tones == [True, False] * (len(tones) // 2)
    assert 2 <= len(tones) <= 8


def test_ready_is_dark_again(rig):
    """No lamp of the visitor before keeps burning, none begins again."""
    rig.indicator.show(Signal.DENY)
    rig.wait_for_changes("deny", 3)
    rig.indicator.show(Signal.READY)
    assert rig.lit() == set()
    before = len(rig.edges)
    time.sleep(0.3)  # longer than the rhythm's round
    assert len(rig.edges) == before


def test_a_result_shown_anew_sounds_anew_and_a_standing_state_does_not(rig):
    """Two visitors after each other; out of order for an hour."""
    rig.indicator.show(Signal.PASS)
    rig.wait_for_changes(BUZZER, 2)
    rig.indicator.show(Signal.PASS)
    assert rig.ons(BUZZER) == [True, False, True]
    for signal in (Signal.OUT_OF_ORDER, Signal.NOT_ENROLLED, Signal.CONFIRM_WORDS, Signal.REVOKED):
        rig.indicator.show(signal)
        before = rig.edges.copy()
        rig.indicator.show(signal)
        assert rig.edges == before


def test_the_service_lamp_is_independent_of_the_result(rig):
    """The inspector sees whether records reach the centre, whoever passes."""
    rig.indicator.show_link(True)
    rig.indicator.show(Signal.DENY)
    rig.indicator.show(Signal.READY)
    assert rig.lit() == {SERVICE_LAMP}
    rig.indicator.show_link(False)
    rig.wait_for_changes(SERVICE_LAMP, 4)


def test_a_condition_does_not_talk_over_a_visitors_result(rig):
    """The visitor's tone is a visitor's only word; the lamp tells the condition meanwhile."""
    rig.indicator.show(Signal.PASS)
    rig.indicator.show_condition(Condition.OFFLINE)
    assert rig.ons(BUZZER) == [True]


def test_an_alarm_sounds_until_it_ends_and_comes_back_after_a_result(rig):
    """A barrier that is held open is heard as long as it is."""
    rig.indicator.show_condition(Condition.FORCED)
    rig.indicator.show(Signal.READY)
    rig.wait_for_changes(BUZZER, 6)
    rig.indicator.show_condition(Condition.WELL)
    assert BUZZER not in rig.lit()
    before = len(rig.ons(BUZZER))
    time.sleep(1.2)  # longer than the alarm's round
    assert len(rig.ons(BUZZER)) == before


def test_closing_leaves_all_dark_and_the_pins_free():
    """Whoever comes next can have them."""
    factory = make_factory("mock")
    first = LampIndicator(factory, PINS)
    first.show(Signal.PASS)
    first.show_condition(Condition.COPYING)
    first.close()
    second = LampIndicator(factory, PINS)
    assert not any(second.lamps().lit.values())
    second.close()


def test_a_pin_in_use_is_told_by_name():
    """And the pins that were free are free again."""
    factory = make_factory("mock")
    held = LampIndicator(factory, PINS)
    with pytest.raises(PinsError, match="lamp 'pass' on pin 22"):
        LampIndicator(factory, PINS)
    held.close()
    LampIndicator(factory, PINS).close()
