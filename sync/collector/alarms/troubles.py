"""What is the matter with the fleet at this moment, as the alarms see it."""

from __future__ import annotations

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.alarms.rules import SILENT, Trouble
from sync.collector.config import Settings
from sync.collector.fleet.model import Contact, Gate
from sync.wire.batch import Report
from sync.wire.status import Fault

MAX_KIND = 32
_STOPS_PEOPLE = frozenset(
    {Fault.CAMERA, Fault.READER, Fault.PINS, Fault.BARRIER, Fault.OUTBOX, Fault.DISK, Fault.TRUST, Fault.FIRE_LOOP}
)


def now_seen(session: Session, now: float, settings: Settings) -> list[Trouble]:
    """Of gates that are trusted and were heard of at least once."""
    contacts = select(Contact).join(Gate, Gate.number == Contact.gate_number).where(Gate.revoked_at.is_(None))
    return [trouble for contact in session.scalars(contacts) for trouble in _of(contact, now, settings)]


def _of(contact: Contact, now: float, settings: Settings) -> list[Trouble]:
    silent_seconds = now - contact.at
    found = []
    if silent_seconds > settings.silent_after_seconds:
        found.append(Trouble(contact.gate_number, SILENT, contact.at, silent_seconds >= settings.alarm_after_seconds))
    report = msgspec.json.decode(contact.report, type=Report)
    faults = [code for code in sorted(set(report.faults)) if code in _STOPS_PEOPLE]
    return found + [Trouble(contact.gate_number, f"fault.{code}"[:MAX_KIND]) for code in faults]
