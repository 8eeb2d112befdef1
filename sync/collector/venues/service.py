"""Creating and finding venues and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.errors import Mistake, NotFound
from sync.collector.venues.model import MAX_NAME, Checkpoint, Venue
from sync.wire.record import Direction


def create_venue(session: Session, name: str) -> Venue:
    """Raises Mistake for a name that is empty, too long or taken."""
    name = checked_name(name)
    if session.scalar(select(Venue).where(Venue.name == name)):
        raise Mistake(f"there is a venue called {name} already; see `collector venue list`")
    venue = Venue(name=name)
    session.add(venue)
    session.flush()
    return venue


def venues(session: Session) -> Sequence[Venue]:
    """All of them, oldest first."""
    return session.scalars(select(Venue).order_by(Venue.id)).all()


def find_venue(session: Session, venue_id: int) -> Venue:
    """Raises NotFound."""
    venue = session.get(Venue, venue_id)
    if venue is None:
        raise NotFound(f"there is no venue {venue_id}; see `collector venue list`")
    return venue


def venues_within(session: Session, regions: tuple[str, ...] | None) -> frozenset[int] | None:
    """The numbers of the venues that lie in one of those regions; None for all of them (regions: None)."""
    if regions is None:
        return None
    rows = session.execute(select(Venue.id, Venue.region)).all()
    return frozenset(row.id for row in rows if any(row.region.startswith(region) for region in regions))


def create_checkpoint(session: Session, venue_id: int, name: str, direction: Direction) -> Checkpoint:
    """Raises Mistake for a name that is empty, too long or taken at this venue; NotFound for the venue."""
    venue, name = find_venue(session, venue_id), checked_name(name)
    if session.scalar(select(Checkpoint).where(Checkpoint.venue_id == venue.id, Checkpoint.name == name)):
        raise Mistake(f"{venue.name} has a checkpoint called {name} already; see `collector checkpoint list`")
    checkpoint = Checkpoint(venue=venue, name=name, direction=direction.value)
    session.add(checkpoint)
    session.flush()
    return checkpoint


def checkpoints(session: Session) -> Sequence[Checkpoint]:
    """All of them, by venue."""
    return session.scalars(select(Checkpoint).order_by(Checkpoint.venue_id, Checkpoint.id)).all()


def find_checkpoint(session: Session, checkpoint_id: int) -> Checkpoint:
    """Raises NotFound."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None:
        raise NotFound(f"there is no checkpoint {checkpoint_id}; see `collector checkpoint list`")
    return checkpoint


def checked_name(name: str) -> str:
    """The name without blanks around it. Raises Mistake when it is empty, too long or has control characters."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Mistake(f"a name has 1 to {MAX_NAME} printable characters")
    return name
