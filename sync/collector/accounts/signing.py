"""Signing in: password, second factor, and the wait after failures. Says to a stranger only that it was not right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sqlalchemy.orm import Session

from sync.collector.accounts import limits, passwords, service, sessions, totp
from sync.collector.accounts.limits import ADDRESS, LOGIN, Limit
from sync.collector.accounts.model import Account
from sync.collector.accounts.secrets import AccountKey
from sync.collector.accounts.service import Purpose
from sync.collector.accounts.sessions import Visit
from sync.collector.database import Database
from sync.collector.errors import Mistake


class Refusal(Enum):
    """Why nobody was signed in."""

    WRONG = "wrong"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody at the door. address: where the request came from; known_browser: it signed in to that login before."""

    login: str
    address: str
    agent: str
    known_browser: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """token: for the cookie of whoever is signed in now; else why not, and how long to wait."""

    token: str | None = None
    refusal: Refusal | None = None
    wait_seconds: float = 0.0


@dataclass(frozen=True)
class Door:
    """Lets people in."""

    database: Database
    key: AccountKey

    def knock(self, attempt: Attempt, password: str, now: float) -> Outcome:
        """Sign in by password. Where a second factor is needed, the session is complete only after `show`."""
        counted = self._counted(attempt)
        with self.database.write() as session:
            wait = limits.count(session, counted, now)
            account = service.known(session, attempt.login)
            kept = account.password if account is not None and account.disabled_at is None else None
        if wait > 0:
            return Outcome(refusal=Refusal.WAIT, wait_seconds=wait)
        if not passwords.is_right(kept, password) or account is None:
            return Outcome(refusal=Refusal.WRONG)
        with self.database.write() as session:
            account = session.get(Account, account.id)
            if account is None or account.password != kept:  # changed while we looked
                return Outcome(refusal=Refusal.WRONG)
            # With a second factor to come, the password alone forgives nothing: codes are guessed behind it.
            self._forgive(session, counted, all_of_it=account.totp is None)
            return Outcome(token=sessions.begin(session, account, attempt.agent, now))

    def show(self, visit: Visit, code: str, attempt: Attempt, now: float) -> Outcome:
        """The second factor of somebody whose password was right; the session begins anew under another token."""
        counted = [(self._subject("factor", visit.login), LOGIN), *self._counted(attempt)[1:]]
        with self.database.write() as session:
            wait = limits.count(session, counted, now)
            if wait > 0:
                return Outcome(refusal=Refusal.WAIT, wait_seconds=wait)
            account = session.get_one(Account, visit.account_id, with_for_update=True)
            step = self._step(account, code, now)
            if step is None:
                return Outcome(refusal=Refusal.WRONG)
            account.totp_step = step
            self._forgive(session, [*counted, *self._counted(attempt)[:1]], all_of_it=True)
            sessions.end(session, visit.token)
            return Outcome(token=sessions.begin(session, account, attempt.agent, now, second_factor=True))

    def confirm_password(self, visit: Visit, password: str, now: float) -> Outcome:
        """Whether whoever sits there knows the password: before it, or the second factor, is changed."""
        counted = [(self._subject("confirm", visit.login), LOGIN)]
        with self.database.write() as session:
            wait = limits.count(session, counted, now)
            kept = session.get_one(Account, visit.account_id).password
        if wait > 0:
            return Outcome(refusal=Refusal.WAIT, wait_seconds=wait)
        if not passwords.is_right(kept, password):
            return Outcome(refusal=Refusal.WRONG)
        with self.database.write() as session:
            self._forgive(session, counted, all_of_it=True)
        return Outcome()

    def enter(self, token: str, agent: str, now: float) -> str | None:
        """Sign in by a link for that, which is used up; the token for the cookie, None for a link that is over."""
        with self.database.write() as session:
            account = service.hold_link(session, token, now, Purpose.ENTER)
            if account is None:
                return None
            service.revoke_links(session, account)
            return sessions.begin(session, account, agent, now)

    def choose_password(self, token: str, password: str, code: str, now: float) -> Account:
        """By a one-time link, which is used up. An account with a second factor shows it here as well.

        Raises LinkOver, LinkBusy, WrongCode.
        """
        kept = passwords.hashed(password)
        with self.database.write() as session:
            account = service.hold_link(session, token, now)
            trouble = LinkOver() if account is None else self._use_link(session, account, kept, code, now)
        if trouble is not None:  # raised here, so that what was counted stays counted
            raise trouble
        assert account is not None
        return account

    def _use_link(self, session: Session, account: Account, kept: str, code: str, now: float) -> Mistake | None:
        if account.totp is not None:
            if limits.count(session, [(self._subject("factor", account.login), LOGIN)], now) > 0:
                return LinkBusy()
            step = self._step(account, code, now)
            if step is None:
                return WrongCode()
            account.totp_step = step
        account.password = kept
        service.revoke_links(session, account)
        sessions.end_all(session, account.id)
        self._forgive(session, [(self._subject(use, account.login), LOGIN) for use in _BY_LOGIN], all_of_it=True)
        return None

    def _step(self, account: Account, code: str, now: float) -> int | None:
        if account.totp is None:
            return None
        secret = self.key.open(account.totp, totp_place(account)).decode()
        return totp.step_of(secret, code, now, account.totp_step)

    def _counted(self, attempt: Attempt) -> list[tuple[bytes, Limit]]:
        login = attempt.login.strip().lower()
        if attempt.known_browser:  # not by address: behind one there may be a whole office, and one who guesses
            return [(self._subject("known", login), LOGIN)]
        return [
            (self._subject("login", login), LOGIN),
            (self._subject("address", limits.network(attempt.address)), ADDRESS),
        ]

    def _subject(self, *parts: str) -> bytes:
        return self.key.hash("tally", *parts)

    @staticmethod
    def _forgive(session: Session, counted: list[tuple[bytes, Limit]], *, all_of_it: bool) -> None:
        for subject, limit in counted:
            limits.take_back(session, subject, all_of_it=all_of_it and limit is LOGIN)


_BY_LOGIN = ("login", "known", "factor", "confirm")


class LinkOver(Mistake):
    """The link was used, replaced or is too old."""


class LinkBusy(Mistake):
    """Too many wrong codes."""


class WrongCode(Mistake):
    """The second factor's code is not right."""


def totp_place(account: Account) -> str:
    """Where the secret of the second factor stands, which its seal is bound to."""
    return f"account/totp/{account.id}"
