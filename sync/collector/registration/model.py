"""What an inspector's phone sent, by the nonce that it made; and disinfection rounds."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import BigInteger, Float, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import BY_VENUE, Base

NONCE_BYTES = 16
MAX_NOTE = 100


class RegistrationRow(Base):
    """One tap: the same nonce twice is the same tap, whose answer was lost. Forgotten after some days.

    digest: of what was tapped; the same nonce with something else is refused. sequence: of its record in the venue's
    outbox. at: when it was tapped, received_at: when it came. taken_back: number of the record that takes it back.
    """

    __tablename__ = "registration"

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    nonce: Mapped[bytes] = mapped_column(LargeBinary(NONCE_BYTES), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    inspector: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[float] = mapped_column(Float)
    received_at: Mapped[float] = mapped_column(Float)
    taken_back: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (Index("registration_received_at", "received_at"), {"info": BY_VENUE})


class Round(str, Enum):
    """What was disinfected (R4b)."""

    SURFACES = "surfaces"
    AIR = "air"
    EQUIPMENT = "equipment"
    TOILETS = "toilets"
    EVERYTHING = "everything"


class DisinfectionRow(Base):
    """A round (场所消毒): who, where, when, what. checkpoint: 0 for the whole venue. nonce: as of a tap."""

    __tablename__ = "disinfection"

    venue: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    nonce: Mapped[bytes] = mapped_column(LargeBinary(NONCE_BYTES), primary_key=True)
    inspector: Mapped[int] = mapped_column(BigInteger)
    checkpoint: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[float] = mapped_column(Float)
    what: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(MAX_NOTE))

    __table_args__ = (Index("disinfection_at", "venue", "at"), {"info": BY_VENUE})
