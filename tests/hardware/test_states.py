"""Each state has its own rhythm, sound and word; each channel alone is enough (R5, R26)."""

from __future__ import annotations

from itertools import combinations

import pytest

from edge.panel import words
from hardware.ports import Condition, Signal
from hardware.rhythm import STEADY, Rhythm, flashes
from hardware.states import CONDITIONS, RESULTS, SERVICE_LAMP, SEVERITY, Look, worst

ASKED_FOR = {
    Signal.READY,
    Signal.READING,
    Signal.PASS,
    Signal.DENY,
    Signal.REFER,
    Signal.ALREADY_USED,
    Signal.ONE_AT_A_TIME,
    Signal.OUT_OF_ORDER,
    Condition.OFFLINE,
    Condition.DATA_STALE,
    Condition.CLOCK_DOUBTFUL,
    Condition.DISK_NEARLY_FULL,
    Condition.CAMERA_LOST,
    Condition.THERMOMETER_LOST,
    Condition.COPYING,
    Condition.COPIED,
    Condition.COPY_FAILED,
}
EVERY: dict[Signal | Condition, Look] = {**RESULTS, **CONDITIONS}
PAIRS = [
    (a, b)
    for a, b in combinations(EVERY, 2)
    # All is well is not a result: its lamp burns beside whatever a visitor is shown.
    if Condition.WELL not in (a, b) or {type(a), type(b)} == {Condition}
]


def test_every_state_has_its_look():
    """Those that R5 and R26 ask for, and none without one."""
    assert set(RESULTS) == set(Signal)
    assert set(CONDITIONS) == set(Condition) == set(SEVERITY)
    assert set(EVERY) >= ASKED_FOR


def heard(rhythm: Rhythm | None) -> tuple[str, ...]:
    return rhythm.as_heard() if rhythm else ("nothing",)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_any_two_states_can_be_told_apart_by_rhythm_alone(a, b):
    """Whichever lamp it is, and whatever its colour."""
    assert heard(EVERY[a].rhythm) != heard(EVERY[b].rhythm)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_any_two_states_can_be_told_apart_by_sound_alone(a, b):
    """For whoever cannot see the lamps; only ready, and all is well, are silent."""
    assert heard(EVERY[a].sound) != heard(EVERY[b].sound)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_all_states_can_be_told_apart_by_word_alone(language):
    """In each language."""
    told = [getattr(look.word, language) for look in EVERY.values()]
    assert len(set(told)) == len(EVERY)


def test_only_ready_is_dark_and_only_ready_and_well_are_silent():
    """Whatever else the gate says, it says on every channel. The service lamp never goes dark: dark is no power."""
    assert [state for state, look in EVERY.items() if look.rhythm is None] == [Signal.READY]
    assert [state for state, look in EVERY.items() if look.sound is None] == [Signal.READY, Condition.WELL]
    assert all(look.lamps == (SERVICE_LAMP,) for look in CONDITIONS.values())


def test_no_flash_is_in_the_range_that_harms():
    """WCAG 2.3.1 is about screens; lamps stay within three large flashes a second or are a small flicker above it."""
    for look in EVERY.values():
        if look.rhythm and look.rhythm.steps and look.lamps != (SERVICE_LAMP,) and look.rhythm.steps[0] >= 0.1:
            assert len(look.rhythm.steps) / 2 / sum(look.rhythm.steps) < 5


def test_the_displays_words_are_these_words():
    """One word for one thing on lamps' table, page and voice."""
    for signal, look in RESULTS.items():
        assert (words.SIGNALS[signal].word.zh, words.SIGNALS[signal].word.en) == (look.word.zh, look.word.en)


def test_of_several_conditions_the_worst_is_shown():
    """And none is well."""
    assert worst(set()) is Condition.WELL
    assert worst({Condition.OFFLINE, Condition.CAMERA_LOST, Condition.CLOCK_DOUBTFUL}) is Condition.CAMERA_LOST
    assert worst(set(Condition)) is Condition.FORCED


def test_a_rhythm_is_on_when_it_should_be():
    """On, off, on, off – for ever, or once."""
    twice = flashes(2, on=0.2, off=0.3, pause=1.0)
    seen = [twice.on_at(at / 10 + 0.05)[0] for at in range(34)]
    one_round = [True] * 2 + [False] * 3 + [True] * 2 + [False] * 10
    assert seen == (one_round * 2)
    once = Rhythm((0.2, 0.3, 0.2), repeats=False)
    assert [once.on_at(at)[0] for at in (0.0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.7, 100.0)] == [1, 1, 0, 0, 1, 1, 0, 0]
    assert once.on_at(0.8)[1] is None
    assert STEADY.on_at(1e9) == (True, None)


def test_what_people_cannot_tell_apart_counts_as_the_same():
    """The measure of these tests is not the numbers."""
    assert Rhythm((0.4, 0.4)).as_heard() == Rhythm((0.5, 0.6)).as_heard()
    assert Rhythm((0.4, 0.1), repeats=False).as_heard() == Rhythm((0.4,), repeats=False).as_heard()
    assert Rhythm((0.4, 0.1)).as_heard() != Rhythm((0.4, 0.1), repeats=False).as_heard()
    assert flashes(3).as_heard() != flashes(4).as_heard()
