"""Deciding about kept records: accept, correct, discard. Each in one transaction with its line in the audit.

Nothing is taken away by any of them: the kept bytes stay with what was decided, the record that has a number keeps it.
A record that could not be read and can be by now gets its own name. Everything else that is to count – what people
typed, another version of a taken number, a number whose neighbours' term is over – becomes a new record in an outbox of
the centre's, and `Correction` names the old one (DESIGN 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, exists, select, update
from sqlalchemy.orm import Session

from sync.collector.database import insert_new, queue_up
from sync.collector.errors import Mistake
from sync.collector.fleet import kept
from sync.collector.fleet.kept import Kept, Kind, Name
from sync.collector.intake import writing
from sync.collector.intake.model import ConflictRow, Correction, Outbox, RecordRow, Resolution, SetAsideRow
from sync.collector.intake.rows import Row, Source, sort_records
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.record import MAX_RECORD_BYTES, Record

_ACTS = {
    Resolution.ACCEPTED: Act.RECORD_ACCEPT,
    Resolution.CORRECTED: Act.RECORD_CORRECT,
    Resolution.DISCARDED: Act.RECORD_DISCARD,
}


class NoRecord(Mistake):
    """It cannot be taken as a record. why: in a few words."""

    def __init__(self, why: str) -> None:
        super().__init__(f"it cannot be taken as a record: {why}; correct it, or discard it")
        self.why = why


class DecidedAlready(Mistake):
    """Somebody was faster."""


class CountsAlready(Mistake):
    """What was typed is what counts under that number."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided. record: "<outbox>/<sequence>" of the record that counts now, None for none. audit: its line."""

    resolution: Resolution
    record: str | None
    audit: int


def accept(access: Personal, name: Name) -> Decided:
    """It counts as it came: set aside, under its own number; of a conflict, beside the first.

    Raises NotFound, Mistake.
    """
    session = access.session
    found = _undecided(session, name)
    row = _read(session, found, found.raw, found.name.sequence, found.received_at)
    if found.name.kind is Kind.ASIDE and _is_free(session, found):
        line = _decide(access, found, Resolution.ACCEPTED, f"{found.outbox_id}/{found.name.sequence}")
        _store(session.connection(), row)
        return Decided(Resolution.ACCEPTED, f"{found.outbox_id}/{found.name.sequence}", line)
    return _made(access, found, found.raw, Resolution.ACCEPTED, found.received_at)


def correct(access: Personal, name: Name, document: bytes) -> Decided:
    """What people typed counts in its place. document: a record as JSON. Raises NotFound, Mistake."""
    found = _undecided(access.session, name)
    if len(document) > MAX_RECORD_BYTES:
        raise NoRecord(f"a record has at most {MAX_RECORD_BYTES} bytes")
    try:
        raw = jsonform.encode(jsonform.decode(document, Record, "the corrected record"))  # type: ignore[arg-type]
    except WireError as cause:
        raise NoRecord(str(cause)) from cause
    first, _ = kept.first_version(access.session, found)
    if first == raw:
        raise CountsAlready("this is what counts under that number already: discard the other version instead")
    return _made(access, found, raw, Resolution.CORRECTED, access.now)


def discard(access: Personal, name: Name) -> Decided:
    """It counts nowhere. Its bytes stay. Raises NotFound, Mistake."""
    found = _undecided(access.session, name)
    if found.resolution is not None:
        raise DecidedAlready(f"{name} is discarded already")
    return Decided(Resolution.DISCARDED, None, _decide(access, found, Resolution.DISCARDED, "nothing"))


def _undecided(session: Session, name: Name) -> Kept:
    """The gate's intake waits until this transaction ends. What was discarded may still be accepted or corrected."""
    queue_up(session.connection(), kept.find(session, name).gate)
    found = kept.find(session, name)
    if found.resolution not in (None, Resolution.DISCARDED):
        raise DecidedAlready(f"{name} was {found.resolution} already, see line {found.audit} of the audit")
    return found


def _is_free(session: Session, found: Kept) -> bool:
    """Whether the record may have its own number: nobody else has, and its outbox is not purged beyond it."""
    purged = session.scalar(select(Outbox.purged).where(Outbox.number == found.name.outbox)) or 1
    numbered = (RecordRow.outbox == found.name.outbox, RecordRow.sequence == found.name.sequence)
    taken = (
        session.scalar(select(exists().where(RecordRow.venue == venue, *numbered))) for venue in _venues(session, found)
    )
    return found.name.sequence >= purged and not any(taken)


def _made(access: Personal, found: Kept, raw: bytes, resolution: Resolution, received_at: float) -> Decided:
    """A record at the centre that names the old one."""
    connection = access.session.connection()
    number, sequence = _next_number(connection, found.gate)
    row = _read(access.session, found, raw, sequence, received_at, outbox=number)
    name = f"{_outbox_id(found.gate)}/{sequence}"
    line = _decide(access, found, resolution, name)
    connection.execute(update(Outbox).where(Outbox.number == number).values(next=sequence + 1))
    _store(connection, row)
    made = {"outbox": number, "sequence": sequence, "audit": line}
    insert_new(connection, Correction, [made | {"of_outbox": found.name.outbox, "of_sequence": found.name.sequence}])
    return Decided(resolution, name, line)


def _read(
    session: Session, found: Kept, raw: bytes, sequence: int, received_at: float, outbox: int | None = None
) -> Row:
    source = Source(outbox or found.name.outbox, found.gate, frozenset(_venues(session, found)))
    sorted_ = sort_records([(sequence, raw)], source, received_at)
    if sorted_.set_aside:
        raise NoRecord(sorted_.set_aside[0][2])
    return sorted_.rows[0]


def _venues(session: Session, found: Kept) -> list[int]:
    return kept.venues(session, found.gate)


def _store(connection: Connection, row: Row) -> None:
    writing.store(connection, [row])
    added = update(Outbox).where(Outbox.number == row.outbox).values(records=Outbox.records + 1)
    connection.execute(added)


def _outbox_id(gate: int) -> str:
    """No gate can send it: an outbox id on the wire is 32 hex digits."""
    return f"centre-{gate}"


def _next_number(connection: Connection, gate: int) -> tuple[int, int]:
    """The number of the gate's outbox at the centre, and the next sequence in it."""
    new = {"id": _outbox_id(gate), "gate_number": gate, "next": 1, "records": 0, "ahead": 1, "purged": 1}
    wanted = select(Outbox.number, Outbox.next).where(Outbox.id == _outbox_id(gate))
    row = connection.execute(wanted).one_or_none()
    if row is None:
        insert_new(connection, Outbox, [new])
        row = connection.execute(wanted).one()
    return row.number, row.next


def _decide(access: Personal, found: Kept, resolution: Resolution, record: str) -> int:
    """Write it into the audit and beside the row; the audit's line."""
    detail = f"{found.name} of {found.gate_id}, {found.outbox_id}/{found.name.sequence}: {record}"
    line = access.note(_ACTS[resolution], detail=detail)
    model: Any = SetAsideRow if found.name.kind is Kind.ASIDE else ConflictRow
    row = [model.venue == found.venue, model.outbox == found.name.outbox, model.sequence == found.name.sequence]
    if found.name.kind is Kind.CONFLICT:
        row.append(model.digest == sha256(found.raw).digest())
    decided = {"resolution": resolution.value, "resolved_at": access.now, "audit": line}
    access.session.execute(
        update(model).where(*row).values(**decided), execution_options={"synchronize_session": False}
    )
    return line
