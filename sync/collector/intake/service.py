"""One transaction for each batch: every record once, conflicts and poison kept, the answer only after the commit.

Same batch twice, overlapping, out of order, at the same time: the cursor and the rows end the same (R2, R24).
The statements are built once and bypass the ORM: this is the path that a province's passages take.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import Connection, bindparam, insert, select, update

from sync.collector.database import insert_new, insert_or_add, insert_rows
from sync.collector.fleet.contacts import note_contact
from sync.collector.fleet.model import Gate
from sync.collector.fleet.service import KnownGate
from sync.collector.intake.model import ConflictRow, Dispute, HoleRow, HourlyCount, Outbox, RecordRow, SetAsideRow
from sync.collector.intake.rows import HourKey, sort_records
from sync.wire.batch import Batch
from sync.wire.receipt import SetAside


@dataclass(frozen=True, slots=True)
class Disputed:
    """The outbox is another gate's. Only the dispute was stored; the records stay on the device that sent them."""

    owner: str


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of a batch. next: as the receipt says. known: sent before. set_aside: every one of its range."""

    next: int
    stored: int = 0
    known: int = 0
    conflicts: int = 0
    set_aside: list[SetAside] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    """An outbox as the transaction found it: its number here, its gate's, and its cursor."""

    number: int
    gate_number: int
    next: int


def take_in(connection: Connection, gate: KnownGate, batch: Batch, now: float) -> TakenIn | Disputed:
    """Store what is new in `batch`, within the write transaction of `connection`."""
    line = _line(connection, gate, batch.outbox)
    if line.gate_number != gate.number:
        note_contact(connection, gate, batch, batch.report.backlog, now)
        return _dispute(connection, line, gate, now)
    taken = _store(connection, line, gate, batch, now) if batch.first <= line.next else TakenIn(line.next)
    # The gate reports what waits before this batch is acknowledged.
    note_contact(connection, gate, batch, max(0, batch.report.backlog - (taken.next - batch.first)), now)
    return taken


def _store(connection: Connection, line: _Line, gate: KnownGate, batch: Batch, now: float) -> TakenIn:
    known, set_aside = _known(connection, line, batch)
    fresh, other = [], []
    for sequence, raw in batch.numbered():
        if sequence not in known:
            fresh.append((sequence, raw))
        elif known[sequence] != raw:
            other.append((sequence, raw))
    new = sort_records(fresh, line.number, gate.number, now)
    insert_rows(connection, RecordRow, new.rows)
    _add_to_hours(connection, new.hours)
    _keep_aside(connection, line, gate, new.set_aside, now)
    _keep_conflicts(connection, line, gate, other, now)
    _keep_holes(connection, line, batch)
    moved = max(line.next, batch.next)
    connection.execute(_MOVE, {"outbox_number": line.number, "moved": moved, "added": len(new.rows)})
    return TakenIn(
        next=moved,
        stored=len(new.rows),
        known=len(batch.records) - len(fresh),
        conflicts=len(other),
        set_aside=set_aside + [SetAside(sequence, reason) for sequence, _, reason in new.set_aside],
    )


_FIND = select(Outbox.number, Outbox.gate_number, Outbox.next).where(Outbox.id == bindparam("outbox_id"))
_MOVE = (
    update(Outbox)
    .where(Outbox.number == bindparam("outbox_number"))
    .values(next=bindparam("moved"), records=Outbox.records + bindparam("added"))
)
_RECORDS = select(RecordRow.sequence, RecordRow.raw).where(
    RecordRow.outbox == bindparam("outbox_number"), RecordRow.sequence.between(bindparam("first"), bindparam("last"))
)
_ASIDE = select(SetAsideRow.sequence, SetAsideRow.raw, SetAsideRow.reason).where(
    SetAsideRow.outbox == bindparam("outbox_number"),
    SetAsideRow.sequence.between(bindparam("first"), bindparam("last")),
)


def _line(connection: Connection, gate: KnownGate, outbox_id: str) -> _Line:
    """The outbox of that id, bound to the gate that used it first."""
    row = connection.execute(_FIND, {"outbox_id": outbox_id}).one_or_none()
    if row is None:
        new = {"id": outbox_id, "gate_number": gate.number, "next": 1, "records": 0}
        connection.execute(insert(Outbox), new)
        row = connection.execute(_FIND, {"outbox_id": outbox_id}).one()
    return _Line(row.number, row.gate_number, row.next)


def _dispute(connection: Connection, line: _Line, gate: KnownGate, now: float) -> Disputed:
    insert_new(connection, Dispute, [{"outbox": line.number, "gate": gate.number, "first_at": now, "last_at": now}])
    found = (Dispute.outbox == line.number, Dispute.gate == gate.number)
    connection.execute(update(Dispute).where(*found).values(last_at=now))
    return Disputed(connection.execute(select(Gate.id).where(Gate.number == line.gate_number)).scalar_one())


def _known(connection: Connection, line: _Line, batch: Batch) -> tuple[dict[int, bytes], list[SetAside]]:
    """What is stored in the batch's range: bytes by sequence, and what was set aside of it."""
    if batch.first == line.next:
        return {}, []  # the normal case: nothing is stored from the cursor on
    span = {"outbox_number": line.number, "first": batch.first, "last": batch.next - 1}
    known = {row.sequence: row.raw for row in connection.execute(_RECORDS, span)}
    aside = connection.execute(_ASIDE, span).all()
    known |= {row.sequence: row.raw for row in aside}
    return known, [SetAside(row.sequence, row.reason) for row in aside]


def _add_to_hours(connection: Connection, hours: Counter[HourKey]) -> None:
    names = ("venue", "checkpoint", "direction", "hour", "type", "outcome", "kind")
    rows = [dict(zip(names, key, strict=True), count=count) for key, count in hours.items()]
    insert_or_add(connection, HourlyCount, "count", rows)


def _keep_aside(
    connection: Connection, line: _Line, gate: KnownGate, poison: Iterable[tuple[int, bytes, str]], now: float
) -> None:
    rows = [_kept(line, gate, sequence, raw, now) | {"reason": reason} for sequence, raw, reason in poison]
    insert_new(connection, SetAsideRow, rows)


def _keep_conflicts(
    connection: Connection, line: _Line, gate: KnownGate, other: Iterable[tuple[int, bytes]], now: float
) -> None:
    """Each differing version once, however often it is sent."""
    rows = [_kept(line, gate, sequence, raw, now) | {"digest": sha256(raw).digest()} for sequence, raw in other]
    insert_new(connection, ConflictRow, rows)


def _kept(line: _Line, gate: KnownGate, sequence: int, raw: bytes, now: float) -> dict[str, object]:
    return {
        "outbox": line.number,
        "sequence": sequence,
        "venue": gate.card.venue,
        "gate": gate.number,
        "received_at": now,
        "raw": raw,
    }


def _keep_holes(connection: Connection, line: _Line, batch: Batch) -> None:
    rows = [
        {"outbox": line.number, "first": hole.first, "last": hole.last, "reason": hole.reason} for hole in batch.holes
    ]
    insert_new(connection, HoleRow, rows)
