"""Intake over real HTTP, SQLite and PostgreSQL: every record once, nothing lost, nothing blocked (R2, R24)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import func, select

from sync.collector.intake.model import ConflictRow, Dispute, HoleRow, HourlyCount, RecordRow, SetAsideRow
from sync.wire import jsonform
from sync.wire.batch import Hole
from sync.wire.receipt import SetAside
from sync.wire.record import ClockQuality, Direction, Folded, Moment, Outcome, Place, Started
from sync.wire.updates import open_snapshot
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NONCE, NOW, Gate, Served, Site

pytestmark = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
PLACE = Place(1, 1, Direction.IN)


def stored(served: Served) -> list[tuple[int, bytes]]:
    """(sequence, bytes) of every record."""
    with served.centre.database.read() as session:
        rows = session.execute(select(RecordRow.sequence, RecordRow.raw).order_by(RecordRow.sequence))
        return [(row.sequence, row.raw) for row in rows]


def count(served: Served, model: type) -> int:
    """Rows of a table."""
    with served.centre.database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def numbered(gate: Gate, *numbers: int) -> list[bytes]:
    """Records made for these numbers."""
    return [gate.record(number) for number in numbers]


def test_a_batch_is_stored_verbatim_and_acknowledged_by_a_signed_receipt(served: Served, gate: Gate) -> None:
    """DESIGN 7: commit first, then a receipt with the nonce and the next number."""
    records = numbered(gate, 1, 2, 3)
    receipt = gate.receipt(served.post(gate.batch(1, records)).answer())
    assert stored(served) == list(enumerate(records, 1))
    assert (receipt.next, receipt.nonce, receipt.outbox, receipt.epoch) == (4, NONCE, gate.outbox, 1)


def test_the_columns_say_what_the_record_says(served: Served, gate: Gate) -> None:
    """One row to ask by, for each type of record."""
    when = Moment(NOW, "boot-7", 12.5, ClockQuality.UNKNOWN)
    scan = gate.record(5, outcome=Outcome.DENY, reasons=["red", "test_old"], status="red", temperature=38.2, when=when)
    folded = jsonform.encode(Folded(when, PLACE, "bad_signature", 12))
    started = jsonform.encode(Started(when, PLACE, "0.1.0"))
    served.post(gate.batch(1, [scan, folded, started])).answer()
    with served.centre.database.read() as session:
        rows = session.scalars(select(RecordRow).order_by(RecordRow.sequence)).all()
    assert [(row.type, row.outcome, row.reasons, row.count) for row in rows] == [
        ("scan", "deny", "red,test_old", 1),
        ("folded", None, "bad_signature", 12),
        ("started", None, "", 1),
    ]
    first = rows[0]
    assert (first.venue, first.checkpoint, first.direction) == (1, 1, "in")
    assert (first.serial, first.status, first.temperature) == (bytes(8), "red", 38.2)
    assert (first.at, first.boot, first.mono, first.clock) == (NOW, "boot-7", 12.5, "unknown")
    assert first.received_at == NOW


def test_the_same_batch_again_changes_nothing_and_gets_the_same_receipt(served: Served, gate: Gate) -> None:
    """A receipt may be lost on its way; the gate sends again."""
    batch = gate.batch(1, numbered(gate, 1, 2))
    first = gate.receipt(served.post(batch).answer())
    assert gate.receipt(served.post(batch).answer()) == first
    assert [sequence for sequence, _ in stored(served)] == [1, 2]


def test_an_overlap_stores_only_what_is_new(served: Served, gate: Gate) -> None:
    """DESIGN 7: overlapping ranges, each record once."""
    served.post(gate.batch(1, numbered(gate, 1, 2, 3))).answer()
    receipt = gate.receipt(served.post(gate.batch(2, numbered(gate, 2, 3, 4, 5))).answer())
    assert receipt.next == 6
    assert stored(served) == list(enumerate(numbered(gate, 1, 2, 3, 4, 5), 1))


def test_an_older_batch_does_not_move_the_cursor_back(served: Served, gate: Gate) -> None:
    """Reordered on the way."""
    late = gate.batch(1, numbered(gate, 1, 2))
    served.post(gate.batch(1, numbered(gate, 1, 2, 3, 4))).answer()
    assert gate.receipt(served.post(late).answer()).next == 5


def test_a_gap_stores_nothing_and_asks_from_where_the_centre_stands(served: Served, gate: Gate) -> None:
    """A restored centre gets what it lost from the kept segments."""
    receipt = gate.receipt(served.post(gate.batch(7, numbered(gate, 7, 8))).answer())
    assert (receipt.next, stored(served)) == (1, [])


def test_declared_holes_move_the_cursor_and_are_kept(served: Served, gate: Gate) -> None:
    """A burnt number never blocks the records behind it; a hole may be long."""
    holes = [Hole(2, 2, "burnt"), Hole(4, 10**12, "damaged")]
    receipt = gate.receipt(served.post(gate.batch(1, numbered(gate, 1, 3), holes)).answer())
    assert receipt.next == 10**12 + 1
    assert [sequence for sequence, _ in stored(served)] == [1, 3]
    with served.centre.database.read() as session:
        kept = [(row.first, row.last, row.reason) for row in session.scalars(select(HoleRow).order_by(HoleRow.first))]
    assert kept == [(2, 2, "burnt"), (4, 10**12, "damaged")]


def test_a_record_that_was_a_hole_before_is_stored(served: Served, gate: Gate) -> None:
    """Never refuse a record that exists; and say so: perhaps an old copy of the card writes on."""
    served.post(gate.batch(1, numbered(gate, 1), [Hole(2, 2, "burnt")])).answer()
    for _ in range(2):
        assert gate.receipt(served.post(gate.batch(1, numbered(gate, 1, 2))).answer()).conflicts == [2]
    assert stored(served) == list(enumerate(numbered(gate, 1, 2), 1))


def test_another_content_under_the_same_name_keeps_both(served: Served, gate: Gate) -> None:
    """DESIGN 7: a conflict, both kept – each version once."""
    other = gate.record(2, temperature=36.9)
    served.post(gate.batch(1, numbered(gate, 1, 2))).answer()
    for _ in range(2):
        assert gate.receipt(served.post(gate.batch(2, [other])).answer()).next == 3
    assert stored(served)[1] == (2, gate.record(2))
    with served.centre.database.read() as session:
        assert [(row.sequence, row.raw) for row in session.scalars(select(ConflictRow))] == [(2, other)]


def test_poison_is_set_aside_with_a_reason_and_blocks_nothing(served: Served, gate: Gate) -> None:
    """DESIGN 7: kept, told in the receipt – in every receipt for its range – and the next record goes through."""
    poison = b'{"type":"scan","what":"is this"}'
    batch = gate.batch(1, [gate.record(1), poison, gate.record(3)])
    receipts = [gate.receipt(served.post(batch).answer()) for _ in range(2)]
    assert [sequence for sequence, _ in stored(served)] == [1, 3]
    assert all(receipt.next == 4 for receipt in receipts)
    assert receipts[0].set_aside == receipts[1].set_aside == [SetAside(2, receipts[0].set_aside[0].reason)]
    with served.centre.database.read() as session:
        assert [row.raw for row in session.scalars(select(SetAsideRow))] == [poison]


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": "not hex"},
        {"serial": "abcd"},
        {"place": Place(2**70, 1, Direction.IN)},
        {"place": Place(-1, 1, Direction.IN)},
        {"when": Moment(1e300, "b", 1.0, ClockQuality.SYNCHRONIZED)},
        {"when": Moment(-5.0, "b", 1.0, ClockQuality.SYNCHRONIZED)},
        {"kind": "a\0b"},
    ],
    ids=str,
)
def test_a_value_that_no_column_holds_is_set_aside(served: Served, gate: Gate, changes: dict[str, object]) -> None:
    """The form is right, the value is not: still no 500, still not lost."""
    receipt = gate.receipt(served.post(gate.batch(1, [gate.record(1, **changes), gate.record(2)])).answer())
    assert ([aside.sequence for aside in receipt.set_aside], receipt.next) == ([1], 3)
    assert [sequence for sequence, _ in stored(served)] == [2]


def test_five_hundred_poisoned_records_fit_into_one_receipt(served: Served, gate: Gate) -> None:
    """The receipt's bound holds in the worst case."""
    poison = [b'{"type":"' + "毒".encode() * 400 + b'"}' for _ in range(500)]
    receipt = gate.receipt(served.post(gate.batch(1, poison)).answer())
    assert len(receipt.set_aside) == 500


