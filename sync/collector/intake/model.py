"""What came in from the gates. Every key of a record's table holds the venue, to distribute by it later (R27).

A record's name is (outbox, sequence), with a small number in place of the outbox's id. The primary key begins with
the name, so that a re-sent range is found by one short scan.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import Base


class Outbox(Base):
    """A queue and the gate that first used it. next: the centre holds everything below. records: how many rows."""

    __tablename__ = "outbox"

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    gate_number: Mapped[int] = mapped_column(ForeignKey("gate.number"), index=True)
    next: Mapped[int] = mapped_column(BigInteger, default=1)
    records: Mapped[int] = mapped_column(BigInteger, default=0)


class RecordRow(Base):
    """A record: the columns to ask by, and its bytes as they came.

    type: "scan", "folded" or "started". outcome, kind, status: of a scan. reasons: codes, the deciding one first,
    separated by commas. serial: the first 8 bytes. count: codes that this record stands for.
    """

    __tablename__ = "record"

    outbox: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    checkpoint: Mapped[int] = mapped_column(BigInteger)
    direction: Mapped[str] = mapped_column(String(3))
    gate: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str] = mapped_column(String(8))
    outcome: Mapped[str | None] = mapped_column(String(8))
    reasons: Mapped[str] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(Text)
    serial: Mapped[bytes | None] = mapped_column(LargeBinary(8))
    status: Mapped[str | None] = mapped_column(Text)
    temperature: Mapped[float | None] = mapped_column(Float)
    count: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[float] = mapped_column(Float)
    boot: Mapped[str] = mapped_column(Text)
    mono: Mapped[float] = mapped_column(Float)
    clock: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[float] = mapped_column(Float)
    raw: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        Index("record_venue_at", "venue", "at"),
        Index("record_received_at", "received_at"),  # always appended at its end: cheap
    )


class SetAsideRow(Base):
    """Bytes that are no record of this protocol, kept as they came, and why. venue: where the gate stood."""

    __tablename__ = "set_aside"

    outbox: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    gate: Mapped[int] = mapped_column(BigInteger, index=True)
    reason: Mapped[str] = mapped_column(Text)
    received_at: Mapped[float] = mapped_column(Float)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class ConflictRow(Base):
    """Other bytes under a name that is taken: both are kept, people are told (DESIGN 7). digest: SHA-256 of raw."""

    __tablename__ = "conflict"

    outbox: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    gate: Mapped[int] = mapped_column(BigInteger, index=True)
    received_at: Mapped[float] = mapped_column(Float)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class HoleRow(Base):
    """Numbers that a gate declared to hold no record ("burnt", "damaged", "pruned")."""

    __tablename__ = "hole"

    outbox: Mapped[int] = mapped_column(ForeignKey("outbox.number"), primary_key=True, autoincrement=False)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text)


class Dispute(Base):
    """A gate that used another gate's outbox and was refused. Its records are on the device still."""

    __tablename__ = "dispute"

    outbox: Mapped[int] = mapped_column(ForeignKey("outbox.number"), primary_key=True, autoincrement=False)
    gate: Mapped[int] = mapped_column(ForeignKey("gate.number"), primary_key=True, autoincrement=False)
    first_at: Mapped[float] = mapped_column(Float)
    last_at: Mapped[float] = mapped_column(Float)


class HourlyCount(Base):
    """Roll-up: codes by place, hour (hours since 1970, by the gate's clock), type, outcome and kind ("" for none)."""

    __tablename__ = "hourly_count"

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    checkpoint: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    direction: Mapped[str] = mapped_column(String(3), primary_key=True)
    hour: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, index=True)
    type: Mapped[str] = mapped_column(String(8), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(8), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
