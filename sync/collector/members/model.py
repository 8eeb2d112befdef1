"""Who belongs to a venue: the code that binds, requests to be bound, inspectors, and the role handed over."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import Float, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import REFERENCE, Base

DECLARATION_DIGITS = 6


class Answer(str, Enum):
    """What became of a request or an offer."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class DeclarationCode(Base):
    """A 场所申报码 (R13). One that ended is nobody else's: what was once shared in a chat leads to no other venue."""

    __tablename__ = "declaration_code"

    code: Mapped[str] = mapped_column(String(DECLARATION_DIGITS), primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    issued_at: Mapped[float] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float)

    __table_args__ = (
        Index(
            "one_declaration_code",
            "venue_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        {"info": REFERENCE},
    )


class BindingRequest(Base):
    """An account that knew the declaration code and wants to inspect (R18). answer: the administrator's."""

    __tablename__ = "binding_request"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"), index=True)
    asked_at: Mapped[float] = mapped_column(Float)
    answer: Mapped[str] = mapped_column(String(9), default=Answer.WAITING.value)
    answered_at: Mapped[float | None] = mapped_column(Float)

    __table_args__ = (
        Index(
            "one_binding_request",
            "account_id",
            "venue_id",
            unique=True,
            sqlite_where=text("answer = 'waiting'"),
            postgresql_where=text("answer = 'waiting'"),
        ),
        {"info": REFERENCE},
    )


class Inspector(Base):
    """Somebody as inspector (检测员) of one venue; `id` is the number that records and roll-ups name.

    Who is bound again has the number of before, and a new badge (`members.inspectors`). Whether somebody IS one the
    appointment alone says (`accounts.model.AppointmentRow`); since: of that appointment. checkpoint_id: where they
    stand, None before they chose. pin: Argon2id in the PHC format, for the panel at a gate. badge: which of their
    badges counts; a new one ends the one before.
    """

    __tablename__ = "inspector"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"), index=True)
    checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoint.id"))
    pin: Mapped[str | None] = mapped_column(Text)
    badge: Mapped[int] = mapped_column(default=1, server_default="1")
    since: Mapped[float] = mapped_column(Float)

    __table_args__ = (UniqueConstraint("account_id", "venue_id", name="one_inspector"), {"info": REFERENCE})


class HandOver(Base):
    """The administrator's role, offered to an inspector of the venue (R16); the new one accepts.

    answered_at: None too for an offer that ended with the role of who made or had it.
    """

    __tablename__ = "hand_over"

    id: Mapped[int] = mapped_column(primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    from_account: Mapped[int] = mapped_column(ForeignKey("account.id"))
    to_account: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    offered_at: Mapped[float] = mapped_column(Float)
    answer: Mapped[str] = mapped_column(String(9), default=Answer.WAITING.value)
    answered_at: Mapped[float | None] = mapped_column(Float)

    __table_args__ = (
        Index(
            "one_hand_over",
            "venue_id",
            unique=True,
            sqlite_where=text("answer = 'waiting'"),
            postgresql_where=text("answer = 'waiting'"),
        ),
        {"info": REFERENCE},
    )
