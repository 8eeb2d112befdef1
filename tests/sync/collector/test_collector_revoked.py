"""Gates that are trusted no longer, and gates that were moved: whose records count, and where (DESIGN 7)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from sync.collector.fleet.service import move_gate, revoke_gate
from sync.collector.intake.model import ConflictRow, HourlyCount, QuarantinedRow, RecordRow, SetAsideRow
from sync.collector.invariants import broken
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.receipt import Standing
from sync.wire.record import Direction, Place
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NONCE, NOW, Gate, Served, Site
from tests.sync.collector.processes import collector

pytestmark = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


def sequences(site: Site, model: type) -> list[int]:
    with site.centre.database.read() as session:
        return list(session.scalars(select(model.sequence).order_by(model.sequence)))


def counted(site: Site) -> int:
    with site.centre.database.read() as session:
        return session.scalar(select(func.coalesce(func.sum(HourlyCount.count), 0))) or 0


def revoke(site: Site) -> None:
    with site.centre.database.write() as session:
        revoke_gate(session, "gate-1", NOW)


@pytest.fixture
def elsewhere(site: Site) -> int:
    """A checkpoint at another venue."""
    with site.centre.database.write() as session:
        return create_checkpoint(session, create_venue(session, "西门市场").id, "北门", Direction.OUT).id


def test_a_revoked_gate_gets_a_receipt_that_says_so_and_its_records_are_kept_apart(
    served: Served, site: Site, gate: Gate
) -> None:
    """Not to waste, and not into any count; the queue on the device drains."""
    served.post(gate.batch(1, [gate.record(1)])).answer()
    revoke(site)
    gate.have = (0, 0)
    answer = served.post(gate.batch(2, [gate.record(2), b'"poison"'])).answer()
    receipt = gate.receipt(answer)
    assert (receipt.standing, receipt.next, receipt.nonce) == (Standing.QUARANTINED, 4, NONCE)
    assert answer.updates is None
    assert (sequences(site, RecordRow), sequences(site, QuarantinedRow), counted(site)) == ([1], [2, 3], 1)
    assert broken(site.centre.database) == []


def test_a_revoked_gates_batch_again_is_kept_once_and_a_version_that_differs_beside_it(
    served: Served, site: Site, gate: Gate
) -> None:
    """Whatever it sends again, nothing of it reaches the records, the conflicts or the counts."""
    served.post(gate.batch(1, [gate.record(1)])).answer()
    revoke(site)
    batch = gate.batch(1, [gate.record(1), gate.record(2)])
    for body in (batch, batch, gate.batch(1, [gate.record(9), gate.record(2), gate.record(3)])):
        receipt = gate.receipt(served.post(body).answer())
    assert (receipt.next, receipt.standing) == (4, Standing.QUARANTINED)
    assert (sequences(site, RecordRow), sequences(site, QuarantinedRow)) == ([1], [1, 2, 3])
    assert (sequences(site, ConflictRow), counted(site)) == ([], 1)
    assert broken(site.centre.database) == []


def test_a_revoked_gate_comes_back_only_with_a_new_key(served: Served, site: Site, gate: Gate) -> None:
    """Its old key is shut out for good."""
    state = site.centre.state.path
    assert collector(state, "gate", "revoke", "gate-1", "--reason", "stolen").exit_code == 0
    assert "revoked\t" in collector(state, "gate", "list").stdout
    assert collector(state, "gate", "revoke", "gate-1", "--reason", "stolen").exit_code == 1
    provision = ("gate", "provision", str(gate.files.root), "--gate", "gate-1", "--collector-url", "http://127.0.0.1:1")
    assert "say --replace" in collector(state, *provision).stderr
    assert collector(state, *provision, "--replace").exit_code == 0
    renewed = Gate(gate.files, outbox="9" * 32)
    assert served.post(gate.batch(1, [gate.record(1)])).status == 403
    receipt = renewed.receipt(served.post(renewed.batch(1, [renewed.record(1)])).answer())
    assert receipt.standing is Standing.ACCEPTED


def test_a_record_of_a_venue_where_the_gate_never_stood_is_set_aside(
    served: Served, site: Site, gate: Gate, elsewhere: int
) -> None:
    """A gate cannot write into another venue's counts; the record is kept, and the receipt says why."""
    strange = gate.record(1, place=Place(2, elsewhere, Direction.OUT))
    receipt = gate.receipt(served.post(gate.batch(1, [strange, gate.record(2)])).answer())
    assert [(aside.sequence, "never stood" in aside.reason) for aside in receipt.set_aside] == [(1, True)]
    assert (sequences(site, RecordRow), sequences(site, SetAsideRow)) == ([2], [1])


def test_a_moved_gates_records_count_where_they_were_made(
    served: Served, site: Site, gate: Gate, elsewhere: int
) -> None:
    """Late records of the old place and new ones of the new place, in one batch, sent twice."""
    with site.centre.database.write() as session:
        move_gate(session, "gate-1", elsewhere)
    there = Place(2, elsewhere, Direction.OUT)
    records = [gate.record(1), gate.record(2, place=there), gate.record(3)]
    for body in (gate.batch(1, records), gate.batch(1, [*records, gate.record(4, place=there)])):
        receipt = gate.receipt(served.post(body).answer())
    assert (receipt.next, receipt.set_aside) == (5, [])
    with site.centre.database.read() as session:
        venues = session.execute(select(RecordRow.sequence, RecordRow.venue).order_by(RecordRow.sequence))
        assert [tuple(row) for row in venues] == [(1, 1), (2, 2), (3, 1), (4, 2)]
        places = session.execute(
            select(HourlyCount.venue, HourlyCount.direction, HourlyCount.count).order_by(HourlyCount.venue)
        )
        assert [tuple(row) for row in places] == [(1, "in", 2), (2, "out", 2)]
    assert broken(site.centre.database) == []


def test_the_same_name_at_another_venue_is_a_conflict(served: Served, site: Site, gate: Gate, elsewhere: int) -> None:
    """The name is (outbox, sequence), wherever the gate stood: both are kept, one counts."""
    with site.centre.database.write() as session:
        move_gate(session, "gate-1", elsewhere)
    served.post(gate.batch(1, [gate.record(1)])).answer()
    served.post(gate.batch(1, [gate.record(1, place=Place(2, elsewhere, Direction.OUT))])).answer()
    assert (sequences(site, RecordRow), sequences(site, ConflictRow), counted(site)) == ([1], [1], 1)
