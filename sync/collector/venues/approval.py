"""The township's word on venues (R11), and its list of them: new, waiting, silent in opening hours (R10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select
from sqlalchemy.orm import Session

from sync.collector.errors import Mistake
from sync.collector.intake.model import HourlyCount
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.venues.founding import opening
from sync.collector.venues.model import MAX_REASON, Venue, VenueState
from sync.collector.visitors.phone.model import Visit

NEW_SECONDS = 7 * 86_400.0
PAGE = 50
_HOUR_SECONDS = 3600
_LOOK_BACK_HOURS = 8 * 24  # a venue that opens once a week has its day within
_USE = ("scan", "registered", "passage")
_NEXT = {
    VenueState.ACTIVE: (VenueState.WAITING, VenueState.REFUSED, VenueState.CLOSED),
    VenueState.REFUSED: (VenueState.WAITING,),
    VenueState.CLOSED: (VenueState.ACTIVE, VenueState.WAITING, VenueState.REFUSED),
}
"""From which states a venue comes into one."""


class NotSo(Mistake):
    """In its present state that cannot be decided: somebody was faster."""


class BadReason(Mistake):
    """The administrator is to read why: 1 to MAX_REASON printable characters."""


class Shown(str, Enum):
    """What the list shows."""

    ALL = "all"
    NEW = "new"
    WAITING = "waiting"
    SILENT = "silent"
    REFUSED = "refused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Listed:
    """A venue of the list. quiet_seconds: how long it was open without anybody having been registered, from the hour
    of the last one on; None where somebody was, or the venue is not active. last_hour: of that one, hours since 1970.
    """

    venue: Venue
    is_new: bool
    quiet_seconds: float | None
    last_hour: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the list. regions: codes, None for everywhere. text: in name or address. silent_seconds: opened so
    long without anybody, a venue is silent. page: from 0."""

    regions: tuple[str, ...] | None
    shown: Shown = Shown.ALL
    text: str = ""
    page: int = 0
    silent_seconds: float = 4 * 3600.0


def decide(access: Personal, venue: Venue, state: VenueState, refusal: str = "") -> None:
    """Approve, refuse (with the reason that its administrator reads) or close. Raises NotSo, BadReason."""
    if VenueState(venue.state) not in _NEXT.get(state, ()):
        raise NotSo(f"venue {venue.id} is {venue.state}")
    refusal = refusal.strip()
    if not refusal.isprintable() or len(refusal) > MAX_REASON or (state is VenueState.REFUSED) != bool(refusal):
        raise BadReason(f"a reason has 1 to {MAX_REASON} printable characters")
    venue.state, venue.refusal, venue.decided_at = state.value, refusal, access.now
    access.session.flush()
    access.note(Act.VENUE_DECIDE, detail=f"venue {venue.id} {state.value}")


def listed(session: Session, wanted: Wanted, now: float) -> tuple[list[Listed], bool]:
    """A page of them, the newest first, and whether there are more."""
    conditions = _conditions(wanted, now)
    statement = (
        select(Venue, last_hour(now), last_visit(now))
        .where(*conditions)
        .order_by(Venue.created_at.desc(), Venue.id.desc())
    )
    first = wanted.page * PAGE
    if wanted.shown is Shown.SILENT:
        silent = _all_silent(session, statement, wanted, now)
        return silent[first : first + PAGE], len(silent) > first + PAGE
    rows = session.execute(statement.offset(first).limit(PAGE + 1)).all()
    return [_told(row, wanted, now) for row in rows[:PAGE]], len(rows) > PAGE


def counts(session: Session, regions: tuple[str, ...] | None, now: float) -> dict[Shown, int]:
    """How many are new, and how many wait; what silent ones cost to count is left to who asks for them."""
    found = {}
    for shown in (Shown.ALL, Shown.NEW, Shown.WAITING):
        conditions = _conditions(Wanted(regions, shown), now)
        found[shown] = session.scalar(select(func.count()).select_from(Venue).where(*conditions)) or 0
    return found


def quiet_seconds(venue: Venue, last_hour: int | None, now: float) -> float:
    """How long it was open without anybody: since the end of the last hour with somebody, or since it was approved."""
    began = max(venue.created_at, venue.decided_at or 0.0, now - _LOOK_BACK_HOURS * _HOUR_SECONDS)
    since = began if last_hour is None else max(began, (last_hour + 1) * _HOUR_SECONDS)
    return opening(venue).open_seconds_since(min(since, now), now)


def _conditions(wanted: Wanted, now: float) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.regions is not None:
        found.append(or_(*(Venue.region.startswith(code, autoescape=True) for code in wanted.regions)))
    if wanted.text:
        columns = (Venue.name, Venue.address, Venue.credit_code)
        found.append(or_(*(column.contains(wanted.text, autoescape=True) for column in columns)))
    match wanted.shown:
        case Shown.NEW:
            found.append(and_(Venue.created_at > now - NEW_SECONDS, Venue.state != VenueState.CLOSED.value))
        case Shown.WAITING | Shown.REFUSED | Shown.CLOSED:
            found.append(Venue.state == wanted.shown.value)
        case Shown.SILENT:
            found.append(Venue.state == VenueState.ACTIVE.value)
    return found


def _all_silent(session: Session, statement: Any, wanted: Wanted, now: float) -> list[Listed]:
    """The longest silence first."""
    told = (_told(row, wanted, now) for row in session.execute(statement))
    return sorted(
        (each for each in told if each.quiet_seconds is not None), key=lambda each: -(each.quiet_seconds or 0)
    )


def _told(row: Any, wanted: Wanted, now: float) -> Listed:
    """row: a venue, `last_hour` and `last_visit`."""
    venue, counted, visited = row
    hours = [each for each in (counted, None if visited is None else int(visited // _HOUR_SECONDS)) if each is not None]
    last = max(hours, default=None)
    quiet = quiet_seconds(venue, last, now) if venue.state == VenueState.ACTIVE.value else 0.0
    is_new = venue.created_at > now - NEW_SECONDS
    return Listed(venue, is_new, quiet if quiet >= wanted.silent_seconds else None, last)


def last_hour(now: float) -> ScalarSelect[int]:
    """Of each venue of a query: the last hour, within eight days, in which somebody was scanned or registered there.

    One look into the index of venue and hour for each venue, whatever its gates counted: grouping those counts took
    ten to twenty times as long for 26,000 venues. An hour that has not come is of a gate whose clock is wrong.
    """
    latest = int(now // _HOUR_SECONDS)
    counted = select(func.max(HourlyCount.hour)).where(
        HourlyCount.venue == Venue.id,
        HourlyCount.hour.between(latest - _LOOK_BACK_HOURS, latest),
        HourlyCount.type.in_(_USE),
    )
    return counted.correlate(Venue).scalar_subquery()


def last_visit(now: float) -> ScalarSelect[float]:
    """Of each venue of a query: when the last phone registered there, within eight days; by the centre's clock."""
    phones = select(func.max(Visit.at)).where(
        Visit.venue == Venue.id, Visit.at.between(now - _LOOK_BACK_HOURS * _HOUR_SECONDS, now)
    )
    return phones.correlate(Venue).scalar_subquery()
