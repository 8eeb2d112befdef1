"""Storing new records and what they add to the roll-up, by the way that measured best on each database.

Whoever calls has looked up what is known already, in the same transaction (docs/PERFORMANCE.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, insert
from sqlalchemy.dialects import sqlite

from sync.collector.database import insert_or_add
from sync.collector.intake import postgresql
from sync.collector.intake.hours import KEY, TOTALS, count_hours
from sync.collector.intake.model import HourlyCount, RecordRow
from sync.collector.intake.rows import Row


def store(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert rows that are new and count them."""
    if connection.dialect.name == "sqlite":
        _store_in_sqlite(connection, rows)
        return
    by_venue: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_venue[row.venue].append(row)
    for _, venue_rows in sorted(by_venue.items()):  # one, but for a gate that was moved: each statement is of one venue
        postgresql.store(connection, venue_rows)


def _store_in_sqlite(connection: Connection, rows: Sequence[Row]) -> None:
    if rows:
        # Past SQLAlchemy's parameters of each row, which cost twice what the insert itself does (measured).
        connection.exec_driver_sql(_insert_sql(), list(rows))
    hours = [dict(zip((*KEY, *TOTALS), (*key, *totals), strict=True)) for key, totals in count_hours(rows).items()]
    insert_or_add(connection, HourlyCount, TOTALS, hours)


@cache
def _insert_sql() -> str:
    return str(insert(RecordRow).compile(dialect=sqlite.dialect(paramstyle="qmark")))
