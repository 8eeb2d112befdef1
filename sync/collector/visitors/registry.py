"""Visitors who registered: whose a serial is, and what a person may ask for – all that is held, or to be forgotten.

Whoever looks stands in the audit first. Fields are encrypted one by one, bound to their row (`privacy.cipher`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.orm import Session

from sync.collector.database import queue_up
from sync.collector.errors import Mistake, NotFound
from sync.collector.intake.model import HourlyCount, RecordRow
from sync.collector.passes.model import BatchMember, PassBatch
from sync.collector.privacy import audit, terms
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.privacy.cipher import Cell, Cipher
from sync.collector.privacy.terms import DAY_SECONDS
from sync.collector.venues.model import Checkpoint, Venue
from sync.collector.visitors import marking
from sync.collector.visitors.identity import Document, Person, normal_number, normal_phone
from sync.collector.visitors.marking import NUMBER
from sync.collector.visitors.model import IssuedPass, Visitor
from sync.collector.visitors.phone import records as visits
from sync.collector.visitors.status import records
from sync.collector.visitors.status.model import Standing
from sync.wire.passes import PassKind, Status

PHONE = "phone"
_AT_ONCE = 500
_SERIAL_BYTES = 8  # of a serial, as records keep it


class Withheld(Mistake):
    """Somebody who is yellow or red is not forgotten: they would come back as somebody of whom nothing is known."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A visitor as they are shown."""

    id: str
    person: Person
    verified_at: float | None
    created_at: float


@dataclass(frozen=True, slots=True)
class Erased:
    """What is left of somebody: passes that open until they expire, and are nobody's from now on."""

    open_passes: list[IssuedPass]


def register(access: Personal, person: Person) -> Visitor:
    """Keep somebody new; who was marked by that document stays so. Raises Mistake where it is registered already."""
    if known := by_document(access, person):
        raise Mistake(f"this document is registered already: visitor {known.id}")
    row_id = marking.claim(access, person.document, person.number) or marking.new_id()
    row = Visitor(
        id=row_id,
        document=person.document.value,
        created_at=access.now,
        used_until=access.now,
        **sealed(access.cipher, row_id, person),
    )
    access.session.add(row)
    access.session.flush()
    access.note(Act.REGISTER, row_id)
    return row


def by_document(access: Personal, person: Person) -> Visitor | None:
    """Who registered with that document; nobody else does until the transaction ends. It does not stand in the audit:
    nothing of it may be shown."""
    queue_up(access.session.connection(), marking.REGISTERING)  # two with one document at once
    hashes = access.cipher.hashes(NUMBER, person.number)
    same = select(Visitor).where(Visitor.number_hash.in_(hashes), Visitor.document == person.document.value)
    return access.session.scalars(same).first()


def sealed(cipher: Cipher, row_id: str, person: Person) -> dict[str, Any]:
    """The columns that depend on the key."""
    phone = person.phone
    return {
        "kid": cipher.current.kid,
        "name": cipher.encrypt(person.name, _cell("name", row_id)),
        "number": cipher.encrypt(person.number, _cell("number", row_id)),
        "phone": None if phone is None else cipher.encrypt(phone, _cell("phone", row_id)),
        "number_hash": cipher.hash(NUMBER, person.number),
        "phone_hash": None if phone is None else cipher.hash(PHONE, phone),
    }


def opened(cipher: Cipher, row: Any) -> Person:
    """The person in a row. Raises Unreadable."""
    return Person(
        name=cipher.decrypt(row.name, _cell("name", row.id)),
        document=Document(row.document),
        number=cipher.decrypt(row.number, _cell("number", row.id)),
        phone=None if row.phone is None else cipher.decrypt(row.phone, _cell("phone", row.id)),
    )


