"""Urgent records (R7): first of all, in batches of their own that move no cursor, bounded in rate, delivered once."""

from __future__ import annotations

import pytest

from sync.dispatch import dispatch, load, look_for_urgent, report
from sync.link import URGENT_EVERY_SECONDS, Cursor, Exchange, Link, Queued, Send, Unread, Verdict, Wait
from sync.mailbox import Provision
from sync.wire.batch import MAX_RECORDS, MAX_URGENT
from sync.wire.receipt import Receipt
from sync.wire.status import Identity, Trouble
from sync.wire.updates import open_snapshot
from sync.wire.urgent import is_urgent
from tests.sync.town import GATE, MemoryOutbox, ModelCentre, Town

OUTBOX, SEALED = "a" * 32, "b" * 32
REFUSED = b'{"type":"scan","outcome":"deny","reasons":["red"]}'
PASSED = b'{"type":"scan","outcome":"pass","reasons":["green"]}'


@pytest.mark.parametrize(
    "record",
    [
        REFUSED,
        b'{"type":"scan","when":{"at":1.5},"outcome":"refer","reasons":["yellow"]}',
        b'{"type":"scan","outcome":"deny","reasons":["expired","fever"]}',
        b'{"type":"scan","outcome":"deny","reasons":["test_missing"]}',
        b'{"reasons":["withdrawn"],"outcome":"deny","type":"scan"}',
        b'{"type":"registered","outcome":"deny","reasons":["fever"],"inspector":3}',
    ],
)
def test_a_person_who_does_not_meet_the_requirements_is_urgent(record: bytes) -> None:
    """R7: refused, and the local authority is told at once."""
    assert is_urgent(record)


@pytest.mark.parametrize(
    "record",
    [
        PASSED,
        b'{"type":"scan","outcome":"pass","reasons":["yellow"]}',
        b'{"type":"scan","outcome":"deny","reasons":["expired"]}',
        b'{"type":"scan","outcome":"refer","reasons":["paper","not_measured"]}',
        b'{"type":"folded","reason":"bad_signature","count":3}',
        b'{"type":"passage","result":"forced"}',
        b'{"type":"registered","outcome":"pass","reasons":["normal"]}',
        b'{"type":"scan","outcome":"perhaps","reasons":["red"]}',
        b'{"type":"scan"}',
        b"[]",
        b"\xff",
        b"[" * 4_000,
    ],
)
def test_everything_else_waits_its_turn(record: bytes) -> None:
    """Whoever passed; a code that must only be renewed; what is no person's scan; what cannot be read."""
    assert not is_urgent(record)


def link(*queued: Queued, cursors: dict[str, Cursor] | None = None) -> Link:
    made = Link(GATE, 30.0, lambda: 0.5)
    made.observe(queued, cursors or {})
    return made


def look(of: Link, *urgent: int, upto: int = 10_001, now: float = 0.0) -> None:
    unread = of.unread(now)
    assert unread is not None
    of.looked(unread, upto, urgent)


def send(of: Link, now: float) -> Send:
    """A full batch leaves, or what else is due."""
    action = of.next_action(now)
    assert isinstance(action, Send)
    of.sending(Exchange(action.outbox, action.first, action.first + action.max_records, "n", action.urgent), now)
    return action


def receipt(next_: int, outbox: str = OUTBOX) -> Receipt:
    return Receipt(GATE, outbox, 1, next_, 1_700_000_000.0, "n")


def test_after_weeks_the_urgent_ones_go_first_of_all() -> None:
    """Before the first ordinary batch, the cursor standing still."""
    made = link(Queued(OUTBOX, 1, 10_001))
    look(made, 700, 9_000)
    assert send(made, 0.0) == Send(OUTBOX, 1, 0, (700, 9_000))
    assert made.received(receipt(1), 0.1) is Verdict.TAKEN
    assert made.backlog == 10_000
    assert made.next_action(0.1) == Send(OUTBOX, 1, MAX_RECORDS)
    assert made.failures == 0


