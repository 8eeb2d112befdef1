"""What is held of how people stand, as rows: read for judging and for its owner, forgotten when its term is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select

from sync.collector.visitors.model import Visitor
from sync.collector.visitors.status.judging import Answered, Declared, Entry, Evidence, Result
from sync.collector.visitors.status.model import (
    Declaration,
    LabResult,
    MarkedPerson,
    PlatformAnswer,
    Standing,
    StatusEntry,
)
from sync.collector.visitors.status.port import LastTest, Reason
from sync.wire.passes import Status

_OF_PERSON: tuple[Any, ...] = (StatusEntry, LabResult, Declaration, PlatformAnswer, Standing)


def evidence(connection: Connection, visitors: Iterable[str]) -> dict[str, Evidence]:
    """All that is held of each of them, in a handful of questions. At most a thousand at once."""
    wanted = set(visitors)
    registered = set(connection.scalars(select(Visitor.id).where(Visitor.id.in_(wanted))))
    entries, results = _by_person(connection, StatusEntry, wanted), _by_person(connection, LabResult, wanted)
    declared, answers = _by_person(connection, Declaration, wanted), _by_person(connection, PlatformAnswer, wanted)
    return {
        visitor: Evidence(
            visitor in registered,
            [Entry(Status(e.status), Reason(e.reason), e.set_at, e.until, e.ended_at) for e in entries[visitor]],
            [Result(r.taken_at, r.negative, r.known_at) for r in results[visitor]],
            [Declared(d.at, d.looked_at) for d in declared[visitor]],
            _answered(answers[visitor]),
        )
        for visitor in wanted
    }


def export(connection: Connection, visitor: str) -> dict[str, Any]:
    """All of it, for its owner."""
    entries, results = _by_person(connection, StatusEntry, {visitor}), _by_person(connection, LabResult, {visitor})
    declared, answers = (
        _by_person(connection, Declaration, {visitor}),
        _by_person(connection, PlatformAnswer, {visitor}),
    )
    return {
        "entries": [
            {
                "status": Status(row.status).name.lower(),
                "reason": row.reason,
                "set_at": row.set_at,
                "until": row.until,
                "who": row.actor,
                "why": row.because,
                "ended_at": row.ended_at,
                "ended_by": row.ended_by,
                "ended_why": row.ended_because,
            }
            for row in sorted(entries[visitor], key=lambda row: row.set_at)
        ],
        "tests": [
            {"taken_at": row.taken_at, "negative": row.negative, "lab": row.lab, "known_at": row.known_at}
            for row in sorted(results[visitor], key=lambda row: row.taken_at)
        ],
        "declarations": [
            {"at": row.at, "symptoms": row.symptoms, "contact": row.contact, "looked_at": row.looked_at}
            for row in sorted(declared[visitor], key=lambda row: row.at)
        ],
        "platform": [
            {
                "status": Status(row.status).name.lower(),
                "asked_at": row.asked_at,
                "asserted_at": row.asserted_at,
                "tested_at": row.tested_at,
                "negative": row.negative,
            }
            for row in answers[visitor]
        ],
    }


def erase(connection: Connection, visitor: str) -> None:
    """All of it."""
    for model in _OF_PERSON:
        connection.execute(delete(model).where(model.visitor == visitor))


def withheld(now: float) -> Any:
    """A condition on a visitor's id: yellow or red by the register, until that ends by itself or is taken back.

    Whoever is may not be erased: they would register anew, and be somebody of whom nothing is known.
    """
    return select(Standing.visitor).where(
        Standing.status.in_((int(Status.YELLOW), int(Status.RED))),
        Standing.until > now,  # the platform's word, which has no end here, is asked for again
    )


def forget_old(connection: Connection, before: float, limit: int) -> int:
    """Delete rows whose term is over: entries from their end, tests and declarations from their day; how many.

    before: earlier than anything that still counts.
    """
    over: tuple[tuple[Any, Any], ...] = (
        (StatusEntry, or_(StatusEntry.until < before, StatusEntry.ended_at < before)),
        (LabResult, LabResult.taken_at < before),
        (Declaration, Declaration.at < before),
    )
    gone = 0
    for model, condition in over:
        keys = connection.execute(select(model.visitor, model.id).where(condition).limit(limit)).all()
        for visitor, ids in _grouped(keys).items():
            done = delete(model).where(model.visitor == visitor, model.id.in_(ids))
            gone += connection.execute(done).rowcount
    return gone + _forget_marked(connection, before, limit)


def _forget_marked(connection: Connection, before: float, limit: int) -> int:
    """People who never registered and of whom nothing is held any more."""
    nothing = [~select(model.visitor).where(model.visitor == MarkedPerson.id).exists() for model in _OF_PERSON[:3]]
    over = select(MarkedPerson.id).where(and_(MarkedPerson.created_at < before, *nothing)).limit(limit)
    found = connection.scalars(over).all()
    for visitor in found:
        connection.execute(delete(MarkedPerson).where(MarkedPerson.id == visitor))
        connection.execute(delete(Standing).where(Standing.visitor == visitor))
    return len(found)


def _by_person(connection: Connection, model: Any, visitors: set[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(model.__table__).where(model.visitor.in_(visitors))):
        found[row.visitor].append(row)
    return found


def _grouped(keys: Sequence[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for visitor, row_id in keys:
        found[visitor].append(row_id)
    return found


def _answered(rows: Sequence[Any]) -> Answered | None:
    if not rows:
        return None
    row = rows[0]
    test = None if row.tested_at is None or row.negative is None else LastTest(row.tested_at, row.negative)
    return Answered(Status(row.status), row.asked_at, row.asserted_at, test)