def find(access: Personal, text: str) -> list[Registered]:
    """Whose number or phone that is, however it is spelled. Each is in the audit; so is a search that finds nobody."""
    cipher = access.cipher
    rows = access.session.scalars(
        select(Visitor).where(
            or_(
                Visitor.number_hash.in_(cipher.hashes(NUMBER, normal_number(text))),
                Visitor.phone_hash.in_(cipher.hashes(PHONE, normal_phone(text))),
            )
        )
    ).all()
    return _shown(access, Act.FIND, rows)


def find_by_serial(access: Personal, serial: bytes) -> list[Registered]:
    """Whose pass that is (DESIGN 3); the first 8 bytes are enough. Nobody's where its visitor was erased."""
    # A range of the primary key: records keep only the head of a serial.
    holders = select(IssuedPass.holder).where(IssuedPass.serial >= serial, IssuedPass.serial <= serial + b"\xff" * 4)
    rows = access.session.scalars(select(Visitor).where(Visitor.id.in_(access.session.scalars(holders).all()))).all()
    return _shown(access, Act.FIND, rows)


def show(access: Personal, visitor_id: str) -> Registered:
    """Everything about one visitor. Raises NotFound."""
    return _shown(access, Act.SHOW, [_found(access.session, visitor_id)])[0]


def verify(access: Personal, visitor_id: str) -> None:
    """Somebody has seen the document. Raises NotFound."""
    row = _found(access.session, visitor_id, for_update=True)
    access.note(Act.VERIFY, row.id)
    row.verified_at = access.now
    access.session.flush()


def rename(access: Personal, row: Visitor, name: str) -> None:
    """Somebody whose document nobody has seen says their name anew."""
    person = replace(opened(access.cipher, row), name=name)
    for column, value in sealed(access.cipher, row.id, person).items():
        setattr(row, column, value)
    access.session.flush()


def hold(session: Session, visitor_id: str, until: float) -> None:
    """The visitor gets a pass that expires then: their term runs from there at the earliest. Raises NotFound."""
    row = _found(session, visitor_id, for_update=True)
    row.used_until = max(row.used_until, until)


def erase(access: Personal, visitor_id: str) -> Erased:
    """Forget a person: fields, hashes, visits, how they stood, and whose their passes are. Records stay, nobody's.

    Raises NotFound, Withheld.
    """
    row = _found(access.session, visitor_id, for_update=True)
    if access.session.scalar(records.withheld(access.now).where(Standing.visitor == row.id)) is not None:
        raise Withheld(f"visitor {row.id} is yellow or red: the authority is to take that back, or it lapses first")
    theirs = IssuedPass.holder == row.id
    passes = access.session.scalars(select(IssuedPass).where(theirs)).all()
    access.note(Act.ERASE, row.id, f"passes={len(passes)}")
    still_open = [issued for issued in passes if issued.expires_at > access.now]
    access.session.execute(update(IssuedPass).where(theirs).values(holder=None))
    records.erase(access.session.connection(), row.id)
    access.session.execute(delete(BatchMember).where(BatchMember.visitor == row.id))
    visits.erase(access.session.connection(), row.id)
    access.session.delete(row)
    access.session.flush()
    return Erased(still_open)


def over(connection: Connection, now: float, limit: int) -> Sequence[str]:
    """Visitors whose term is over, and who may be erased."""
    before = now - terms.in_force(connection).visitors * DAY_SECONDS
    may_go = Visitor.id.not_in(records.withheld(now))
    return connection.scalars(select(Visitor.id).where(Visitor.used_until < before, may_go).limit(limit)).all()


