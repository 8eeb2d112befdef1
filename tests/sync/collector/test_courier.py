"""The round with a stick: gates, a centre, and what is carried between them (R25). Both databases where it matters."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from sync import mailbox
from sync.collector.courier.service import mark, take_stick
from sync.collector.fleet.model import Contact, Epoch
from sync.collector.fleet.service import find_gate, known_gate, revoke_gate, set_policy
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import Outbox as OutboxRow
from sync.collector.intake.model import RecordRow
from sync.collector.invariants import broken
from sync.courier import bring_in, carry_out
from sync.wire.carried import ANSWER, device_seal
from sync.wire.keys import key_id
from sync.wire.status import StickTrouble
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.stickside import StickGate, batches, files, stick_gate

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


@pytest.fixture
def usb(site: Site, tmp_path: Path) -> Path:
    """A stick that the centre has marked."""
    directory = tmp_path / "usb"
    directory.mkdir()
    mark(site.centre, directory)
    return directory


def at_the_centre(site: Site, gate: StickGate) -> list[bytes]:
    """Its records, in order."""
    number = int(gate.id.removeprefix("gate-"))
    rows = select(RecordRow.raw).where(RecordRow.gate == number).order_by(RecordRow.sequence)
    with site.centre.database.look() as connection:
        return list(connection.scalars(rows))


def contact(site: Site, gate: StickGate) -> Contact:
    number = int(gate.id.removeprefix("gate-"))
    with site.centre.database.read() as session:
        return session.scalars(select(Contact).where(Contact.gate_number == number)).one()


@both
def test_a_round_acknowledges_everything_and_brings_updates(site: Site, usb: Path) -> None:
    """Out, in, back: each record once, receipts by the same judgement, fresh updates in force."""
    gates = [stick_gate(site, f"{number}号", people=1_203) for number in (1, 2)]
    for gate in gates:
        out = gate.visited(usb)
        assert (out.fault, out.troubles, out.carried, out.batches) == (None, [], 1_203, batches(1_203))
        assert gate.waiting == 1_203  # being on a stick acknowledges nothing
    before = [gate.trust.in_force.order for gate in gates if gate.trust.in_force]
    done = take_stick(site.centre, usb, lambda: NOW + 3_600)
    assert done.is_well
    assert [(one.gate, one.files, one.new, one.known) for one in done.brought.values()] == [
        (gate.id, batches(1_203), 1_203, 0) for gate in sorted(gates, key=lambda gate: gate.folder)
    ]
    for gate, order in zip(gates, before, strict=True):
        back = gate.visited(usb)
        assert back.handed is not None
        assert (back.fault, back.troubles, back.handed.acknowledged) == (None, [], 1_203)
        assert (gate.waiting, gate.receipts.trouble) == (0, None)
        assert at_the_centre(site, gate) == gate.written
        assert gate.trust.in_force is not None
        assert gate.trust.in_force.order > order
        assert gate.trust.in_force.issued_at == int(NOW + 3_600)
    assert broken(site.centre.database) == []


def test_the_same_stick_again_and_again_changes_nothing(site: Site, usb: Path) -> None:
    """At the gate, at the centre, and with an answer that was applied already."""
    gate = stick_gate(site, people=700)
    gate.visited(usb)
    first = files(usb)
    gate.visited(usb)
    again = files(usb)
    full = [name for name in first if name.endswith(("501.batch", "-0000000000000501-0000000000000701.batch"))]
    assert len(full) == 2
    assert [again[name] for name in full] == [first[name] for name in full]
    take_stick(site.centre, usb, lambda: NOW)
    known = take_stick(site.centre, usb, lambda: NOW)
    assert [(one.new, one.known, one.conflicts) for one in known.brought.values()] == [(0, 700, 0)]
    assert gate.visited(usb, (bring_in,)).handed.acknowledged == 700
    old = gate.visited(usb, (bring_in,))
    assert (old.troubles, old.handed.receipts, old.handed.acknowledged, old.handed.updates) == ([], 0, 0, None)
    assert at_the_centre(site, gate) == gate.written


def test_two_sticks_serve_one_gate_in_any_order(site: Site, usb: Path, tmp_path: Path) -> None:
    """An answer that was overtaken moves nothing back; what only the newer stick had arrives with it."""
    other = tmp_path / "other"
    other.mkdir()
    mark(site.centre, other)
    gate = stick_gate(site, people=800)
    gate.visited(usb)
    gate.pass_people(500)
    gate.visited(other)
    take_stick(site.centre, other, lambda: NOW)
    take_stick(site.centre, usb, lambda: NOW + 1)
    assert gate.visited(other).handed.acknowledged == 1_300
    gate.pass_people(10)
    late = gate.visited(usb)
    assert (late.troubles, late.handed.acknowledged) == ([], 0)
    assert (gate.waiting, late.carried) == (10, 10)
    assert mailbox.read_incidents(gate.state).setbacks == []
    assert at_the_centre(site, gate) == gate.written[:1_300]


def test_the_network_may_be_faster_than_the_stick(site: Site, usb: Path) -> None:
    """Any carrier: what came by HTTPS meanwhile is known, and its newer receipt stays in force."""
    gate = stick_gate(site, people=600)
    gate.visited(usb)
    gate.wire.outbox = gate.outbox.id
    answer = take_batch(site.centre, gate.wire.batch(1, gate.written[:500]), NOW)
    mailbox.keep_receipt(gate.state, gate.outbox.id, answer.receipt)
    done = take_stick(site.centre, usb, lambda: NOW)
    assert [(one.new, one.known) for one in done.brought.values()] == [(100, 500)]
    assert gate.visited(usb).handed.acknowledged == 100
    assert gate.waiting == 0


def test_a_lost_middle_is_carried_again(site: Site, usb: Path) -> None:
    """A receipt behind a gap acknowledges nothing of it."""
    gate = stick_gate(site, people=1_400)
    gate.visited(usb)
    middle = next(path for path in usb.rglob("*-0000000000000501-*.batch"))
    middle.unlink()
    take_stick(site.centre, usb, lambda: NOW)
    back = gate.visited(usb)
    assert (back.handed.acknowledged, gate.waiting, back.carried) == (500, 900, 900)
    take_stick(site.centre, usb, lambda: NOW)
    gate.visited(usb)
    assert (gate.waiting, at_the_centre(site, gate)) == (0, gate.written)


def test_a_stick_says_nothing_of_a_clock_and_nothing_newer_than_it_is(site: Site, usb: Path) -> None:
    """A report that is a week old is no clock error of a week, and does not overwrite a contact of today."""
    gate = stick_gate(site, people=3)
    gate.wall = NOW - 7 * 86_400
    gate.visited(usb)
    take_stick(site.centre, usb, lambda: NOW)
    first = contact(site, gate)
    assert (first.at, first.clock_error_seconds, first.carried, first.backlog) == (gate.wall, 0.0, True, 0)
    gate.wire.outbox = gate.outbox.id
    take_batch(site.centre, gate.wire.batch(4, [gate.wire.record(4)], sent_at=NOW - 2), NOW)
    gate.visited(usb)
    take_stick(site.centre, usb, lambda: NOW + 60)
    newest = contact(site, gate)
    assert (newest.at, newest.clock_error_seconds, newest.carried) == (NOW, -2.0, False)


def test_a_restored_centre_gets_by_stick_what_it_lost(site: Site, usb: Path) -> None:
    """A receipt of a higher epoch goes back; what the gate keeps is carried again."""
    gate = stick_gate(site, people=900)
    gate.visited(usb)
    take_stick(site.centre, usb, lambda: NOW)
    gate.visited(usb)
    assert gate.waiting == 0
    with site.centre.database.write() as session:  # as if from a backup of the time after the first 500
        session.execute(delete(RecordRow).where(RecordRow.sequence > 500))
        session.execute(update(OutboxRow).values(next=501, records=500))
        session.add(Epoch(number=2, began_at=NOW))
    take_stick(site.centre, usb, lambda: NOW + 60)
    back = gate.visited(usb)
    assert (back.carried, "lacks records from 501" in " ".join(back.troubles)) == (400, True)
    take_stick(site.centre, usb, lambda: NOW + 120)
    assert gate.visited(usb).handed.acknowledged == 400
    assert at_the_centre(site, gate) == gate.written


def test_a_contested_outbox_goes_again_once_when_the_centre_was_restored(site: Site, usb: Path) -> None:
    """Each visit is a run of its own: what was doubted once is not doubted for ever."""
    gate = stick_gate(site, people=600)
    gate.wire.outbox = gate.outbox.id
    take_batch(site.centre, gate.wire.batch(1, [gate.wire.record(99)]), NOW)  # another card wrote a 1 as well
    gate.visited(usb)
    take_stick(site.centre, usb, lambda: NOW)
    gate.visited(usb)
    assert mailbox.read_incidents(gate.state).contested == {gate.outbox.id}
    with site.centre.database.write() as session:
        session.execute(delete(RecordRow).where(RecordRow.sequence > 300))
        session.execute(update(OutboxRow).values(next=301, records=300))
        session.add(Epoch(number=2, began_at=NOW))
    take_stick(site.centre, usb, lambda: NOW + 60)
    doubting = gate.visited(usb)
    assert (doubting.carried, "two versions" in " ".join(doubting.troubles)) == (600, True)
    take_stick(site.centre, usb, lambda: NOW + 120)
    assert gate.visited(usb).handed.acknowledged == 600
    assert (gate.waiting, gate.visited(usb).carried) == (0, 0)
    assert at_the_centre(site, gate)[1:] == gate.written[1:]


def test_a_strangers_batches_are_refused_and_the_rest_goes_on(site: Site, usb: Path, tmp_path: Path) -> None:
    """One sentence for the folder; everybody else is served."""
    known, stranger = stick_gate(site, "1号", people=5), stick_gate(site, "2号", people=5)
    for gate in (known, stranger):
        gate.visited(usb)
    with site.centre.database.write() as session:
        row = find_gate(session, stranger.id)
        row.public_key = row.kid = None
    done = take_stick(site.centre, usb, lambda: NOW)
    strange = done.brought[bytes.fromhex(stranger.folder)]
    assert (strange.gate, strange.refused, strange.answered) == (None, 2, False)
    assert all("no gate of this centre has the key" in sentence for sentence in strange.troubles)
    assert done.brought[bytes.fromhex(known.folder)].new == 5
    assert not done.is_well


def test_a_revoked_gate_is_told_and_its_records_are_kept_apart(site: Site, usb: Path) -> None:
    """A signed receipt, no updates: as by network."""
    gate = stick_gate(site, people=5)
    gate.visited(usb)
    with site.centre.database.write() as session:
        revoke_gate(session, gate.id, NOW)
    done = take_stick(site.centre, usb, lambda: NOW)
    assert [(one.new, one.quarantined, one.updates) for one in done.brought.values()] == [(0, 5, None)]
    back = gate.visited(usb)
    assert any("revoked" in sentence for sentence in back.troubles)
    assert (gate.waiting, back.handed.updates) == (0, None)


def test_updates_go_to_gates_that_brought_nothing(site: Site, usb: Path, tmp_path: Path) -> None:
    """--all-gates: every gate that ever told its key; nobody else's can be sealed."""
    told, silent, visited = (stick_gate(site, name) for name in ("1号", "2号", "3号"))
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    mark(site.centre, earlier)
    told.visited(earlier)
    take_stick(site.centre, earlier, lambda: NOW)
    visited.visited(usb)
    with site.centre.database.write() as session:
        set_policy(session, b'{"v":1,"fever_celsius":37.5}', NOW)
    done = take_stick(site.centre, usb, lambda: NOW + 100, all_gates=True)
    answered = {one.gate for one in done.brought.values() if one.answered}
    assert answered == {told.id, visited.id}
    told.visited(usb)
    assert told.trust.in_force is not None
    assert told.trust.in_force.policy.fever_celsius == 37.5
    assert silent.visited(usb).handed is None


