"""What did not go the plain way: noted once, forgotten only when newer news crowds it out."""

from __future__ import annotations

from itertools import count

from sync.incidents import KEPT, Incidents, Setback, Turn, noted
from sync.link import Exchange, Verdict
from sync.wire.receipt import Receipt

ONE, OTHER = "a" * 32, "b" * 32
centre_times = count(1_700_000_000.0)


def told(
    before: Incidents, outbox: str, next_: int, verdict: Verdict, *, epoch: int = 1, conflicts: tuple[int, ...] = ()
) -> Incidents:
    receipt = Receipt("gate-7", outbox, epoch, next_, next(centre_times), "n1", conflicts=list(conflicts))
    return noted(before, Exchange(outbox, 1, 500, "n1"), (), receipt, verdict)


def turns(of: Incidents) -> list[tuple[str, Turn, int]]:
    return [(setback.outbox, setback.turn, setback.epoch) for setback in of.setbacks]


def test_each_outbox_s_setback_is_noted() -> None:
    """A centre restored to nothing asks every outbox for the same number; none of them is silent."""
    first = told(Incidents(), ONE, 1, Verdict.RESENT, epoch=2)
    both = told(first, OTHER, 1, Verdict.RESENT, epoch=2)
    assert turns(both) == [(ONE, Turn.CENTRE_RESTORED, 2), (OTHER, Turn.CENTRE_RESTORED, 2)]


def test_a_second_restore_to_the_same_number_is_another_setback() -> None:
    """The epoch tells them apart."""
    first = told(Incidents(), ONE, 6, Verdict.RESENT, epoch=2)
    assert turns(told(first, ONE, 6, Verdict.RESENT, epoch=3)) == [
        (ONE, Turn.CENTRE_RESTORED, 2),
        (ONE, Turn.CENTRE_RESTORED, 3),
    ]


def test_two_old_copies_that_greet_in_turn_are_noted_once_each() -> None:
    """Each greeting says it again: no line more, no write to the card."""
    both = told(told(Incidents(), ONE, 900, Verdict.BEYOND), OTHER, 700, Verdict.BEYOND)
    assert len(both.setbacks) == 2
    assert told(both, ONE, 900, Verdict.BEYOND) is both


def test_an_outbox_stays_contested_however_many_conflicts_another_one_has() -> None:
    """After a restore the link sends it whole (DESIGN 7): it must know for good."""
    before = told(Incidents(), ONE, 500, Verdict.TAKEN, conflicts=(7,))
    after = told(before, OTHER, 500, Verdict.TAKEN, conflicts=tuple(range(1, 2 * KEPT)))
    assert after.contested == {ONE, OTHER}
    assert len(after.conflicts) == KEPT + 1
    assert told(after, ONE, 501, Verdict.TAKEN) is after


def test_the_newest_setbacks_stay() -> None:
    """Bounded: the centre keeps them all."""
    before = Incidents(setbacks=[Setback(ONE, Turn.CENTRE_RESTORED, n, 1, 0.0) for n in range(KEPT)])
    assert turns(told(before, ONE, 1, Verdict.RESENT, epoch=KEPT))[-1] == (ONE, Turn.CENTRE_RESTORED, KEPT)
    assert len(told(before, ONE, 1, Verdict.RESENT, epoch=KEPT).setbacks) == KEPT
