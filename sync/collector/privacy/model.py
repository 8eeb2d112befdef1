"""Who looked at whom, how long what is kept, and what is left to know of records whose term is over."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import BY_VENUE, REFERENCE, Base

MAX_ACT = 32
VISITOR_ID = 16  # hex digits


class AuditLine(Base):
    """One act on personal data. The database refuses to change or delete a line; nothing personal stands in it.

    number: 1, 2, 3 … without a gap. actor: who, as the machine knows them. visitor: whom, None for nobody in
    particular. reason: why, in the actor's words. detail: what was done, in ours. digest: HMAC-SHA-256 over the line
    and the digest before it, with a key that is not in the database.
    """

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[float] = mapped_column(Float)
    actor: Mapped[str] = mapped_column(Text)
    act: Mapped[str] = mapped_column(String(MAX_ACT))
    visitor: Mapped[str | None] = mapped_column(String(VISITOR_ID), index=True)
    reason: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class TermsDocument(Base):
    """How long what is kept (`sync.collector.privacy.terms`); the highest number is in force."""

    __tablename__ = "terms"
    __table_args__ = ({"info": REFERENCE},)

    number: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[float] = mapped_column(Float)
    document: Mapped[bytes] = mapped_column(LargeBinary)


class PurgedNumber(Base):
    """A number at or above its outbox's `purged` whose bytes were purged: it came urgently, or was kept apart."""

    __tablename__ = "purged_number"

    outbox: Mapped[int] = mapped_column(ForeignKey("outbox.number"), primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class PurgedCount(Base):
    """What purged records had added to `HourlyCount`, by the same key: roll-up = recount of what is kept + this."""

    __tablename__ = "purged_count"
    __table_args__ = ({"info": BY_VENUE},)

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    checkpoint: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    direction: Mapped[str] = mapped_column(String(3), primary_key=True)
    inspector: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(String(16), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    measured: Mapped[int] = mapped_column(BigInteger)
    not_measured: Mapped[int] = mapped_column(BigInteger)
    fevers: Mapped[int] = mapped_column(BigInteger)
