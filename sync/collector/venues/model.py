"""Venues (场所), what they were called when, and their checkpoints (检测点)."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import Float, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sync.collector.database import REFERENCE, Base

MAX_NAME = 100
MAX_ADDRESS = 200
MAX_REGION = 12  # digits of a division's code, town and village included
MAX_KIND = 16
CREDIT_CODE = 18
MAX_REASON = 200


class VenueState(str, Enum):
    """Where a venue stands with its township (R11). Only an active one has a code on the wall and inspectors."""

    ACTIVE = "active"
    WAITING = "waiting"  # for the township's approval
    REFUSED = "refused"  # its administrator may mend it and ask again
    CLOSED = "closed"


class Venue(Base):
    """A place that people enter (R1, R11).

    name: the full legal name. region: the code of the division that it lies in, "" for none. kind: of `venues.kinds`.
    latitude, longitude: degrees, WGS-84. credit_code: 统一社会信用代码. open_minute, close_minute: minutes of the
    day in China; open_days: bit 0 is Monday (`venues.opening`). created_at, decided_at: seconds since 1970; decided_at:
    when the township last said something, refusal: why not.
    """

    __tablename__ = "venue"
    __table_args__ = ({"info": REFERENCE},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    region: Mapped[str] = mapped_column(String(MAX_REGION), default="", server_default="")
    address: Mapped[str] = mapped_column(String(MAX_ADDRESS), default="", server_default="")
    kind: Mapped[str] = mapped_column(String(MAX_KIND), default="", server_default="")
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)
    credit_code: Mapped[str] = mapped_column(String(CREDIT_CODE), default="", server_default="")
    open_minute: Mapped[int] = mapped_column(default=8 * 60, server_default="480")
    close_minute: Mapped[int] = mapped_column(default=20 * 60, server_default="1200")
    open_days: Mapped[int] = mapped_column(default=0b1111111, server_default="127")
    state: Mapped[str] = mapped_column(String(8), default=VenueState.ACTIVE.value, server_default="active")
    created_at: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    decided_at: Mapped[float | None] = mapped_column(Float)
    refusal: Mapped[str] = mapped_column(String(MAX_REASON), default="", server_default="")


class VenueVersion(Base):
    """What a venue was from `since` on, until the next version: records point at what was true then.

    account_id: who said so, None for the terminal.
    """

    __tablename__ = "venue_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    since: Mapped[float] = mapped_column(Float)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    region: Mapped[str] = mapped_column(String(MAX_REGION))
    address: Mapped[str] = mapped_column(String(MAX_ADDRESS))
    kind: Mapped[str] = mapped_column(String(MAX_KIND))
    credit_code: Mapped[str] = mapped_column(String(CREDIT_CODE))

    __table_args__ = (Index("venue_version_since", "venue_id", "since"), {"info": REFERENCE})


class Checkpoint(Base):
    """A way in or out of a venue (R1b, R17). direction: `sync.wire.record.Direction`. closed_at: since when unused."""

    __tablename__ = "checkpoint"
    __table_args__ = ({"info": REFERENCE},)

    id: Mapped[int] = mapped_column(primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    direction: Mapped[str] = mapped_column(String(3))
    closed_at: Mapped[float | None] = mapped_column(Float)
    venue: Mapped[Venue] = relationship(lazy="joined", innerjoin=True)
