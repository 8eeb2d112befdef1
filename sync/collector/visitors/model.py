"""Passes that the centre issued."""

from __future__ import annotations

from sqlalchemy import BigInteger, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import Base, distributed_by

MAX_HOLDER = 64


class IssuedPass(Base):
    """A pass by its serial: the centre knows whose it is, the gate does not (DESIGN 3).

    holder: the centre's own reference to the visitor, never a name. Times are seconds since 1970.
    """

    __tablename__ = "issued_pass"
    __table_args__ = ({"info": distributed_by("serial")},)

    serial: Mapped[bytes] = mapped_column(LargeBinary(12), primary_key=True)
    holder: Mapped[str | None] = mapped_column(String(MAX_HOLDER))
    kind: Mapped[int]
    status: Mapped[int]
    status_at: Mapped[int] = mapped_column(BigInteger)
    issued_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    venue: Mapped[int] = mapped_column(BigInteger)
    checkpoint: Mapped[int] = mapped_column(BigInteger)
