"""Visitors' phones: whom each of them speaks for, codes that were sent, and the visits that they registered."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import BigInteger, Float, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import Base, distributed_by
from sync.collector.privacy.model import VISITOR_ID

HASH = 32
VISIT_ID = 16
DESK_LENGTH = 8
HOLDER = 0


class Proof(IntEnum):
    """What is known of a phone's right to speak for somebody. The number is kept."""

    NONE = 0  # that document was somebody else's registration before
    WORD = 1  # registered by this phone, and nothing was confirmed
    CODE = 2  # the code came to the phone on record
    SEEN = 3  # a member of staff saw the document and this phone together


class VisitorPhone(Base):
    """A browser that is remembered. token: SHA-256 of its cookie. counted, counted_at: passes since that moment."""

    __tablename__ = "visitor_phone"
    __table_args__ = ({"info": distributed_by("token")},)

    token: Mapped[bytes] = mapped_column(LargeBinary(HASH), primary_key=True)
    created_at: Mapped[float] = mapped_column(Float)
    seen_at: Mapped[float] = mapped_column(Float, index=True)
    counted: Mapped[int]
    counted_at: Mapped[float] = mapped_column(Float)


class PhonePerson(Base):
    """Somebody on a phone: its holder (place 0) or a companion.

    name: as it was typed there, encrypted under the key `kid`; the registration's own may be another where proof is
    NONE. desk: what staff type who have seen the document.
    """

    __tablename__ = "phone_person"
    __table_args__ = ({"info": distributed_by("id")},)

    id: Mapped[str] = mapped_column(String(VISIT_ID), primary_key=True)
    phone: Mapped[bytes] = mapped_column(LargeBinary(HASH), index=True)
    place: Mapped[int]
    visitor: Mapped[str] = mapped_column(String(VISITOR_ID), index=True)
    proof: Mapped[int]
    kid: Mapped[bytes] = mapped_column(LargeBinary(8), index=True)
    name: Mapped[bytes] = mapped_column(LargeBinary)
    desk: Mapped[str] = mapped_column(String(DESK_LENGTH), index=True)


class PhoneCode(Base):
    """A registration that waits for its code. asked: SHA-256 of what the page knows. sealed: what was typed."""

    __tablename__ = "phone_code"
    __table_args__ = ({"info": distributed_by("asked")},)

    asked: Mapped[bytes] = mapped_column(LargeBinary(HASH), primary_key=True)
    code: Mapped[bytes] = mapped_column(LargeBinary(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    tries: Mapped[int]
    until: Mapped[float] = mapped_column(Float, index=True)


class Visit(Base):
    """Somebody was at a venue, by their phone (R1). checkpoint: 0 where none was named; direction: in, out or "".

    id: the same for all who came together. phone: whose page registered it. proof: as it was then.
    """

    __tablename__ = "visit"
    __table_args__ = (
        Index("ix_visit_venue_at", "venue", "at"),
        Index("ix_visit_phone_at", "phone", "at"),
        {"info": distributed_by("visitor")},
    )

    visitor: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    id: Mapped[str] = mapped_column(String(VISIT_ID), primary_key=True)
    phone: Mapped[bytes] = mapped_column(LargeBinary(HASH))
    place: Mapped[int]
    venue: Mapped[int] = mapped_column(BigInteger)
    checkpoint: Mapped[int] = mapped_column(BigInteger)
    direction: Mapped[str] = mapped_column(String(3))
    at: Mapped[float] = mapped_column(Float, index=True)
    proof: Mapped[int]
