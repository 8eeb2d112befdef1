"""The sender's state machine by hand: each rule of DESIGN 7 in one case."""

from __future__ import annotations

import pytest

from sync.backoff import MAX_RETRY_AFTER_SECONDS, Backoff, Pace
from sync.link import Cursor, Exchange, ForeignReceipt, Link, Queued, Send, Verdict, Wait
from sync.wire.batch import MAX_RECORDS
from sync.wire.receipt import Receipt
from sync.wire.status import Trouble

OUTBOX, SEALED = "a" * 32, "b" * 32
GATE = "gate-7"


def link(*queued: Queued, cursors: dict[str, Cursor] | None = None, draw: float = 0.5) -> Link:
    made = Link(GATE, 30.0, lambda: draw, Pace(1.0, 180.0))
    made.observe(queued, cursors or {})
    return made


def receipt(next_: int, *, outbox: str = OUTBOX, nonce: str = "n1", gate: str = GATE, epoch: int = 1) -> Receipt:
    return Receipt(gate, outbox, epoch, next_, 1_700_000_000.0, nonce)


def send(of: Link, now: float, upto: int | None = None, nonce: str = "n1") -> Send:
    action = of.next_action(now)
    assert isinstance(action, Send)
    of.sending(Exchange(action.outbox, action.first, upto or action.first, nonce, action.urgent), now)
    return action


def test_with_a_backlog_it_sends_at_once_from_the_cursor() -> None:
    """The kept receipt is the cursor."""
    action = link(Queued(OUTBOX, 1, 41), cursors={OUTBOX: Cursor(31, 1)}).next_action(0.0)
    assert action == Send(OUTBOX, 31, MAX_RECORDS)


def test_sealed_outboxes_drain_first() -> None:
    """A moved card's old records go before the new ones."""
    made = link(Queued(SEALED, 1, 5), Queued(OUTBOX, 1, 9))
    assert send(made, 0.0, upto=5).outbox == SEALED
    made.received(receipt(5, outbox=SEALED), 0.1)
    assert send(made, 0.1, upto=9).outbox == OUTBOX


def test_with_nothing_to_send_it_greets_at_once_and_then_at_its_interval() -> None:
    """A greeting carries the report up and asks for updates."""
    made = link(Queued(OUTBOX, 1, 1))
    assert send(made, 0.0) == Send(OUTBOX, 1, 0)
    made.received(receipt(1), 0.0)
    assert made.next_action(1.0) == Wait(30.0)
    assert made.next_action(30.0) == Send(OUTBOX, 1, 0)


def test_without_an_outbox_it_waits() -> None:
    """There is nobody to greet for: the gate has not started yet."""
    assert link().next_action(0.0) == Wait(float("inf"))


def test_while_an_exchange_is_under_way_it_sends_nothing_else() -> None:
    """One exchange at a time."""
    made = link(Queued(OUTBOX, 1, 9))
    send(made, 0.0, upto=9)
    assert made.next_action(99.0) == Wait(float("inf"))


def test_new_records_need_not_wait_for_the_next_greeting() -> None:
    """Records reach the centre within moments while the link is up."""
    made = link(Queued(OUTBOX, 1, 1))
    send(made, 0.0)
    made.received(receipt(1), 0.0)
    made.observe([Queued(OUTBOX, 1, 2)], {})
    assert made.next_action(0.5) == Send(OUTBOX, 1, MAX_RECORDS)


def test_a_receipt_for_part_of_a_batch_moves_the_cursor_that_far() -> None:
    """The centre's word counts, not what was sent."""
    made = link(Queued(OUTBOX, 1, 9))
    send(made, 0.0, upto=9)
    assert made.received(receipt(4), 0.0) is Verdict.TAKEN
    assert made.backlog == 5


@pytest.mark.parametrize(
    "foreign",
    [
        receipt(9, gate="gate-8"),
        receipt(9, outbox=SEALED),
        receipt(9, nonce="n0"),
        receipt(0),
        receipt(-5),
    ],
    ids=["gate", "outbox", "nonce", "zero", "negative"],
)
def test_a_receipt_that_does_not_answer_this_exchange_moves_nothing(foreign: Receipt) -> None:
    """Replayed, delayed, or another's: genuine, and not ours."""
    made = link(Queued(OUTBOX, 1, 9))
    send(made, 0.0, upto=9)
    with pytest.raises(ForeignReceipt):
        made.received(foreign, 0.0)
    assert made.backlog == 8
    assert made.next_action(0.0) == Wait(float("inf"))


def test_a_second_copy_of_a_receipt_is_foreign() -> None:
    """Nobody waits for it any more."""
    made = link(Queued(OUTBOX, 1, 9))
    send(made, 0.0, upto=5)
    made.received(receipt(5), 0.0)
    with pytest.raises(ForeignReceipt):
        made.received(receipt(5), 0.0)


