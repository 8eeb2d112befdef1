"""What intake keeps of a gate's contacts: samples for a week, gaps, the last fault, how old its updates are (R25)."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import func, select, update

from sync.collector.config import Settings
from sync.collector.fleet import contacts
from sync.collector.fleet.conditions import Kind
from sync.collector.fleet.history import SAMPLE_SECONDS, Sample
from sync.collector.fleet.model import ContactSample
from sync.collector.fleet.overview import GateState, LastFault, gate_states
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import Dispute
from sync.collector.problems import Problem
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site

pytestmark = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
TEN_MINUTES = float(SAMPLE_SECONDS)
START = NOW // SAMPLE_SECONDS * SAMPLE_SECONDS


def greet(site: Site, gate: Gate, at: float, error: float = 0.0, **report: object) -> None:
    """A greeting of that moment, with a report of its own."""
    told = msgspec.structs.replace(gate.report(0), **{"mono": gate.mono + 1, **report})
    take_batch(site.centre, gate.batch(1, [], report=told, sent_at=at + error), at)


def kept(site: Site) -> list[Sample]:
    with site.centre.database.read() as session:
        return contacts.samples(session, 0.0).get(1, [])


def state(site: Site, now: float) -> GateState:
    with site.centre.database.read() as session:
        return gate_states(session, now, Settings())[0]


def test_ten_minutes_of_contacts_are_one_sample(site: Site, gate: Gate) -> None:
    """The last of each figure, the most that waited, and how often contact was lost."""
    for seconds, backlog, error in ((0, 40, 0.5), (30, 900, 1.0), (400, 7, 2.0)):
        greet(site, gate, START + seconds, error, backlog=backlog, disk_used=0.25)
    greet(site, gate, START + 610, backlog=3, faults=["camera"])
    first, second = kept(site)
    assert (first.first_at, first.last_at, first.contacts, first.gaps) == (START, START + 400, 3, 1)
    assert (first.backlog, first.most_backlog, first.clock_error_seconds, first.disk_used) == (7, 900, 2.0, 0.25)
    assert (second.contacts, second.gaps, second.faults, second.board_celsius) == (1, 1, ("camera",), None)


def test_a_replay_leaves_no_mark(site: Site, gate: Gate) -> None:
    """Whoever sends an old batch again makes no gate look alive, nor its link better than it was."""
    batch = gate.batch(1, [])
    for seconds in (0, 100, 900):
        take_batch(site.centre, batch, START + seconds)
    assert [(sample.first_at, sample.contacts) for sample in kept(site)] == [(START, 1)]


def test_a_week_of_samples_is_kept_and_no_more(site: Site, gate: Gate) -> None:
    """A ring: the oldest is written over, whatever the time in between."""
    for number in (0, 1, contacts.RING_SLOTS, contacts.RING_SLOTS + 1):
        greet(site, gate, START + number * TEN_MINUTES)
    times = [sample.first_at for sample in kept(site)]
    assert times == [START + contacts.RING_SLOTS * TEN_MINUTES, START + (contacts.RING_SLOTS + 1) * TEN_MINUTES]
    with site.centre.database.read() as session:
        assert session.scalar(select(func.max(ContactSample.slot))) < contacts.RING_SLOTS  # type: ignore[operator]


def test_a_centre_whose_clock_was_set_back_keeps_what_it_has(site: Site, gate: Gate) -> None:
    """And takes batches in as before."""
    greet(site, gate, START + contacts.RING_SLOTS * TEN_MINUTES)
    greet(site, gate, START)
    assert len(kept(site)) == 1


def test_the_last_fault_is_kept_when_it_is_over(site: Site, gate: Gate) -> None:
    """When it began, when it ended; another one takes its place."""
    greet(site, gate, START)
    assert state(site, START).last_fault is None
    greet(site, gate, START + 30, faults=["camera"])
    greet(site, gate, START + 60, faults=["camera"])
    assert state(site, START + 60).last_fault == LastFault(("camera",), START + 30, None)
    greet(site, gate, START + 90)
    greet(site, gate, START + 120)
    assert state(site, START + 120).last_fault == LastFault(("camera",), START + 30, START + 90)
    greet(site, gate, START + 150, faults=["disk", "camera", "disk"])
    assert state(site, START + 150).last_fault == LastFault(("camera", "disk"), START + 150, None)


def test_a_gate_whose_first_word_is_a_fault_has_it_since_then(site: Site, gate: Gate) -> None:
    """There was no row yet."""
    greet(site, gate, START, faults=["camera"])
    assert state(site, START).last_fault == LastFault(("camera",), START, None)


def test_how_old_a_gates_updates_are_is_known_from_what_it_reports(site: Site, gate: Gate) -> None:
    """Of the snapshot that it has; not of the newer one that it did not get."""
    gate.have = (1, 1)
    greet(site, gate, START)
    assert state(site, START).trust_issued_at == int(NOW)
    for hours in (7, 14, 25):  # a new snapshot each time, and the gate never has it
        greet(site, gate, START + hours * 3600, wants_updates=False)
    seen = state(site, START + 25 * 3600)
    assert seen.trust_issued_at == int(NOW)
    assert [condition.kind for condition in seen.conditions] == [Kind.STALE_TRUST]


def test_a_link_that_comes_and_goes_is_seen(site: Site, gate: Gate) -> None:
    """Up for a minute, gone for twenty, four times."""
    for seconds in (0, 1260, 2520, 3780):
        for more in (0, 30, 60):
            greet(site, gate, START + seconds + more)
    (condition,) = state(site, START + 3850).conditions
    assert (condition.kind, condition.figures["gaps"]) == (Kind.FLAPPING, 3)


def test_a_clock_that_runs_away_is_seen_before_it_is_off(site: Site, gate: Gate) -> None:
    """12 s an hour."""
    for number in range(13):
        greet(site, gate, START + number * TEN_MINUTES, 2.0 * number)
    conditions = state(site, START + 12 * TEN_MINUTES).conditions
    assert [condition.kind for condition in conditions] == [Kind.CLOCK_RUNAWAY, Kind.FLAPPING]


def test_a_shared_outbox_is_told_to_both_until_the_refused_gate_has_its_own(site: Site, gate: Gate) -> None:
    """Each names the other; a dispute of the past is no trouble of today."""
    other = site.gate("2号闸机")
    own = other.outbox
    take_batch(site.centre, gate.batch(1, []), START)
    other.outbox = gate.outbox
    with pytest.raises(Problem, match="belongs to gate-1"):
        take_batch(site.centre, other.batch(1, []), START + 1)

    def shared(now: float) -> list[tuple[str, ...]]:
        with site.centre.database.read() as session:
            return [gate.shared_with for gate in gate_states(session, now, Settings())]

    assert shared(START + 2) == [("gate-2",), ("gate-1",)]
    other.outbox = own
    take_batch(site.centre, other.batch(1, []), START + 3)
    assert shared(START + 4) == [(), ()]
    with site.centre.database.write() as session:
        session.execute(update(Dispute).values(last_at=START + 4))
    assert shared(START + 5) == [("gate-2",), ("gate-1",)]
