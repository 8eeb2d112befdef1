"""Organizations (R21): a school, a company, an office. What its members declare comes with an issue of its own."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sync.collector.database import REFERENCE, Base
from sync.collector.venues.model import MAX_NAME


class Organization(Base):
    """An organization by its number."""

    __tablename__ = "organization"
    __table_args__ = ({"info": REFERENCE},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
