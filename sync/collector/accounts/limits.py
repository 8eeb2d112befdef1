"""How often somebody may be wrong. Counted in the database: a restart forgets nothing, and workers count together.

A failure is counted before the password is looked at and taken back when it was right, so that a hundred guesses at
once are a hundred. Counted by login for strangers, by login and browser where that browser signed in to that account
before (so that a stranger's guesses lock no owner out), and by address for all logins together.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network, ip_address

from sqlalchemy import delete
from sqlalchemy.orm import Session

from sync.collector.accounts.model import Tally
from sync.collector.database import queue_up

_QUEUE = -3  # gates have positive numbers, audit and keys -1 and -2
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` failures cost nothing; from then on each doubles the wait, from first_wait_seconds up to the longest.

    forgotten_seconds: after so long without a failure everything is forgotten.
    """

    free: int
    first_wait_seconds: float
    longest_wait_seconds: float
    forgotten_seconds: float


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many in a window, which begins with the first of them."""

    most: int
    window_seconds: float


LOGIN = Limit(free=5, first_wait_seconds=60, longest_wait_seconds=3600, forgotten_seconds=_DAY_SECONDS)
ADDRESS = Limit(free=30, first_wait_seconds=60, longest_wait_seconds=3600, forgotten_seconds=3600)
LINK = Limit(free=3, first_wait_seconds=1200, longest_wait_seconds=4 * 3600, forgotten_seconds=_DAY_SECONDS)


def wait_seconds(limit: Limit, failures: int, since_last_seconds: float) -> float:
    """PURE. How long still nothing is tried."""
    if failures < limit.free or since_last_seconds >= limit.forgotten_seconds:
        return 0.0
    pause = min(limit.first_wait_seconds * 2.0 ** min(failures - limit.free, 32), limit.longest_wait_seconds)
    return max(0.0, pause - max(0.0, since_last_seconds))


def network(address: str) -> str:
    """PURE. What is counted for an address: itself, or the /64 that somebody with IPv6 has alone (RFC 6177)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Network((parsed, 64), strict=False))


def count(session: Session, counted: list[tuple[bytes, Limit]], now: float) -> float:
    """Count a failure for each subject; or, where one must wait, count nothing and return its seconds.

    Within a write transaction.
    """
    queue(session)
    rows = [(session.get(Tally, subject), subject, limit) for subject, limit in counted]
    for row, _, _ in rows:
        if row is not None:
            row.last_at = min(row.last_at, now)  # of a clock that was ahead: the wait runs from here on
    wait = max(
        (wait_seconds(limit, row.failures, now - row.last_at) for row, _, limit in rows if row is not None),
        default=0.0,
    )
    if wait > 0:
        return wait
    for row, subject, limit in rows:
        if row is None:
            session.add(Tally(subject=subject, failures=1, began_at=now, last_at=now))
        elif now - row.last_at >= limit.forgotten_seconds:
            row.failures, row.began_at, row.last_at = 1, now, now
        else:
            row.failures, row.last_at = row.failures + 1, now
    return 0.0


def take(session: Session, counted: list[tuple[bytes, Rate]], now: float) -> float:
    """Count one for each subject; or, where one has had its most, count nothing and return the seconds until it may.

    Within a write transaction. For what many people share, such as a network: being busy is no failure.
    """
    queue(session)
    rows = [(session.get(Tally, subject), subject, rate) for subject, rate in counted]
    ends = [
        row.began_at + rate.window_seconds
        for row, _, rate in rows
        if row is not None and row.failures >= rate.most and row.began_at <= now < row.began_at + rate.window_seconds
    ]
    if ends:
        return max(ends) - now
    for row, subject, rate in rows:
        if row is None:
            session.add(Tally(subject=subject, failures=1, began_at=now, last_at=now))
        elif not row.began_at <= now < row.began_at + rate.window_seconds:
            row.failures, row.began_at, row.last_at = 1, now, now
        else:
            row.failures, row.last_at = row.failures + 1, now
    return 0.0


def queue(session: Session) -> None:
    """Wait for whoever counts, or uses a link; until this transaction ends they wait."""
    queue_up(session.connection(), _QUEUE)


def take_back(session: Session, subject: bytes, *, all_of_it: bool) -> None:
    """It was no failure. all_of_it: the subject has shown who it is, its earlier failures are forgotten too."""
    queue(session)
    row = session.get(Tally, subject)
    if row is None:
        return
    row.failures -= 1
    if all_of_it or row.failures <= 0:
        session.delete(row)


def forget_old(session: Session, now: float) -> int:
    """Delete what counts no longer; how many."""
    return int(session.execute(delete(Tally).where(Tally.last_at < now - _DAY_SECONDS)).rowcount)  # type: ignore[attr-defined]