def test_an_outbox_belongs_to_the_gate_that_used_it_first(served: Served, site: Site, gate: Gate) -> None:
    """The second gate is refused visibly and keeps its records; the first goes on."""
    other = site.gate("2号闸机")
    other.outbox = gate.outbox
    served.post(gate.batch(1, numbered(gate, 1))).answer()
    reply = served.post(other.batch(1, numbered(other, 9)))
    assert (reply.status, reply.headers["content-type"]) == (409, "application/problem+json")
    assert gate.receipt(served.post(gate.batch(2, numbered(gate, 2))).answer()).next == 3
    assert stored(served) == list(enumerate(numbered(gate, 1, 2), 1))
    assert count(served, Dispute) == 1
    assert "gate-2" in served.signed_in().request("GET", "/records").body.decode()


def test_an_older_snapshot_is_answered_with_the_newer_files(served: Served, gate: Gate) -> None:
    """One round trip, both directions; the gate can open what it gets."""
    gate.have = (0, 0)
    answer = served.post(gate.batch(1, [])).answer()
    assert answer.updates is not None
    snapshot = open_snapshot(answer.updates, bytes.fromhex(gate.files.root_key.read_text()))
    assert (snapshot.order, snapshot.venue.gate) == ((1, 1), "gate-1")
    gate.have = snapshot.order
    assert served.post(gate.batch(1, [])).answer().updates is None


