"""The centre's own outboxes: for each venue one, in which stands what its inspectors register with their phones.

No gate made these records: `RecordRow.gate` is 0. No gate can send the outbox's name: on the wire one is 32 hex digits.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from sync.collector.database import insert_new, queue_up
from sync.collector.errors import CollectorError
from sync.collector.intake import writing
from sync.collector.intake.model import Outbox
from sync.collector.intake.rows import Row, Source, sort_records
from sync.wire import jsonform
from sync.wire.record import Record

NO_GATE = 0
_QUEUES = -1_000_000  # gates have positive numbers, other queues small negative ones


def outbox_id(venue: int) -> str:
    """What a venue's outbox is called."""
    return f"centre-venue-{venue}"


def queue_up_for(connection: Connection, venue: int) -> None:
    """Wait for other transactions on the venue's outbox, until this one ends."""
    queue_up(connection, _QUEUES - venue)


def append(connection: Connection, venue: int, record: Record, now: float) -> int:
    """Store a record made here and count it, within a write transaction that has queued up; its number."""
    number, sequence = _next_number(connection, venue)
    row = _row(record, Source(number, NO_GATE, frozenset({venue})), sequence, now)
    writing.store(connection, [row])
    moved = {"next": sequence + 1, "records": Outbox.records + 1}
    connection.execute(update(Outbox).where(Outbox.number == number).values(moved))
    return sequence


def number_of(connection: Connection, venue: int) -> int | None:
    """The venue's outbox, None before its first record."""
    return connection.scalar(select(Outbox.number).where(Outbox.id == outbox_id(venue)))


def _next_number(connection: Connection, venue: int) -> tuple[int, int]:
    wanted = select(Outbox.number, Outbox.next).where(Outbox.id == outbox_id(venue))
    row = connection.execute(wanted).one_or_none()
    if row is None:
        new = {"id": outbox_id(venue), "venue_id": venue, "next": 1, "records": 0, "ahead": 1, "purged": 1}
        insert_new(connection, Outbox, [new])
        row = connection.execute(wanted).one()
    return row.number, row.next


def _row(record: Record, source: Source, sequence: int, now: float) -> Row:
    read = sort_records([(sequence, jsonform.encode(record))], source, now)
    if read.set_aside:
        raise CollectorError(f"a record of the centre's own cannot be stored: {read.set_aside[0][2]}")
    return read.rows[0]
