"""Withdrawn passes, the status lists made of them, and which list each gate was given."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, LargeBinary, false, true
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import Base


class Withdrawal(Base):
    """A saved or paper pass whose holder is no longer green. expires_at: the pass's; nothing is listed after it.

    by_hand: somebody withdrew this very pass. by_status: its holder's status did. It is listed while either holds.
    """

    __tablename__ = "withdrawal"

    serial: Mapped[bytes] = mapped_column(LargeBinary(12), primary_key=True)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    withdrawn_at: Mapped[float] = mapped_column(Float, index=True)
    by_hand: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    by_status: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())


class StatusListFiles(Base):
    """A status list as files (`sync.wire.statuslist`); the highest number is in force. Digests: SHA-256 of each."""

    __tablename__ = "status_list"

    number: Mapped[int] = mapped_column(primary_key=True)
    built_at: Mapped[float] = mapped_column(Float)
    snapshot: Mapped[bytes] = mapped_column(LargeBinary)
    delta: Mapped[bytes] = mapped_column(LargeBinary)
    snapshot_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    delta_digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class GateList(Base):
    """The list in a gate's newest updates. since_epoch, since_number: its first updates with this same snapshot file.

    A gate that has those or later ones has the file: only the delta is sent.
    """

    __tablename__ = "gate_list"

    gate_number: Mapped[int] = mapped_column(ForeignKey("gate.number"), primary_key=True)
    list_number: Mapped[int] = mapped_column(ForeignKey("status_list.number"))
    snapshot_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    since_epoch: Mapped[int] = mapped_column(BigInteger)
    since_number: Mapped[int] = mapped_column(BigInteger)
