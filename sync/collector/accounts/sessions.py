"""Where somebody is signed in: a random token in a cookie, its hash in the database. Signing out ends it for good."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from sync.collector.accounts.model import Account, SignedIn
from sync.collector.accounts.permissions import Appointment, needs_second_factor
from sync.collector.accounts.tokens import TOKEN_BYTES, token_hash

_AGENT = 120
_SEEN_EVERY_SECONDS = 60.0  # a page that asks every second writes once a minute
_CLOCK_SECONDS = 300.0  # more than a clock is corrected by in a day's work; beyond it, it was wrong then


@dataclass(frozen=True, slots=True)
class Term:
    """How long a browser stays signed in: without use, and at most."""

    idle_seconds: float
    longest_seconds: float


STRICT = Term(idle_seconds=30 * 60, longest_seconds=12 * 3600)
"""Who may do much."""
SHIFT = Term(idle_seconds=12 * 3600, longest_seconds=7 * 86_400)
"""A shopkeeper's and an inspector's phone."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Who is behind a request. token: hash of the cookie's. is_complete: the second factor was shown where needed."""

    account_id: int
    login: str
    name: str
    appointments: tuple[Appointment, ...]
    token: bytes
    began_at: float
    has_second_factor: bool
    needs_second_factor: bool
    is_complete: bool


def begin(session: Session, account: Account, agent: str, now: float, *, second_factor: bool = False) -> str:
    """Sign a browser in; the token for its cookie."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = SignedIn(
        token=token_hash(token),
        account_id=account.id,
        began_at=now,
        seen_at=now,
        second_factor_at=now if second_factor else None,
        agent="".join(filter(str.isprintable, agent))[:_AGENT],
    )
    session.add(row)
    session.flush()
    return token


def term_of(appointments: tuple[Appointment, ...]) -> Term:
    """By what somebody may do."""
    return STRICT if needs_second_factor(appointments) else SHIFT


def visit(session: Session, token: str, now: float, *, second_factor: bool = True) -> tuple[Visit, bool] | None:
    """Whose cookie that is, and whether it is time to note that it is used; None when nobody is signed in by it.

    second_factor: False asks nobody for one who has none (`Settings.second_factor`).
    """
    row = session.get(SignedIn, token_hash(token))
    account = session.get(Account, row.account_id) if row else None
    if row is None or account is None or account.disabled_at is not None:
        return None
    appointments = account.roles()
    term = term_of(appointments)
    if row.began_at > now + _CLOCK_SECONDS or row.seen_at > now + _CLOCK_SECONDS:
        return None
    if now - row.seen_at >= term.idle_seconds or now - row.began_at >= term.longest_seconds:
        return None
    needs = (second_factor and needs_second_factor(appointments)) or account.totp is not None
    seen = Visit(
        account_id=account.id,
        login=account.login,
        name=account.name,
        appointments=appointments,
        token=row.token,
        began_at=row.began_at,
        has_second_factor=account.totp is not None,
        needs_second_factor=needs,
        is_complete=not needs or row.second_factor_at is not None,
    )
    return seen, now - row.seen_at >= _SEEN_EVERY_SECONDS


def note_seen(session: Session, token: bytes, now: float) -> None:
    """It is used."""
    row = session.get(SignedIn, token)
    if row is not None:
        row.seen_at = now


def renew(session: Session, token: bytes) -> str:
    """Give a session another token, for its cookie; whoever copied the old one is out. It ends no later for that."""
    fresh = secrets.token_urlsafe(TOKEN_BYTES)
    session.execute(update(SignedIn).where(SignedIn.token == token).values(token=token_hash(fresh)))
    return fresh


def end(session: Session, token: bytes) -> None:
    """Sign that browser out."""
    session.execute(delete(SignedIn).where(SignedIn.token == token))


def end_all(session: Session, account_id: int, but: bytes | None = None) -> None:
    """Sign the account out in every browser. but: the token of one that stays."""
    statement = delete(SignedIn).where(SignedIn.account_id == account_id)
    session.execute(statement if but is None else statement.where(SignedIn.token != but))


def forget_old(session: Session, now: float) -> int:
    """Delete what nobody is signed in by any more; how many."""
    over = or_(SignedIn.began_at < now - SHIFT.longest_seconds, SignedIn.seen_at < now - SHIFT.idle_seconds)
    return int(session.execute(delete(SignedIn).where(over)).rowcount)  # type: ignore[attr-defined]
