"""Batches of paper passes: who belongs to one, and which pass each of them holds on paper."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import REFERENCE, Base, distributed_by
from sync.collector.privacy.model import VISITOR_ID

MAX_BATCH_NAME = 60
MAX_MEMBERS = 500


class PassBatch(Base):
    """People who get their paper passes together: a class, a home for the elderly; or whoever came on one day.

    day: "2026-09-21" of those who came one by one, who have no name of a batch; None otherwise.
    """

    __tablename__ = "pass_batch"
    __table_args__ = ({"info": REFERENCE},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_BATCH_NAME))
    day: Mapped[str | None] = mapped_column(String(10), unique=True)
    created_at: Mapped[float] = mapped_column(Float)


class BatchMember(Base):
    """Somebody in a batch. place: their number in it, from 1. serial: of the pass that was printed last.

    issued_at: when that was, None before the first print. prints: how many there were.
    """

    __tablename__ = "pass_batch_member"

    visitor: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    place: Mapped[int]
    serial: Mapped[bytes | None] = mapped_column(LargeBinary(12))
    issued_at: Mapped[int | None] = mapped_column(BigInteger)
    prints: Mapped[int]

    __table_args__ = (Index("pass_batch_member_batch", "batch", "place"), {"info": distributed_by("visitor")})
