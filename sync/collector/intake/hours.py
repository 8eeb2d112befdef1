"""PURE: the hourly roll-up, counted twice over: from rows in memory, and as a query from stored ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.sql.expression import FromClause

from sync.collector.intake.model import HourlyCount

KEY = tuple(column.name for column in HourlyCount.__table__.primary_key)
TOTALS = ("count", "measured", "not_measured", "fevers")
FEVER = "fever"  # the gate's reason: the limit is its policy's

Hours = dict[tuple[Any, ...], list[int]]


def count_hours(rows: Iterable[Any]) -> Hours:
    """Totals by key. rows: `sync.collector.intake.rows.Row`."""
    hours: Hours = {}
    for row in rows:
        key = (
            *(row.venue, row.checkpoint, row.direction, row.inspector, row.hour),
            *(row.type, row.outcome or "", row.kind or ""),
        )
        totals = hours.get(key)
        if totals is None:
            totals = hours[key] = [0, 0, 0, 0]
        totals[0] += row.count
        if row.type == "scan":
            totals[1 if row.temperature is not None else 2] += 1
            totals[3] += FEVER in row.reasons.split(",")
    return hours


def recount(records: FromClause) -> Select[Any]:
    """The same of stored rows: columns KEY, then TOTALS."""
    column = records.c
    is_scan = column.type == "scan"
    marked = literal(",") + column.reasons + ","
    key = [func.coalesce(column[name], "").label(name) if name in ("outcome", "kind") else column[name] for name in KEY]
    return select(
        *key,
        func.sum(column.count).label("count"),
        func.sum(case((is_scan & column.temperature.is_not(None), 1), else_=0)).label("measured"),
        func.sum(case((is_scan & column.temperature.is_(None), 1), else_=0)).label("not_measured"),
        func.sum(case((is_scan & marked.contains(f",{FEVER},"), 1), else_=0)).label("fevers"),
    ).group_by(*key)
