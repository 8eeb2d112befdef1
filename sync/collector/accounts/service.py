"""Accounts: creating, appointing, disabling, and the one-time link by which somebody chooses a password."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from enum import Enum

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sync.collector.accounts import limits, sessions
from sync.collector.accounts.model import MAX_LOGIN, Account, AppointmentRow, OneTimeLink
from sync.collector.accounts.permissions import EXTENT, Appointment, Extent, Role
from sync.collector.accounts.secrets import AccountKey
from sync.collector.accounts.tokens import TOKEN_BYTES, token_hash
from sync.collector.errors import Mistake, NotFound
from sync.collector.members.leaving import leave
from sync.collector.organizations.model import Organization
from sync.collector.venues.model import MAX_REGION
from sync.collector.venues.service import checked_name, find_venue


class LoginTaken(Mistake):
    """There is an account of that login."""


class BadLogin(Mistake):
    """That cannot be a login."""


class BadAddress(Mistake):
    """No message can be sent there."""


class WrongPlace(Mistake):
    """The place does not fit the role, or there is none such."""


class Held(Mistake):
    """The role is held: by that account, by another one, or that account has another venue."""


class LastIt(Mistake):
    """Without that account nobody could mend anything."""


class Purpose(str, Enum):
    """What a one-time link lets its holder do."""

    PASSWORD = "password"  # noqa: S105 - choose one
    ENTER = "enter"  # sign in at once: for a demo, where no second factor is asked for


LINK_SECONDS = 24 * 3600
RESET_SECONDS = 30 * 60
_LONGEST_SECONDS = LINK_SECONDS + 300  # a link that ends later is of a clock that was wrong
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]*")
_REGION = re.compile(rf"\d{{0,{MAX_REGION}}}")
_ADDRESS = re.compile(r"mailto:[^\s@<>,;:]{1,64}@[^\s@<>,;:]{1,190}|tel:\+?\d{5,15}")


def create(session: Session, login: str, name: str, now: float, language: str = "zh") -> Account:
    """An account without a password, which its owner chooses by a one-time link. Raises Mistake."""
    login = checked_login(login)
    if session.scalar(select(Account).where(Account.login == login)):
        raise LoginTaken(f"there is an account {login} already; see `collector account list`")
    account = Account(login=login, name=checked_name(name), language=language, created_at=now)
    try:
        with session.begin_nested():
            session.add(account)
            session.flush()
    except IntegrityError as cause:
        raise LoginTaken(f"there is an account {login} since just now") from cause
    return account


def checked_login(login: str) -> str:
    """In lower case. Raises Mistake."""
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login) or len(login) > MAX_LOGIN:
        raise BadLogin(f"a login has 1 to {MAX_LOGIN} of a-z, 0-9 and . _ @ + -, and begins with a letter or digit")
    return login


def accounts(session: Session) -> Sequence[Account]:
    """All of them, by login."""
    return session.scalars(select(Account).order_by(Account.login)).all()


def known(session: Session, login: str) -> Account | None:
    """Whose login that is; None for what can be none, which not every database takes as a text."""
    login = login.strip().lower()
    return session.scalar(select(Account).where(Account.login == login)) if _LOGIN.fullmatch(login) else None


def find(session: Session, login: str) -> Account:
    """Raises NotFound."""
    account = known(session, login)
    if account is None:
        raise NotFound(f"there is no account {login}; see `collector account list`")
    return account


def appoint(session: Session, account: Account, appointment: Appointment, now: float) -> AppointmentRow:
    """Give a role. Raises Mistake where the place does not fit the role or somebody holds it; NotFound."""
    _check_place(session, appointment)
    row = AppointmentRow(
        role=appointment.role.value,
        venue_id=appointment.venue,
        organization_id=appointment.organization,
        region=appointment.region,
        since=now,
    )
    try:
        with session.begin_nested():
            account.appointments.append(row)
            session.flush()
    except IntegrityError as cause:
        session.refresh(account, ["appointments"])
        raise Held(_taken(account, appointment)) from cause
    return row


def dismiss(session: Session, account: Account, appointment_id: int) -> Appointment:
    """Take a role away, and what hangs on it (`members.leaving`). Raises NotFound, LastIt."""
    for row in account.appointments:
        if row.id == appointment_id:
            if row.role == Role.IT.value:
                _keep_one_it(session, account)
            taken = row.appointment()
            account.appointments.remove(row)
            session.flush()
            leave(session, account.id, taken)
            return taken
    raise NotFound(f"{account.login} has no appointment {appointment_id}")


def disable(session: Session, account: Account, now: float) -> None:
    """From now on nobody signs in to it; who is signed in is out. Raises LastIt."""
    _keep_one_it(session, account)
    account.disabled_at = now
    sessions.end_all(session, account.id)
    revoke_links(session, account)


def enable(session: Session, account: Account) -> None:
    """It may be used again, from a new sign-in on: one that was under way at the end is over too."""
    account.disabled_at = None
    sessions.end_all(session, account.id)


def set_address(account: Account, key: AccountKey, address: str) -> None:
    """Where links and alarms go: `mailto:` or `tel:`, empty for nowhere. Raises Mistake."""
    address = address.strip()
    if not address:
        account.address = None
        return
    if not _ADDRESS.fullmatch(address):
        raise BadAddress("an address is mailto:name@example.org or tel:+8613800138000")
    account.address = key.seal(address.encode(), f"account/address/{account.id}")


def address_of(account: Account, key: AccountKey) -> str | None:
    """As it was set, None for none. Raises AccountKeyTrouble."""
    if account.address is None:
        return None
    return key.open(account.address, f"account/address/{account.id}").decode()


def revoke_links(session: Session, account: Account) -> None:
    """No link that was given out works any more."""
    session.execute(delete(OneTimeLink).where(OneTimeLink.account_id == account.id))


def issue_link(
    session: Session,
    account: Account,
    now: float,
    seconds: float = LINK_SECONDS,
    purpose: Purpose = Purpose.PASSWORD,
) -> str:
    """The token of a new one-time link, beside earlier ones: a stranger who asks for one ends nobody's.

    Raises Mistake for a disabled account.
    """
    if account.disabled_at is not None:
        raise Mistake(f"{account.login} is disabled: `collector account enable {account.login}` first")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        OneTimeLink(token=token_hash(token), account_id=account.id, purpose=purpose.value, expires_at=now + seconds)
    )
    session.flush()
    return token


def forget_old_links(session: Session, now: float) -> None:
    """Delete those whose time is over."""
    session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at <= now))


def link_owner(session: Session, token: str, now: float, purpose: Purpose = Purpose.PASSWORD) -> Account | None:
    """Whose link that is; None once it was used, replaced or is too old."""
    row = session.get(OneTimeLink, token_hash(token))
    if row is None or not now < row.expires_at <= now + _LONGEST_SECONDS or row.purpose != purpose.value:
        return None
    account = session.get(Account, row.account_id)
    return None if account is None or account.disabled_at is not None else account


def hold_link(session: Session, token: str, now: float, purpose: Purpose = Purpose.PASSWORD) -> Account | None:
    """The same to use it up, within a write transaction: until that ends nobody else holds a link."""
    limits.queue(session)
    return link_owner(session, token, now, purpose)


def forget_second_factor(session: Session, account: Account) -> None:
    """The phone is lost. The password goes with it: alone it would open the account to whoever has got hold of it."""
    account.totp = account.password = None
    sessions.end_all(session, account.id)


def _check_place(session: Session, appointment: Appointment) -> None:
    given = {
        Extent.VENUE: appointment.venue,
        Extent.ORGANIZATION: appointment.organization,
        Extent.REGION: appointment.region,
    }
    extent = EXTENT[appointment.role]
    if any((value is not None) != (kind is extent) for kind, value in given.items()):
        raise WrongPlace(f"{appointment.role.value} is of {_OF[extent]}")
    if appointment.venue is not None:
        find_venue(session, appointment.venue)
    if appointment.organization is not None and session.get(Organization, appointment.organization) is None:
        raise NotFound(f"there is no organization {appointment.organization}; see `collector organization list`")
    if appointment.region is not None and not _REGION.fullmatch(appointment.region):
        raise WrongPlace(f"a region is the official code of a division, 0 to {MAX_REGION} digits; none for all of it")


_OF = {
    Extent.VENUE: "a venue: say which",
    Extent.ORGANIZATION: "an organization: say which",
    Extent.REGION: "a region: say its code",
    Extent.TOWN: "the whole town: say no place",
}


def _taken(account: Account, appointment: Appointment) -> str:
    if any(each == appointment for each in account.roles()):
        return f"{account.login} is {appointment.role.value} there already"
    if any(row.role == Role.VENUE_ADMINISTRATOR.value for row in account.appointments):
        return f"{account.login} administers another venue: one venue for each administrator"
    return f"venue {appointment.venue} has an administrator: one for each venue"


def _keep_one_it(session: Session, account: Account) -> None:
    if not any(row.role == Role.IT.value for row in account.appointments):
        return
    others = (
        select(Account.id)
        .join(AppointmentRow)
        .where(AppointmentRow.role == Role.IT.value, Account.id != account.id, Account.disabled_at.is_(None))
    )
    if session.scalar(others.limit(1)) is None:
        raise LastIt(f"{account.login} is the only IT account: create another first, or nobody could mend this")
