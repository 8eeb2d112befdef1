"""`collector db check`: what must hold of the database at any moment, asked of the database itself. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    union_all,
)

from sync.collector import schema
from sync.collector.database import Database
from sync.collector.fleet.model import Epoch, Placement, PolicyDocument
from sync.collector.intake.hours import KEY, TOTALS, recount
from sync.collector.intake.model import (
    ConflictRow,
    Correction,
    HoleRow,
    HourlyCount,
    Outbox,
    QuarantinedRow,
    RecordRow,
    Resolution,
    SetAsideRow,
)
from sync.collector.intake.own import NO_GATE
from sync.collector.privacy import audit
from sync.collector.privacy.model import PurgedCount, PurgedNumber

_SHOWN = 5  # of each kind: the first few say what is wrong
_TAKEN = (RecordRow, SetAsideRow, QuarantinedRow, PurgedNumber)


def broken(database: Database, audit_key: bytes | None = None) -> list[str]:
    """One sentence for each thing that is wrong. audit_key: without it the audit's digests are passed over.

    Raises Mistake for a database of another version.
    """
    with database.look() as connection:
        schema.require_current(connection)
        found = [sentence for check in _CHECKS for sentence in check(connection)]
        return found + list(audit.broken(connection, audit_key))


def _file(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for line in connection.execute(text("PRAGMA integrity_check(5)")).scalars():
            if line != "ok":
                yield f"the file is damaged: {line}"
        for row in connection.execute(text("PRAGMA foreign_key_check")).fetchmany(_SHOWN):
            yield f"a row of {row[0]} points at a row of {row[2]} that is not there"


def _centre(connection: Connection) -> Iterator[str]:
    for model, name in ((Epoch, "epoch"), (PolicyDocument, "policy")):
        if not connection.scalar(select(exists().select_from(model))):
            yield f"there is no {name}"


def _cursors(connection: Connection) -> Iterator[str]:
    """From what is purged to an outbox's cursor every number is taken or a declared hole – and nothing stands above."""
    counted = {model: _by_outbox(connection, model) for model in _TAKEN}
    numbers, highest = _numbers_by_outbox(connection)
    holes: dict[int, list[tuple[int, int]]] = {}
    for row in connection.execute(select(HoleRow.outbox, HoleRow.first, HoleRow.last).order_by(HoleRow.first)):
        holes.setdefault(row.outbox, []).append((row.first, row.last))
    lowest = {row[0]: row[1] for row in connection.execute(_LOWEST)}
    for outbox in connection.execute(_OUTBOXES):
        if outbox.purged > outbox.next or lowest.get(outbox.number, outbox.purged) < outbox.purged:
            yield f"outbox {outbox.id} has records below {outbox.purged}, where all are purged, or no such number yet"
        stored = counted[RecordRow].get(outbox.number, 0)
        if stored != outbox.records:
            yield f"outbox {outbox.id} says that it has {outbox.records} records, and has {stored}"
        if highest.get(outbox.number, 0) >= max(outbox.next, outbox.ahead):
            yield f"outbox {outbox.id} has records from its cursor {outbox.next} on"
        empty = sum(
            last - first + 1 - _numbers_within(connection, outbox.number, first, last)
            for first, last in _merged(holes.get(outbox.number, []), outbox.purged)
        )
        if (held := numbers.get(outbox.number, 0)) + empty != outbox.next - outbox.purged:
            yield f"outbox {outbox.id} has {held} numbers and {empty} holes below its cursor {outbox.next}"
    known = set(connection.scalars(select(Outbox.number)))
    for model in (*_TAKEN, ConflictRow):
        if strangers := _by_outbox(connection, model).keys() - known:
            yield f"{model.__tablename__} has rows of outboxes that are not there: {sorted(strangers)[:_SHOWN]}"


_OUTBOXES: Any = select(Outbox.number, Outbox.id, Outbox.next, Outbox.ahead, Outbox.purged, Outbox.records)

_LOWEST = select(RecordRow.outbox, func.min(RecordRow.sequence)).group_by(RecordRow.outbox)


def _by_outbox(connection: Connection, model: Any) -> dict[int, int]:
    rows = connection.execute(select(model.outbox, func.count()).group_by(model.outbox))
    return {int(outbox): int(count) for outbox, count in rows}


def _numbers(*conditions: Callable[[Any], Any]) -> Any:
    """Each number that is taken, once: conflicting bytes of quarantine share one."""
    parts = [select(model.outbox, model.sequence).where(*(each(model) for each in conditions)) for model in _TAKEN]
    return select(union_all(*parts).subquery()).distinct().subquery()


