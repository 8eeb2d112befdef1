"""Inspectors (检测员) of a venue: whoever is appointed there has a number, which records and roll-ups name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from sync.collector.accounts.model import AppointmentRow
from sync.collector.accounts.permissions import Role
from sync.collector.database import insert_new
from sync.collector.errors import NotFound
from sync.collector.members.model import Inspector

_OF = select(Inspector).where(
    Inspector.account_id == bindparam("account_id"), Inspector.venue_id == bindparam("venue_id")
)


def inspector_of(session: Session, account_id: int, venue_id: int) -> Inspector:
    """The inspector that an appointment makes of an account; the row is made where there is none yet.

    Who is appointed again has the number of before, and neither PIN nor badge: those may be in the hands of others.
    Within a write transaction. Two at once make one row. Raises NotFound without an appointment.
    """
    since = _appointed_since(session, account_id, venue_id)
    if since is None:
        raise NotFound(f"account {account_id} is no inspector of venue {venue_id}")
    row = {"account_id": account_id, "venue_id": venue_id, "since": since}
    inspector = _row(session, account_id, venue_id) or _made(session, row)
    if inspector.since < since:
        inspector.since, inspector.badge = since, inspector.badge + 1
        inspector.pin = inspector.checkpoint_id = None
    return inspector


def known_inspector(session: Session, account_id: int, venue_id: int) -> Inspector | None:
    """The same to look at; None where `inspector_of` would make or change something, or raise."""
    since = _appointed_since(session, account_id, venue_id)
    found = None if since is None else _row(session, account_id, venue_id)
    return found if found is not None and since is not None and found.since >= since else None


def _made(session: Session, row: dict[str, Any]) -> Inspector:
    insert_new(session.connection(), Inspector, [row])
    return session.scalars(_OF, row).one()


def _row(session: Session, account_id: int, venue_id: int) -> Inspector | None:
    return session.scalar(_OF, {"account_id": account_id, "venue_id": venue_id})


def _appointed_since(session: Session, account_id: int, venue_id: int) -> float | None:
    return session.scalar(
        select(AppointmentRow.since).where(
            AppointmentRow.account_id == account_id,
            AppointmentRow.venue_id == venue_id,
            AppointmentRow.role == Role.INSPECTOR.value,
        )
    )
