"""One transaction for each batch: every record once, conflicts and poison kept, the answer only after the commit.

Same batch twice, overlapping, out of order, at the same time: the cursor and the rows end the same (R2, R24).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from sync.collector.database import insert_or_add
from sync.collector.fleet.model import Contact, Gate
from sync.collector.intake.model import (
    ConflictRow,
    Dispute,
    HoleRow,
    HourlyCount,
    Outbox,
    RecordRow,
    SetAsideRow,
)
from sync.collector.intake.rows import COLUMNS, HourKey, Row, sort_records
from sync.wire import jsonform
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


def take_in(session: Session, gate: Gate, batch: Batch, now: float) -> TakenIn | Disputed:
    """Store what is new in `batch`, within the write transaction of `session`."""
    outbox = _outbox(session, gate, batch.outbox)
    if outbox.gate_number != gate.number:
        _note_dispute(session, outbox, gate, now)
        _note_contact(session, gate, batch, batch.report.backlog, now)
        return Disputed(session.get_one(Gate, outbox.gate_number).id)
    taken = _store(session, outbox, gate, batch, now) if batch.first <= outbox.next else TakenIn(outbox.next)
    # The gate reports what waits before this batch is acknowledged.
    _note_contact(session, gate, batch, max(0, batch.report.backlog - (taken.next - batch.first)), now)
    return taken


def _store(session: Session, outbox: Outbox, gate: Gate, batch: Batch, now: float) -> TakenIn:
    known, set_aside = _known(session, outbox, batch)
    fresh, other = [], []
    for sequence, raw in batch.numbered():
        if sequence not in known:
            fresh.append((sequence, raw))
        elif known[sequence] != raw:
            other.append((sequence, raw))
    new = sort_records(fresh, outbox.number, gate.number, now)
    _insert_records(session, new.rows)
    _add_to_hours(session, new.hours)
    _keep_aside(session, outbox, gate, new.set_aside, now)
    _keep_holes(session, outbox, batch)
    outbox.records += len(new.rows)
    outbox.next = max(outbox.next, batch.next)
    return TakenIn(
        next=outbox.next,
        stored=len(new.rows),
        known=len(batch.records) - len(fresh),
        conflicts=_keep_conflicts(session, outbox, gate, other, now),
        set_aside=set_aside + [SetAside(sequence, reason) for sequence, _, reason in new.set_aside],
    )


def _outbox(session: Session, gate: Gate, outbox_id: str) -> Outbox:
    """The outbox of that id, bound to the gate that used it first."""
    outbox = session.scalar(select(Outbox).where(Outbox.id == outbox_id))
    if outbox is None:
        outbox = Outbox(id=outbox_id, gate_number=gate.number, next=1, records=0)
        session.add(outbox)
        session.flush()
    return outbox


def _note_contact(session: Session, gate: Gate, batch: Batch, backlog: int, now: float) -> None:
    """How the gate is. A batch that was made before the newest one of the same boot is a replay or late: no news."""
    report, contact = batch.report, session.get(Contact, gate.number)
    if contact is None:
        contact = Contact(gate_number=gate.number)
        session.add(contact)
    elif contact.boot == report.boot and report.mono <= contact.mono:
        return
    contact.at, contact.backlog, contact.clock_error_seconds = now, backlog, batch.sent_at - now
    contact.boot, contact.mono, contact.report = report.boot, report.mono, jsonform.encode(report)


def _note_dispute(session: Session, outbox: Outbox, gate: Gate, now: float) -> None:
    dispute = session.get(Dispute, (outbox.number, gate.number))
    if dispute is None:
        dispute = Dispute(outbox=outbox.number, gate=gate.number, first_at=now)
        session.add(dispute)
    dispute.last_at = now


def _known(session: Session, outbox: Outbox, batch: Batch) -> tuple[dict[int, bytes], list[SetAside]]:
    """What is stored in the batch's range: bytes by sequence, and what was set aside of it."""
    records = session.execute(
        select(RecordRow.sequence, RecordRow.raw).where(
            RecordRow.outbox == outbox.number, RecordRow.sequence.between(batch.first, batch.next - 1)
        )
    )
    known = {row.sequence: row.raw for row in records}
    set_aside = []
    for sequence, raw, reason in session.execute(
        select(SetAsideRow.sequence, SetAsideRow.raw, SetAsideRow.reason).where(
            SetAsideRow.outbox == outbox.number, SetAsideRow.sequence.between(batch.first, batch.next - 1)
        )
    ):
        known[sequence] = raw
        set_aside.append(SetAside(sequence, reason))
    return known, set_aside


def _insert_records(session: Session, rows: Sequence[Row]) -> None:
    if rows:
        values = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        session.connection().execute(insert(RecordRow), values)


def _add_to_hours(session: Session, hours: Counter[HourKey]) -> None:
    names = ("venue", "checkpoint", "direction", "hour", "type", "outcome", "kind")
    rows = [dict(zip(names, key, strict=True), count=count) for key, count in hours.items()]
    if rows:
        insert_or_add(session.connection(), HourlyCount, "count", rows)


def _keep_aside(
    session: Session, outbox: Outbox, gate: Gate, poison: Iterable[tuple[int, bytes, str]], now: float
) -> None:
    session.add_all(
        SetAsideRow(
            outbox=outbox.number,
            sequence=sequence,
            venue=gate.checkpoint.venue_id,
            gate=gate.number,
            reason=reason,
            received_at=now,
            raw=raw,
        )
        for sequence, raw, reason in poison
    )


def _keep_conflicts(
    session: Session, outbox: Outbox, gate: Gate, other: Iterable[tuple[int, bytes]], now: float
) -> int:
    """Keep each differing version once. Returns how many are new."""
    kept = 0
    for sequence, raw in other:
        name = (outbox.number, sequence, gate.checkpoint.venue_id, sha256(raw).digest())
        if session.get(ConflictRow, name) is None:
            outbox_number, _, venue, digest = name
            session.add(
                ConflictRow(
                    outbox=outbox_number,
                    sequence=sequence,
                    venue=venue,
                    digest=digest,
                    gate=gate.number,
                    received_at=now,
                    raw=raw,
                )
            )
            kept += 1
    return kept


def _keep_holes(session: Session, outbox: Outbox, batch: Batch) -> None:
    """A hole that was declared before keeps its first reason; a longer one grows."""
    for hole in batch.holes:
        row = session.get(HoleRow, (outbox.number, hole.first))
        if row is None:
            session.add(HoleRow(outbox=outbox.number, first=hole.first, last=hole.last, reason=hole.reason))
        else:
            row.last = max(row.last, hole.last)
