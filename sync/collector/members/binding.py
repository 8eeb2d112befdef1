"""Binding inspectors to a venue by its declaration code, and unbinding them (R13, R16, R18).

Who knows the code has asked, and no more: with 26,000 venues one guess in forty is some venue's code, so the
administrator sees each request and says yes or no. The administrator's own request needs no answer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sync.collector.accounts import limits
from sync.collector.accounts import service as accounts
from sync.collector.accounts.limits import Limit
from sync.collector.accounts.model import Account, AppointmentRow
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.accounts.secrets import AccountKey
from sync.collector.database import Database
from sync.collector.errors import Mistake, NotFound
from sync.collector.members import declaration
from sync.collector.members.inspectors import inspector_of
from sync.collector.members.model import Answer, BindingRequest, Inspector
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.venues.model import Venue, VenueState

CODES = Limit(free=5, first_wait_seconds=600, longest_wait_seconds=86_400, forgotten_seconds=86_400)
CODES_OF_ADDRESS = Limit(free=20, first_wait_seconds=600, longest_wait_seconds=86_400, forgotten_seconds=86_400)
"""Wrong codes of an account, and of all accounts of an address: about a dozen guesses a day."""
MOST_WAITING = 5
"""Requests that one account may have waiting at once."""
MOST_A_DAY = 20
"""Requests of one account within a day, those that it took back too: each stays in the tables and in the audit."""
_DAY_SECONDS = 86_400.0
REFUSED_SECONDS = 86_400.0
"""Who was refused asks that venue again after a day."""


class UnknownCode(Mistake):
    """No active venue has that code now."""


class BoundAlready(Mistake):
    """The account inspects there already, or has asked."""


class RefusedLately(Mistake):
    """The administrator said no within the last day."""


class TooManyRequests(Mistake):
    """Other venues' administrators should answer first."""


class NotActive(Mistake):
    """The venue waits for its township, was refused or is closed: nobody is bound."""


class AnsweredAlready(Mistake):
    """The request was answered, or taken back."""


class MustWait(Mistake):
    """Too many wrong codes. wait_seconds: until one may be tried again."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"too many wrong codes: wait {wait_seconds:.0f} seconds")
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody who asks to be an inspector. at: seconds since 1970."""

    id: int
    login: str
    name: str
    at: float


@dataclass(frozen=True, slots=True)
class Member:
    """An inspector of a venue. number: as records name them. checkpoint: where they stand, None before they chose."""

    number: int
    account_id: int
    login: str
    name: str
    since: float
    checkpoint_id: int | None
    has_pin: bool
    is_disabled: bool


def count_guess(database: Database, key: AccountKey, account: Account | int, address: str, now: float) -> list[bytes]:
    """A guess is counted before it is looked at; what to take back when it was right. Raises MustWait."""
    number = account if isinstance(account, int) else account.id
    counted = [
        (key.hash("tally", "declaration", str(number)), CODES),
        (key.hash("tally", "declaration from", limits.network(address)), CODES_OF_ADDRESS),
    ]
    with database.write() as session:
        wait = limits.count(session, counted, now)
    if wait > 0:
        raise MustWait(wait)
    return [subject for subject, _ in counted]


def was_right(database: Database, counted: Sequence[bytes]) -> None:
    """The code was some venue's, though nothing came of it: that was no guess."""
    with database.write() as session:
        for subject in counted:
            limits.take_back(session, subject, all_of_it=False)


def ask(access: Personal, account: Account, code: str, counted: Sequence[bytes] = ()) -> tuple[Venue, bool]:
    """The venue of that code, and whether the account inspects there now: only its administrator does at once.

    counted: of `count_guess`. Raises Mistake.
    """
    session, now = access.session, access.now
    venue = declaration.venue_of(session, "".join(unicodedata.normalize("NFKC", code).split()))
    if venue is None:
        raise UnknownCode("no active venue has that declaration code now")
    for subject in counted:
        limits.take_back(session, subject, all_of_it=False)
    if _inspects(account, venue.id):
        raise BoundAlready(f"{account.login} inspects venue {venue.id} already")
    if Appointment(Role.VENUE_ADMINISTRATOR, venue=venue.id) in account.roles():
        _bind(access, account, venue.id)
        return venue, True
    mine = select(BindingRequest).where(BindingRequest.account_id == account.id)
    waiting = session.scalars(mine.where(BindingRequest.answer == Answer.WAITING.value)).all()
    if any(row.venue_id == venue.id for row in waiting):
        raise BoundAlready(f"{account.login} has asked venue {venue.id} already")
    if len(waiting) >= MOST_WAITING:
        raise TooManyRequests(f"{account.login} has {len(waiting)} requests waiting")
    today = mine.where(BindingRequest.asked_at.between(now - _DAY_SECONDS, now))
    if len(session.scalars(today.limit(MOST_A_DAY)).all()) >= MOST_A_DAY:
        raise TooManyRequests(f"{account.login} has asked {MOST_A_DAY} times within a day")
    refused = mine.where(
        BindingRequest.venue_id == venue.id,
        BindingRequest.answer == Answer.REFUSED.value,
        BindingRequest.answered_at.between(now - REFUSED_SECONDS, now),
    )
    if session.scalar(refused.limit(1)) is not None:
        raise RefusedLately(f"venue {venue.id} refused {account.login} within a day")
    session.add(BindingRequest(account_id=account.id, venue_id=venue.id, asked_at=now))
    session.flush()
    access.note(Act.BINDING_ASK, detail=f"venue {venue.id} by {account.named}")
    return venue, False


