"""What waits to be sent, and what became of it. Text and address are sealed, and forgotten once there is an end."""

from __future__ import annotations

from sqlalchemy import Float, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import Base

MAX_ABOUT = 64


class MessageRow(Base):
    """One message to one person.

    id: 32 hex digits, in the order of posting. about: what posted it, such as "alarm"; recipient: of an alarm, else "".
    sealed: `port.Message` as JSON, None once it was delivered or given up. due_at: of the next attempt; while one is
    under way, when its claim lapses. claim: of the sender that has it, None while nobody does. last_error: never holds
    text or address.
    """

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_state_due_at", "state", "due_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    about: Mapped[str] = mapped_column(String(MAX_ABOUT))
    recipient: Mapped[str] = mapped_column(String(16), index=True)
    state: Mapped[str] = mapped_column(String(8))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    tries: Mapped[int]
    posted_at: Mapped[float] = mapped_column(Float)
    due_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)
    claim: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    ended_at: Mapped[float | None] = mapped_column(Float)
    last_error: Mapped[str] = mapped_column(Text)
