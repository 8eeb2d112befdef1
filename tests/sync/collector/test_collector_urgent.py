"""Records that come before their turn, and the time that the centre knows better than the gate (R7, DESIGN 5, 7)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from sync.collector.intake.api import take_batch
from sync.collector.intake.model import ConflictRow, HourlyCount, Outbox, RecordRow, SetAsideRow
from sync.collector.invariants import broken
from sync.wire.batch import Hole
from sync.wire.receipt import Receipt
from sync.wire.record import ClockQuality, Moment
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site

pytestmark = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


def urgent(site: Site, gate: Gate, cursor: int, numbered: dict[int, bytes]) -> Receipt:
    """An urgent batch of a gate whose cursor stands there."""
    body = gate.batch(cursor, list(numbered.values()), next=cursor, urgent=list(numbered))
    return gate.receipt(take_batch(site.centre, body, NOW))


def ordinary(site: Site, gate: Gate, first: int, last: int, holes: list[Hole] | None = None) -> Receipt:
    """Records first … last, but for the holes."""
    missing = {number for hole in holes or [] for number in range(hole.first, hole.last + 1)}
    records = [gate.record(number) for number in range(first, last + 1) if number not in missing]
    return gate.receipt(take_batch(site.centre, gate.batch(first, records, holes), NOW))


def sequences(site: Site, model: type = RecordRow) -> list[int]:
    with site.centre.database.read() as session:
        return list(session.scalars(select(model.sequence).order_by(model.sequence)))


def counted(site: Site) -> int:
    with site.centre.database.read() as session:
        return session.scalar(select(func.sum(HourlyCount.count))) or 0


def test_an_urgent_record_is_there_at_once_and_moves_no_cursor(site: Site, gate: Gate) -> None:
    """The authority is told before the queue is through."""
    receipt = urgent(site, gate, 1, {7: gate.record(7), 9: b'"poison"'})
    assert (receipt.next, [aside.sequence for aside in receipt.set_aside]) == (1, [9])
    assert (sequences(site), sequences(site, SetAsideRow)) == ([7], [9])
    assert broken(site.centre.database) == []


def test_an_urgent_record_comes_again_in_its_turn_and_counts_once(site: Site, gate: Gate) -> None:
    """Also when a batch begins exactly at the cursor, where otherwise nothing is stored yet."""
    urgent(site, gate, 1, {2: gate.record(2), 5: gate.record(5)})
    urgent(site, gate, 1, {2: gate.record(2), 5: gate.record(5)})
    assert ordinary(site, gate, 1, 2).next == 3
    assert ordinary(site, gate, 3, 6).next == 7
    urgent(site, gate, 1, {2: gate.record(2)})
    assert (sequences(site), counted(site)) == ([1, 2, 3, 4, 5, 6], 6)
    assert ordinary(site, gate, 7, 7).next == 8
    with site.centre.database.read() as session:
        assert session.scalar(select(Outbox.records)) == 7
    assert broken(site.centre.database) == []


def test_other_bytes_under_an_urgent_number_are_a_conflict_that_the_receipt_names(site: Site, gate: Gate) -> None:
    """An old copy of the card is found out by it."""
    urgent(site, gate, 1, {2: gate.record(2, temperature=38.0)})
    receipt = ordinary(site, gate, 1, 3)
    assert (receipt.next, receipt.conflicts, sequences(site, ConflictRow)) == (4, [2], [2])


def test_an_urgent_number_may_be_a_hole_in_its_turn(site: Site, gate: Gate) -> None:
    """Damaged on the card since: the centre has it already."""
    urgent(site, gate, 1, {2: gate.record(2)})
    assert ordinary(site, gate, 1, 3, [Hole(2, 2, "damaged")]).next == 4
    assert sequences(site) == [1, 2, 3]
    assert broken(site.centre.database) == []


def told(site: Site) -> list[tuple[float, float | None, int]]:
    with site.centre.database.read() as session:
        rows = session.execute(
            select(RecordRow.at, RecordRow.corrected_at, RecordRow.hour).order_by(RecordRow.sequence)
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def test_the_centre_corrects_the_time_of_what_the_running_gate_recorded(site: Site, gate: Gate) -> None:
    """By the monotonic clock, beside the gate's own time; the counts follow the better one."""
    gate.mono = 9_999.0  # 10,000 when the batch is made
    long_ago = Moment(1_000_000_000.0, "boot-1", 6_400.0, ClockQuality.UNKNOWN)
    earlier_boot = Moment(NOW - 9000, "boot-0", 50.0, ClockQuality.SYNCHRONIZED)
    take_batch(site.centre, gate.batch(1, [gate.record(1, when=long_ago), gate.record(2, when=earlier_boot)]), NOW)
    assert told(site) == [
        (1_000_000_000.0, NOW - 3600, int((NOW - 3600) // 3600)),
        (NOW - 9000, None, int((NOW - 9000) // 3600)),
    ]
    assert broken(site.centre.database) == []


def test_a_batch_from_a_stick_corrects_nothing(site: Site, gate: Gate) -> None:
    """Nobody knows how long it was carried about."""
    when = Moment(NOW, "boot-1", 1.0, ClockQuality.UNKNOWN)
    take_batch(site.centre, gate.batch(1, [gate.record(1, when=when)]), NOW, straight=False)
    assert told(site) == [(NOW, None, int(NOW // 3600))]
