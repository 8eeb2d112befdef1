"""What the live page asks of the records: the newest arrivals, and today's counts from the roll-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sync.collector.intake.model import HourlyCount, Outbox, RecordRow
from sync.collector.venues import history
from sync.collector.venues.model import Checkpoint

_CHINA_SECONDS = 8 * 3600
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Counts:
    """Today (China time, by the gates' clocks): people by the code that they presented, or registered by hand; codes
    that were not genuine, apart; and records held now (within their term).

    held: 0 for who sees some venues only.
    """

    passed: int
    referred: int
    denied: int
    invalid: int
    held: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record as people read it. venue_name: as it was then. Names are None where there is none of that number."""

    outbox: str
    sequence: int
    venue: int
    venue_name: str | None
    checkpoint: int
    checkpoint_name: str | None
    direction: str
    type: str
    outcome: str | None
    reasons: tuple[str, ...]
    kind: str | None
    temperature: float | None
    count: int
    at: float
    received_at: float


def newest(session: Session, limit: int, venues: frozenset[int] | None = None) -> list[Arrival]:
    """The newest arrivals, newest first. venues: only theirs, None for everybody's."""
    rows = session.execute(
        _of(venues, RecordRow.venue, select(RecordRow, Outbox.id, Checkpoint.name))
        .join(Outbox, Outbox.number == RecordRow.outbox)
        .outerjoin(Checkpoint, Checkpoint.id == RecordRow.checkpoint)
        .order_by(RecordRow.received_at.desc(), RecordRow.outbox, RecordRow.sequence.desc())
        .limit(limit)
    ).all()
    name = history.names(session, (record.venue for record, *_ in rows))
    return [
        _arrival(record, outbox, name(record.venue, record.at), checkpoint_name)
        for record, outbox, checkpoint_name in rows
    ]


def counts(session: Session, now: float, venues: frozenset[int] | None = None) -> Counts:
    """Today's counts. Exits count like entries here; statistics tell them apart."""
    midnight = (now + _CHINA_SECONDS) // _DAY_SECONDS * _DAY_SECONDS - _CHINA_SECONDS
    sums: dict[tuple[str, str], int] = {}
    for kind, outcome, count in session.execute(
        _of(venues, HourlyCount.venue, select(HourlyCount.type, HourlyCount.outcome, func.sum(HourlyCount.count)))
        .where(HourlyCount.hour.between(midnight // 3600, midnight // 3600 + 23))
        .group_by(HourlyCount.type, HourlyCount.outcome)
    ):
        sums[kind, outcome] = int(count)
    held = 0 if venues is not None else session.scalar(select(func.coalesce(func.sum(Outbox.records), 0))) or 0
    return Counts(
        passed=sums.get(("scan", "pass"), 0) + sums.get(("registered", "pass"), 0),
        referred=sums.get(("scan", "refer"), 0),
        denied=sums.get(("scan", "deny"), 0) + sums.get(("registered", "deny"), 0),
        invalid=sums.get(("folded", ""), 0),
        held=int(held),
    )


def _of(venues: frozenset[int] | None, column: Any, statement: Any) -> Any:
    return statement if venues is None else statement.where(column.in_(venues))


def _arrival(record: RecordRow, outbox: str, venue_name: str | None, checkpoint_name: str | None) -> Arrival:
    return Arrival(
        outbox=outbox,
        sequence=record.sequence,
        venue=record.venue,
        venue_name=venue_name,
        checkpoint=record.checkpoint,
        checkpoint_name=checkpoint_name,
        direction=record.direction,
        type=record.type,
        outcome=record.outcome,
        reasons=tuple(record.reasons.split(",")) if record.reasons else (),
        kind=record.kind,
        temperature=record.temperature,
        count=record.count,
        at=record.at,
        received_at=record.received_at,
    )
