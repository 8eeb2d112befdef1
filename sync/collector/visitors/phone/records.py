"""Visits as rows: for their owner, forgotten with them, and deleted when their term is over."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, delete, select

from sync.collector.venues.model import Venue
from sync.collector.visitors.phone.model import PhonePerson, Proof, Visit


def of_visitor(connection: Connection, visitor: str) -> list[dict[str, Any]]:
    """All of somebody's, for their owner."""
    rows = connection.execute(
        select(Visit.id, Visit.at, Visit.venue, Venue.name, Visit.checkpoint, Visit.direction, Visit.proof)
        .outerjoin(Venue, Venue.id == Visit.venue)
        .where(Visit.visitor == visitor)
        .order_by(Visit.at)
    )
    return [
        {
            "id": row.id,
            "at": row.at,
            "venue": row.venue,
            "venue_name": row.name,
            "checkpoint": row.checkpoint or None,
            "direction": row.direction or None,
            "proof": Proof(row.proof).name.lower(),
        }
        for row in rows
    ]


def erase(connection: Connection, visitor: str) -> None:
    """All of somebody's, and they leave every phone."""
    connection.execute(delete(Visit).where(Visit.visitor == visitor))
    connection.execute(delete(PhonePerson).where(PhonePerson.visitor == visitor))


def forget_old(connection: Connection, before: float, limit: int) -> int:
    """Delete visits whose term is over, a step of them; how many."""
    keys = connection.execute(select(Visit.visitor, Visit.id).where(Visit.at < before).limit(limit)).all()
    by_visitor: dict[str, list[str]] = defaultdict(list)
    for visitor, visit in keys:
        by_visitor[visitor].append(visit)
    for visitor, ids in by_visitor.items():
        connection.execute(delete(Visit).where(Visit.visitor == visitor, Visit.id.in_(ids)))
    return len(keys)
