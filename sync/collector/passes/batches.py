"""Batches of paper passes: who belongs to one, printing, printing again, withdrawing; each act audited (R6).

The centre keeps no text of a pass: who prints again makes a new pass, and the old one is withdrawn. A card that was
lost, and a sheet that jammed in the printer, open nothing from the gates' next update on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.database import queue_up
from sync.collector.errors import Mistake, NotFound
from sync.collector.passes import desk
from sync.collector.passes.lists import BadLine, Fault
from sync.collector.passes.model import MAX_BATCH_NAME, MAX_MEMBERS, BatchMember, PassBatch
from sync.collector.policy import withdrawals
from sync.collector.policy.model import Withdrawal
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.visitors import marking, registry
from sync.collector.visitors.identity import Person
from sync.collector.visitors.model import IssuedPass, Visitor
from sync.collector.visitors.service import VALID_SECONDS, StatusChanged, Wanted, issue_claimed
from sync.collector.visitors.status.port import Health, StatusSource, Subject
from sync.wire.passes import PassClaims, PassKind, Status

SHORTEST_SECONDS = 86_400
"""A card that ends sooner is not worth its paper."""
_AT_ONCE = 200


class State(Enum):
    """How a member's card stands."""

    WAITING = "waiting"  # none was printed yet
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"
    STATUS = "status"  # withdrawn because the holder's status changed
    EXPIRED = "expired"


class BadName(Mistake):
    """A batch's name is none."""


class Full(Mistake):
    """A batch has no room."""


class NotAdded(Mistake):
    """Nobody of a list was added: these lines are wrong."""

    def __init__(self, bad: list[BadLine]) -> None:
        super().__init__(f"{len(bad)} lines are wrong; nobody was added")
        self.bad = bad


class WithdrawnAlready(Mistake):
    """There is no card in force that could be withdrawn."""


@dataclass(frozen=True, slots=True)
class Added:
    """How many people came into a batch, and how many were in it before."""

    new: int
    known: int


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a batch, as the clerk's page shows them."""

    visitor: str
    place: int
    person: Person
    is_verified: bool
    state: State
    serial: bytes | None
    expires_at: int | None
    prints: int


@dataclass(frozen=True, slots=True)
class Card:
    """A pass to be printed. text: what its symbol says. health: how its holder stood."""

    place: int
    person: Person = field(repr=False)
    serial: bytes
    text: str = field(repr=False)
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Printed:
    """cards: new passes, in the batch's order. withheld: places of those who get none now, because of their status."""

    cards: list[Card]
    withheld: list[int]


def create(access: Personal, name: str, day: str | None = None) -> PassBatch:
    """A new batch. day: of who come one by one. Raises BadName."""
    name = name.strip()
    if day is None and not (0 < len(name) <= MAX_BATCH_NAME and name.isprintable()):
        raise BadName(f"a batch has a name of 1 to {MAX_BATCH_NAME} printable characters")
    row = PassBatch(name=name, day=day, created_at=access.now)
    access.session.add(row)
    access.session.flush()
    access.note(Act.PAPER_BATCH, detail=f"batch {row.id}")
    return row


def of_day(access: Personal, day: str) -> PassBatch:
    """The batch of those who come one by one on that day."""
    queue_up(access.session.connection(), marking.REGISTERING)
    known = access.session.scalar(select(PassBatch).where(PassBatch.day == day))
    return known or create(access, "", day)


def find(session: Session, batch_id: int) -> PassBatch:
    """Raises NotFound."""
    row = session.get(PassBatch, batch_id) if batch_id < 2**31 else None
    if row is None:
        raise NotFound(f"there is no batch {batch_id}")
    return row


