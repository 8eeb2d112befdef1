"""One transaction for each batch: every record once, conflicts and poison kept, the answer only after the commit.

Same batch twice, overlapping, out of order, at the same time: the cursor and the rows end the same (R2, R24).
The statements are built once and bypass the ORM: this is the path that a province's passages take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select, update
from sqlalchemy.orm import InstrumentedAttribute

from sync.collector.database import insert_new
from sync.collector.fleet.contacts import note_contact
from sync.collector.fleet.model import Gate
from sync.collector.fleet.service import KnownGate
from sync.collector.intake import writing
from sync.collector.intake.model import (
    ConflictRow,
    Dispute,
    HoleRow,
    Outbox,
    QuarantinedRow,
    RecordRow,
    Resolution,
    SetAsideRow,
)
from sync.collector.intake.rows import BELIEVED, Row, Source, sort_records
from sync.collector.privacy import terms
from sync.collector.privacy.model import PurgedNumber
from sync.wire.batch import MAX_RECORDS, Batch
from sync.wire.receipt import SetAside


@dataclass(frozen=True, slots=True)
class Disputed:
    """The outbox is another gate's. Only the dispute was stored; the records stay on the device that sent them."""

    owner: str


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of a batch. next: as the receipt says. known: sent before. set_aside: every one of its range.

    quarantined: what was kept apart because the gate is revoked. conflicts: numbers that hold other bytes here,
    or nothing as this outbox once said.
    """

    next: int
    stored: int = 0
    quarantined: int = 0
    known: int = 0
    conflicts: list[int] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    """An outbox as the transaction found it: its number here, its gate's, its cursor, and what came before its turn.

    purged: records below it were here, and their term is over.
    """

    number: int
    gate_number: int | None
    next: int
    ahead: int
    purged: int


def take_in(
    connection: Connection, gate: KnownGate, batch: Batch, now: float, *, straight: bool = True
) -> TakenIn | Disputed:
    """Store what is new in `batch`, within the write transaction of `connection`.

    straight: it was made just now; one that was carried on a stick says nothing about the gate's clock.
    """
    line = _line(connection, gate, batch.outbox)
    if line.gate_number != gate.number:
        note_contact(connection, gate, batch, batch.report.backlog, now, straight=straight)
        return _dispute(connection, line, gate, now)
    if batch.urgent or batch.first <= line.next:
        source = Source(line.number, gate.number, gate.venues)
        if straight:
            source = replace(source, boot=batch.report.boot, booted_at=now - batch.report.mono)
        taken = _store(connection, line, gate, batch, source, now)
    else:
        taken = TakenIn(line.next)
    # The gate reports what waits before this batch is acknowledged.
    waits = max(0, batch.report.backlog - (taken.next - batch.first))
    note_contact(connection, gate, batch, waits, now, straight=straight)
    return taken


def _store(connection: Connection, line: _Line, gate: KnownGate, batch: Batch, source: Source, now: float) -> TakenIn:
    known, set_aside = _known(connection, line, gate, batch)
    fresh, other, purged = [], [], []
    for sequence, raw in batch.numbered():
        if sequence not in known:
            fresh.append((sequence, raw))
        elif known[sequence] is None:
            purged.append((sequence, raw))
        elif known[sequence] != raw:
            other.append((sequence, raw))
    other += _too_young(connection, purged, source, now)
    # Urgent records move no cursor: those before them are still to come, and they come again in their turn.
    moved = line.next if batch.urgent else max(line.next, batch.next)
    ahead = max([line.ahead, *(number + 1 for number in batch.urgent)])
    place = {"outbox_number": line.number, "moved": moved, "reached": ahead}
    _keep_holes(connection, line, batch)
    if gate.is_revoked:
        _quarantine(connection, line, gate, fresh + other, now)
        connection.execute(_MOVE, place | {"added": 0})
        return TakenIn(moved, quarantined=len(fresh) + len(other), known=len(batch.records) - len(fresh))
    contested = _declared_empty(connection, line, batch).union(sequence for sequence, _ in other)
    new = sort_records(fresh, source, now)
    writing.store(connection, new.rows)
    _keep_aside(connection, line, gate, new.set_aside, now)
    _keep_conflicts(connection, line, gate, other, now)
    connection.execute(_MOVE, place | {"added": len(new.rows)})
    return TakenIn(
        next=moved,
        stored=len(new.rows),
        known=len(batch.records) - len(fresh),
        conflicts=sorted(contested),
        set_aside=set_aside + [SetAside(sequence, reason) for sequence, _, reason in new.set_aside],
    )


_FIND = select(Outbox.number, Outbox.gate_number, Outbox.next, Outbox.ahead, Outbox.purged).where(
    Outbox.id == bindparam("outbox_id")
)
_MOVE = (
    update(Outbox)
    .where(Outbox.number == bindparam("outbox_number"))
    .values(next=bindparam("moved"), ahead=bindparam("reached"), records=Outbox.records + bindparam("added"))
)


@dataclass(frozen=True, slots=True)
class _LookUp:
    """What is stored of an outbox's numbers at a venue: sequence, bytes, why it was set aside; what was purged.

    aside: with what people decided about it since.
    """

    purged: Select[int]
    quarantined: Select[int, bytes]
    records: Select[int, bytes]
    aside: Select[int, bytes, str, str | None]


def _look_up(within: Callable[[InstrumentedAttribute[int]], ColumnElement[bool]]) -> _LookUp:
    def stored(model: type[RecordRow] | type[SetAsideRow] | type[QuarantinedRow]) -> Select[int, bytes]:
        place = (model.venue == bindparam("at_venue"), model.outbox == bindparam("outbox_number"))
        return select(model.sequence, model.raw).where(*place, within(model.sequence))

    outbox, sequence = PurgedNumber.outbox, PurgedNumber.sequence
    return _LookUp(
        select(sequence).where(outbox == bindparam("outbox_number"), within(sequence)),
        stored(QuarantinedRow),
        stored(RecordRow),
        stored(SetAsideRow).add_columns(SetAsideRow.reason, SetAsideRow.resolution),
    )


# A list of 500 numbers costs more to put into the statement than the whole answer does.
_IN_RANGE = _look_up(lambda sequence: sequence.between(bindparam("lowest"), bindparam("highest")))
_LISTED = _look_up(lambda sequence: sequence.in_(bindparam("numbers", expanding=True)))
_MOST_IN_RANGE = 2 * MAX_RECORDS
_HOLES = (
    select(HoleRow.first, HoleRow.last)
    .where(
        HoleRow.outbox == bindparam("outbox_number"),
        HoleRow.first <= bindparam("highest"),
        HoleRow.last >= bindparam("lowest"),
    )
    .order_by(HoleRow.first)
)
_HOLES_AT_ONCE = 1_000


def _line(connection: Connection, gate: KnownGate, outbox_id: str) -> _Line:
    """The outbox of that id, bound to the gate that used it first."""
    row = connection.execute(_FIND, {"outbox_id": outbox_id}).one_or_none()
    if row is None:
        new = {"id": outbox_id, "gate_number": gate.number, "next": 1, "records": 0, "ahead": 1, "purged": 1}
        insert_new(connection, Outbox, [new])  # another gate may claim it in this very moment
        row = connection.execute(_FIND, {"outbox_id": outbox_id}).one()
    return _Line(*row)


def _dispute(connection: Connection, line: _Line, gate: KnownGate, now: float) -> Disputed:
    insert_new(connection, Dispute, [{"outbox": line.number, "gate": gate.number, "first_at": now, "last_at": now}])
    found = (Dispute.outbox == line.number, Dispute.gate == gate.number)
    connection.execute(update(Dispute).where(*found).values(last_at=now))
    return Disputed(connection.execute(select(Gate.id).where(Gate.number == line.gate_number)).scalar_one())


def _is_next(line: _Line, batch: Batch) -> bool:
    """The normal case: nothing is known from the cursor on."""
    return batch.first == line.next >= line.ahead and not batch.urgent


def _known(
    connection: Connection, line: _Line, gate: KnownGate, batch: Batch
) -> tuple[dict[int, bytes | None], list[SetAside]]:
    """What is stored of the batch's numbers: bytes by sequence (None: purged), and what was set aside of them.

    Venue by venue, so that no statement asks two servers: a gate has stood at one, seldom at two.
    """
    if not batch.records or _is_next(line, batch):
        return {}, []
    set_aside: list[SetAside] = []
    numbers = [sequence for sequence, _ in batch.numbered()]
    wanted, lowest, highest = frozenset(numbers), numbers[0], numbers[-1]
    # Urgent numbers lie anywhere, and a hole is as long as a hostile gate likes.
    is_narrow = highest - lowest < _MOST_IN_RANGE
    look_up, asked = (
        (_IN_RANGE, {"lowest": lowest, "highest": highest}) if is_narrow else (_LISTED, {"numbers": numbers})
    )
    known: dict[int, bytes | None] = {sequence: None for sequence in numbers if sequence < line.purged}
    known |= dict.fromkeys(connection.scalars(look_up.purged, {"outbox_number": line.number, **asked}))
    for venue in sorted(gate.venues):
        span = {"at_venue": venue, "outbox_number": line.number, **asked}
        # What was stored first has the name; a record outranks what was kept apart.
        for statement in (look_up.quarantined, look_up.records):
            known |= {row.sequence: row.raw for row in connection.execute(statement, span)}
        aside = [row for row in connection.execute(look_up.aside, span) if row.sequence in wanted]
        known |= {row.sequence: row.raw for row in aside}
        set_aside += [SetAside(row.sequence, row.reason) for row in aside if row.resolution != Resolution.ACCEPTED]
    return known, set_aside


def _too_young(
    connection: Connection, purged: list[tuple[int, bytes]], source: Source, now: float
) -> list[tuple[int, bytes]]:
    """Of records under purged numbers those that are not surely the purged ones: an old copy of a card writes on."""
    if not purged:
        return []
    before = now - terms.in_force(connection).records * terms.DAY_SECONDS
    over = {row.sequence for row in sort_records(purged, source, now).rows if _surely_before(row, before)}
    return [(sequence, raw) for sequence, raw in purged if sequence not in over]


def _surely_before(row: Row, before: float) -> bool:
    """Whether it happened before, by a clock that somebody vouched for."""
    if row.corrected_at is None and row.clock not in BELIEVED:
        return False
    return (row.at if row.corrected_at is None else row.corrected_at) < before


def _declared_empty(connection: Connection, line: _Line, batch: Batch) -> set[int]:
    """Numbers of the batch's records that were declared a hole before: two cards may write one outbox."""
    if not batch.records or _is_next(line, batch):
        return set()
    numbers = [sequence for sequence, _ in batch.numbered()]
    span = {"outbox_number": line.number, "lowest": numbers[0], "highest": numbers[-1]}
    holes = connection.execute(_HOLES, span, execution_options={"yield_per": _HOLES_AT_ONCE})
    return declared_empty(numbers, ((hole.first, hole.last) for hole in holes))


def declared_empty(numbers: Iterable[int], holes: Iterable[tuple[int, int]]) -> set[int]:
    """PURE: those of the numbers, ascending, that lie in a hole (first, last). The holes by their first number.

    One pass over both: holes may lie over each other, as many as a rogue gate likes, while the transaction is open.
    """
    found: set[int] = set()
    rest, reach = iter(holes), 0
    hole = next(rest, None)
    for number in numbers:
        while hole is not None and hole[0] <= number:
            reach = max(reach, hole[1])
            hole = next(rest, None)
        if number <= reach:
            found.add(number)
    return found


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


def _quarantine(
    connection: Connection, line: _Line, gate: KnownGate, records: Iterable[tuple[int, bytes]], now: float
) -> None:
    rows = [_kept(line, gate, sequence, raw, now) | {"digest": sha256(raw).digest()} for sequence, raw in records]
    insert_new(connection, QuarantinedRow, rows)


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
