"""Founding a venue and changing what it is (R11, R12, R14). One administrator a venue, one venue an administrator.

What is typed becomes `Particulars` at the border; whoever founds a venue administers it, in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sync.collector.accounts import service as accounts
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.errors import Mistake
from sync.collector.members import declaration
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.venues import divisions, history, kinds
from sync.collector.venues.model import MAX_ADDRESS, Venue, VenueState
from sync.collector.venues.naming import check_credit_code
from sync.collector.venues.opening import Opening
from sync.collector.venues.positions import Position
from sync.collector.venues.service import NameTaken, checked_name, create_checkpoint
from sync.wire.record import Direction

FIRST_CHECKPOINT = "正门"
"""Every venue begins with one way in, so that its code can hang there at once."""


class NoTownship(Mistake):
    """A region goes down to a township or street (R11)."""


class NoKind(Mistake):
    """The kind is none of the notice's."""


class NoAddress(Mistake):
    """An address is needed, of at most MAX_ADDRESS characters."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """What a venue is. credit_code: "" for a place that has none yet. Raises Mistake for what cannot be."""

    name: str
    region: str
    address: str
    kind: str
    credit_code: str
    position: Position | None
    opening: Opening

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", checked_name(" ".join(self.name.split())))
        address = " ".join(self.address.split())
        if not 0 < len(address) <= MAX_ADDRESS or not address.isprintable():
            raise NoAddress(f"an address has 1 to {MAX_ADDRESS} printable characters")
        object.__setattr__(self, "address", address)
        if not divisions.is_lowest(self.region):
            raise NoTownship(f"{self.region[:20]!r} is the code of no township or street")
        if kinds.find(self.kind) is None:
            raise NoKind(f"there is no kind {self.kind[:20]!r}")
        if self.credit_code.strip():
            object.__setattr__(self, "credit_code", check_credit_code(self.credit_code))


def found(access: Personal, account: Account, told: Particulars, *, needs_approval: bool) -> Venue:
    """A new venue and its administrator, active at once or after the township's approval.

    Whose venue was closed leaves it by founding another. Raises Mistake: `Held` when the account has a venue,
    `NameTaken`.
    """
    session, now = access.session, access.now
    _leave_closed(session, account)
    _without_venue(session, account)
    _free_name(access, told.name)
    state = VenueState.WAITING if needs_approval else VenueState.ACTIVE
    venue = Venue(state=state.value, created_at=now)
    _put(venue, told)
    session.add(venue)
    _keep_name(session, told.name)
    history.note(session, venue, now, account.id)
    accounts.appoint(session, account, Appointment(Role.VENUE_ADMINISTRATOR, venue=venue.id), now)
    create_checkpoint(session, venue.id, FIRST_CHECKPOINT, Direction.IN)
    declaration.issue(session, venue.id, now)
    access.note(Act.VENUE_CREATE, detail=f"venue {venue.id} by {account.named}")
    return venue


def amend(access: Personal, account: Account, venue: Venue, told: Particulars, *, needs_approval: bool) -> None:
    """Change what it is; a refused venue asks its township again, one that moves to another township asks that one.

    Raises Mistake.
    """
    if told.name != venue.name:
        _free_name(access, told.name)
    is_moved = venue.state == VenueState.ACTIVE.value and venue.region not in ("", told.region)
    _put(venue, told)
    if venue.state == VenueState.REFUSED.value or (is_moved and needs_approval):
        venue.state, venue.refusal = VenueState.WAITING.value, ""
    _keep_name(access.session, told.name)
    history.note(access.session, venue, access.now, account.id)
    access.note(Act.VENUE_CHANGE, detail=f"venue {venue.id}")


def position(venue: Venue) -> Position | None:
    """Where it is, None where nobody said."""
    if venue.latitude is None or venue.longitude is None:
        return None
    return Position(venue.latitude, venue.longitude)


def opening(venue: Venue) -> Opening:
    """When it is open."""
    return Opening.of_mask(venue.open_minute, venue.close_minute, venue.open_days)


def _leave_closed(session: Session, account: Account) -> None:
    for row in [each for each in account.appointments if each.role == Role.VENUE_ADMINISTRATOR.value]:
        if session.get_one(Venue, row.venue_id).state == VenueState.CLOSED.value:
            accounts.dismiss(session, account, row.id)


def _put(venue: Venue, told: Particulars) -> None:
    venue.name, venue.region, venue.address = told.name, told.region, told.address
    venue.kind, venue.credit_code = told.kind, told.credit_code
    venue.latitude = None if told.position is None else told.position.latitude
    venue.longitude = None if told.position is None else told.position.longitude
    venue.open_minute, venue.close_minute = told.opening.open_minute, told.opening.close_minute
    venue.open_days = told.opening.days_mask


def _without_venue(session: Session, account: Account) -> None:
    """One venue an administrator; a second request of the same account waits for the first. Raises Held."""
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update(key_share=True))
    session.refresh(account, ["appointments"])
    if any(each.role is Role.VENUE_ADMINISTRATOR for each in account.roles()):
        raise accounts.Held(f"{account.login} administers a venue: one venue for each administrator")


def _keep_name(session: Session, name: str) -> None:
    """Raises NameTaken where somebody else took it in the same moment; then nothing of the transaction stays."""
    try:
        session.flush()
    except IntegrityError as cause:
        raise NameTaken(f"there is a venue called {name} since just now") from cause


def _free_name(access: Personal, name: str) -> None:
    if access.session.scalar(select(Venue.id).where(Venue.name == name)) is not None:
        raise NameTaken(f"there is a venue called {name} already; see `collector venue list`")
