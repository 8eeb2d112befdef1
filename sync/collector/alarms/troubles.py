"""What is the matter with the fleet at this moment, as the alarms see it: what `fleet.conditions` calls broken."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.alarms.rules import Trouble
from sync.collector.config import Settings
from sync.collector.fleet.conditions import Severity
from sync.collector.fleet.model import Gate
from sync.collector.fleet.overview import gate_states

MAX_KIND = 32


def now_seen(session: Session, now: float, settings: Settings) -> list[Trouble]:
    """Of gates that are in the fleet. What is less than broken begins no alarm; of the same key it keeps one."""
    numbers = {row.id: row.number for row in session.execute(select(Gate.id, Gate.number))}
    return [
        Trouble(numbers[gate.id], each.key[:MAX_KIND], each.since, each.severity is Severity.BROKEN)
        for gate in gate_states(session, now, settings)
        for each in gate.conditions
    ]
