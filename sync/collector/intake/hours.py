"""PURE: the hourly roll-up, counted twice over: from rows in memory, and as a query from stored ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.sql.expression import FromClause

from sync.collector.intake.model import HourlyCount
from sync.collector.intake.rows import Row

KEY = tuple(column.name for column in HourlyCount.__table__.primary_key)
TOTALS = ("count", "measured", "not_measured", "fevers")
FEVER = "fever"  # the gate's reason: the limit is its policy's

Hours = dict[tuple[Any, ...], list[int]]
_key_of = itemgetter(*map(Row._fields.index, KEY))


def count_hours(rows: Iterable[Row]) -> Hours:
    """Totals by key. Grouped without a step in Python for each row: most rows of a batch share a few keys."""
    rows = list(rows)
    scans = [row for row in rows if row.type == "scan"]
    hours: Hours = {}
    for column, counted in enumerate(
        (
            rows,
            [row for row in scans if row.temperature is not None],
            [row for row in scans if row.temperature is None],
            [row for row in scans if FEVER in row.reasons and FEVER in row.reasons.split(",")],
        )
    ):
        for key, count in Counter(map(_key_of, counted)).items():
            _totals(hours, key)[column] += count
    for row in rows:
        if row.count != 1:  # one record that stands for several codes
            _totals(hours, _key_of(row))[0] += row.count - 1
    return hours


def _totals(hours: Hours, key: tuple[Any, ...]) -> list[int]:
    return hours.setdefault(tuple("" if part is None else part for part in key), [0, 0, 0, 0])


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
