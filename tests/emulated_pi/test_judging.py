"""What the scenarios conclude from what they see. The scenarios themselves are `make emulated-pi`'s."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware.rhythm import STEADY, Rhythm
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Place, Scan
from tests.emulated_pi.broken import MISTAKES
from tests.emulated_pi.ground import follows, played
from tests.emulated_pi.pins import Edge
from tests.emulated_pi.scenarios.cuts import Ledger

ROOT = Path(__file__).parents[2]
FAST = Rhythm((0.12, 0.12))


def edges(*at: float) -> list[Edge]:
    """A pin that goes high at the first moment, low at the second …"""
    return [Edge(moment, 27, number % 2 == 0) for number, moment in enumerate(at)]


def let_in(boot: str, mono: float, outcome: Outcome = Outcome.PASS) -> Scan:
    when = Moment(0.0, boot, mono, ClockQuality.UNKNOWN)
    return Scan(when, Place(1, 1, Direction.IN), outcome, ["green"], "1.1")


@pytest.mark.parametrize(
    ("at", "rhythm", "holds"),
    [
        ((0.0, 0.12, 0.24, 0.36), FAST, True),
        ((0.0, 0.15, 0.24, 0.40), FAST, True),  # late by less than the slack
        ((0.0, 0.6, 1.0, 1.6), FAST, False),
        ((0.0, 0.12, 0.24, 0.70), FAST, False),  # one step far too long
        ((-2.0,), FAST, False),  # steady instead
        ((-2.0, -1.88), FAST, False),  # one flash, and dark
        ((), FAST, False),
        ((-2.0,), STEADY, True),
        ((-2.0, -1.88, -1.76, -1.64), STEADY, False),  # it flashes
        ((), STEADY, False),
        ((0.0, 0.4, 0.7, 1.1), Rhythm((0.4, 0.3, 0.4), repeats=False), True),
        ((0.0, 0.4, 0.7, 1.1, 1.4, 1.8), Rhythm((0.4, 0.3, 0.4), repeats=False), False),  # once more
    ],
)
def test_a_rhythm_is_told_from_another(at: tuple[float, ...], rhythm: Rhythm, holds: bool) -> None:
    """R5: by its rhythm alone each state can be told from every other."""
    assert follows(played(edges(*at), max(at, default=0.0) + 0.1 if at and at[0] >= 0 else 0.0), rhythm) is holds


def test_what_was_on_before_does_not_count() -> None:
    assert played([Edge(0.5, 27, False), *edges(1.0, 1.5)], 2.0) == [(True, 0.5), (False, 0.5)]


def test_each_opening_needs_a_record_of_its_own_from_before_it() -> None:
    """R2: persist, then act."""
    ledger = Ledger(openings={"b": [10.0, 13.0, 16.0, 30.0]})
    ledger.take([("o", 1, let_in("b", 9.0)), ("o", 2, let_in("b", 15.0)), ("o", 3, let_in("a", 29.0))])
    assert ledger.missing("b") == [13.0, 30.0]  # one record does not do for two; another boot's does not count
    assert not ledger.spare


def test_a_record_that_could_stand_for_a_missing_one_is_found() -> None:
    """A record without its opening hides an opening without its record; the last may have been cut short."""
    ledger = Ledger(openings={"b": [10.0, 20.0]})
    records = [let_in("b", at) for at in (9.0, 12.0, 19.0, 21.0)]
    ledger.take([("o", number, record) for number, record in enumerate(records)])
    assert ledger.missing("b") == []
    assert ledger.spare == [12.0]


def test_a_record_from_after_the_opening_is_not_from_before_it() -> None:
    ledger = Ledger(openings={"b": [10.0]})
    ledger.take([("o", 1, let_in("b", 10.3))])
    assert ledger.missing("b") == [10.0]


def test_a_refused_persons_record_lets_nobody_in() -> None:
    ledger = Ledger(openings={"b": [10.0]})
    ledger.take([("o", 1, let_in("b", 9.0, Outcome.DENY))])
    assert ledger.missing("b") == [10.0]


def test_a_number_with_two_records_is_found() -> None:
    """R2: sequence numbers are never reused."""
    ledger = Ledger()
    ledger.take([("o", 1, let_in("a", 1.0)), ("o", 2, let_in("a", 2.0))])
    ledger.take([("o", 1, let_in("a", 1.0)), ("o", 2, let_in("b", 2.0))])
    assert ledger.rewritten == [("o", 2)]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_can_still_be_made(name: str) -> None:
    """The program that it breaks reads as it did when it was thought of."""
    mistake = MISTAKES[name]
    text = (ROOT / mistake.file).read_text(encoding="utf-8")
    assert text.count(mistake.right) == 1
    compile(text.replace(mistake.right, mistake.wrong), mistake.file, "exec")
