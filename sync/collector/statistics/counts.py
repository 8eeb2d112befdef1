"""Asking the hourly roll-up, never a record: what it costs grows with hours and checkpoints, not with people.

A day is read through the index (venue, hour): at most 24 hours × checkpoints × inspectors × results. "In total" is the
same over `TOTAL_DAYS`, grouped by the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from sync.collector.accounts.model import Account
from sync.collector.intake.model import HourlyCount
from sync.collector.members.model import Inspector
from sync.collector.statistics.figures import HOURS, Cell, first_hour
from sync.collector.venues.model import Checkpoint
from sync.collector.visitors.phone.model import Visit

TOTAL_DAYS = 3 * 366
"""How far "in total" looks back: what it costs is bounded (docs/PERFORMANCE.md), and the page says since when."""
_PLACE = (HourlyCount.checkpoint, HourlyCount.direction, HourlyCount.inspector, HourlyCount.type, HourlyCount.outcome)
_SUMS = tuple(
    func.sum(column)
    for column in (HourlyCount.count, HourlyCount.measured, HourlyCount.not_measured, HourlyCount.fevers)
)


@dataclass(frozen=True, slots=True)
class Names:
    """Of a venue's checkpoints and inspectors, by number."""

    checkpoints: dict[int, str]
    inspectors: dict[int, str]


def of_days(session: Session, venue: int, first: date, days: int = 1) -> list[Cell]:
    """Hour by hour, in order."""
    begin = first_hour(first)
    wanted = (
        select(HourlyCount.hour, *_PLACE, *_SUMS)
        .where(HourlyCount.venue == venue, HourlyCount.hour.between(begin, begin + days * HOURS - 1))
        .group_by(HourlyCount.hour, *_PLACE)
        .order_by(HourlyCount.hour, *_PLACE)
    )
    return _cells(session.execute(wanted).all())


def in_total(session: Session, venue: int, until: date) -> list[Cell]:
    """The sum of `TOTAL_DAYS`, that day the last."""
    begin, end = first_hour(since(until)), first_hour(until) + HOURS - 1
    wanted = (
        select(null(), *_PLACE, *_SUMS)
        .where(HourlyCount.venue == venue, HourlyCount.hour.between(begin, end))
        .group_by(*_PLACE)
        .order_by(*_PLACE)
    )
    return _cells(session.execute(wanted).all())


def visits(session: Session, venue: int, day: date) -> dict[str, int]:
    """People who registered with a phone that day, by direction ("" where none was named); by the centre's clock.

    Through the index (venue, at), and only for as long as visits are kept. The same people may be scanned at a gate.
    """
    begin = first_hour(day) * 3600
    wanted = (
        select(Visit.direction, func.count())
        .where(Visit.venue == venue, Visit.at >= begin, Visit.at < begin + HOURS * 3600)
        .group_by(Visit.direction)
    )
    return {direction: int(count) for direction, count in session.execute(wanted)}


def since(until: date) -> date:
    """From when on `in_total` counts."""
    return max(date(1970, 1, 2), until - timedelta(days=TOTAL_DAYS - 1))


def names(session: Session, venue: int) -> Names:
    """Closed checkpoints and inspectors of before too: their counts stay."""
    checkpoints = session.execute(select(Checkpoint.id, Checkpoint.name).where(Checkpoint.venue_id == venue))
    inspectors = session.execute(
        select(Inspector.id, Account.name)
        .join(Account, Account.id == Inspector.account_id)
        .where(Inspector.venue_id == venue)
    )
    return Names(
        {row.id: row.name for row in checkpoints},
        {row.id: row.name for row in inspectors},
    )


def _cells(rows: Sequence[Any]) -> list[Cell]:
    """PostgreSQL's sums are decimals."""
    return [Cell(*row[:6], *map(int, row[6:])) for row in rows]