def requests(session: Session, venue_id: int) -> list[Request]:
    """Those that wait, the oldest first; of accounts that may be used."""
    rows = session.execute(
        select(BindingRequest, Account)
        .join(Account, Account.id == BindingRequest.account_id)
        .where(BindingRequest.venue_id == venue_id, BindingRequest.answer == Answer.WAITING.value)
        .where(Account.disabled_at.is_(None))
        .order_by(BindingRequest.asked_at, BindingRequest.id)
    )
    return [Request(row.id, account.login, account.name, row.asked_at) for row, account in rows]


def waiting_for(session: Session, account_id: int) -> list[tuple[int, Venue, float]]:
    """An account's own requests that wait: number, venue and when."""
    rows = session.execute(
        select(BindingRequest, Venue)
        .join(Venue, Venue.id == BindingRequest.venue_id)
        .where(BindingRequest.account_id == account_id, BindingRequest.answer == Answer.WAITING.value)
        .order_by(BindingRequest.id)
    )
    return [(row.id, venue, row.asked_at) for row, venue in rows]


def answer(access: Personal, venue_id: int, request_id: int, *, accept: bool) -> Account:
    """The administrator's yes or no; whose request it was. Raises NotFound, AnsweredAlready, NotActive."""
    row = _close(access, request_id, Answer.ACCEPTED if accept else Answer.REFUSED, venue_id=venue_id)
    account = access.session.get_one(Account, row.account_id)
    if accept and access.session.get_one(Venue, venue_id).state != VenueState.ACTIVE.value:
        raise NotActive(f"venue {venue_id} is not active")
    if accept and account.disabled_at is not None:
        raise NotFound(f"request {request_id} is of a disabled account")
    if accept and not _inspects(account, venue_id):
        _bind(access, account, venue_id)
    elif not accept:
        access.note(Act.BINDING_REFUSE, detail=f"venue {venue_id}, {account.named}")
    return account


def withdraw(access: Personal, account_id: int, request_id: int) -> None:
    """Take one's own request back. Raises NotFound, AnsweredAlready."""
    row = _close(access, request_id, Answer.WITHDRAWN, account_id=account_id)
    access.note(Act.BINDING_WITHDRAW, detail=f"venue {row.venue_id}")


def members(session: Session, venue_id: int) -> list[Member]:
    """The inspectors of a venue, those who came first first."""
    rows = session.execute(
        select(AppointmentRow, Account)
        .join(Account, Account.id == AppointmentRow.account_id)
        .where(AppointmentRow.role == Role.INSPECTOR.value, AppointmentRow.venue_id == venue_id)
        .order_by(AppointmentRow.id)
    ).all()
    known = {
        row.account_id: row for row in session.scalars(select(Inspector).where(Inspector.venue_id == venue_id)).all()
    }
    return [_member(row, account, known.get(account.id)) for row, account in rows]


def count_members(session: Session, venue_id: int) -> int:
    """How many inspectors a venue has."""
    wanted = (AppointmentRow.role == Role.INSPECTOR.value, AppointmentRow.venue_id == venue_id)
    return session.scalar(select(func.count()).select_from(AppointmentRow).where(*wanted)) or 0


def unbind(access: Personal, venue_id: int, login: str) -> None:
    """No inspector there any more: gone from the gates at their next update, PIN and badge with it. Raises NotFound."""
    account = accounts.find(access.session, login)
    for row in account.appointments:
        if (row.role, row.venue_id) == (Role.INSPECTOR.value, venue_id):
            accounts.dismiss(access.session, account, row.id)
            access.note(Act.UNBIND, detail=f"venue {venue_id}, {account.named}")
            return
    raise NotFound(f"{login} is no inspector of venue {venue_id}")


def _bind(access: Personal, account: Account, venue_id: int) -> None:
    accounts.appoint(access.session, account, Appointment(Role.INSPECTOR, venue=venue_id), access.now)
    inspector_of(access.session, account.id, venue_id)
    access.note(Act.BIND, detail=f"venue {venue_id}, {account.named}")


def _close(access: Personal, request_id: int, said: Answer, **mine: int) -> BindingRequest:
    """Answer a request that is still open, and is of that venue or account."""
    session = access.session
    row = session.get(BindingRequest, request_id, with_for_update=True)
    if row is None or any(getattr(row, name) != value for name, value in mine.items()):
        raise NotFound(f"there is no request {request_id}")
    if row.answer != Answer.WAITING.value:
        raise AnsweredAlready(f"request {request_id} was {row.answer} already")
    row.answer, row.answered_at = said.value, access.now
    session.flush()
    return row


def _inspects(account: Account, venue_id: int) -> bool:
    return Appointment(Role.INSPECTOR, venue=venue_id) in account.roles()


def _member(row: AppointmentRow, account: Account, inspector: Inspector | None) -> Member:
    return Member(
        number=0 if inspector is None else inspector.id,
        account_id=account.id,
        login=account.login,
        name=account.name,
        since=row.since,
        checkpoint_id=None if inspector is None else inspector.checkpoint_id,
        has_pin=inspector is not None and inspector.pin is not None,
        is_disabled=account.disabled_at is not None,
    )
