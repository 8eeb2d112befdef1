"""Lamps and buzzer, read from the pins (R5)."""

from __future__ import annotations

import time

import pytest

from hardware.indicator import PATTERNS, LampIndicator, LampPins
from hardware.pins import make_factory
from hardware.ports import Signal

PINS = LampPins(passing=22, deny=27, refer=23, link=24, buzzer=25)


@pytest.fixture
def indicator():
    made = LampIndicator(make_factory("mock"), PINS)
    yield made
    made.close()


def lit_within(indicator: LampIndicator, seconds: float = 2.0) -> set[str]:
    """The outputs that were seen lit before the time was over."""
    seen: set[str] = set()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen |= {name for name, lit in indicator.lamps().lit.items() if lit}
    return seen


@pytest.mark.parametrize("signal", Signal)
def test_each_signal_lights_just_its_own_outputs(indicator, signal):
    """Read from the pins while the pattern runs."""
    indicator.show(signal)
    assert lit_within(indicator, 1.3) == set(PATTERNS[signal])


def test_every_two_results_differ_in_rhythm_and_in_sound():
    """R5: not by colour alone – swap the lamps and they can still be told apart."""
    results = (Signal.PASS, Signal.DENY, Signal.REFER, Signal.ONE_AT_A_TIME)
    rhythms = {
        signal: sorted(beat for name, beat in PATTERNS[signal].items() if name != "buzzer") for signal in results
    }
    sounds = {signal: PATTERNS[signal]["buzzer"] for signal in results}
    assert len({str(rhythm) for rhythm in rhythms.values()}) == len(results)
    assert len(set(sounds.values())) == len(results)


def test_ready_is_dark_again(indicator):
    """No lamp of the visitor before keeps burning."""
    indicator.show(Signal.DENY)
    indicator.show(Signal.READY)
    assert lit_within(indicator, 0.5) == set()


def test_the_link_lamp_is_independent_of_the_result(indicator):
    """The inspector sees whether records reach the centre, whoever passes."""
    indicator.show_link(True)
    indicator.show(Signal.DENY)
    indicator.show(Signal.READY)
    assert indicator.lamps().lit["link"]
    indicator.show_link(False)
    flashes = {indicator.lamps().lit["link"]}
    deadline = time.monotonic() + 4
    while len(flashes) < 2 and time.monotonic() < deadline:
        flashes.add(indicator.lamps().lit["link"])
    assert flashes == {True, False}


def test_closing_leaves_all_dark_and_the_pins_free():
    """Whoever comes next can have them."""
    factory = make_factory("mock")
    first = LampIndicator(factory, PINS)
    first.show(Signal.PASS)
    first.close()
    second = LampIndicator(factory, PINS)
    assert not any(second.lamps().lit.values())
    second.close()
