"""What people do with gates, each in one transaction with its line in the audit: who, when, why."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from sync.collector.fleet import enrolment, service
from sync.collector.fleet.model import Gate
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.privacy.model import AuditLine

MAX_LISTED = 50
_ON_GATES = (
    *(Act.GATE_CREATE, Act.GATE_PROVISION, Act.GATE_ENROL, Act.GATE_CONFIRM, Act.GATE_REFUSE),
    *(Act.GATE_MOVE, Act.GATE_REVOKE, Act.GATE_RETIRE),
)


def create(access: Personal, checkpoint_id: int, name: str, gate_id: str | None = None) -> Gate:
    """Raises Mistake, NotFound."""
    gate = service.create_gate(access.session, checkpoint_id, name, gate_id or None)
    access.note(Act.GATE_CREATE, detail=f"{gate.id} at checkpoint {checkpoint_id}")
    return gate


def move(access: Personal, gate_id: str, checkpoint_id: int) -> Gate:
    """Raises Mistake when it stands there, NotFound."""
    gate = service.move_gate(access.session, gate_id, checkpoint_id)
    access.note(Act.GATE_MOVE, detail=f"{gate.id} to checkpoint {checkpoint_id}")
    return gate


def revoke(access: Personal, gate_id: str) -> Gate:
    """Raises Mistake, NotFound."""
    gate = service.revoke_gate(access.session, gate_id, access.now)
    enrolment.forget_gate(access.session, gate.number)
    access.note(Act.GATE_REVOKE, detail=gate.id)
    return gate


def retire(access: Personal, gate_id: str) -> Gate:
    """Raises Mistake, NotFound."""
    gate = service.retire_gate(access.session, gate_id, access.now)
    enrolment.forget_gate(access.session, gate.number)
    access.note(Act.GATE_RETIRE, detail=gate.id)
    return gate


def of_gate(session: Session, gate_id: str) -> list[AuditLine]:
    """What was done with a gate, the newest first, at most `MAX_LISTED`."""
    done = AuditLine.act.in_([act.value for act in _ON_GATES])
    about = or_(AuditLine.detail == gate_id, AuditLine.detail.startswith(f"{gate_id} ", autoescape=True))
    wanted = select(AuditLine).where(done, about).order_by(AuditLine.number.desc()).limit(MAX_LISTED)
    return list(session.scalars(wanted))
