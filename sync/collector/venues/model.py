"""Venues (场所) and their checkpoints (检测点)."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sync.collector.database import REFERENCE, Base

MAX_NAME = 100
MAX_REGION = 12  # digits of a division's code, town and village included


class Venue(Base):
    """A place that people enter (R1). region: the code of the division that it lies in, "" for none (R11)."""

    __tablename__ = "venue"
    __table_args__ = ({"info": REFERENCE},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    region: Mapped[str] = mapped_column(String(MAX_REGION), default="", server_default="")


class Checkpoint(Base):
    """A way in or out of a venue (R1b, R17). direction: `sync.wire.record.Direction`."""

    __tablename__ = "checkpoint"
    __table_args__ = ({"info": REFERENCE},)

    id: Mapped[int] = mapped_column(primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    direction: Mapped[str] = mapped_column(String(3))
    venue: Mapped[Venue] = relationship(lazy="joined", innerjoin=True)
