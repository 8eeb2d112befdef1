"""The venue code on the wall (场所码, R1): which token leads to which place, and since when it leads nowhere."""

from __future__ import annotations

from sqlalchemy import Float, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sync.collector.database import REFERENCE, Base
from sync.collector.venues.model import Checkpoint, Venue

TOKEN_LENGTH = 10


class VenueCode(Base):
    """One code: of a checkpoint, or of the venue as a whole (checkpoint_id: None).

    A token is never given twice: what was printed once leads to that place, or says that it ended. issued_at, ended_at:
    seconds since 1970.
    """

    __tablename__ = "venue_code"

    token: Mapped[str] = mapped_column(String(TOKEN_LENGTH), primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"), index=True)
    checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoint.id"))
    issued_at: Mapped[float] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float)
    venue: Mapped[Venue] = relationship(lazy="joined", innerjoin=True)
    checkpoint: Mapped[Checkpoint | None] = relationship(lazy="joined")

    __table_args__ = (
        Index(
            "one_code_of_venue",
            "venue_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL AND checkpoint_id IS NULL"),
            postgresql_where=text("ended_at IS NULL AND checkpoint_id IS NULL"),
        ),
        Index(
            "one_code_of_checkpoint",
            "checkpoint_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        {"info": REFERENCE},
    )