def export(access: Personal, visitor_id: str) -> dict[str, Any]:
    """All that is held of a person, for a JSON file. Raises NotFound, Unreadable."""
    row = _found(access.session, visitor_id)
    access.note(Act.EXPORT, row.id)
    person, connection = opened(access.cipher, row), access.session.connection()
    passes = access.session.scalars(
        select(IssuedPass).where(IssuedPass.holder == row.id).order_by(IssuedPass.issued_at, IssuedPass.serial)
    ).all()
    return {
        "visitor": {
            "id": row.id,
            "name": person.name,
            "document": person.document.value,
            "number": person.number,
            "phone": person.phone,
            "verified_at": row.verified_at,
            "created_at": row.created_at,
        },
        "status": records.export(connection, row.id),
        "visits": visits.of_visitor(connection, row.id),
        "passes": [_pass(issued) for issued in passes],
        "batches": _batches(access.session, row.id),
        "passages": _passages(connection, [issued.serial for issued in passes]),
        "audit": [
            {"number": line.number, "at": line.at, "who": line.actor, "what": line.act, "why": line.reason}
            for line in audit.lines(connection, row.id)
        ],
        "terms_days": msgspec.structs.asdict(terms.in_force(connection)),
    }


def _shown(access: Personal, act: Act, rows: Sequence[Visitor]) -> list[Registered]:
    for row in rows:
        access.note(act, row.id)
    if not rows:
        access.note(act, None, "nobody")
    return [Registered(row.id, opened(access.cipher, row), row.verified_at, row.created_at) for row in rows]


def _found(session: Session, visitor_id: str, *, for_update: bool = False) -> Visitor:
    row = session.get(Visitor, visitor_id, with_for_update=for_update or None)
    if row is None:
        raise NotFound(f"there is no visitor {visitor_id}: they were erased, or never registered")
    return row


def _pass(issued: IssuedPass) -> dict[str, Any]:
    return {
        "serial": issued.serial.hex(),
        "kind": PassKind(issued.kind).name.lower(),
        "status": Status(issued.status).name.lower(),
        "status_at": issued.status_at,
        "issued_at": issued.issued_at,
        "expires_at": issued.expires_at,
        "venue": issued.venue or None,
        "checkpoint": issued.checkpoint or None,
    }


def _batches(session: Session, visitor_id: str) -> list[dict[str, Any]]:
    """Where somebody gets paper passes together with others."""
    theirs = (
        select(PassBatch.id, PassBatch.name, PassBatch.day, BatchMember.place, BatchMember.prints)
        .join(PassBatch, PassBatch.id == BatchMember.batch)
        .where(BatchMember.visitor == visitor_id)
        .order_by(PassBatch.id)
    )
    return [row._asdict() for row in session.execute(theirs)]


def _passages(connection: Connection, serials: Sequence[bytes]) -> list[dict[str, Any]]:
    """Each record with one of these serials, verbatim, and the place in words.

    The index is led by the hour: every hour that the roll-up knows is asked, whatever a gate's clock said.
    """
    heads = [serial[:_SERIAL_BYTES] for serial in serials]
    hours = connection.scalars(select(HourlyCount.hour).distinct().order_by(HourlyCount.hour)).all() if heads else []
    found: list[dict[str, Any]] = []
    for some_hours in _portions(hours):
        for some_heads in _portions(heads):
            rows = connection.execute(
                _PASSAGES.where(RecordRow.hour.in_(some_hours), RecordRow.serial.in_(some_heads))
            ).all()
            found += [row._asdict() | {"record": msgspec.Raw(row.record)} for row in rows]
    return sorted(found, key=lambda passage: (passage["corrected_at"] or passage["at"], passage["sequence"]))


_PASSAGES = (
    select(
        RecordRow.at,
        RecordRow.corrected_at,
        RecordRow.received_at,
        RecordRow.venue,
        Venue.name.label("venue_name"),
        RecordRow.checkpoint,
        Checkpoint.name.label("checkpoint_name"),
        RecordRow.sequence,
        RecordRow.raw.label("record"),
    )
    .outerjoin(Venue, Venue.id == RecordRow.venue)
    .outerjoin(Checkpoint, Checkpoint.id == RecordRow.checkpoint)
)


def _portions(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[first : first + _AT_ONCE] for first in range(0, len(values), _AT_ONCE)]


def _cell(column: str, row_id: str) -> Cell:
    return Cell(Visitor.__tablename__, column, row_id)
