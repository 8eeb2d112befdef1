"""What came in from the gates. Every key of a record's table holds the venue and begins with it (R27).

A record's name is (outbox, sequence), with a small number in place of the outbox's id.
"""

from __future__ import annotations

from enum import Enum

from sqlalchemy import BigInteger, Float, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import BY_VENUE, Base


class Outbox(Base):
    """A queue, and whose it is: the gate's that first used it, or a venue's own (`intake.own`).

    next: the centre holds everything below. records: how many rows. ahead: one past the highest number that came
    urgently, before its turn (R7). purged: records below it were here, and their term is over.
    """

    __tablename__ = "outbox"

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    gate_number: Mapped[int | None] = mapped_column(ForeignKey("gate.number"), index=True)
    venue_id: Mapped[int | None] = mapped_column(ForeignKey("venue.id"))
    next: Mapped[int] = mapped_column(BigInteger, default=1)
    records: Mapped[int] = mapped_column(BigInteger, default=0)
    ahead: Mapped[int] = mapped_column(BigInteger, default=1)
    purged: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")


class RecordRow(Base):
    """A record: the columns to ask by, and its bytes as they came.

    type: as on the wire. outcome: of a scan or registration, or what the turnstile said of a passage. kind, status: of
    a scan; kind of a registration: `rows.READING`, `rows.WORD`. gate: 0 for none. inspector: who did it, 0 for the
    gate alone. reasons: codes, the deciding one first, separated by commas. serial: the first 8 bytes. count: codes or
    people that this record stands for, below 0 where it takes a registration back. at: by the gate's clock.
    corrected_at: by the centre's, known for what the gate recorded since it last started. hour: whole hours since
    1970, by the better of the two.
    """

    __tablename__ = "record"

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    outbox: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    checkpoint: Mapped[int] = mapped_column(BigInteger)
    direction: Mapped[str] = mapped_column(String(3))
    gate: Mapped[int] = mapped_column(BigInteger)
    inspector: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(16))
    reasons: Mapped[str] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(Text)
    serial: Mapped[bytes | None] = mapped_column(LargeBinary(8))
    status: Mapped[str | None] = mapped_column(Text)
    temperature: Mapped[float | None] = mapped_column(Float)
    count: Mapped[int] = mapped_column(BigInteger)
    hour: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[float] = mapped_column(Float)
    corrected_at: Mapped[float | None] = mapped_column(Float)
    boot: Mapped[str] = mapped_column(Text)
    mono: Mapped[float] = mapped_column(Float)
    clock: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[float] = mapped_column(Float)
    raw: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        Index("record_venue_at", "venue", "at"),
        Index("record_received_at", "received_at"),  # always appended at its end: cheap
        # Serials are random: led by the hour, an insert meets pages that are in memory (docs/PERFORMANCE.md).
        Index("record_hour_serial", "hour", "serial"),
        {"info": BY_VENUE},
    )


class Resolution(str, Enum):
    """What people decided about a record that was kept apart.

    Accepted: it counts as it came. Corrected: a record made at the centre counts in its place. Discarded: it counts
    nowhere, for a reason that the audit holds.
    """

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    DISCARDED = "discarded"


class Resolved:
    """Of what is kept for people to look at: what was decided, None while nobody has. audit: the line that says who and
    why. A decision never takes a row away.
    """

    resolution: Mapped[str | None] = mapped_column(String(16))
    resolved_at: Mapped[float | None] = mapped_column(Float)
    audit: Mapped[int | None] = mapped_column(BigInteger)


class SetAsideRow(Resolved, Base):
    """Bytes that cannot be taken as a record, kept as they came, and why. venue: where the gate stands.

    Once accepted, a record of the same number stands beside it.
    """

    __tablename__ = "set_aside"
    __table_args__ = ({"info": BY_VENUE},)

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    outbox: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    gate: Mapped[int] = mapped_column(BigInteger, index=True)
    reason: Mapped[str] = mapped_column(Text)
    received_at: Mapped[float] = mapped_column(Float)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class ConflictRow(Resolved, Base):
    """Other bytes under a name that is taken: both are kept, people are told (DESIGN 7). digest: SHA-256 of raw."""

    __tablename__ = "conflict"
    __table_args__ = ({"info": BY_VENUE},)

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    outbox: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    gate: Mapped[int] = mapped_column(BigInteger, index=True)
    received_at: Mapped[float] = mapped_column(Float)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class QuarantinedRow(Base):
    """What a revoked gate sent, kept apart as it came: nobody counts it, nobody loses it. venue: where the gate stood.

    digest: SHA-256 of raw; other bytes under the same name stand beside the first.
    """

    __tablename__ = "quarantine"
    __table_args__ = ({"info": BY_VENUE},)

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    outbox: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    gate: Mapped[int] = mapped_column(BigInteger, index=True)
    received_at: Mapped[float] = mapped_column(Float)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class Correction(Base):
    """A record that was made at the centre, (outbox, sequence), of one that a gate sent: of_outbox, of_sequence.

    It stands in the outbox "centre-<gate>", a name that no gate can send. A kept version that was accepted beside the
    first is one too.
    """

    __tablename__ = "correction"

    outbox: Mapped[int] = mapped_column(ForeignKey("outbox.number"), primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    of_outbox: Mapped[int] = mapped_column(ForeignKey("outbox.number"))
    of_sequence: Mapped[int] = mapped_column(BigInteger)
    audit: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("correction_of", "of_outbox", "of_sequence"),)


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
    """Roll-up: codes by place, inspector, hour (of `RecordRow`), type, outcome and kind ("" for none).

    measured, not_measured: scans and people registered with and without a temperature. fevers: those that the policy
    called so.
    """

    __tablename__ = "hourly_count"
    # Of one venue's day, however many years and venues there are (docs/PERFORMANCE.md).
    __table_args__ = (Index("hourly_count_venue_hour", "venue", "hour"), {"info": BY_VENUE})

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    checkpoint: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    direction: Mapped[str] = mapped_column(String(3), primary_key=True)
    inspector: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, index=True)
    type: Mapped[str] = mapped_column(String(16), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    measured: Mapped[int] = mapped_column(BigInteger)
    not_measured: Mapped[int] = mapped_column(BigInteger)
    fevers: Mapped[int] = mapped_column(BigInteger)
