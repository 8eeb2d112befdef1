"""Handing the administrator's role over (R16): offered to an inspector of the venue, who accepts it – or does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.accounts import service as accounts
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.errors import Mistake, NotFound
from sync.collector.members.model import Answer, HandOver
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.venues.model import Venue
from sync.collector.venues.service import hold_venue

_TERM_SECONDS = 7 * 86_400.0


class NotAnInspector(Mistake):
    """Only an inspector of the venue can take it over."""


class OfferedAlready(Mistake):
    """The role is on offer: take that back first."""


class OfferOver(Mistake):
    """The offer was answered, taken back, or is too old."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A role that waits for somebody's answer. at: seconds since 1970."""

    id: int
    venue_id: int
    venue_name: str
    from_name: str
    to_name: str
    at: float


def offer(access: Personal, venue: Venue, giver: Account, login: str) -> None:
    """Raises NotAnInspector, OfferedAlready, accounts' Held when they administer another venue."""
    session, now = access.session, access.now
    taker = accounts.known(session, login)  # who has an account at all is not told
    inspects = taker is not None and Appointment(Role.INSPECTOR, venue=venue.id) in taker.roles()
    if taker is None or not inspects or taker.id == giver.id or taker.disabled_at is not None:
        raise NotAnInspector(f"{login} is no other inspector of venue {venue.id}")
    if any(each.role is Role.VENUE_ADMINISTRATOR for each in taker.roles()):
        raise accounts.Held(f"{login} administers another venue")
    for row in session.scalars(_waiting().where(HandOver.venue_id == venue.id)):
        if _is_in_time(row, now):
            raise OfferedAlready(f"venue {venue.id} is on offer already")
        _close(row, Answer.WITHDRAWN, now)
    session.flush()
    session.add(HandOver(venue_id=venue.id, from_account=giver.id, to_account=taker.id, offered_at=now))
    session.flush()
    access.note(Act.HAND_OVER_OFFER, detail=f"venue {venue.id}, {giver.named} to {taker.named}")


def take_back(access: Personal, venue_id: int) -> None:
    """No offer of that venue waits any more."""
    for row in access.session.scalars(_waiting().where(HandOver.venue_id == venue_id)):
        _close(row, Answer.WITHDRAWN, access.now)
        access.note(Act.HAND_OVER_TAKE_BACK, detail=f"venue {venue_id}")


def offers_to(session: Session, account_id: int, now: float) -> list[Offer]:
    """What waits for that account's answer."""
    return _offers(session, now, HandOver.to_account == account_id)


def offer_of(session: Session, venue_id: int, now: float) -> Offer | None:
    """What the venue has on offer."""
    return next(iter(_offers(session, now, HandOver.venue_id == venue_id)), None)


def answer(access: Personal, taker: Account, offer_id: int, *, accept: bool) -> int:
    """The venue's number. With a yes the roles change in this very transaction.

    Raises OfferOver, accounts' Held; NotFound for an offer to somebody else.
    """
    session = access.session
    row = session.get(HandOver, offer_id)
    if row is None or row.to_account != taker.id:
        raise NotFound(f"there is no offer {offer_id} to {taker.login}")
    hold_venue(session, row.venue_id)
    session.refresh(row)
    session.refresh(taker, ["appointments"])
    if row.answer != Answer.WAITING.value or not _is_in_time(row, access.now):
        raise OfferOver(f"offer {offer_id} is over")
    _close(row, Answer.ACCEPTED if accept else Answer.REFUSED, access.now)
    if not accept:
        access.note(Act.HAND_OVER_DECLINE, detail=f"venue {row.venue_id}")
    else:
        giver = session.get_one(Account, row.from_account)
        administrator = Appointment(Role.VENUE_ADMINISTRATOR, venue=row.venue_id)
        held = [each for each in giver.appointments if each.appointment() == administrator]
        if not held or Appointment(Role.INSPECTOR, venue=row.venue_id) not in taker.roles():
            raise OfferOver(f"offer {offer_id}: who gave or takes it has left the venue")
        accounts.dismiss(session, giver, held[0].id)
        accounts.appoint(session, taker, administrator, access.now)
        access.note(Act.HAND_OVER, detail=f"venue {row.venue_id}, {giver.named} to {taker.named}")
    return row.venue_id


def _close(row: HandOver, said: Answer, now: float) -> None:
    row.answer, row.answered_at = said.value, now


def _is_in_time(row: HandOver, now: float) -> bool:
    """One of a clock that was far ahead is over too."""
    return abs(now - row.offered_at) < _TERM_SECONDS


def _waiting() -> Any:
    return select(HandOver).where(HandOver.answer == Answer.WAITING.value)


def _offers(session: Session, now: float, condition: Any) -> list[Offer]:
    rows = session.scalars(_waiting().where(condition).order_by(HandOver.id))
    return [
        Offer(
            row.id,
            row.venue_id,
            session.get_one(Venue, row.venue_id).name,
            session.get_one(Account, row.from_account).name,
            session.get_one(Account, row.to_account).name,
            row.offered_at,
        )
        for row in rows
        if _is_in_time(row, now)
    ]
