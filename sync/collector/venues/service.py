"""Creating and finding venues and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.errors import Mistake, NotFound
from sync.collector.venues import history
from sync.collector.venues.model import MAX_NAME, Checkpoint, Venue
from sync.wire.record import Direction


class NameTaken(Mistake):
    """There is a venue, or at this venue a checkpoint, of that name."""


class BadName(Mistake):
    """It cannot be a name."""


class LastCheckpoint(Mistake):
    """A venue keeps one way in."""


class TooManyCheckpoints(Mistake):
    """Closed ones count: their records are named."""


MOST_CHECKPOINTS = 100


def create_venue(session: Session, name: str) -> Venue:
    """A venue of which nothing but the name is known. Raises Mistake for one that is empty, too long or taken."""
    name = checked_name(name)
    if session.scalar(select(Venue).where(Venue.name == name)):
        raise NameTaken(f"there is a venue called {name} already; see `collector venue list`")
    venue = Venue(name=name)
    session.add(venue)
    session.flush()
    history.note(session, venue, venue.created_at)
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


def hold_venue(session: Session, venue_id: int) -> Venue:
    """The venue as it is now; until this transaction ends nobody else acts there. Raises NotFound.

    Within a write transaction, before anything else that it locks. What only names the venue is not kept waiting.
    """
    venue = session.get(Venue, venue_id, with_for_update={"key_share": True}, populate_existing=True)
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
        raise NameTaken(f"{venue.name} has a checkpoint called {name} already; see `collector checkpoint list`")
    if len(checkpoints_of(session, venue.id)) >= MOST_CHECKPOINTS:
        raise TooManyCheckpoints(f"{venue.name} has {MOST_CHECKPOINTS} checkpoints")
    checkpoint = Checkpoint(venue=venue, name=name, direction=direction.value)
    session.add(checkpoint)
    session.flush()
    return checkpoint


def change_checkpoint(session: Session, checkpoint: Checkpoint, name: str, direction: Direction) -> None:
    """Later records are of the new direction; gates learn it at their next contact. Raises Mistake."""
    name = checked_name(name)
    others = select(Checkpoint.id).where(
        Checkpoint.venue_id == checkpoint.venue_id, Checkpoint.name == name, Checkpoint.id != checkpoint.id
    )
    if session.scalar(others) is not None:
        raise NameTaken(f"{checkpoint.venue.name} has a checkpoint called {name} already")
    checkpoint.name, checkpoint.direction = name, direction.value
    session.flush()


def close_checkpoint(session: Session, checkpoint: Checkpoint, now: float) -> None:
    """Not used from now on; its records stay. Raises LastCheckpoint."""
    if len([each for each in checkpoints_of(session, checkpoint.venue_id) if each.closed_at is None]) < 2:
        raise LastCheckpoint(f"{checkpoint.venue.name} has no other checkpoint")
    checkpoint.closed_at = now
    session.flush()


def open_checkpoint(session: Session, checkpoint: Checkpoint) -> None:
    """Used again."""
    checkpoint.closed_at = None
    session.flush()


def checkpoints_of(session: Session, venue_id: int) -> Sequence[Checkpoint]:
    """Of one venue, oldest first, closed ones too."""
    return session.scalars(select(Checkpoint).where(Checkpoint.venue_id == venue_id).order_by(Checkpoint.id)).all()


def checkpoint_at(session: Session, venue_id: int, checkpoint_id: int) -> Checkpoint:
    """Raises NotFound for another venue's."""
    checkpoint = find_checkpoint(session, checkpoint_id)
    if checkpoint.venue_id != venue_id:
        raise NotFound(f"venue {venue_id} has no checkpoint {checkpoint_id}")
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
        raise BadName(f"a name has 1 to {MAX_NAME} printable characters")
    return name
