"""What a gate last told about itself."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, not_

from sync.collector.database import upsert
from sync.collector.fleet.model import Contact
from sync.collector.fleet.service import KnownGate
from sync.wire import jsonform
from sync.wire.batch import Batch


def note_contact(connection: Connection, gate: KnownGate, batch: Batch, backlog: int, now: float) -> None:
    """Keep how the gate is; backlog: records that still wait there.

    A batch that was made before the newest one of the same boot is a replay or late: no news.
    """
    report = batch.report
    row = {
        "gate_number": gate.number,
        "at": now,
        "backlog": backlog,
        "clock_error_seconds": batch.sent_at - now,
        "boot": report.boot,
        "mono": report.mono,
        "report": jsonform.encode(report),
    }
    connection.execute(_newest(connection.dialect.name), row)


@cache
def _newest(dialect: str) -> Any:
    statement = upsert(Contact, dialect)
    told = statement.excluded
    older = and_(Contact.boot == told.boot, told.mono <= Contact.mono)
    names = ("at", "backlog", "clock_error_seconds", "boot", "mono", "report")
    return statement.on_conflict_do_update(
        index_elements=[Contact.gate_number], set_={name: told[name] for name in names}, where=not_(older)
    )
