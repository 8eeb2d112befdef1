"""Alarms, past and present; whom they are told to; and since when this centre has been listening."""

from __future__ import annotations

from sqlalchemy import Float, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sync.collector.database import Base
from sync.collector.fleet.model import Gate


class AlarmRow(Base):
    """One trouble of one gate, from its begin to its end. Times: seconds since 1970.

    kind: `fleet.conditions.Condition.key`. began_at: since when the gate was in it. told_at: None until somebody was
    told. gone_at: since when it is not seen any more, None while it is. ended_at: when it counted as over. cleared_at:
    when the all-clear was told.
    """

    __tablename__ = "alarm"

    number: Mapped[int] = mapped_column(primary_key=True)
    gate_number: Mapped[int] = mapped_column("gate", ForeignKey("gate.number"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    began_at: Mapped[float] = mapped_column(Float)
    told_at: Mapped[float | None] = mapped_column(Float)
    gone_at: Mapped[float | None] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float, index=True)
    cleared_at: Mapped[float | None] = mapped_column(Float)
    gate: Mapped[Gate] = relationship(lazy="joined", innerjoin=True)


class RecipientRow(Base):
    """Who is told. sealed: `recipients.Whom` as JSON. created_by: as the audit names people."""

    __tablename__ = "alarm_recipient"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(String(2))
    created_at: Mapped[float] = mapped_column(Float)
    created_by: Mapped[str] = mapped_column(Text)


class WatchRow(Base):
    """One row. looked_at: when the rules were last applied. listening_since: after a pause, silence counts from here.

    told_at: of the last message.
    """

    __tablename__ = "alarm_watch"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    looked_at: Mapped[float] = mapped_column(Float)
    listening_since: Mapped[float] = mapped_column(Float)
    told_at: Mapped[float] = mapped_column(Float)
