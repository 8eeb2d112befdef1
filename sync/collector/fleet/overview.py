"""How each gate is, as far as the centre knows: its newest report, and what intake could not take as it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sync.collector.fleet.model import Contact, Gate
from sync.collector.fleet.service import gates
from sync.collector.intake.model import ConflictRow, Dispute, Outbox, SetAsideRow
from sync.wire.batch import Report

CLOCK_LIMIT_SECONDS = 30.0  # flagged from here on (DESIGN 5)


class Link(StrEnum):
    """Whether the centre hears of a gate. Silent: not for longer than the centre's setting."""

    CONNECTED = "connected"
    SILENT = "silent"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class GateState:
    """One gate. Times are seconds since 1970; backlog, report: of the last contact. shared_with: ids of other gates."""

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

    @property
    def clock_is_off(self) -> bool:
        """By 30 s and more."""
        return abs(self.clock_error_seconds or 0) >= CLOCK_LIMIT_SECONDS


def gate_states(session: Session, now: float, silent_after_seconds: float) -> list[GateState]:
    """Every gate, oldest first."""
    contacts = {contact.gate_number: contact for contact in session.scalars(select(Contact))}
    set_aside, conflicts = _by_gate(session, SetAsideRow.gate), _by_gate(session, ConflictRow.gate)
    shared, all_gates = _shared(session), gates(session)
    return [
        _state(
            gate,
            contacts.get(gate.number),
            now - silent_after_seconds,
            set_aside=set_aside.get(gate.number, 0),
            conflicts=conflicts.get(gate.number, 0),
            shared_with=shared.get(gate.number, ()),
        )
        for gate in all_gates
    ]


def _state(gate: Gate, contact: Contact | None, silent_before: float, **counts: Any) -> GateState:
    place = (gate.checkpoint.venue.name, gate.checkpoint.name, gate.checkpoint.direction)
    if contact is None:
        return GateState(gate.id, gate.name, *place, Link.NEVER, **counts)
    return GateState(
        gate.id,
        gate.name,
        *place,
        link=Link.SILENT if contact.at < silent_before else Link.CONNECTED,
        last_contact=contact.at,
        backlog=contact.backlog,
        clock_error_seconds=contact.clock_error_seconds,
        report=msgspec.json.decode(contact.report, type=Report),
        **counts,
    )


def _by_gate(session: Session, column: Any) -> dict[int, int]:
    counts = session.execute(select(column, func.count()).group_by(column))
    return {int(gate): int(count) for gate, count in counts}


def _shared(session: Session) -> dict[int, Sequence[str]]:
    """Who uses whose outbox: both sides are named to each other."""
    names = {gate.number: gate.id for gate in session.scalars(select(Gate))}
    shared: dict[int, tuple[str, ...]] = {}
    pairs = select(Outbox.gate_number, Dispute.gate).join(Dispute, Dispute.outbox == Outbox.number)
    for owner, other in session.execute(pairs):
        shared[owner] = (*shared.get(owner, ()), names[other])
        shared[other] = (*shared.get(other, ()), names[owner])
    return dict(shared)
