"""A visit by phone, and its scan result: a pass for one checkpoint, of two minutes, made anew (R1, DESIGN 3).

The tap is one transaction, each pass another; how somebody stands is asked between them, with nothing held open.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.errors import Mistake, NotFound
from sync.collector.privacy import terms
from sync.collector.privacy.terms import DAY_SECONDS
from sync.collector.venues import codes
from sync.collector.venues.codes import Standing as CodeStanding
from sync.collector.venues.model import Checkpoint, Venue
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.phone import party
from sync.collector.visitors.phone.model import VISIT_ID, Proof, Visit, VisitorPhone
from sync.collector.visitors.phone.party import Member, Party, Standing
from sync.collector.visitors.service import VALID_SECONDS, StatusChanged, Wanted, issue_pass
from sync.collector.visitors.status.port import Health, StatusSource
from sync.wire.passes import PassKind

SAME_SECONDS = 600.0
"""So soon after, the same people at the same door are the same visit."""
OPEN_SECONDS = 1800.0
"""So long after the tap its scan result is made anew; then the venue code is scanned again."""
MOST_PASSES, MOST_SECONDS = 60, 600.0
_TRIES = 3
_MOST_LISTED = 500


class TooOften(Mistake):
    """A phone asks for passes faster than anybody can show them. wait_seconds: until it may again."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__("too many passes for one phone")
        self.wait_seconds = wait_seconds


class NotInForce(Mistake):
    """The venue code ended between the page and the tap."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the page shows of a visit. text: the scan result, None where no gate stands. is_over: scan again."""

    visit: str
    venue: str
    address: str
    checkpoint: str
    direction: str
    at: float
    standings: tuple[Standing, ...]
    health: Health
    text: str | None
    expires_at: float | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A visit for its owner. names: who came. is_other: another phone registered it with the holder's document."""

    at: float
    venue: str
    checkpoint: str
    direction: str
    names: tuple[str, ...]
    is_other: bool


def doors(session: Session, code: Any) -> list[Checkpoint]:
    """Where somebody may be who scanned that code: its checkpoint, or each open one of the venue."""
    if code.checkpoint is not None:
        return [code.checkpoint]
    wanted = select(Checkpoint).where(Checkpoint.venue_id == code.venue_id, Checkpoint.closed_at.is_(None))
    return list(session.scalars(wanted.order_by(Checkpoint.id)))