def test_a_restored_centre_gets_again_what_it_lost() -> None:
    """A lower `next` moves the cursor back; the kept segments fill the gap (DESIGN 7)."""
    made = link(Queued(OUTBOX, 1, 1001), cursors={OUTBOX: Cursor(1001, 1)})
    send(made, 0.0)
    assert made.received(receipt(401, epoch=2), 0.0) is Verdict.RESENT
    assert made.backlog == 600
    again = made.next_action(1.0)
    assert again == Send(OUTBOX, 401, MAX_RECORDS)


def test_a_restored_centre_may_ask_for_more_than_is_kept() -> None:
    """The cursor goes as far back as asked; what is pruned is declared as a hole when it is read."""
    made = link(Queued(OUTBOX, 501, 1001), cursors={OUTBOX: Cursor(1001, 1)})
    send(made, 0.0)
    made.received(receipt(1, epoch=2), 0.0)
    assert made.next_action(1.0) == Send(OUTBOX, 1, MAX_RECORDS)


def test_a_centre_that_knows_more_than_we_sent_still_gets_everything_from_us() -> None:
    """Lost receipts, or an old copy of the card: only what we sent ourselves is known to be ours."""
    made = link(Queued(OUTBOX, 1, 1001))
    send(made, 0.0, upto=501)
    verdict = made.received(receipt(900), 0.0)
    assert verdict is Verdict.KNOWN
    assert not verdict.is_cursor
    assert made.next_action(0.0) == Send(OUTBOX, 501, MAX_RECORDS)


def test_a_centre_that_expects_what_was_never_written_is_told_apart() -> None:
    """An old copy of the card was put back: seen, and its new records are sent all the same."""
    made = link(Queued(OUTBOX, 1, 11))
    send(made, 0.0, upto=11)
    assert made.received(receipt(5000), 0.0) is Verdict.BEYOND
    assert made.backlog == 0
    made.observe([Queued(OUTBOX, 1, 12)], {})
    assert made.next_action(0.0) == Send(OUTBOX, 11, MAX_RECORDS)


@pytest.mark.parametrize("kept", [0, 400, 1002, 10**15])
def test_a_kept_cursor_outside_of_the_outbox_says_nothing(kept: int) -> None:
    """Everything that is kept is sent again; the centre recognizes it."""
    made = link(Queued(OUTBOX, 501, 1001), cursors={OUTBOX: Cursor(kept, 1)})
    assert made.next_action(0.0) == Send(OUTBOX, 501, MAX_RECORDS)


def test_a_genuine_answer_without_progress_makes_no_tight_loop() -> None:
    """A centre that takes nothing is asked again later, each time later."""
    made = link(Queued(OUTBOX, 1, 9))
    now, waits = 0.0, []
    for _ in range(5):
        send(made, now, upto=9)
        made.received(receipt(1), now)
        action = made.next_action(now)
        assert isinstance(action, Wait)
        waits.append(action.until - now)
        now = action.until
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_failures_back_off_up_to_a_few_minutes() -> None:
    """Full jitter: evenly between nothing and a bound that doubles up to 180 s."""
    made = link(Queued(OUTBOX, 1, 9), draw=0.999)
    now, waits = 0.0, []
    for _ in range(12):
        send(made, now, upto=9)
        made.failed(Trouble.NO_NETWORK, now)
        action = made.next_action(now)
        assert isinstance(action, Wait)
        waits.append(action.until - now)
        now = action.until
    assert waits[0] < 1.0
    assert max(waits) <= 180.0
    assert waits[-1] > 150.0
    assert made.failures == 12


def test_success_forgets_the_failures() -> None:
    """The next failure waits briefly again."""
    made = link(Queued(OUTBOX, 1, 9))
    send(made, 0.0, upto=9)
    made.failed(Trouble.CENTRE_BUSY, 0.0)
    send(made, 1.0, upto=5)
    made.received(receipt(5), 1.0)
    assert made.failures == 0
    assert isinstance(made.next_action(1.0), Send)


def test_retry_after_is_honoured_and_bounded() -> None:
    """Whoever answers in the centre's place cannot keep the gate away for good."""
    made = link(Queued(OUTBOX, 1, 9), draw=0.0)
    send(made, 0.0, upto=9)
    made.failed(Trouble.CENTRE_BUSY, 0.0, retry_after=60.0)
    assert made.next_action(59.0) == Wait(60.0)
    send(made, 60.0, upto=9)
    made.failed(Trouble.CENTRE_BUSY, 60.0, retry_after=1e9)
    assert made.next_action(61.0) == Wait(60.0 + MAX_RETRY_AFTER_SECONDS)