def test_what_the_next_batch_carries_anyway_needs_no_batch_of_its_own() -> None:
    """With a short queue, a refusal leaves at once in its turn; nobody need look for it."""
    made = link(Queued(OUTBOX, 1, 40))
    assert made.unread(0.0) is None
    assert made.next_action(0.0) == Send(OUTBOX, 1, MAX_RECORDS)
    longer = link(Queued(OUTBOX, 1, 10_001))
    look(longer, 17)
    assert longer.next_action(0.0) == Send(OUTBOX, 1, MAX_RECORDS)


def test_a_refusal_behind_another_outbox_does_not_wait_for_it() -> None:
    """A moved card's sealed outbox drains first; who is refused now goes before it."""
    made = link(Queued(SEALED, 1, 10_001), Queued(OUTBOX, 1, 9))
    assert made.unread(0.0) == Unread(OUTBOX, 1)
    look(made, 8, upto=9)
    assert send(made, 0.0) == Send(OUTBOX, 1, 0, (8,))
    made.received(receipt(1), 0.0)
    assert made.next_action(0.0) == Send(SEALED, 1, MAX_RECORDS)


def test_urgent_batches_are_bounded_in_size_and_rate_and_the_newest_go_first() -> None:
    """However many are refused, the others' records go on; who was refused just now is still at the gate."""
    made = link(Queued(OUTBOX, 1, 10_001))
    look(made, *range(1_001, 2_001), upto=5_001)
    assert send(made, 0.0).urgent == tuple(range(2_001 - MAX_URGENT, 2_001))
    made.received(receipt(1), 0.0)
    look(made, 10_000)
    assert send(made, 0.1) == Send(OUTBOX, 1, MAX_RECORDS)
    made.received(receipt(501), 0.2)
    assert send(made, URGENT_EVERY_SECONDS).urgent == (*range(1_802, 1_901), 10_000)


def test_what_arrived_in_its_turn_is_not_sent_ahead_any_more() -> None:
    """A drain overtakes the lane."""
    made = link(Queued(OUTBOX, 1, 10_001))
    look(made, 900, 9_000)
    send(made, 0.0)
    made.failed(Trouble.CENTRE_BUSY, 0.0)
    for first in (1, 501):
        send(made, 0.5)
        made.received(receipt(first + 500), 0.5)
    assert send(made, 3.0).urgent == (9_000,)