def enter(centre: Centre, there: Party, code: str, door: int | None, places: set[int], now: float) -> str:
    """Register a visit of the holder and of companions at `places`; its id.

    door: the checkpoint, where the code is of a whole venue.

    Raises NotInForce, NotFound, TooOften, DatabaseUnavailable.
    """
    coming = [each for each in there.members if each.is_holder or each.place in places]
    with centre.database.write() as session:
        _count(session, there.token, now)
        found = codes.find(session, code)
        if found is None or codes.standing(found) is not CodeStanding.IN_FORCE:
            raise NotInForce("the code is not in force")
        checkpoint = _door(doors(session, found), door)
        where = (found.venue_id, 0, "") if checkpoint is None else (found.venue_id, checkpoint.id, checkpoint.direction)
        known = _same(session, there.token, where, coming, now)
        if known is not None:
            return known
        visit = os.urandom(VISIT_ID // 2).hex()
        for each in coming:
            session.add(_row(visit, there.token, each, where, now))
        _hold(session, [each.visitor for each in coming], now)
        return visit


def result(centre: Centre, source: StatusSource, there: Party, visit: str, now: float) -> Result:
    """The visit with a fresh scan result. Raises NotFound, TooOften, DatabaseUnavailable."""
    with centre.database.read() as session:
        rows = _of_phone(session, there.token, visit)
        if not rows:
            raise NotFound("that phone has no such visit")
        first = rows[0].Visit
        checkpoint = None if first.checkpoint == 0 else session.get(Checkpoint, first.checkpoint)
        has_gate = checkpoint is not None and checkpoint.closed_at is None
    members = [each for each in there.members if each.visitor in {row.Visit.visitor for row in rows}]
    is_over = not 0 <= now - first.at < OPEN_SECONDS or not members or not members[0].is_holder
    said = (rows[0].venue_name, rows[0].address, rows[0].checkpoint_name or "", first.direction, first.at)
    for last in range(_TRIES):
        standings = party.judge(source, members or [there.holder], centre.settings.visitors.colour_needs, now)
        health = party.together(standings)
        text, expires_at = None, None
        if has_gate and not is_over:
            try:
                text, expires_at = _pass(centre, there.token, standings, first, health, now)
            except StatusChanged:  # between asking and issuing
                if last == _TRIES - 1:
                    raise
                continue
        break
    return Result(visit, *said, tuple(standings), health, text, expires_at, is_over)


def visits(centre: Centre, there: Party, now: float) -> list[Listed]:
    """Of the last days, newest first: this phone's, and the holder's by whatever phone where it has proved itself."""
    with centre.database.read() as session:
        days = terms.in_force(session.connection()).records
        ours = Visit.phone == there.token
        if there.holder.proof >= Proof.CODE:
            ours = or_(ours, Visit.visitor == there.holder.visitor)
        rows = session.execute(
            _SHOWN.where(ours, Visit.at >= now - days * DAY_SECONDS).order_by(Visit.at.desc()).limit(_MOST_LISTED)
        ).all()
    names = {each.visitor: each.name for each in there.members}
    together: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        together[row.Visit.id].append(row)
    return [_listed(group, names, there.token) for group in together.values()]


def _pass(
    centre: Centre, token: bytes, standings: Sequence[Standing], visit: Visit, health: Health, now: float
) -> tuple[str, float]:
    """A new scan result and when it ends."""
    seconds = VALID_SECONDS[PassKind.SCAN_RESULT]
    if health.until is not None:
        seconds = max(1, min(seconds, int(health.until - now)))
    test = health.test
    wanted = Wanted(
        kind=PassKind.SCAN_RESULT,
        status=health.status,
        venue=visit.venue,
        checkpoint=visit.checkpoint,
        valid_seconds=seconds,
        tested_hours_ago=None if test is None else max(0.0, (now - test.at) / 3600),
        test_negative=True if test is None else test.negative,
        companions=len(standings) - 1,
        holder=standings[0].member.visitor,
        is_claim=standings[0].is_withheld,
    )
    with centre.database.write() as session:
        _count(session, token, now)
        return issue_pass(centre, session, wanted, now), int(now) + seconds


def _count(session: Session, token: bytes, now: float) -> None:
    """One more for that phone. Raises TooOften, NotFound."""
    phone = session.get(VisitorPhone, token, with_for_update=True)
    if phone is None:
        raise NotFound("that phone is not remembered")
    if not phone.counted_at <= now < phone.counted_at + MOST_SECONDS:
        phone.counted, phone.counted_at = 0, now
    if phone.counted >= MOST_PASSES:
        raise TooOften(phone.counted_at + MOST_SECONDS - now)
    phone.counted += 1
    phone.seen_at = max(phone.seen_at, now)


def _door(there: list[Checkpoint], door: int | None) -> Checkpoint | None:
    if len(there) == 1:
        return there[0]
    if not there:
        return None
    for each in there:
        if each.id == door:
            return each
    raise NotFound("the venue has no such open checkpoint")


def _same(session: Session, token: bytes, where: tuple[int, int, str], coming: list[Member], now: float) -> str | None:
    """The visit that a second tap means."""
    venue, checkpoint, direction = where
    newest = session.scalars(
        select(Visit).where(Visit.phone == token, Visit.at > now - SAME_SECONDS).order_by(Visit.at.desc()).limit(1)
    ).first()
    if newest is None or (newest.venue, newest.checkpoint, newest.direction) != (venue, checkpoint, direction):
        return None
    party_then = set(session.scalars(select(Visit.visitor).where(Visit.phone == token, Visit.id == newest.id)))
    return newest.id if party_then == {each.visitor for each in coming} else None


def _row(visit: str, token: bytes, member: Member, where: tuple[int, int, str], now: float) -> Visit:
    venue, checkpoint, direction = where
    return Visit(
        visitor=member.visitor,
        id=visit,
        phone=token,
        place=member.place,
        venue=venue,
        checkpoint=checkpoint,
        direction=direction,
        at=now,
        proof=int(member.proof),
    )


def _hold(session: Session, visitors: list[str], now: float) -> None:
    """Their registration is in use; written once a day."""
    due = Visitor.id.in_(visitors) & (Visitor.used_until < now - DAY_SECONDS)
    session.execute(update(Visitor).where(due).values(used_until=now))


def _of_phone(session: Session, token: bytes, visit: str) -> Sequence[Row[Any]]:
    return session.execute(_SHOWN.where(Visit.phone == token, Visit.id == visit).order_by(Visit.place)).all()


_SHOWN: Any = (
    select(Visit, Venue.name.label("venue_name"), Venue.address, Checkpoint.name.label("checkpoint_name"))
    .join(Venue, Venue.id == Visit.venue)
    .outerjoin(Checkpoint, Checkpoint.id == Visit.checkpoint)
)


def _listed(rows: list[Row[Any]], names: dict[str, str], token: bytes) -> Listed:
    first = rows[0]
    who = sorted((row.Visit.place, names[row.Visit.visitor]) for row in rows if row.Visit.visitor in names)
    return Listed(
        first.Visit.at,
        first.venue_name,
        first.checkpoint_name or "",
        first.Visit.direction,
        tuple(name for _place, name in who),
        first.Visit.phone != token,
    )
