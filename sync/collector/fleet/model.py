"""Gates, what each last reported, the snapshot each lives by, the policy they share, and the centre's epoch."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sync.collector.database import REFERENCE, Base
from sync.collector.venues.model import MAX_NAME, Checkpoint


class Epoch(Base):
    """The database's lives: the highest is in force; a restored backup begins a higher one (DESIGN 7)."""

    __tablename__ = "epoch"
    __table_args__ = ({"info": REFERENCE},)

    number: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[float] = mapped_column(Float)


class Gate(Base):
    """A gate by its number; `id` is its name on the wire. public_key: 32 bytes, None until it is enrolled.

    next_public_key: which it rolls to; both are taken until its first batch under the new one. revoked_at: since when
    what it sends is kept apart, None while it is trusted. retired_at: since when it is out of the fleet; it is trusted
    as little.
    """

    __tablename__ = "gate"
    __table_args__ = ({"info": REFERENCE},)

    number: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    checkpoint_id: Mapped[int] = mapped_column(ForeignKey("checkpoint.id"), index=True)
    kid: Mapped[bytes | None] = mapped_column(LargeBinary(8), unique=True)
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    next_kid: Mapped[bytes | None] = mapped_column(LargeBinary(8), index=True)
    next_public_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    revoked_at: Mapped[float | None] = mapped_column(Float)
    retired_at: Mapped[float | None] = mapped_column(Float)
    checkpoint: Mapped[Checkpoint] = relationship(lazy="joined", innerjoin=True)


class GateSeal(Base):
    """What a gate told for sticks: public (X25519, 32 bytes), to which whatever goes back to it is sealed.

    kid: the device key that told it. Derived from that one, it is worth nothing once the gate has another.
    """

    __tablename__ = "gate_seal"
    __table_args__ = ({"info": REFERENCE},)

    gate_number: Mapped[int] = mapped_column(ForeignKey("gate.number"), primary_key=True, autoincrement=False)
    kid: Mapped[bytes] = mapped_column(LargeBinary(8))
    public: Mapped[bytes] = mapped_column(LargeBinary(32))


class Enrolment(Base):
    """The newest enrolment code of a gate, and the device that used it (`fleet.enrolment`).

    token: its hash, None for a request that came on a stick. collector: the address that the device is told.
    public_key: of the first device that asked, None before. others: how often other devices tried the same code.
    confirmed_at: when IT said that the key words are the same, None before.
    """

    __tablename__ = "enrolment"
    __table_args__ = ({"info": REFERENCE},)

    gate_number: Mapped[int] = mapped_column(ForeignKey("gate.number"), primary_key=True, autoincrement=False)
    token: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    made_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)
    collector: Mapped[str] = mapped_column(Text)
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    asked_at: Mapped[float | None] = mapped_column(Float)
    have_epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    have_number: Mapped[int] = mapped_column(BigInteger, default=0)
    software: Mapped[str] = mapped_column(Text, default="")
    others: Mapped[int] = mapped_column(default=0)
    confirmed_at: Mapped[float | None] = mapped_column(Float)


class Placement(Base):
    """A venue where a gate stands or once stood: its records can be of no other."""

    __tablename__ = "placement"
    __table_args__ = ({"info": REFERENCE},)

    gate_number: Mapped[int] = mapped_column(ForeignKey("gate.number"), primary_key=True, autoincrement=False)
    venue: Mapped[int] = mapped_column(ForeignKey("venue.id"), primary_key=True, autoincrement=False)


class Contact(Base):
    """The newest genuine batch of a gate.

    carried: it came on a stick; `at` is then when the gate made it, by the gate's clock.
    backlog: records that waited on the gate after it. clock_error_seconds: the gate's clock minus the centre's. boot,
    mono: the gate's, to tell a replay. report: `sync.wire.batch.Report` as JSON. trust_issued_at: of its updates, None
    before they were known. faults: what it tells of now, codes separated by commas. last_faults: what it last told of,
    from faults_at until faults_ended_at (None: until now).
    """

    __tablename__ = "contact"

    gate_number: Mapped[int] = mapped_column(ForeignKey("gate.number"), primary_key=True)
    at: Mapped[float] = mapped_column(Float)
    backlog: Mapped[int] = mapped_column(BigInteger)
    clock_error_seconds: Mapped[float] = mapped_column(Float)
    boot: Mapped[str] = mapped_column(Text)
    mono: Mapped[float] = mapped_column(Float)
    report: Mapped[bytes] = mapped_column(LargeBinary)
    trust_issued_at: Mapped[int | None] = mapped_column(BigInteger)
    faults: Mapped[str] = mapped_column(Text, default="", server_default="")
    last_faults: Mapped[str] = mapped_column(Text, default="", server_default="")
    faults_at: Mapped[float | None] = mapped_column(Float)
    faults_ended_at: Mapped[float | None] = mapped_column(Float)
    carried: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())


class ContactSample(Base):
    """Ten minutes of a gate's contacts (`sync.collector.fleet.history.Sample`), in a ring of a week's slots.

    bucket: ten minutes since 1970. slot: bucket modulo the ring's length, so that a gate never has more rows than that
    and nothing has to be thinned. An index on bucket finds the newest of all gates.
    """

    __tablename__ = "contact_sample"

    gate_number: Mapped[int] = mapped_column(ForeignKey("gate.number"), primary_key=True, autoincrement=False)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bucket: Mapped[int] = mapped_column(BigInteger, index=True)
    first_at: Mapped[float] = mapped_column(Float)
    last_at: Mapped[float] = mapped_column(Float)
    contacts: Mapped[int] = mapped_column(BigInteger)
    gaps: Mapped[int] = mapped_column(BigInteger)
    backlog: Mapped[int] = mapped_column(BigInteger)
    most_backlog: Mapped[int] = mapped_column(BigInteger)
    clock_error_seconds: Mapped[float] = mapped_column(Float)
    faults: Mapped[str] = mapped_column(Text)
    disk_used: Mapped[float | None] = mapped_column(Float)
    board_celsius: Mapped[float | None] = mapped_column(Float)


class SnapshotFiles(Base):
    """The newest updates of a gate as files. content: digest of what they say, to tell when they must change.

    staff: None in a set that was made before there was a staff list.
    """

    __tablename__ = "snapshot"

    gate_number: Mapped[int] = mapped_column(ForeignKey("gate.number"), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int] = mapped_column(BigInteger)
    issued_at: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes] = mapped_column(LargeBinary(32))
    keys: Mapped[bytes] = mapped_column(LargeBinary)
    manifest: Mapped[bytes] = mapped_column(LargeBinary)
    policy: Mapped[bytes] = mapped_column(LargeBinary)
    venue: Mapped[bytes] = mapped_column(LargeBinary)
    staff: Mapped[bytes | None] = mapped_column(LargeBinary)


class PolicyDocument(Base):
    """A policy (R9); the highest number is in force, the others are its history."""

    __tablename__ = "policy"
    __table_args__ = ({"info": REFERENCE},)

    number: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[float] = mapped_column(Float)
    document: Mapped[bytes] = mapped_column(LargeBinary)
