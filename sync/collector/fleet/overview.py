"""How each gate is, as far as the centre knows: its newest report, what was kept apart, what is the matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Any

import msgspec
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from sync.collector.config import Settings
from sync.collector.fleet import contacts
from sync.collector.fleet.conditions import (
    CLOCK_LIMIT_SECONDS,
    FLAPPING_HOURS,
    Condition,
    Facts,
    Limits,
    Severity,
    judge,
    worst,
)
from sync.collector.fleet.history import Sample
from sync.collector.fleet.model import Contact, Gate
from sync.collector.fleet.service import current_policy, gates
from sync.collector.intake.model import ConflictRow, Dispute, Outbox, QuarantinedRow, SetAsideRow
from sync.wire.batch import Report
from sync.wire.errors import WireError
from sync.wire.policy import Policy, read_policy

SOFTWARE = version("venue-gate")


class Link(StrEnum):
    """Whether the centre hears of a gate. Silent: not for longer than the centre's setting."""

    CONNECTED = "connected"
    SILENT = "silent"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class LastFault:
    """What a gate last told of. Times: seconds since 1970; ended_at: None while it does."""

    codes: tuple[str, ...]
    began_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class GateState:
    """One gate. Times are seconds since 1970; backlog, report: of the last contact. shared_with: ids of other gates.

    conditions: what is the matter, the worst first. trust_issued_at: of the updates that it had at the last contact.
    """

    id: str
    name: str
    venue_name: str
    checkpoint_name: str
    direction: str
    link: Link
    last_contact: float | None = None
    backlog: int | None = None
    clock_error_seconds: float | None = None
    report: Report | None = None
    set_aside: int = 0
    conflicts: int = 0
    shared_with: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    trust_issued_at: float | None = None
    last_fault: LastFault | None = None
    venue: int = 0
    checkpoint: int = 0
    quarantined: int = 0

    @property
    def clock_is_off(self) -> bool:
        """By 30 s and more."""
        return abs(self.clock_error_seconds or 0) >= CLOCK_LIMIT_SECONDS

    @property
    def severity(self) -> Severity:
        """Of the worst condition."""
        return worst(self.conditions)


def gate_states(
    session: Session, now: float, settings: Settings, *, with_retired: bool = False, only: str | None = None
) -> list[GateState]:
    """Every gate of the fleet, oldest first. with_retired: those too that are out of it. only: the gate of that id."""
    limits = _limits(session, settings)
    known = _Known.of(session, now)
    return [
        _state(gate, known, now, limits)
        for gate in gates(session)
        if (with_retired or gate.retired_at is None) and only in (None, gate.id)
    ]


def by_severity(states: Iterable[GateState]) -> list[GateState]:
    """The worst first; of the same severity the one whose trouble comes first in order, then by name."""
    return sorted(states, key=lambda gate: (gate.severity.rank, [c.kind.order for c in gate.conditions[:1]], gate.name))


def _limits(session: Session, settings: Settings) -> Limits:
    try:
        policy = read_policy(current_policy(session).document)
    except WireError:
        policy = Policy()  # one that this version cannot read: gates go on with what they have
    return Limits(
        silent_after_seconds=settings.silent_after_seconds,
        alarm_after_seconds=max(settings.alarm_after_seconds, settings.silent_after_seconds),
        stick_seconds=settings.stick_days * 86_400.0,
        trust_seconds=policy.trust_hours * 3600,
        software=SOFTWARE,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says of all gates, by their numbers."""

    contacts: dict[int, Contact]
    samples: dict[int, list[Sample]]
    set_aside: dict[int, int]
    conflicts: dict[int, int]
    quarantined: dict[int, int]
    shared: dict[int, dict[str, float]]

    @classmethod
    def of(cls, session: Session, now: float) -> _Known:
        return cls(
            {contact.gate_number: contact for contact in session.scalars(select(Contact))},
            contacts.samples(session, now - FLAPPING_HOURS * 3600),
            _by_gate(session, SetAsideRow.gate, SetAsideRow.resolution.is_(None)),
            _by_gate(session, ConflictRow.gate, ConflictRow.resolution.is_(None)),
            _by_gate(session, QuarantinedRow.gate),
            _shared(session),
        )


def _state(gate: Gate, known: _Known, now: float, limits: Limits) -> GateState:
    contact, number = known.contacts.get(gate.number), gate.number
    report = msgspec.json.decode(contact.report, type=Report) if contact else None
    shared = known.shared.get(number, {})
    facts = Facts(
        is_provisioned=gate.public_key is not None,
        revoked_at=gate.revoked_at,
        retired_at=gate.retired_at,
        last_contact=contact.at if contact else None,
        is_carried=contact is not None and contact.carried,
        clock_error_seconds=contact.clock_error_seconds if contact else 0.0,
        report=report,
        trust_issued_at=contact.trust_issued_at if contact else None,
        faults_at=contact.faults_at if contact else None,
        recent=known.samples.get(number, ()),
        shared_with=tuple(shared),
        shared_since=min(shared.values(), default=None),
        set_aside=known.set_aside.get(number, 0),
        conflicts=known.conflicts.get(number, 0),
        quarantined=known.quarantined.get(number, 0),
    )
    return GateState(
        gate.id,
        gate.name,
        gate.checkpoint.venue.name,
        gate.checkpoint.name,
        gate.checkpoint.direction,
        _link(contact, now - limits.silent_after_seconds),
        facts.last_contact,
        contact.backlog if contact else None,
        contact.clock_error_seconds if contact else None,
        report,
        facts.set_aside,
        facts.conflicts,
        facts.shared_with,
        tuple(judge(facts, now, limits)),
        facts.trust_issued_at,
        _last_fault(contact),
        gate.checkpoint.venue_id,
        gate.checkpoint_id,
        facts.quarantined,
    )


def _link(contact: Contact | None, silent_before: float) -> Link:
    if contact is None:
        return Link.NEVER
    return Link.SILENT if contact.at < silent_before else Link.CONNECTED


def _last_fault(contact: Contact | None) -> LastFault | None:
    if contact is None or contact.faults_at is None:
        return None
    return LastFault(contacts.codes(contact.last_faults), contact.faults_at, contact.faults_ended_at)


def _by_gate(session: Session, column: Any, *which: Any) -> dict[int, int]:
    counts = session.execute(select(column, func.count()).where(*which).group_by(column))
    return {int(gate): int(count) for gate, count in counts}


def _shared(session: Session) -> dict[int, dict[str, float]]:
    """Who uses whose outbox, since when: both sides are named to each other.

    It is over when the refused gate came with an outbox of its own since.
    """
    names = {gate.number: gate.id for gate in session.scalars(select(Gate).where(Gate.retired_at.is_(None)))}
    came_since = and_(Contact.gate_number == Dispute.gate, Contact.at > Dispute.last_at)
    goes_on = ~select(Contact.gate_number).where(came_since).exists()
    pairs = select(Outbox.gate_number, Dispute.gate, Dispute.first_at).join(Dispute, Dispute.outbox == Outbox.number)
    shared: dict[int, dict[str, float]] = {}
    for owner, other, first_at in session.execute(pairs.where(goes_on)):
        if owner in names and other in names:
            shared.setdefault(owner, {})[names[other]] = first_at
            shared.setdefault(other, {})[names[owner]] = first_at
    return shared
