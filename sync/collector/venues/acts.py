"""What people do with venues and checkpoints: each in one transaction with its line in the audit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from sync.collector.accounts import guard
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Action, Place, may_at
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.fleet.model import Gate
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Act
from sync.collector.venues import service
from sync.collector.venues.model import Checkpoint, Venue
from sync.wire.record import Direction


class GatesStandThere(Mistake):
    """Gates are to be moved first."""


@contextmanager
def acting(centre: Centre, action: Action, venue_id: int, now: float) -> Iterator[tuple[Personal, Venue]]:
    """A transaction of who is signed in, at a venue where they may do that: one at a time. Raises NotFound, Forbidden.

    Who had to wait is asked for their role again: it may have been handed over meanwhile.
    """
    with personal(centre, guard.actor(action.value), now) as access:
        venue = service.hold_venue(access.session, venue_id)
        account = own_account(access)
        place = Place(venue=venue.id, region=venue.region)
        if account.disabled_at is not None or not may_at(account.roles(), action, place):
            raise guard.Forbidden(action)
        yield access, venue


def own_account(access: Personal) -> Account:
    """Of who is signed in."""
    return access.session.get_one(Account, guard.who().account_id)


def add_checkpoint(access: Personal, venue: Venue, name: str, direction: Direction) -> Checkpoint:
    """Raises Mistake."""
    made = service.create_checkpoint(access.session, venue.id, name, direction)
    access.note(Act.CHECKPOINT, detail=f"venue {venue.id}, checkpoint {made.id} {direction.value}")
    return made


def change_checkpoint(access: Personal, checkpoint: Checkpoint, name: str, direction: Direction) -> None:
    """Raises Mistake."""
    service.change_checkpoint(access.session, checkpoint, name, direction)
    access.note(Act.CHECKPOINT, detail=f"venue {checkpoint.venue_id}, checkpoint {checkpoint.id} {direction.value}")


def close_checkpoint(access: Personal, checkpoint: Checkpoint) -> None:
    """Raises LastCheckpoint, GatesStandThere."""
    standing = select(Gate.id).where(Gate.checkpoint_id == checkpoint.id, Gate.retired_at.is_(None))
    if (gate := access.session.scalar(standing.limit(1))) is not None:
        raise GatesStandThere(f"gate {gate} stands at checkpoint {checkpoint.id}")
    service.close_checkpoint(access.session, checkpoint, access.now)
    access.note(Act.CHECKPOINT, detail=f"venue {checkpoint.venue_id}, checkpoint {checkpoint.id} closed")


def open_checkpoint(access: Personal, checkpoint: Checkpoint) -> None:
    """Used again."""
    service.open_checkpoint(access.session, checkpoint)
    access.note(Act.CHECKPOINT, detail=f"venue {checkpoint.venue_id}, checkpoint {checkpoint.id} open")