def _numbers_by_outbox(connection: Connection) -> tuple[dict[int, int], dict[int, int]]:
    taken = _numbers()
    below = func.sum(case((and_(taken.c.sequence >= Outbox.purged, taken.c.sequence < Outbox.next), 1), else_=0))
    rows = connection.execute(
        select(taken.c.outbox, below, func.max(taken.c.sequence))
        .join(Outbox, Outbox.number == taken.c.outbox)
        .group_by(taken.c.outbox)
    ).all()
    return {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows}


def _numbers_within(connection: Connection, outbox: int, first: int, last: int) -> int:
    taken = _numbers(lambda model: model.outbox == outbox, lambda model: model.sequence.between(first, last))
    return connection.scalar(select(func.count()).select_from(taken)) or 0


def _merged(spans: list[tuple[int, int]], lowest: int) -> list[tuple[int, int]]:
    """Spans from `lowest` on, in order, those that overlap as one: a hole may be declared twice, longer later."""
    merged: list[tuple[int, int]] = []
    for first, last in ((max(first, lowest), last) for first, last in spans if last >= lowest):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _places(connection: Connection) -> Iterator[str]:
    stood = exists().where(Placement.gate_number == RecordRow.gate, Placement.venue == RecordRow.venue)
    for row in connection.execute(_RECORDS.where(RecordRow.gate != NO_GATE, not_(stood)).limit(_SHOWN)):
        yield f"{row.outbox}/{row.sequence} is of venue {row.venue}, where gate {row.gate} never stood"
    its_own = exists().where(Outbox.number == RecordRow.outbox, Outbox.venue_id == RecordRow.venue)
    for row in connection.execute(_RECORDS.where(its_own != (RecordRow.gate == NO_GATE)).limit(_SHOWN)):
        yield f"{row.outbox}/{row.sequence} is of no gate, or is it: its outbox is not its venue's own"
    for line in connection.execute(
        select(Outbox.id).where(Outbox.gate_number.is_(None) == Outbox.venue_id.is_(None)).limit(_SHOWN)
    ):
        yield f"outbox {line.id} is of a gate or of a venue, and not of both"
    hours = func.coalesce(RecordRow.corrected_at, RecordRow.at) / 3600
    astray = or_(RecordRow.hour > hours, RecordRow.hour <= hours - 1)
    for row in connection.execute(_RECORDS.where(astray).limit(_SHOWN)):
        yield f"{row.outbox}/{row.sequence} stands under the wrong hour"


_RECORDS = select(RecordRow.outbox, RecordRow.sequence, RecordRow.venue, RecordRow.gate)


def _roll_up(connection: Connection) -> Iterator[str]:
    """The hourly counts equal a recount of the records and what the purged ones had added, to the last row."""
    purged = select(*(getattr(PurgedCount, name) for name in (*KEY, *TOTALS)))
    both = union_all(recount(RecordRow.__table__), purged).subquery()
    key = [both.c[name] for name in KEY]
    counted = select(*key, *(_whole(func.sum(both.c[name])).label(name) for name in TOTALS)).group_by(*key)
    kept = select(*(getattr(HourlyCount, name) for name in (*KEY, *TOTALS)))
    for left, right, what in ((counted, kept, "counted from the records"), (kept, counted, "in the hourly counts")):
        rows = connection.execute(left.except_(right).order_by(literal_column("1")).limit(_SHOWN))
        for row in rows:
            said = zip((*KEY, *TOTALS), row, strict=True)
            yield f"only {what}: {' '.join(f'{name}={value}' for name, value in said)}"


def _decisions(connection: Connection) -> Iterator[str]:
    """What was accepted under its own number is a record, until its term is over; a correction stands in its outbox."""
    name = (RecordRow.outbox == SetAsideRow.outbox, RecordRow.sequence == SetAsideRow.sequence)
    elsewhere = (Correction.of_outbox == SetAsideRow.outbox, Correction.of_sequence == SetAsideRow.sequence)
    remembered = (PurgedNumber.outbox == SetAsideRow.outbox, PurgedNumber.sequence == SetAsideRow.sequence)
    lost = select(SetAsideRow.outbox, SetAsideRow.sequence).where(
        SetAsideRow.resolution == Resolution.ACCEPTED.value,
        *(not_(exists().where(*each)) for each in (name, elsewhere, remembered)),
        not_(exists().where(Outbox.number == SetAsideRow.outbox, Outbox.purged > SetAsideRow.sequence)),
    )
    for row in connection.execute(lost.limit(_SHOWN)):
        yield f"{row.outbox}/{row.sequence} was accepted, and is no record"
    beyond = select(Correction.outbox, Correction.sequence).join(Outbox, Outbox.number == Correction.outbox)
    for row in connection.execute(beyond.where(Correction.sequence >= Outbox.next).limit(_SHOWN)):
        yield f"{row.outbox}/{row.sequence} is said to be a correction, and is no record"


def _whole(number: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(number, BigInteger)  # a sum of sums is numeric on PostgreSQL


_CHECKS = (_file, _centre, _cursors, _places, _roll_up, _decisions)
