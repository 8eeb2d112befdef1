"""Passed, not passed, forced, held open: told from samples alone (R8)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hardware.turnstile import Patience, Sample, Turn, Turned, Turnstile

PATIENCE = Patience(pass_seconds=5.0, held_seconds=10.0)


def told(*samples: tuple[float, bool, bool], released: bool = False) -> list[tuple[Turn, float]]:
    """What a turnstile at rest tells about (at, turning, relay_open) samples."""
    turnstile = Turnstile(PATIENCE)
    turnstile.step(Sample(0.0, False, False))
    return [
        (turned.what, turned.at)
        for at, turning, relay_open in samples
        for turned in turnstile.step(Sample(at, turning, relay_open, released))
    ]


def test_an_arm_that_turns_after_an_opening_and_rests_again_is_a_passage():
    """Known when it rests again: half a turn is no passage yet."""
    assert told((1.0, False, True), (1.5, True, True), (2.0, True, False)) == []
    assert told((1.0, False, True), (1.5, True, True), (2.0, True, False), (2.5, False, False)) == [(Turn.PASSED, 2.5)]


def test_an_opening_that_nobody_uses_is_not_passed():
    """After pass_seconds from the opening, once."""
    samples = [(1.0, False, True), (2.0, False, False), (5.9, False, False), (6.0, False, False), (20.0, False, False)]
    assert told(*samples) == [(Turn.NOT_PASSED, 6.0)]


def test_no_verdict_falls_while_the_relay_is_still_open():
    """Whoever configured a long pulse may use all of it."""
    assert told((1.0, False, True), (7.0, False, True)) == []
    assert told((1.0, False, True), (7.0, False, True), (7.1, False, False)) == [(Turn.NOT_PASSED, 7.1)]


def test_an_arm_that_turns_without_an_opening_is_forced():
    """At once, once, however long it takes; and the next visitor passes as usual."""
    forced = [(1.0, True, False), (1.5, True, False), (2.0, False, False)]
    assert told(*forced) == [(Turn.FORCED, 1.0)]
    after = [(3.0, False, True), (3.5, True, True), (4.0, False, False)]
    assert told(*forced, *after) == [(Turn.FORCED, 1.0), (Turn.PASSED, 4.0)]


def test_whoever_comes_after_the_time_forces():
    """The opening was closed and recorded as not used."""
    samples = [(1.0, False, True), (2.0, False, False), (6.0, False, False), (6.1, True, False)]
    assert told(*samples) == [(Turn.NOT_PASSED, 6.0), (Turn.FORCED, 6.1)]


def test_a_passage_held_open_is_an_alarm_that_ends():
    """Whoever was let in and stands in the way went through; the alarm ends when the passage is free."""
    samples = [(1.0, False, True), (1.5, True, True), (11.5, True, False), (15.0, True, False), (20.0, False, False)]
    assert told(*samples) == [(Turn.PASSED, 11.5), (Turn.HELD_OPEN, 11.5), (Turn.RELEASED, 20.0)]
    samples = [(1.0, True, False), (11.0, True, False), (12.0, False, False)]
    assert told(*samples) == [(Turn.FORCED, 1.0), (Turn.HELD_OPEN, 11.0), (Turn.RELEASED, 12.0)]


def test_an_evacuation_forces_nothing():
    """The fire loop released the lock: people who run out are no offenders."""
    assert told((1.0, True, False), (1.5, False, False), (2.0, True, False), released=True) == []


def test_a_crowd_that_runs_out_holds_nothing_open():
    """Minutes of arms that turn are no alarm; whoever still stands there long after the loop was closed is one."""
    turnstile = Turnstile(PATIENCE)
    turnstile.step(Sample(0.0, False, False))
    crowd = [turned for at in range(1, 100) for turned in turnstile.step(Sample(at, True, False, released=True))]
    assert crowd == []
    assert turnstile.step(Sample(108.0, True, False)) == ()
    assert turnstile.step(Sample(109.0, True, False)) == (Turned(Turn.HELD_OPEN, 109.0),)


def test_somebody_in_the_passage_at_the_start_is_no_offender():
    """A gate that was killed while somebody passed raises no alarm about them, unless they stay."""
    turnstile = Turnstile(PATIENCE)
    assert turnstile.step(Sample(100.0, True, False)) == ()
    assert turnstile.busy
    assert [turned.what for turned in turnstile.step(Sample(110.0, True, False))] == [Turn.HELD_OPEN]
    assert [turned.what for turned in turnstile.step(Sample(111.0, False, False))] == [Turn.RELEASED]
    assert not turnstile.busy


def test_it_is_busy_from_the_opening_until_the_verdict():
    """One opening, one person."""
    turnstile = Turnstile(PATIENCE)
    busy = []
    for at, turning, relay_open in [(0, False, False), (1, False, True), (2, True, False), (3, False, False)]:
        turnstile.step(Sample(at, turning, relay_open))
        busy.append(turnstile.busy)
    assert busy == [False, True, True, False]


@given(st.lists(st.tuples(st.sampled_from([0.01, 0.3, 1.0, 4.0, 12.0]), st.booleans(), st.booleans())))
def test_each_opening_gets_one_verdict_whatever_happens(steps):
    """Also where an inspector opens while somebody is still in the passage. An alarm that begins also ends."""
    turnstile, at, openings, was_open, turns = Turnstile(PATIENCE), 0.0, 0, False, []
    quiet = [(20.0, False, False)] * 3  # nobody any more
    for after, turning, relay_open in [*steps, *quiet]:
        at += after
        openings += relay_open and not was_open
        was_open = relay_open
        turns += [turned.what for turned in turnstile.step(Sample(at, turning, relay_open))]
    assert turns.count(Turn.PASSED) + turns.count(Turn.NOT_PASSED) == openings
    assert turns.count(Turn.HELD_OPEN) == turns.count(Turn.RELEASED)
    assert not turnstile.busy
