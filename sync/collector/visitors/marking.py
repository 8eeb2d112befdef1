"""People known by their document alone: named by the authority before they registered. The id becomes theirs.

The number is encrypted and found by keyed hash as a visitor's is; there is neither name nor phone.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import delete, select

from sync.collector.database import queue_up
from sync.collector.privacy.access import Personal
from sync.collector.privacy.cipher import Cell, Cipher
from sync.collector.privacy.model import VISITOR_ID
from sync.collector.visitors.identity import Document
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.status.model import MarkedPerson

NUMBER = "number"
REGISTERING = -3


def new_id() -> str:
    """Of somebody new."""
    return os.urandom(VISITOR_ID // 2).hex()


def found(access: Personal, document: Document, number: str) -> str | None:
    """Who has that document, registered or marked; nobody else comes in between until the transaction ends.

    number: as `identity.document_number` gives it.
    """
    queue_up(access.session.connection(), REGISTERING)
    hashes = access.cipher.hashes(NUMBER, number)
    for model in (Visitor, MarkedPerson):
        same = select(model.id).where(model.number_hash.in_(hashes), model.document == document.value)
        if known := access.session.scalar(same):
            return str(known)
    return None


def mark(access: Personal, document: Document, number: str) -> str:
    """Keep somebody whom `found` did not find; their id."""
    made = new_id()
    access.session.add(
        MarkedPerson(id=made, document=document.value, created_at=access.now, **sealed(access.cipher, made, number))
    )
    access.session.flush()
    return made


def claim(access: Personal, document: Document, number: str) -> str | None:
    """Somebody registers with that document: the id under which they are marked, which is marked no longer."""
    hashes = access.cipher.hashes(NUMBER, number)
    same = select(MarkedPerson.id).where(MarkedPerson.number_hash.in_(hashes), MarkedPerson.document == document.value)
    known = access.session.scalar(same)
    if known is not None:
        access.session.execute(delete(MarkedPerson).where(MarkedPerson.id == known))
    return known


def sealed(cipher: Cipher, row_id: str, number: str) -> dict[str, Any]:
    """The columns that depend on the key."""
    return {
        "kid": cipher.current.kid,
        "number": cipher.encrypt(number, _cell(row_id)),
        "number_hash": cipher.hash(NUMBER, number),
    }


def opened(cipher: Cipher, row: Any) -> str:
    """The number in a row. Raises Unreadable."""
    return cipher.decrypt(row.number, _cell(row.id))


def _cell(row_id: str) -> Cell:
    return Cell(MarkedPerson.__tablename__, NUMBER, row_id)
