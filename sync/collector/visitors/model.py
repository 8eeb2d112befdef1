"""Visitors who registered, and the passes that the centre issued to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import Base, distributed_by
from sync.collector.privacy.model import VISITOR_ID

MAX_HOLDER = 64


class Visitor(Base):
    """A person. Name, number and phone are encrypted under the key `kid`, each bound to its row and column.

    document: what the number is of (`identity.Document`). number_hash, phone_hash: keyed, of the normalized text, to
    find them by. verified_at: when somebody saw the document, None while it is the visitor's own word (DESIGN 3).
    used_until: when the newest pass expires, or when they registered; their term runs from there.
    """

    __tablename__ = "visitor"
    __table_args__ = ({"info": distributed_by("id")},)

    id: Mapped[str] = mapped_column(String(VISITOR_ID), primary_key=True)
    kid: Mapped[bytes] = mapped_column(LargeBinary(8), index=True)
    document: Mapped[str] = mapped_column(String(16))
    name: Mapped[bytes] = mapped_column(LargeBinary)
    number: Mapped[bytes] = mapped_column(LargeBinary)
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)
    number_hash: Mapped[bytes] = mapped_column(LargeBinary(16), index=True)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16), index=True)
    verified_at: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[float] = mapped_column(Float)
    used_until: Mapped[float] = mapped_column(Float, index=True)


class IssuedPass(Base):
    """A pass by its serial: the centre knows whose it is, the gate does not (DESIGN 3).

    holder: the visitor's id, never a name; None where nobody registered, or for whom it was erased. Times are seconds
    since 1970.
    """

    __tablename__ = "issued_pass"
    __table_args__ = ({"info": distributed_by("serial")},)

    serial: Mapped[bytes] = mapped_column(LargeBinary(12), primary_key=True)
    holder: Mapped[str | None] = mapped_column(String(MAX_HOLDER), index=True)
    kind: Mapped[int]
    status: Mapped[int]
    status_at: Mapped[int] = mapped_column(BigInteger)
    issued_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    venue: Mapped[int] = mapped_column(BigInteger)
    checkpoint: Mapped[int] = mapped_column(BigInteger)
