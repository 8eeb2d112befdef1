"""Who is on a phone, and how each of them stands as far as that phone may say it.

A phone shows the colour of somebody only where enough is known of its right to (`Needed`); else it says unknown,
whatever the truth, and alike for a document that nobody ever registered and for somebody else's: whoever types a number
learns nothing of its owner, and a red person does not become green by another's phone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.privacy import keyfile
from sync.collector.privacy.cipher import Cell, Cipher, Unreadable
from sync.collector.visitors import registry
from sync.collector.visitors.identity import Person
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.phone.model import HOLDER, PhonePerson, Proof, VisitorPhone
from sync.collector.visitors.phone.settings import Needed
from sync.collector.visitors.status.port import Health, StatusSource, Subject, worst
from sync.wire.passes import Status

REMEMBERED_SECONDS = 365 * 86_400.0
_MAX_COOKIE = 100


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on a phone. name: as typed there. person: as registered; never shown where proof is NONE."""

    place: int
    visitor: str
    proof: Proof
    is_verified: bool
    desk: str
    name: str = field(repr=False)
    person: Person = field(repr=False)

    @property
    def is_holder(self) -> bool:
        """Whether the phone is theirs."""
        return self.place == HOLDER


@dataclass(frozen=True, slots=True)
class Party:
    """Everybody on a phone, its holder first. token: SHA-256 of its cookie."""

    token: bytes
    members: tuple[Member, ...]

    @property
    def holder(self) -> Member:
        """Whose phone it is."""
        return self.members[0]


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands by this phone. is_withheld: it may not say; the status is UNKNOWN then."""

    member: Member
    health: Health
    is_withheld: bool


def may_show(member: Member, needed: Needed) -> bool:
    """PURE. Whether the phone may show that person's colour."""
    if member.proof is Proof.SEEN:
        return True
    if needed is Needed.WORD:
        return member.proof is not Proof.NONE
    confirmed = member.proof is Proof.CODE
    return confirmed and (needed is Needed.PHONE or member.is_verified)


def cookie_hash(cookie: str | None) -> bytes | None:
    """PURE. What is kept of a phone's cookie; None for what is none."""
    if not cookie or len(cookie) > _MAX_COOKIE or not cookie.isascii():
        return None
    return hashlib.sha256(cookie.encode()).digest()


def load(centre: Centre, token: bytes | None, now: float) -> Party | None:
    """Who is on that phone; None for one that is not remembered. Raises KeyFileTrouble, DatabaseUnavailable."""
    if token is None:
        return None
    try:
        return _load(centre, token, now)
    except Unreadable:  # a rotation ended between reading the rows and the key file
        return _load(centre, token, now)


def judge(source: StatusSource, party: list[Member], needed: Needed, now: float) -> list[Standing]:
    """How each of them stands. Holds no transaction while it asks. Raises DatabaseUnavailable."""
    found = []
    for member in party:
        health = source.of(Subject(member.visitor, member.person), now)
        withheld = not may_show(member, needed)
        if withheld:
            health = replace(health, status=Status.UNKNOWN, since=None, until=None, test=None)
        found.append(Standing(member, health, withheld))
    return found


def together(standings: list[Standing]) -> Health:
    """PURE. What a pass for all of them says."""
    return worst([each.health for each in standings])


def read(session: Session, cipher: Cipher, token: bytes, now: float) -> Party | None:
    """`load` within somebody's transaction. Raises Unreadable."""
    phone = session.get(VisitorPhone, token)
    if phone is None or now - phone.seen_at >= REMEMBERED_SECONDS:
        return None
    rows = session.execute(
        select(PhonePerson, Visitor)
        .join(Visitor, Visitor.id == PhonePerson.visitor)
        .where(PhonePerson.phone == token)
        .order_by(PhonePerson.place)
    ).all()
    members = tuple(_member(cipher, row, visitor) for row, visitor in rows)
    if not members or not members[0].is_holder:  # erased
        return None
    return Party(token, members)


def _load(centre: Centre, token: bytes, now: float) -> Party | None:
    with centre.database.read() as session:
        return read(session, keyfile.load(centre.state).cipher, token, now)


def _member(cipher: Cipher, row: PhonePerson, visitor: Visitor) -> Member:
    return Member(
        row.place,
        row.visitor,
        Proof(row.proof),
        visitor.verified_at is not None,
        row.desk,
        opened(cipher, row),
        registry.opened(cipher, visitor),
    )


def opened(cipher: Cipher, row: PhonePerson) -> str:
    """The name in a row. Raises Unreadable."""
    return cipher.decrypt(row.name, _cell(row.id))


def sealed(cipher: Cipher, row_id: str, name: str) -> dict[str, bytes]:
    """The columns that depend on the key."""
    return {"kid": cipher.current.kid, "name": cipher.encrypt(name, _cell(row_id))}


def _cell(row_id: str) -> Cell:
    return Cell(PhonePerson.__tablename__, "name", row_id)
