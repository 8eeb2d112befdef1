"""Intake over real HTTP and real SQLite: every record once, nothing lost, nothing blocked (R2, R24)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from sync.collector.intake.model import ConflictRow, HoleRow, Outbox, RecordRow, SetAsideRow


def stored(served: Any) -> list[tuple[int, bytes]]:
    """(sequence, bytes) of every record."""
    with served.centre.database.read() as session:
        rows = session.execute(select(RecordRow.sequence, RecordRow.raw).order_by(RecordRow.sequence))
        return [(row.sequence, row.raw) for row in rows]


def test_a_batch_is_stored_verbatim_and_acknowledged_by_a_signed_receipt(served: Any, gate: Any) -> None:
    """DESIGN 7: commit first, then a receipt with the nonce and the next number."""
    records = [gate.record(number) for number in (1, 2, 3)]
    receipt = gate.receipt(served.post(gate.batch(1, records)).answer())
    assert stored(served) == [(1, records[0]), (2, records[1]), (3, records[2])]
    assert (receipt.next, receipt.nonce, receipt.outbox, receipt.epoch) == (4, "ab" * 16, gate.outbox, 1)