def add(access: Personal, batch: PassBatch, people: Sequence[tuple[int, Person]], *, seen: bool) -> Added:
    """All of them or nobody. people: (line, person). seen: their documents were, so that they are verified.

    Who is registered already is that visitor; the same list again adds nobody. Raises NotAdded, Full.
    """
    queue_up(access.session.connection(), marking.REGISTERING)
    known = _known(access, [somebody for _, somebody in people])
    bad = [
        BadLine(line, Fault.OTHER_NAME)
        for (line, somebody), row in zip(people, known, strict=True)
        if row is not None and not desk.fits(access, row, somebody, seen=seen)
    ]
    if bad:
        raise NotAdded(bad)
    there = set(access.session.scalars(select(BatchMember.visitor).where(BatchMember.batch == batch.id)))
    place = access.session.scalar(select(func.max(BatchMember.place)).where(BatchMember.batch == batch.id)) or 0
    new = 0
    for (_, somebody), row in zip(people, known, strict=True):
        visitor = desk.present(access, row, somebody, seen=seen)
        if visitor.id not in there:
            new += 1
            access.session.add(BatchMember(visitor=visitor.id, batch=batch.id, place=place + new, prints=0))
    if len(there) + new > MAX_MEMBERS:
        raise Full(f"a batch has {MAX_MEMBERS} people at most")
    access.session.flush()
    access.note(Act.PAPER_BATCH, detail=f"batch {batch.id}: {new} people added")
    return Added(new, len(people) - new)


def members(access: Personal, batch: PassBatch) -> list[Member]:
    """Everybody in it, by place. One line in the audit: they are shown by hints of their names. Raises Unreadable."""
    access.note(Act.PAPER_BATCH, detail=f"batch {batch.id} shown")
    rows = access.session.execute(
        select(BatchMember, Visitor, IssuedPass.expires_at, Withdrawal)
        .join(Visitor, Visitor.id == BatchMember.visitor)
        .outerjoin(IssuedPass, IssuedPass.serial == BatchMember.serial)
        .outerjoin(Withdrawal, Withdrawal.serial == BatchMember.serial)
        .where(BatchMember.batch == batch.id)
        .order_by(BatchMember.place)
    ).all()
    return [
        Member(
            member.visitor,
            member.place,
            registry.opened(access.cipher, visitor),
            visitor.verified_at is not None,
            _state(member, expires_at, withdrawal, access.now),
            member.serial,
            expires_at,
            member.prints,
        )
        for member, visitor, expires_at, withdrawal in rows
    ]


def healths(source: StatusSource, found: Iterable[Member], now: float) -> dict[str, Health]:
    """How each stands; holds no transaction meanwhile. Raises DatabaseUnavailable."""
    return {each.visitor: source.of(Subject(each.visitor, each.person), now) for each in found}


def issue(
    centre: Centre, access: Personal, batch: PassBatch, wanted: Sequence[str], known: dict[str, Health]
) -> Printed:
    """A new pass for each of `wanted` (visitors of the batch), each old one withdrawn. known: how they stand.

    Yellow and red get none: a gate would refuse or refer it, and paper does not turn green. Unknown is printed as that.
    Raises Mistake, NotFound, Unreadable.
    """
    queue_up(access.session.connection(), marking.REGISTERING)
    rows = {
        member.visitor: (member, visitor)
        for member, visitor in access.session.execute(
            select(BatchMember, Visitor)
            .join(Visitor, Visitor.id == BatchMember.visitor)
            .where(BatchMember.batch == batch.id, BatchMember.visitor.in_(wanted))
            .order_by(Visitor.id)
            .with_for_update()
        )
    }
    cards: list[tuple[BatchMember, bytes | None, Card]] = []
    withheld: list[int] = []
    for member, visitor in rows.values():
        made = _issued(centre, access, visitor, known.get(visitor.id))
        if made is None:
            withheld.append(member.place)
            continue
        text, issued = made
        cards.append(
            (
                member,
                member.serial,
                Card(
                    member.place,
                    registry.opened(access.cipher, visitor),
                    issued.serial,
                    text,
                    issued.issued_at,
                    issued.expires_at,
                ),
            )
        )
    for member, old, card in cards:
        access.note(Act.PAPER_PRINT, member.visitor, f"batch {batch.id}{'' if old is None else ' again'}")
        member.serial, member.issued_at, member.prints = card.serial, card.issued_at, member.prints + 1
    if _withdraw(access.session, [old for _, old, _ in cards if old is not None], access.now):
        withdrawals.build_list(access.session, access.now)
    return Printed(sorted((card for _, _, card in cards), key=lambda card: card.place), sorted(withheld))


