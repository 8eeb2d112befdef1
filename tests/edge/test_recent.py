"""The memory of uses: bounded, rebuilt from the outbox, honest about what it cannot know (R2, DESIGN 3)."""

from __future__ import annotations

import pytest

from edge.recent import AGAIN_SECONDS, RecentUses
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Passage, Passed, Place, Scan, Use

NOW = 1_650_000_000
PLACE = Place(7, 3, Direction.IN)
SERIAL = bytes(range(12))


def at(seconds: float, boot: str = "boot", mono: float | None = None) -> Moment:
    """A moment so many seconds after NOW."""
    return Moment(NOW + seconds, boot, 100.0 + seconds if mono is None else mono, ClockQuality.SYNCHRONIZED)


def scan(when: Moment, serial: bytes = SERIAL, outcome: Outcome = Outcome.PASS, **more: object) -> Scan:
    """A decision."""
    return Scan(when, PLACE, outcome, ["green"], "1.1", serial=serial.hex(), **more)


def passage(when: Moment, number: int, result: Passed) -> Passage:
    """The turnstile's word."""
    return Passage(when, PLACE, result, number)


def test_a_pass_that_was_not_used_is_not_remembered():
    """Nothing is made up."""
    assert RecentUses().of(SERIAL, at(0)) is None


@pytest.mark.parametrize("outcome", [Outcome.DENY, Outcome.REFER])
def test_only_an_opening_is_a_use(outcome):
    """Whoever was refused has not used the pass."""
    recent = RecentUses()
    recent.scanned("o", 1, scan(at(0), outcome=outcome))
    assert recent.of(SERIAL, at(1)) is None


def test_a_use_is_remembered_with_its_time():
    """When it was first used, and how long ago."""
    recent = RecentUses()
    recent.scanned("o", 1, scan(at(0)))
    assert recent.of(SERIAL, at(10)) == Use(float(NOW), 10.0, 1)


@pytest.mark.parametrize("result", [Passed.PASSED, Passed.FORCED, Passed.HELD_OPEN, Passed.RELEASED])
def test_a_use_counts_when_the_turnstile_turned(result):
    """And any other word of it changes nothing."""
    recent = RecentUses()
    recent.scanned("o", 1, scan(at(0)))
    recent.passed("o", passage(at(2), 1, result))
    assert recent.of(SERIAL, at(3)).again is False


def test_not_passed_opens_once_more_within_half_a_minute():
    """DESIGN 3; after it the use counts all the same."""
    recent = RecentUses()
    recent.scanned("o", 1, scan(at(0)))
    recent.passed("o", passage(at(5), 1, Passed.NOT_PASSED))
    assert recent.of(SERIAL, at(6)) == Use(float(NOW), 6.0, 0, again=True)
    assert recent.of(SERIAL, at(5 + AGAIN_SECONDS - 0.001)).again
    assert recent.of(SERIAL, at(5 + AGAIN_SECONDS)) == Use(float(NOW), 35.0, 1)


def test_once_more_is_once():
    """The second opening that nobody used is not made up for."""
    recent = RecentUses()
    recent.scanned("o", 1, scan(at(0)))
    recent.passed("o", passage(at(5), 1, Passed.NOT_PASSED))
    recent.scanned("o", 3, scan(at(10), use=recent.of(SERIAL, at(10))))
    recent.passed("o", passage(at(15), 3, Passed.NOT_PASSED))
    assert recent.of(SERIAL, at(16)) == Use(NOW + 10.0, 6.0, 1)


def test_a_companion_who_did_not_go_in_may_try_again():
    """The others' uses stand."""
    recent = RecentUses()
    recent.scanned("o", 1, scan(at(0)))
    recent.scanned("o", 2, scan(at(8), person=2, use=recent.of(SERIAL, at(8))))
    recent.passed("o", passage(at(12), 2, Passed.NOT_PASSED))
    assert recent.of(SERIAL, at(13)) == Use(float(NOW), 13.0, 1, again=True)
    assert recent.of(SERIAL, at(50)) == Use(float(NOW), 50.0, 2)


def test_the_turnstiles_word_on_an_older_opening_changes_nothing():
    """It is another pass that is under way."""
    recent = RecentUses()
    recent.scanned("o", 1, scan(at(0)))
    recent.scanned("o", 2, scan(at(8), serial=bytes(12)))
    for late in (passage(at(9), 1, Passed.NOT_PASSED), Passage(at(9), PLACE, Passed.NOT_PASSED)):
        recent.passed("o", late)
    recent.passed("another", passage(at(9), 2, Passed.NOT_PASSED))
    assert not recent.of(SERIAL, at(10)).again
    assert not recent.of(bytes(12), at(10)).again


def test_how_long_ago_is_told_to_the_millisecond():
    """More would only lengthen the record."""
    recent = RecentUses([("o", 1, scan(at(0)))])
    assert recent.of(SERIAL, at(1.23456)).seconds_ago == 1.235


def test_a_new_use_begins_a_new_interval():
    """A saved pass that opens again after the interval cannot then be handed back over the gate."""
    recent = RecentUses()
    recent.scanned("o", 1, scan(at(0)))
    recent.scanned("o", 2, scan(at(400)))
    assert recent.of(SERIAL, at(410)) == Use(NOW + 400.0, 10.0, 1)


def test_a_restart_forgets_nothing():
    """Rebuilt from the records: the same answers."""
    records = [
        ("o", 1, scan(at(0))),
        ("o", 2, passage(at(4), 1, Passed.NOT_PASSED)),
        ("o", 3, scan(at(5), serial=bytes(12), person=1)),
        ("o", 4, scan(at(9), serial=bytes(12), person=2, use=Use(NOW + 5.0, 4.0))),
    ]
    live = RecentUses()
    live.scanned(*records[0])
    live.passed("o", records[1][2])
    live.scanned(*records[2])
    live.scanned(*records[3])
    rebuilt = RecentUses(records)
    for serial in (SERIAL, bytes(12)):
        assert rebuilt.of(serial, at(11)) == live.of(serial, at(11)) is not None


def test_after_a_restart_of_the_machine_the_wall_clock_tells_how_long_ago():
    """The monotonic clocks of two boots do not compare."""
    recent = RecentUses([("o", 1, scan(at(0)))])
    assert recent.of(SERIAL, at(200, boot="next", mono=3.0)).seconds_ago == 200.0
    assert recent.of(SERIAL, at(-500, boot="next", mono=3.0)).seconds_ago == 0.0


def test_a_clock_that_jumps_does_not_make_a_use_older_or_newer():
    """In one boot the monotonic clock tells."""
    recent = RecentUses([("o", 1, scan(at(0)))])
    assert recent.of(SERIAL, at(86_400, mono=110.0)).seconds_ago == 10.0
    assert recent.of(SERIAL, at(-86_400, mono=110.0)).seconds_ago == 10.0


def test_the_memory_is_bounded():
    """The oldest uses are forgotten first."""
    recent = RecentUses(max_uses=3)
    serials = [bytes([number]) * 12 for number in range(5)]
    for number, serial in enumerate(serials):
        recent.scanned("o", number, scan(at(number), serial=serial))
    assert [recent.of(serial, at(9)) is not None for serial in serials] == [False, False, True, True, True]
    recent.scanned("o", 9, scan(at(8), serial=serials[2]))  # used anew: now the newest
    recent.scanned("o", 10, scan(at(9), serial=serials[0]))
    assert [recent.of(serial, at(9)) is not None for serial in serials] == [True, False, True, False, True]
