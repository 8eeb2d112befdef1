"""Somebody before a member of staff, with a document: a clerk's desk, or an inspector at an entrance."""

from __future__ import annotations

from sqlalchemy import update

from sync.collector.errors import Mistake
from sync.collector.privacy.access import Personal
from sync.collector.visitors import registry
from sync.collector.visitors.identity import Person
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.phone.model import PhonePerson, Proof


class OtherName(Mistake):
    """The document is registered under another name."""

    def __init__(self) -> None:
        super().__init__("this document is registered under another name")


def fits(access: Personal, row: Visitor, somebody: Person, *, seen: bool) -> bool:
    """Whether they can be that visitor. A name that nobody verified gives way to that of a document that was seen."""
    same = registry.opened(access.cipher, row).name == somebody.name
    return same or (seen and row.verified_at is None)


def present(access: Personal, row: Visitor | None, somebody: Person, *, seen: bool) -> Visitor:
    """The visitor of that document: new, or `row`; verified where it was seen. Raises OtherName.

    Where somebody else had registered with the document, their phone speaks for its owner no longer.
    """
    if row is None:
        row = registry.register(access, somebody)
    elif not fits(access, row, somebody, seen=seen):
        raise OtherName
    elif registry.opened(access.cipher, row).name != somebody.name:
        for column, value in registry.sealed(access.cipher, row.id, somebody).items():
            setattr(row, column, value)
        theirs = (PhonePerson.visitor == row.id, PhonePerson.proof < int(Proof.SEEN))
        access.session.execute(update(PhonePerson).where(*theirs).values(proof=int(Proof.NONE)))
    if seen and row.verified_at is None:
        registry.verify(access, row.id)
    return row
