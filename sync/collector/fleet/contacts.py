"""What a gate last told about itself, and samples of it for a week. Written by intake, in its transaction."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Float,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    not_,
    select,
)
from sqlalchemy.orm import Session

from sync.collector.database import upsert
from sync.collector.fleet.history import GAP_SECONDS, SAMPLE_SECONDS, Sample
from sync.collector.fleet.model import Contact, ContactSample, SnapshotFiles
from sync.collector.fleet.service import KnownGate
from sync.wire import jsonform
from sync.wire.batch import Batch

RING_SLOTS = 7 * 86_400 // SAMPLE_SECONDS
"""Samples of each gate: a week."""
_MAX_FAULTS = 2_000


def note_contact(
    connection: Connection, gate: KnownGate, batch: Batch, backlog: int, now: float, *, straight: bool = True
) -> None:
    """Keep how the gate is; backlog: records that still wait there. straight: it did not come on a stick.

    A batch that was made before the newest one of the same boot is a replay or late: no news. One from a stick is of
    the time at which the gate made it: of another boot it is news only if that is later than the newest contact. It
    tells nothing about the gate's clock, and is no sample of a link.
    """
    report = batch.report
    bucket = int(now // SAMPLE_SECONDS)
    row = {
        "gate_number": gate.number,
        "at": now if straight else min(batch.sent_at, now),
        "backlog": backlog,
        "clock_error_seconds": batch.sent_at - now if straight else 0.0,
        "carried": not straight,
        "boot": report.boot,
        "mono": report.mono,
        "report": jsonform.encode(report),
        "faults": ",".join(sorted(set(report.faults)))[:_MAX_FAULTS],
        "epoch": report.have[0],
        "number": report.have[1],
    }
    connection.execute(_newest(connection.dialect.name), row)
    if not straight:
        return
    sample = {"gate_number": gate.number, "now": now, "bucket": bucket, "slot": bucket % RING_SLOTS}
    told = {"disk_used": report.disk_used, "board_celsius": report.board_celsius}
    connection.execute(_sample(connection.dialect.name), sample | told)


@cache
def _newest(dialect: str) -> Any:
    """One row for each gate. The updates' time is known while they are the newest: a gate gets new ones by contact."""
    issued = (
        select(SnapshotFiles.issued_at)
        .where(
            SnapshotFiles.gate_number == bindparam("gate_number"),
            SnapshotFiles.epoch == bindparam("epoch", type_=BigInteger),
            SnapshotFiles.number == bindparam("number", type_=BigInteger),
        )
        .scalar_subquery()
    )
    names = ("gate_number", "at", "backlog", "clock_error_seconds", "boot", "mono", "report", "faults", "carried")
    columns: dict[str, Any] = {name: bindparam(name) for name in names}
    at_first = {"trust_issued_at": issued, "last_faults": bindparam("faults"), "faults_at": _if_faulty(bindparam("at"))}
    statement = upsert(Contact, dialect).values(columns | at_first)
    told = statement.excluded
    older = case(
        (Contact.boot == told.boot, told.mono <= Contact.mono),
        else_=and_(told.carried, told.at <= Contact.at),
    )
    goes_on, was = told.faults == Contact.faults, Contact.faults != ""
    is_faulty = told.faults != ""
    changed = {
        # The same boot's later word may come with a clock that was set back meanwhile.
        "at": case((and_(told.carried, told.at < Contact.at), Contact.at), else_=told.at),
        "clock_error_seconds": case((told.carried, Contact.clock_error_seconds), else_=told.clock_error_seconds),
        "trust_issued_at": func.coalesce(told.trust_issued_at, Contact.trust_issued_at),
        "last_faults": case((is_faulty, told.faults), else_=Contact.last_faults),
        "faults_at": case((and_(is_faulty, not_(goes_on)), told.at), else_=Contact.faults_at),
        "faults_ended_at": case((is_faulty, None), (was, told.at), else_=Contact.faults_ended_at),
    }
    return statement.on_conflict_do_update(
        index_elements=[Contact.gate_number],
        set_={name: told[name] for name in names[1:]} | changed,
        where=not_(older),
    )


def _if_faulty(at: Any) -> Any:
    return case((bindparam("faults") != "", cast(at, Float)), else_=None)


@cache
def _sample(dialect: str) -> Any:
    """Add the contact of this moment to its ten minutes; none for a batch that was no news.

    A slot of the week before is written over.
    """
    news = select(
        Contact.gate_number,
        bindparam("slot", type_=ContactSample.slot.type).label("slot"),
        bindparam("bucket", type_=BigInteger).label("bucket"),
        Contact.at.label("first_at"),
        Contact.at.label("last_at"),
        literal(1, BigInteger).label("contacts"),
        literal(0, BigInteger).label("gaps"),
        Contact.backlog,
        Contact.backlog.label("most_backlog"),
        Contact.clock_error_seconds,
        Contact.faults,
        bindparam("disk_used", type_=Float).label("disk_used"),
        bindparam("board_celsius", type_=Float).label("board_celsius"),
    ).where(Contact.gate_number == bindparam("gate_number"), Contact.at == bindparam("now", type_=Float))
    names = [column.name for column in ContactSample.__table__.columns]
    statement = upsert(ContactSample, dialect).from_select(names, news)
    told, kept = statement.excluded, ContactSample
    same = told.bucket == kept.bucket
    gap = case((told.last_at - kept.last_at > GAP_SECONDS, 1), else_=0)
    most = case((told.backlog > kept.most_backlog, told.backlog), else_=kept.most_backlog)
    added = {
        "first_at": case((same, kept.first_at), else_=told.first_at),
        "contacts": case((same, kept.contacts + 1), else_=1),
        "gaps": case((same, kept.gaps + gap), else_=0),
        "most_backlog": case((same, most), else_=told.backlog),
    }
    return statement.on_conflict_do_update(
        index_elements=[kept.gate_number, kept.slot],
        set_={name: told[name] for name in names[2:]} | added,
        where=told.bucket >= kept.bucket,  # a centre whose clock was set back keeps what it has
    )


def samples(session: Session, since: float, gate_number: int | None = None) -> dict[int, list[Sample]]:
    """By gate's number, oldest first: those of the ten minutes of `since` (seconds since 1970) and later."""
    wanted = select(ContactSample.__table__).where(ContactSample.bucket >= int(since // SAMPLE_SECONDS))
    if gate_number is not None:
        wanted = wanted.where(ContactSample.gate_number == gate_number)
    by_gate: dict[int, list[Sample]] = defaultdict(list)
    for row in session.execute(wanted.order_by(ContactSample.bucket)):
        before = by_gate[row.gate_number]
        by_gate[row.gate_number].append(_read(row, before))
    return dict(by_gate)


def _read(row: Any, before: list[Sample]) -> Sample:
    """A silence that ended with the first contact of a sample is one of its gaps."""
    came_back = bool(before) and row.first_at - before[-1].last_at > GAP_SECONDS
    return Sample(
        first_at=row.first_at,
        last_at=row.last_at,
        contacts=row.contacts,
        gaps=row.gaps + came_back,
        backlog=row.backlog,
        most_backlog=row.most_backlog,
        clock_error_seconds=row.clock_error_seconds,
        faults=codes(row.faults),
        disk_used=row.disk_used,
        board_celsius=row.board_celsius,
    )


def codes(text: str) -> tuple[str, ...]:
    """The codes of a column of them."""
    return tuple(text.split(",")) if text else ()
