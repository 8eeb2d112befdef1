"""PURE: the hourly roll-up, counted twice over: from rows in memory, and as a query from stored ones.

A registration that takes another back counts its people away, from the same row of the roll-up: the sum stays exact.
"""

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
FEVER = "fever"  # a reason: the limit is the policy's
REGISTERED = "registered"

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
        if row.count != 1:  # one record that stands for several codes or people
            _totals(hours, _key_of(row))[0] += row.count - 1
        if row.type == REGISTERED:
            _add_registered(_totals(hours, _key_of(row)), row)
    return hours


def _add_registered(totals: list[int], row: Row) -> None:
    """All its people have what it says: one that takes another back takes each total back with it."""
    totals[1 if row.kind is not None else 2] += row.count
    if FEVER in row.reasons.split(","):
        totals[3] += row.count


def _totals(hours: Hours, key: tuple[Any, ...]) -> list[int]:
    return hours.setdefault(tuple("" if part is None else part for part in key), [0, 0, 0, 0])


def recount(records: FromClause) -> Select[Any]:
    """The same of stored rows: columns KEY, then TOTALS."""
    column = records.c
    # How many were measured or not: a scan is of one person, a registration of as many as it counts (or uncounts).
    people = case((column.type == "scan", 1), (column.type == REGISTERED, column.count), else_=0)
    is_measured = case((column.type == "scan", column.temperature.is_not(None)), else_=column.kind.is_not(None))
    has_fever = (literal(",") + column.reasons + ",").contains(f",{FEVER},")
    key = [func.coalesce(column[name], "").label(name) if name in ("outcome", "kind") else column[name] for name in KEY]
    return select(
        *key,
        func.sum(column.count).label("count"),
        func.sum(case((is_measured, people), else_=0)).label("measured"),
        func.sum(case((is_measured, 0), else_=people)).label("not_measured"),
        func.sum(case((has_fever, people), else_=0)).label("fevers"),
    ).group_by(*key)
