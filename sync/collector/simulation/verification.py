"""Whether the centre holds exactly what the simulated gates were told that it holds: asked of its database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from hashlib import sha256

from sqlalchemy import Connection, func, select

from sync.collector.database import Database
from sync.collector.fleet.model import Gate
from sync.collector.intake.model import ConflictRow, HourlyCount, Outbox, QuarantinedRow, RecordRow, SetAsideRow
from sync.collector.simulation.gates import SimulatedGate

_AT_ONCE = 2_000


def disagreements(
    database: Database, gates: Sequence[SimulatedGate], venues: Collection[int], *, is_whole: bool
) -> tuple[int, list[str]]:
    """How many records the centre holds of these gates, and a sentence for each thing that is not as it was promised.

    is_whole: everything was sent and acknowledged. If not, the centre may hold more than the receipts said – an answer
    that was lost, an urgent record before its turn – and never less.
    """
    found: list[str] = []
    held = 0
    with database.look() as connection:
        for gate in gates:
            rows, sentences = _compare(connection, gate, is_whole=is_whole)
            held += rows
            found += sentences
        found += _apart(connection, gates)
        if is_whole:
            found += _counts(connection, gates, venues)
    return held, found


def _compare(connection: Connection, gate: SimulatedGate, *, is_whole: bool) -> tuple[int, list[str]]:
    outbox = connection.execute(
        select(Outbox.number, Outbox.next, Outbox.records).where(Outbox.id == gate.doorway.outbox)
    ).one_or_none()
    if outbox is None:
        return 0, [] if gate.cursor == 1 else [f"{gate.id}: the centre does not know its outbox"]
    sentences = []
    if outbox.next != gate.cursor if is_whole else outbox.next < gate.cursor:
        sentences.append(f"{gate.id}: the centre stands at {outbox.next}, the last receipt said {gate.cursor}")
    if is_whole and outbox.records != gate.tally.records:
        sentences.append(f"{gate.id}: the centre holds {outbox.records} records of {gate.tally.records}")
    if _digest(connection, gate, outbox.number) != gate.tally.digest.digest():
        sentences.append(f"{gate.id}: records are missing at the centre, or are others than were sent")
    return outbox.records, sentences


def _digest(connection: Connection, gate: SimulatedGate, outbox: int) -> bytes:
    """Of numbers and bytes below its cursor, as the gate made it from what was acknowledged."""
    digest = sha256()
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(
        select(RecordRow.sequence, RecordRow.raw)
        .where(
            RecordRow.venue == gate.doorway.place.venue, RecordRow.outbox == outbox, RecordRow.sequence < gate.cursor
        )
        .order_by(RecordRow.sequence)
    )
    for row in rows:
        digest.update(row.sequence.to_bytes(8, "big") + row.raw)
    return digest.digest()


def _apart(connection: Connection, gates: Sequence[SimulatedGate]) -> list[str]:
    """Honest gates have nothing in conflict, set aside or in quarantine."""
    ids = {gate.id for gate in gates}
    names = {row.number: row.id for row in connection.execute(select(Gate.number, Gate.id))}
    sentences = []
    for model in (ConflictRow, SetAsideRow, QuarantinedRow):
        for row in connection.execute(select(model.gate, func.count().label("rows")).group_by(model.gate)):
            if names.get(row.gate) in ids:
                sentences.append(f"{names[row.gate]}: {row.rows} rows in {model.__tablename__}")
    return sentences


def _counts(connection: Connection, gates: Sequence[SimulatedGate], venues: Collection[int]) -> list[str]:
    """The hourly counts of these venues, by type and outcome."""
    expected: Counter[tuple[str, str]] = sum((gate.tally.held for gate in gates), Counter())
    rows = connection.execute(
        select(HourlyCount.type, HourlyCount.outcome, func.sum(HourlyCount.count))
        .where(HourlyCount.venue.in_(venues))
        .group_by(HourlyCount.type, HourlyCount.outcome)
    )
    counted = {(kind, outcome): int(count) for kind, outcome, count in rows}
    return [
        f"hourly counts of {' '.join(filter(None, key))}: {counted.get(key, 0)}, sent were {expected.get(key, 0)}"
        for key in sorted(expected.keys() | counted.keys())
        if counted.get(key, 0) != expected.get(key, 0)
    ]