def withdraw(access: Personal, batch: PassBatch, wanted: Sequence[str]) -> int:
    """The cards of these visitors, for the reason that the audit gets; how many. Raises WithdrawnAlready."""
    queue_up(access.session.connection(), marking.REGISTERING)
    rows = access.session.execute(
        select(BatchMember.visitor, BatchMember.serial)
        .join(Visitor, Visitor.id == BatchMember.visitor)
        .where(BatchMember.batch == batch.id, BatchMember.visitor.in_(wanted), BatchMember.serial.is_not(None))
        .order_by(Visitor.id)
        .with_for_update()
    ).all()
    taken = _withdraw(access.session, [row.serial for row in rows], access.now)
    if not taken:
        raise WithdrawnAlready("there is no card in force among these")
    for row in rows:
        if row.serial in taken:
            access.note(Act.PAPER_WITHDRAW, row.visitor, f"batch {batch.id}")
    withdrawals.build_list(access.session, access.now)
    return len(taken)


def _known(access: Personal, people: Sequence[Person]) -> list[Visitor | None]:
    """Who of these is registered, their rows locked in one order."""
    hashes = {each: set(access.cipher.hashes(marking.NUMBER, each.number)) for each in people}
    every = sorted(set().union(*hashes.values()))
    found: dict[tuple[str, bytes], Visitor] = {}
    for first in range(0, len(every), _AT_ONCE):
        same = select(Visitor).where(Visitor.number_hash.in_(every[first : first + _AT_ONCE]))
        for row in access.session.scalars(same.order_by(Visitor.id).with_for_update()):
            found[row.document, row.number_hash] = row
    return [
        next((found[each.document.value, one] for one in hashes[each] if (each.document.value, one) in found), None)
        for each in people
    ]


def _issued(centre: Centre, access: Personal, visitor: Visitor, health: Health | None) -> tuple[str, PassClaims] | None:
    if health is None or health.status not in (Status.GREEN, Status.UNKNOWN):
        return None
    seconds = VALID_SECONDS[PassKind.PAPER]
    if health.until is not None:
        seconds = min(seconds, int(health.until - access.now))
    if seconds < SHORTEST_SECONDS:
        return None
    test = health.test
    wanted = Wanted(
        PassKind.PAPER,
        health.status,
        valid_seconds=seconds,
        tested_hours_ago=None if test is None else max(0.0, access.now - test.at) / 3600,
        test_negative=test is None or test.negative,
        holder=visitor.id,
    )
    try:
        return issue_claimed(centre, access.session, wanted, access.now)
    except StatusChanged:
        return None


def _withdraw(session: Session, serials: Sequence[bytes], now: float) -> set[bytes]:
    """Those of them that were in force."""
    done = set()
    for first in range(0, len(serials), _AT_ONCE):
        some = serials[first : first + _AT_ONCE]
        running = select(IssuedPass.serial).where(IssuedPass.serial.in_(some), IssuedPass.expires_at > now)
        by_hand = select(Withdrawal.serial).where(Withdrawal.serial.in_(some), Withdrawal.by_hand)
        done |= set(session.scalars(running)) - set(session.scalars(by_hand))
    for serial in sorted(done):
        withdrawals.withdraw(session, serial, now)
    return done


def _state(member: BatchMember, expires_at: int | None, withdrawal: Withdrawal | None, now: float) -> State:
    if member.serial is None:
        return State.WAITING
    if expires_at is None or expires_at <= now:
        return State.EXPIRED
    if withdrawal is None:
        return State.IN_FORCE
    return State.WITHDRAWN if withdrawal.by_hand else State.STATUS