def test_a_gate_that_wants_no_updates_gets_a_receipt_alone(served: Served, gate: Gate) -> None:
    """DESIGN 4: downloading never holds up uploading."""
    gate.have = (0, 0)
    report = msgspec.structs.replace(gate.report(0), wants_updates=False)
    assert served.post(gate.batch(1, [], report=report)).answer().updates is None


def test_many_equal_batches_at_once_store_each_record_once(served: Served, gate: Gate) -> None:
    """R2 under concurrency: exactly once, and every answer is a receipt that covers all."""
    batch = gate.batch(1, numbered(gate, *range(1, 201)))
    with ThreadPoolExecutor(8) as pool:
        receipts = [gate.receipt(reply.answer()) for reply in pool.map(served.post, [batch] * 24)]
    assert {receipt.next for receipt in receipts} == {201}
    assert stored(served) == list(enumerate(numbered(gate, *range(1, 201)), 1))
    assert count(served, ConflictRow) == 0


def test_many_gates_at_once_do_not_mix(served: Served, site: Site) -> None:
    """Each outbox is its own line."""
    gates = [site.gate(f"{number}号闸机") for number in range(1, 6)]
    batches = [gate.batch(first, numbered(gate, first, first + 1)) for first in (1, 3, 5) for gate in gates]
    with ThreadPoolExecutor(5) as pool:
        for round_of in (batches[:5], batches[5:10], batches[10:]):
            assert {reply.status for reply in pool.map(served.post, round_of)} == {200}
    with served.centre.database.read() as session:
        rows = session.execute(
            select(RecordRow.gate, func.count(), func.max(RecordRow.sequence))
            .group_by(RecordRow.gate)
            .order_by(RecordRow.gate)
        )
        assert [tuple(row) for row in rows] == [(number, 6, 6) for number in range(1, 6)]


def test_the_roll_up_equals_a_recount_whatever_was_sent_again(served: Served, gate: Gate) -> None:
    """DESIGN 8: counts mean what was stored, not what was sent."""
    day = Moment(NOW + 86_400, "b", 1.0, ClockQuality.SYNCHRONIZED)
    records = [
        *numbered(gate, 1, 2),
        gate.record(3, outcome=Outcome.DENY),
        jsonform.encode(Folded(day, PLACE, "expired", 7)),
        gate.record(5, when=day),
        b'"poison"',
    ]
    served.post(gate.batch(1, records[:4])).answer()
    served.post(gate.batch(1, records)).answer()
    served.post(gate.batch(3, records[2:])).answer()
    with served.centre.database.read() as session:
        hours = {(row.hour, row.type, row.outcome, row.kind): row.count for row in session.scalars(select(HourlyCount))}
        recount: dict[tuple[int, str, str, str], int] = {}
        for row in session.scalars(select(RecordRow)):
            key = (int(row.at // 3600), row.type, row.outcome or "", row.kind or "")
            recount[key] = recount.get(key, 0) + row.count
    assert hours == recount
    assert sum(hours.values()) == 11
