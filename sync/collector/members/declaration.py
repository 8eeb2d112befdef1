"""The declaration code (场所申报码) of a venue: six digits that its administrator shares with inspectors (R13)."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sync.collector.errors import Mistake
from sync.collector.members.model import DECLARATION_DIGITS, DeclarationCode
from sync.collector.venues.model import Venue, VenueState

_LOWEST, _HIGHEST = 10 ** (DECLARATION_DIGITS - 1), 10**DECLARATION_DIGITS - 1  # no zero in front, which people drop
_DRAWS = 64  # with nine of ten codes taken, all of them miss once in a thousand times


MOST_A_DAY = 10
"""Codes of one venue within a day. A code is used up for ever, and there are 900,000."""
_DAY_SECONDS = 86_400.0


class RenewedOften(Mistake):
    """The venue has had its codes for today."""


def of_venue(session: Session, venue_id: int) -> str | None:
    """The code in force, None where there is none yet."""
    found: str | None = session.scalar(_in_force(venue_id).with_only_columns(DeclarationCode.code))
    return found


def issue(session: Session, venue_id: int, now: float) -> str:
    """A new code; the one before ends, and is never another venue's.

    Raises RenewedOften; Mistake when no code is left.
    """
    lately = DeclarationCode.issued_at.between(now - _DAY_SECONDS, now)
    of_today = select(func.count()).select_from(DeclarationCode).where(DeclarationCode.venue_id == venue_id, lately)
    if (session.scalar(of_today) or 0) >= MOST_A_DAY:
        raise RenewedOften(f"venue {venue_id} has had {MOST_A_DAY} codes within a day")
    before = session.scalar(_in_force(venue_id))
    if before is not None:
        before.ended_at = now
        session.flush()
    for _ in range(_DRAWS):
        code = str(_LOWEST + secrets.randbelow(_HIGHEST - _LOWEST + 1))
        if session.get(DeclarationCode, code) is None:
            session.add(DeclarationCode(code=code, venue_id=venue_id, issued_at=now))
            session.flush()
            return code
    raise Mistake("no declaration code is left: six digits are too few for this centre")


def venue_of(session: Session, code: str) -> Venue | None:
    """The active venue whose code that is."""
    if not (code.isascii() and code.isdigit() and len(code) == DECLARATION_DIGITS):
        return None
    row = session.get(DeclarationCode, code)
    venue = None if row is None or row.ended_at is not None else session.get(Venue, row.venue_id)
    return venue if venue is not None and venue.state == VenueState.ACTIVE.value else None


def _in_force(venue_id: int) -> Any:
    return select(DeclarationCode).where(DeclarationCode.venue_id == venue_id, DeclarationCode.ended_at.is_(None))
