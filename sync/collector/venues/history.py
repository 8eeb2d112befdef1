"""What a venue was when: each change of what it is called, where and what it is makes a version (R14).

Records name a venue by its number; what that number meant at a moment stands here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.venues.model import Venue, VenueVersion

_TOLD = ("name", "region", "address", "kind", "credit_code")


def note(session: Session, venue: Venue, now: float, account_id: int | None = None) -> None:
    """Keep what the venue is from now on, if that is not what it was."""
    present = {name: getattr(venue, name) for name in _TOLD}
    last = _newest(session, venue.id)
    if last is None or any(getattr(last, name) != value for name, value in present.items()):
        since = now if last is None else max(now, last.since)
        session.add(VenueVersion(venue_id=venue.id, since=since, account_id=account_id, **present))
        session.flush()


def versions(session: Session, venue_id: int) -> Sequence[VenueVersion]:
    """All of them, the newest first."""
    return session.scalars(_of(venue_id)).all()


def as_of(session: Session, venue_id: int, at: float) -> VenueVersion | None:
    """What the venue was at that time; before its first version, what it was first. None for no venue."""
    then = session.scalar(_of(venue_id).where(VenueVersion.since <= at).limit(1))
    return then or session.scalar(
        select(VenueVersion).where(VenueVersion.venue_id == venue_id).order_by(*_ORDER).limit(1)
    )


def names(session: Session, venues: Iterable[int]) -> Callable[[int, float], str | None]:
    """What each of those venues was called at a time: one question for a page of records. None for no venue."""
    known: dict[int, list[VenueVersion]] = {}
    statement = select(VenueVersion).where(VenueVersion.venue_id.in_(set(venues))).order_by(*_ORDER)
    for version in session.scalars(statement):
        known.setdefault(version.venue_id, []).append(version)

    def name(venue_id: int, at: float) -> str | None:
        told = known.get(venue_id)
        return told[max(bisect_right(told, at, key=lambda each: each.since) - 1, 0)].name if told else None

    return name


_ORDER = (VenueVersion.since, VenueVersion.id)


def _of(venue_id: int) -> Any:
    return (
        select(VenueVersion)
        .where(VenueVersion.venue_id == venue_id)
        .order_by(VenueVersion.since.desc(), VenueVersion.id.desc())
    )


def _newest(session: Session, venue_id: int) -> VenueVersion | None:
    found: VenueVersion | None = session.scalar(_of(venue_id).limit(1))
    return found
