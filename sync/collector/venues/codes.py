"""The codes of a venue: issued once for each place, the same at every reprint, renewed where a poster was abused.

A token is all that a stranger knows; of 2^50 they are not counted up. It identifies a place and opens nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import Enum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from sync.collector.database import insert_new
from sync.collector.errors import Mistake, NotFound
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.venues.code_model import TOKEN_LENGTH, VenueCode
from sync.collector.venues.model import Checkpoint, Venue, VenueState

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: 5 bits a character, all of QR's alphanumeric set, none that is read for another."""
_READ_AS = str.maketrans("OIL", "011", "- ")
_MAX_TYPED = 2 * TOKEN_LENGTH


class Standing(Enum):
    """What a code is worth at this moment."""

    IN_FORCE = "in force"
    ENDED = "ended"  # another one hangs there now
    NOT_APPROVED = "not approved"  # the township has not said yes, or no
    CLOSED = "closed"  # the venue, or the checkpoint


class NotInForce(Mistake):
    """The venue has no code at the moment. standing, venue: why."""

    def __init__(self, standing: Standing, venue: Venue) -> None:
        super().__init__(f"{venue.name} has no code: the venue is {venue.state}")
        self.standing, self.venue = standing, venue


class EndedAlready(Mistake):
    """Somebody renewed it a moment ago."""


def new_token() -> str:
    """50 random bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))


def read_token(typed: str) -> str | None:
    """PURE. As people type and scanners change it – small letters, O for 0, a hyphen; None for what is no token."""
    token = plain(typed)
    return token if token is not None and len(token) == TOKEN_LENGTH else None


def plain(typed: str) -> str | None:
    """PURE. The same of any length, in the alphabet's own characters."""
    if len(typed) > _MAX_TYPED or not typed.isascii():
        return None
    read = typed.upper().translate(_READ_AS)
    return read if set(read) <= set(ALPHABET) else None


def shown(token: str) -> str:
    """PURE. In two halves, for the eye."""
    return f"{token[:5]}-{token[5:]}"


def standing_of(venue: Venue, checkpoint: Checkpoint | None = None, ended_at: float | None = None) -> Standing:
    """PURE. Of a code, or of one that would be issued."""
    if venue.state == VenueState.CLOSED.value or (checkpoint is not None and checkpoint.closed_at is not None):
        return Standing.CLOSED
    if ended_at is not None:
        return Standing.ENDED
    return Standing.IN_FORCE if venue.state == VenueState.ACTIVE.value else Standing.NOT_APPROVED


def standing(code: VenueCode) -> Standing:
    """PURE. Of a code that was issued."""
    return standing_of(code.venue, code.checkpoint, code.ended_at)


def require_active(venue: Venue) -> None:
    """Raises NotInForce for a venue that has no code on the wall."""
    if (why := standing_of(venue)) is not Standing.IN_FORCE:
        raise NotInForce(why, venue)


def find(session: Session, typed: str) -> VenueCode | None:
    """One look-up by key; none at all for what is no token."""
    token = read_token(typed)
    return session.get(VenueCode, token) if token else None


def in_force(session: Session, venue: Venue) -> list[VenueCode]:
    """Those that hang, the whole venue's first, then its checkpoints by number; none of a closed checkpoint."""
    found = session.scalars(
        select(VenueCode)
        .where(VenueCode.venue_id == venue.id, VenueCode.ended_at.is_(None))
        .execution_options(populate_existing=True)
    )
    hanging = [code for code in found if code.checkpoint is None or code.checkpoint.closed_at is None]
    return sorted(hanging, key=lambda code: code.checkpoint_id or 0)


def missing(session: Session, venue: Venue) -> list[int | None]:
    """The places of the venue that have no code yet: numbers of checkpoints, None for the venue as a whole."""
    open_now = select(Checkpoint.id).where(Checkpoint.venue_id == venue.id, Checkpoint.closed_at.is_(None))
    places: Sequence[int | None] = (None, *session.scalars(open_now.order_by(Checkpoint.id)))
    have = {code.checkpoint_id for code in in_force(session, venue)}
    return [place for place in places if place not in have]


def issue_missing(session: Session, venue: Venue, now: float) -> None:
    """A code for each place that has none; two who do so at once find the same. Raises NotInForce."""
    require_active(venue)
    while lacking := missing(session, venue):  # again only where a token was there already, once in 2^50
        insert_new(session.connection(), VenueCode, [_row(venue.id, place, now) for place in lacking])


def of_place(session: Session, venue: Venue, checkpoint_id: int | None) -> VenueCode:
    """The code that hangs there, once it was issued. Raises NotFound for a checkpoint that is not open there."""
    for code in in_force(session, venue):
        if code.checkpoint_id == checkpoint_id:
            return code
    raise NotFound(f"venue {venue.id} has no open checkpoint {checkpoint_id}; see `collector checkpoint list`")


def renew(access: Personal, venue: Venue, token: str) -> None:
    """End that code and issue another for its place. Raises NotFound, NotInForce, EndedAlready."""
    code = access.session.get(VenueCode, token)
    if code is None or code.venue_id != venue.id:
        raise NotFound(f"venue {venue.id} has no code {token}")
    ending = update(VenueCode).where(VenueCode.token == token, VenueCode.ended_at.is_(None))
    if not access.session.connection().execute(ending.values(ended_at=access.now)).rowcount:
        raise EndedAlready(f"the code {token} was renewed already")
    issue_missing(access.session, venue, access.now)
    place = "the whole venue" if code.checkpoint_id is None else f"checkpoint {code.checkpoint_id}"
    access.note(Act.CODE_RENEW, detail=f"{token} of venue {venue.id}, {place}")


def _row(venue_id: int, checkpoint_id: int | None, now: float) -> dict[str, object]:
    return {"token": new_token(), "venue_id": venue_id, "checkpoint_id": checkpoint_id, "issued_at": now}
