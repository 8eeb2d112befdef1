"""Which phone speaks for whom: remembered by a cookie, vouched for by staff, left and forgotten."""

from __future__ import annotations

import hashlib
import os
import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.errors import NotFound
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.venues import codes
from sync.collector.visitors import registry
from sync.collector.visitors.phone import party
from sync.collector.visitors.phone.model import (
    DESK_LENGTH,
    HOLDER,
    VISIT_ID,
    PhoneCode,
    PhonePerson,
    Proof,
    VisitorPhone,
)


def read_desk(typed: str) -> str | None:
    """PURE. The number on a phone as people type it; None for what is none."""
    read = codes.plain(typed)
    return read if read is not None and len(read) == DESK_LENGTH else None


def seen(access: Personal, desk: str) -> str:
    """A member of staff has seen somebody's document, and their phone with that number on it; the visitor's id.

    Raises NotFound.
    """
    row = access.session.scalars(select(PhonePerson).where(PhonePerson.desk == desk).with_for_update()).first()
    if row is None:
        raise NotFound("no phone shows that number: it is given anew when the phone is forgotten")
    access.note(Act.PHONE_SEEN, row.visitor)
    registry.verify(access, row.visitor)
    row.proof = int(Proof.SEEN)
    access.session.flush()
    return row.visitor


def leave(centre: Centre, token: bytes, place: int) -> None:
    """Somebody goes from that phone; the holder's going forgets it altogether. Their registration stays."""
    with centre.database.write() as session:
        if place == HOLDER:
            session.execute(delete(PhonePerson).where(PhonePerson.phone == token))
            session.execute(delete(VisitorPhone).where(VisitorPhone.token == token))
        else:
            session.execute(delete(PhonePerson).where(PhonePerson.phone == token, PhonePerson.place == place))


def forget_old(session: Session, now: float) -> None:
    """Codes that are over, and phones that nobody opened for a year."""
    session.execute(delete(PhoneCode).where(PhoneCode.until <= now))
    old = select(VisitorPhone.token).where(VisitorPhone.seen_at < now - party.REMEMBERED_SECONDS)
    for token in session.scalars(old.limit(1000)).all():
        session.execute(delete(PhonePerson).where(PhonePerson.phone == token))
        session.execute(delete(VisitorPhone).where(VisitorPhone.token == token))


def remember(access: Personal, visitor: str, name: str, proof: Proof) -> str:
    """A phone that is somebody's from now on; its cookie."""
    cookie = secrets.token_urlsafe(32)
    token = hashlib.sha256(cookie.encode()).digest()
    access.session.add(VisitorPhone(token=token, created_at=access.now, seen_at=access.now, counted=0, counted_at=0.0))
    add(access, token, HOLDER, visitor, name, proof)
    return cookie


def add(access: Personal, token: bytes, place: int, visitor: str, name: str, proof: Proof) -> None:
    """Somebody at a place of that phone that is free."""
    row_id = os.urandom(VISIT_ID // 2).hex()
    access.session.add(
        PhonePerson(
            id=row_id,
            phone=token,
            place=place,
            visitor=visitor,
            proof=int(proof),
            desk="".join(secrets.choice(codes.ALPHABET) for _each in range(DESK_LENGTH)),
            **party.sealed(access.cipher, row_id, name),
        )
    )
    access.session.flush()