def test_a_centre_that_chokes_on_an_urgent_batch_still_gets_the_ordinary_ones() -> None:
    """Neither lane starves the other."""
    made = link(Queued(OUTBOX, 1, 10_001))
    look(made, 9_000)
    assert send(made, 0.0).urgent
    made.failed(Trouble.CENTRE_BUSY, 0.0)
    assert send(made, 0.5) == Send(OUTBOX, 1, MAX_RECORDS)
    made.received(receipt(501), 0.6)
    assert send(made, 2.0).urgent
    made.failed(Trouble.OUR_FAULT, 2.0)
    assert made.next_action(2.0) == Send(OUTBOX, 501, MAX_RECORDS // 2)


def test_urgent_records_pass_an_outbox_whose_next_batch_is_refused() -> None:
    """A poison batch holds up its successors, never a person's refusal."""
    made = link(Queued(OUTBOX, 1, 40))
    send(made, 0.0)
    made.failed(Trouble.OUR_FAULT, 0.0)
    look(made, 30, upto=40)
    assert made.next_action(0.0) == Send(OUTBOX, 1, 0, (30,))


def test_a_restored_centre_is_told_again_what_is_urgent() -> None:
    """What it had ahead of the order is lost with the rest."""
    made = link(Queued(OUTBOX, 1, 10_001), cursors={OUTBOX: Cursor(5_001, 1)})
    look(made, 9_000)
    send(made, 0.0)
    assert made.received(receipt(401), 0.0) is Verdict.RESENT
    assert made.unread(0.0) == Unread(OUTBOX, 401)
    look(made, 700, 9_000)
    assert made.next_action(1.0) == Send(OUTBOX, 401, 0, (9_000,))


def test_a_look_that_was_overtaken_counts_for_nothing() -> None:
    """The cursor moved while the outbox was read."""
    made = link(Queued(OUTBOX, 1, 10_001))
    early = made.unread(0.0)
    assert early is not None
    look(made, upto=501)
    made.looked(early, 501, [400])
    assert made.unread(0.0) == Unread(OUTBOX, 501)


def test_on_a_slow_line_batches_shrink_until_nobody_waits_long() -> None:
    """What is urgent waits for the end of the exchange under way: about a second, and not a minute."""
    made = link(Queued(OUTBOX, 1, 100_001))
    now, sizes = 0.0, []
    for _ in range(8):
        action = send(made, now)
        sizes.append(action.max_records)
        now += action.max_records / 100  # a hundred records a second
        made.received(receipt(action.first + action.max_records), now)
    assert sizes == [500, 250, 125, 62, 62, 62, 62, 62]
    assert isinstance(made.next_action(now), Send)


def test_with_nothing_else_to_do_the_lane_says_when_it_is_due() -> None:
    """No busy waiting."""
    made = link(Queued(OUTBOX, 1, 401))
    send(made, 0.0)
    made.failed(Trouble.OUR_FAULT, 0.0)
    look(made, *range(1, 401), upto=401)
    send(made, 0.0)
    made.received(receipt(1), 0.1)
    assert made.next_action(0.1) == Wait(0.5)  # the ordinary batch again
    send(made, 0.5)
    made.failed(Trouble.OUR_FAULT, 0.5)
    assert made.next_action(0.6) == Wait(0.1 + URGENT_EVERY_SECONDS)


def test_an_urgent_batch_holds_the_records_verbatim_and_the_centre_counts_them_once() -> None:
    """Found by their bytes, sent under their numbers, recognized when they come again in order."""
    town = Town()
    snapshot = open_snapshot(town.snapshot(), town.root.public)
    provision = Provision(Identity(GATE, "https://c"), town.gate, town.root.public, None, snapshot)
    outbox, centre = MemoryOutbox(), ModelCentre(town)
    for number in range(1, 1_201):
        outbox.append(None if number == 7 else REFUSED if number % 100 == 0 else PASSED)
    upto, urgent = look_for_urgent(outbox, 1)
    assert (upto, urgent) == (502, [100, 200, 300, 400, 500])
    told = report(None, (1, 1), 1_200, software="1", boot="b", mono=1.0, wants_updates=False)
    ahead = dispatch(
        load(outbox, Send(outbox.id, 1, 0, (100, 1_100)), provision.identity.gate),
        provision,
        told,
        nonce="0" * 32,
        sent_at=0.0,
    )
    centre.answer(ahead.body)
    shelf = centre.shelves[outbox.id]
    assert shelf.next == 1
    assert shelf.records == {100: [REFUSED], 1_100: [REFUSED]}
    for first in (1, 502, 1_002):
        turn = dispatch(
            load(outbox, Send(outbox.id, first, 500), provision.identity.gate),
            provision,
            told,
            nonce="1" * 32,
            sent_at=0.0,
        )
        centre.answer(turn.body)
    assert shelf.next == 1_201
    assert all(len(versions) == 1 for versions in shelf.records.values())


def test_numbers_that_hold_no_record_any_more_are_passed_over() -> None:
    """Damage between looking and sending: the others go, and nothing loops."""
    town = Town()
    snapshot = open_snapshot(town.snapshot(), town.root.public)
    provision = Provision(Identity(GATE, "https://c"), town.gate, town.root.public, None, snapshot)
    outbox = MemoryOutbox()
    for record in (REFUSED, None, REFUSED):
        outbox.append(record)
    told = report(None, (1, 1), 3, software="1", boot="b", mono=1.0, wants_updates=False)
    ready = dispatch(
        load(outbox, Send(outbox.id, 1, 0, (2, 3)), provision.identity.gate),
        provision,
        told,
        nonce="0" * 32,
        sent_at=0.0,
    )
    assert ModelCentre(town).read(ready.body).urgent == [3]
    assert ready.exchange.urgent == (2, 3)