def test_nothing_is_sealed_to_the_key_of_a_device_that_was_replaced(site: Site, usb: Path) -> None:
    """What it told belongs to its device key: whoever has that device opens nothing more."""
    gate = stick_gate(site, people=2)
    gate.visited(usb)
    take_stick(site.centre, usb, lambda: NOW)
    with site.centre.database.write() as session:
        row = find_gate(session, gate.id)
        assert known_gate(session.connection(), row).seal == device_seal(gate.wire.key).public_key().public_bytes_raw()
        row.public_key = b"another device's key, 32 bytes  "
        row.kid = key_id(row.public_key)
        session.flush()
        assert known_gate(session.connection(), row).seal is None
    done = take_stick(site.centre, usb, lambda: NOW + 7_200, all_gates=True)
    assert not any(one.answered for one in done.brought.values())


def test_another_gates_answer_and_an_old_one_do_nothing(site: Site, usb: Path, tmp_path: Path) -> None:
    """Another's cannot even be opened; an old one says nothing new. Both leave the way out open."""
    mine, other = stick_gate(site, "1号", people=600), stick_gate(site, "2号", people=3)
    for gate in (mine, other):
        gate.visited(usb)
    take_stick(site.centre, usb, lambda: NOW)
    folder = usb / "venue-gate"
    old = (folder / mine.folder / ANSWER).read_bytes()
    shutil.copy(folder / other.folder / ANSWER, folder / mine.folder / ANSWER)
    back = mine.visited(usb)
    assert "sealed to another gate" in back.troubles[0]
    assert (mine.waiting, back.carried) == (600, 600)
    (folder / mine.folder / ANSWER).write_bytes(old)
    assert mine.visited(usb).handed.acknowledged == 600
    mine.pass_people(1)
    again = mine.visited(usb)
    assert (again.troubles, again.handed.receipts, mine.waiting) == ([], 0, 1)


def test_another_centres_stick_is_left_alone(site: Site, tmp_path: Path) -> None:
    """So is an unmarked one: only by hand does a gate make a stick of it."""
    gate = stick_gate(site, people=1)
    plain = tmp_path / "plain"
    plain.mkdir()
    out = gate.visited(plain)
    assert out.fault is not None
    assert (out.fault.trouble, list(plain.iterdir())) == (StickTrouble.NOT_MARKED, [])
    assert gate.visited(plain, (carry_out,), mark=True).fault is None
    marker = plain / "venue-gate" / "stick.json"
    marker.write_bytes(marker.read_bytes().replace(mailbox.root_kid(gate.state).hex().encode(), b"0" * 16))
    foreign = gate.visited(plain, mark=True)
    assert foreign.fault is not None
    assert (foreign.fault.trouble, "0000000000000000" in str(foreign.fault)) == (StickTrouble.OTHER_CENTRE, True)
