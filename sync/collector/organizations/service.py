"""Creating and finding organizations."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.errors import Mistake
from sync.collector.organizations.model import Organization
from sync.collector.venues.service import checked_name


def create(session: Session, name: str) -> Organization:
    """Raises Mistake for a name that is empty, too long or taken."""
    name = checked_name(name)
    if session.scalar(select(Organization).where(Organization.name == name)):
        raise Mistake(f"there is an organization called {name} already; see `collector organization list`")
    organization = Organization(name=name)
    session.add(organization)
    session.flush()
    return organization


def organizations(session: Session) -> Sequence[Organization]:
    """All of them, oldest first."""
    return session.scalars(select(Organization).order_by(Organization.id)).all()