def test_what_one_outbox_sends_wrongly_stops_no_other() -> None:
    """A batch that the centre cannot read waits; the other outbox and the greetings go on."""
    made = link(Queued(SEALED, 1, 5), Queued(OUTBOX, 1, 9))
    assert send(made, 0.0, upto=5).outbox == SEALED
    made.failed(Trouble.OUR_FAULT, 0.0)
    assert send(made, 0.0, upto=9).outbox == OUTBOX
    made.received(receipt(9), 0.0)
    assert send(made, 0.0) == Send(SEALED, 1, 0)
    made.received(receipt(1, outbox=SEALED), 0.0)
    assert made.next_action(0.4) == Wait(0.5)
    assert made.next_action(0.5) == Send(SEALED, 1, MAX_RECORDS // 2)


def test_a_greeting_that_is_not_taken_comes_again_at_its_interval() -> None:
    """An outbox that the centre disputes holds up no other."""
    made = link(Queued(SEALED, 1, 1), Queued(OUTBOX, 1, 1))
    send(made, 0.0)
    made.failed(Trouble.OUR_FAULT, 0.0)
    assert send(made, 0.0) == Send(SEALED, 1, 0)
    made.received(receipt(1, outbox=SEALED), 0.0)
    assert made.next_action(0.0) == Wait(30.0)


def test_batches_shrink_where_large_ones_do_not_get_through_and_grow_again() -> None:
    """A proxy's limit (413), a bad line: smaller and smaller, down to one record."""
    made = link(Queued(OUTBOX, 1, 100_001), draw=0.0)
    sizes = []
    for _ in range(10):
        sizes.append(send(made, 0.0, upto=2).max_records)
        made.failed(Trouble.OUR_FAULT, 0.0)
    assert sizes == [500, 250, 125, 62, 31, 15, 7, 3, 1, 1]
    send(made, 0.0, upto=2)
    made.received(receipt(2), 0.0)
    assert made.next_action(0.0) == Send(OUTBOX, 2, 2)


def test_a_wake_cuts_every_wait_short() -> None:
    """Somebody asks for an exchange now."""
    made = link(Queued(OUTBOX, 1, 1))
    send(made, 0.0)
    made.failed(Trouble.CENTRE_BUSY, 0.0, retry_after=600.0)
    made.wake()
    assert made.next_action(0.0) == Send(OUTBOX, 1, 0)


def test_an_unreadable_outbox_is_put_off_and_the_others_go_on() -> None:
    """A bad card sector costs what it holds, nothing else."""
    made = link(Queued(SEALED, 1, 5), Queued(OUTBOX, 1, 9))
    made.put_off(SEALED, 0.0)
    assert made.next_action(0.0) == Send(OUTBOX, 1, MAX_RECORDS)


def test_the_backoff_survives_a_year_of_failures() -> None:
    """Doubling is bounded: no overflow after weeks without network."""
    backoff = Backoff(lambda: 0.5, Pace(1.0, 180.0))
    for _ in range(100_000):
        backoff.fail(0.0)
    assert backoff.until == 90.0


def test_after_a_restore_everything_of_a_contested_outbox_goes_again() -> None:
    """The backup may hold one version under a number, and the cursor stands beyond it: found by the state machine."""
    made = link(Queued(OUTBOX, 3, 9), cursors={OUTBOX: Cursor(9, epoch=1)})
    made.observe([Queued(OUTBOX, 3, 9)], {}, {OUTBOX})
    send(made, 0.0)
    verdict = made.received(receipt(9, epoch=2), 0.0)
    assert (verdict, verdict.is_cursor) == (Verdict.DOUBTED, False)
    assert send(made, 100.0, upto=9) == Send(OUTBOX, 3, MAX_RECORDS)
    assert made.received(receipt(9, epoch=2), 100.0) is Verdict.TAKEN


def test_after_a_restore_an_outbox_without_conflicts_goes_on() -> None:
    """What the backup holds below the cursor is what this card holds."""
    made = link(Queued(OUTBOX, 3, 9), cursors={OUTBOX: Cursor(9, epoch=1)})
    send(made, 0.0)
    assert made.received(receipt(9, epoch=2), 0.0) is Verdict.TAKEN


def test_the_likely_next_batch_is_the_one_that_is_due_if_all_goes_well() -> None:
    """It is made ready while the centre works; what comes back decides whether it leaves."""
    made = link(Queued(OUTBOX, 1, 1_600))
    assert made.likely_next() is None
    send(made, 0.0, upto=501)
    foreseen = made.likely_next()
    made.received(receipt(501), 0.1)
    assert made.next_action(0.1) == foreseen == Send(OUTBOX, 501, MAX_RECORDS)


def test_a_batch_that_would_not_be_full_is_not_made_ready() -> None:
    """More may come until it leaves."""
    made = link(Queued(OUTBOX, 1, 900))
    send(made, 0.0, upto=501)
    assert made.likely_next() is None
