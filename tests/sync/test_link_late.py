"""Receipts that come back on a stick: judged like any other, and never more than they are worth by now."""

from __future__ import annotations

import pytest

from sync.link import Cursor, Exchange, ForeignReceipt, Link, Queued, Verdict
from tests.sync.test_link_judgement import OUTBOX, link, receipt


def sent(first: int, upto: int) -> Exchange:
    """A batch that left on a stick."""
    return Exchange(OUTBOX, first, upto, "n1")


def at(cursor: int, epoch: int = 1, queued: int = 100) -> Link:
    return link(Queued(OUTBOX, 1, queued), cursors={OUTBOX: Cursor(cursor, epoch)})


def cursor(of: Link) -> int | None:
    return of.cursor(OUTBOX)


def test_a_late_receipt_moves_the_cursor_like_any_other() -> None:
    """Up to what it says, and no further than what was sent."""
    made = at(11)
    assert made.received_late(sent(11, 31), receipt(31)) is Verdict.TAKEN
    assert cursor(made) == 31
    assert made.received_late(sent(31, 51), receipt(41)) is Verdict.TAKEN
    assert cursor(made) == 41
    assert made.received_late(sent(41, 51), receipt(61)) is Verdict.KNOWN
    assert cursor(made) == 51


@pytest.mark.parametrize("next_", [1, 11, 31, 61])
def test_one_that_was_overtaken_moves_nothing(next_: int) -> None:
    """The network was faster, or another stick; "the centre lacks it" was true some days ago."""
    made = at(31)
    assert made.received_late(sent(11, 31), receipt(next_)) is Verdict.OLD
    assert cursor(made) == 31


def test_an_older_life_of_the_centre_says_nothing() -> None:
    """Its epoch is lower: from before a restore."""
    made = at(11, epoch=2)
    assert made.received_late(sent(11, 31), receipt(31, epoch=1)) is Verdict.OLD
    assert cursor(made) == 11


def test_what_lies_behind_a_gap_acknowledges_nothing() -> None:
    """Nobody answered for 11 to 30 as they are on this card: an old copy of it may hold others."""
    made = at(11)
    assert made.received_late(sent(31, 51), receipt(51)) is Verdict.OLD
    assert cursor(made) == 11


def test_a_restored_centre_is_believed_late_too() -> None:
    """Back to what it asks for; and everything, where numbers have two versions."""
    made = at(51)
    assert made.received_late(sent(51, 61), receipt(21, epoch=2)) is Verdict.RESENT
    assert cursor(made) == 21
    contested = at(51)
    contested.observe([Queued(OUTBOX, 1, 100)], {}, {OUTBOX})
    assert contested.received_late(sent(51, 61), receipt(61, epoch=2)) is Verdict.DOUBTED
    assert cursor(contested) == 1


def test_an_old_copy_of_the_card_is_found_out_late_too() -> None:
    """The centre expects more than was ever written here, and that was true already when it said so."""
    made = at(11, queued=41)
    assert made.received_late(sent(11, 41), receipt(90)) is Verdict.BEYOND
    assert cursor(made) == 41
    assert made.received_late(sent(41, 41), receipt(90)) is Verdict.BEYOND
    assert cursor(made) == 41


def test_another_gates_or_another_batchs_receipt_is_foreign() -> None:
    """As by network."""
    made = at(11)
    for foreign in (receipt(31, gate="gate-8"), receipt(31, nonce="n2"), receipt(31, outbox="b" * 32), receipt(0)):
        with pytest.raises(ForeignReceipt):
            made.judge_late(sent(11, 31), foreign)
    assert cursor(made) == 11
