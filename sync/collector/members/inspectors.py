"""Inspectors (检测员) of a venue: whoever is appointed there has a number, which records and roll-ups name."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.accounts.model import AppointmentRow
from sync.collector.accounts.permissions import Role
from sync.collector.database import insert_new
from sync.collector.errors import NotFound
from sync.collector.members.model import Inspector


def inspector_of(session: Session, account_id: int, venue_id: int) -> Inspector:
    """The inspector that an appointment makes of an account; the row is made where there is none yet.

    Within a write transaction. Two at once make one row. Raises NotFound without an appointment.
    """
    since = _appointed_since(session, account_id, venue_id)
    if since is None:
        raise NotFound(f"account {account_id} is no inspector of venue {venue_id}")
    found = _row(session, account_id, venue_id)
    if found is None:
        row = {"account_id": account_id, "venue_id": venue_id, "since": since}
        insert_new(session.connection(), Inspector, [row])
        found = _row(session, account_id, venue_id)
        assert found is not None
    return found


def _row(session: Session, account_id: int, venue_id: int) -> Inspector | None:
    return session.scalar(select(Inspector).where(Inspector.account_id == account_id, Inspector.venue_id == venue_id))


def _appointed_since(session: Session, account_id: int, venue_id: int) -> float | None:
    return session.scalar(
        select(AppointmentRow.since).where(
            AppointmentRow.account_id == account_id,
            AppointmentRow.venue_id == venue_id,
            AppointmentRow.role == Role.INSPECTOR.value,
        )
    )
