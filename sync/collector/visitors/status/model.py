"""Who stands how: the authority's entries, tests, declarations, the platform's last word – each row by a visitor's id.

Rows are pseudonymous: who the id is stands encrypted in `visitor`, or in `marked_person` before they register.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Float, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import Base, distributed_by
from sync.collector.privacy.model import VISITOR_ID

MAX_REASON = 20
MAX_LAB = 60
MAX_SYMPTOMS = 100
ROW_ID = 16
BY_PERSON = distributed_by("visitor")
_NOT_LOOKED_AT = text("looked_at IS NULL")


class MarkedPerson(Base):
    """Somebody whom the authority named by their document, and who never registered here; then the id is theirs."""

    __tablename__ = "marked_person"
    __table_args__ = ({"info": distributed_by("id")},)

    id: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    kid: Mapped[bytes] = mapped_column(LargeBinary(8), index=True)
    document: Mapped[str] = mapped_column(String(16))
    number: Mapped[bytes] = mapped_column(LargeBinary)
    number_hash: Mapped[bytes] = mapped_column(LargeBinary(16), index=True)
    created_at: Mapped[float] = mapped_column(Float)


class StatusEntry(Base):
    """The authority's word. until: its term. actor, because: who said so, and on what ground; ended_…: taken back."""

    __tablename__ = "status_entry"
    __table_args__ = ({"info": BY_PERSON},)

    visitor: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    id: Mapped[str] = mapped_column(String(ROW_ID), primary_key=True)
    status: Mapped[int]
    reason: Mapped[str] = mapped_column(String(MAX_REASON))
    set_at: Mapped[float] = mapped_column(Float)
    until: Mapped[float] = mapped_column(Float, index=True)
    actor: Mapped[str] = mapped_column(Text)
    because: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[float | None] = mapped_column(Float)
    ended_by: Mapped[str | None] = mapped_column(Text)
    ended_because: Mapped[str | None] = mapped_column(Text)


class LabResult(Base):
    """A test. taken_at: the sample. A correction is a row of its own: of one sample the newest word counts."""

    __tablename__ = "lab_result"
    __table_args__ = ({"info": BY_PERSON},)

    visitor: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    id: Mapped[str] = mapped_column(String(ROW_ID), primary_key=True)
    taken_at: Mapped[float] = mapped_column(Float, index=True)
    negative: Mapped[bool] = mapped_column(Boolean)
    lab: Mapped[str] = mapped_column(String(MAX_LAB))
    known_at: Mapped[float] = mapped_column(Float)
    actor: Mapped[str] = mapped_column(Text)


class Declaration(Base):
    """What somebody says of their own day. symptoms: codes, separated by commas. looked_at: by the authority.

    Where there is nothing to look at, looked_at is when it was declared.
    """

    __tablename__ = "declaration"

    visitor: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    id: Mapped[str] = mapped_column(String(ROW_ID), primary_key=True)
    at: Mapped[float] = mapped_column(Float, index=True)
    symptoms: Mapped[str] = mapped_column(String(MAX_SYMPTOMS))
    contact: Mapped[bool] = mapped_column(Boolean)
    looked_at: Mapped[float | None] = mapped_column(Float)
    looked_by: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("declaration_waiting", "at", sqlite_where=_NOT_LOOKED_AT, postgresql_where=_NOT_LOOKED_AT),
        {"info": BY_PERSON},
    )


class PlatformAnswer(Base):
    """What the provincial platform said last of somebody. status as on a pass; asked_at: when."""

    __tablename__ = "platform_answer"
    __table_args__ = ({"info": BY_PERSON},)

    visitor: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    status: Mapped[int]
    asked_at: Mapped[float] = mapped_column(Float)
    asserted_at: Mapped[float] = mapped_column(Float)
    tested_at: Mapped[float | None] = mapped_column(Float)
    negative: Mapped[bool | None] = mapped_column(Boolean)


class Standing(Base):
    """How somebody stood when it was last judged: what their passes were withdrawn by. until: to be judged again."""

    __tablename__ = "standing"
    __table_args__ = ({"info": BY_PERSON},)

    visitor: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    status: Mapped[int]
    until: Mapped[float | None] = mapped_column(Float, index=True)
    judged_at: Mapped[float] = mapped_column(Float)
