"""kill -9 of a real `collector serve` while gates post: what was acknowledged is there, once (R2)."""

from __future__ import annotations

import http.client
import random
import threading
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from sync.collector.intake.model import ConflictRow, HourlyCount, Outbox, RecordRow
from sync.wire.receipt import decode_answer
from tests.sync.collector.gateside import Gate, Site
from tests.sync.collector.processes import start_serving

PER_BATCH = 40


class Sender(threading.Thread):
    """A gate that posts batch after batch, and after a failure sends the same numbers again."""

    def __init__(self, gate: Gate, address: str, first: int) -> None:
        super().__init__(daemon=True)
        self.gate, self.address, self.acknowledged = gate, address, first
        self.started_sending = threading.Event()

    def run(self) -> None:
        """Until the connection breaks."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=10)
        try:
            while True:
                numbers = range(self.acknowledged, self.acknowledged + PER_BATCH)
                body = self.gate.batch(self.acknowledged, [self.gate.record(number) for number in numbers])
                connection.request("POST", "/v1/batches", body, {"Content-Type": "application/cose"})
                answer = decode_answer(connection.getresponse().read())
                self.acknowledged = self.gate.receipt(answer).next
                self.started_sending.set()
        except (OSError, http.client.HTTPException):
            self.started_sending.set()
        finally:
            connection.close()


@pytest.mark.parametrize("kills", [4, pytest.param(12, marks=pytest.mark.stress)])
def test_what_was_acknowledged_before_a_kill_is_there_once(site: Site, kills: int) -> None:
    """Kills at any moment of sending; the receipts never promise more than the file holds, and never twice."""
    gates = [site.gate("1号闸机"), site.gate("2号闸机")]
    acknowledged = [1, 1]
    rng = random.Random(7)
    for _ in range(kills):
        process, address = start_serving(site.centre.state.path)
        senders = [Sender(gate, address, first) for gate, first in zip(gates, acknowledged, strict=True)]
        for sender in senders:
            sender.start()
        assert all(sender.started_sending.wait(20) for sender in senders)
        threading.Event().wait(rng.uniform(0, 0.05))  # a moment of the kill, not a synchronization
        process.kill()
        process.wait()
        for sender in senders:
            sender.join(20)
            assert not sender.is_alive()
        acknowledged = [sender.acknowledged for sender in senders]
    with site.centre.database.read() as session:
        for gate, first in zip(gates, acknowledged, strict=True):
            outbox = session.scalars(select(Outbox).where(Outbox.id == gate.outbox)).one()
            rows = session.execute(
                select(RecordRow.sequence, RecordRow.raw)
                .where(RecordRow.outbox == outbox.number)
                .order_by(RecordRow.sequence)
            )
            kept = [(row.sequence, row.raw) for row in rows]
            assert kept == [(number, gate.record(number)) for number in range(1, outbox.next)]
            assert first <= outbox.next <= first + PER_BATCH
            assert outbox.records == len(kept) > kills
        assert session.scalar(select(func.count()).select_from(ConflictRow)) == 0
        held = session.scalar(select(func.count()).select_from(RecordRow))
        assert session.scalar(select(func.sum(HourlyCount.count))) == held
