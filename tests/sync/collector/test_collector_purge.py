"""Retention: what is over goes in small steps, roll-ups stay exact, and nothing that was purged comes back (R10)."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from sync.collector.fleet.service import move_gate, revoke_gate
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import (
    ConflictRow,
    HoleRow,
    HourlyCount,
    Outbox,
    QuarantinedRow,
    RecordRow,
    SetAsideRow,
)
from sync.collector.invariants import broken
from sync.collector.privacy.model import PurgedNumber
from sync.collector.privacy.pace import LEAST, MOST, Pace
from sync.collector.privacy.purge import Purge
from sync.collector.privacy.terms import DAY_SECONDS, Terms
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.collector.visitors.model import IssuedPass
from sync.collector.visitors.service import Wanted, issue_pass
from sync.wire.batch import Hole
from sync.wire.passes import PassKind
from sync.wire.receipt import Receipt
from sync.wire.record import ClockQuality, Direction, Moment, Place
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.processes import collector

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
DAY = float(DAY_SECONDS)


def restless(size: int = 100) -> Pace:
    """Steps without a rest between them."""
    return Pace(size=size, sleep=lambda _seconds: None)


def purge(site: Site, days: float, size: int = 100) -> Purge:
    """As it is done that many days after NOW."""
    run = Purge(site.centre.database, Terms(), NOW + days * DAY, restless(size))
    assert list(run.run())
    return run


def send(site: Site, gate: Gate, first: int, records: list[bytes], now: float = NOW, **changes: object) -> Receipt:
    return gate.receipt(take_batch(site.centre, gate.batch(first, records, **changes), now))  # type: ignore[arg-type]


def at(seconds: float, clock: ClockQuality = ClockQuality.SYNCHRONIZED) -> Moment:
    return Moment(seconds, "b" * 36, 1.0, clock)


def numbers(site: Site, model: type = RecordRow) -> list[int]:
    with site.centre.database.read() as session:
        return list(session.scalars(select(model.sequence).order_by(model.sequence)))  # type: ignore[attr-defined]


def mark(site: Site) -> int:
    with site.centre.database.read() as session:
        return session.scalars(select(Outbox.purged)).one()


def counted(site: Site) -> int:
    """Everything that was ever counted."""
    with site.centre.database.read() as session:
        return int(session.scalar(select(func.coalesce(func.sum(HourlyCount.count), 0))) or 0)


@both
def test_records_go_when_their_term_is_over_and_roll_ups_stay(site: Site, gate: Gate) -> None:
    """21 days unless said; the check recounts what is kept and knows what went."""
    days = [-3, -2, -1, 0]
    send(site, gate, 1, [gate.record(n, when=at(NOW + day * DAY)) for n, day in enumerate(days, 1)])
    assert purge(site, 18.5).done.records == 1
    assert (numbers(site), mark(site), counted(site)) == ([2, 3, 4], 2, 4)
    assert purge(site, 20.5).done.records == 2
    assert (numbers(site), mark(site), counted(site)) == ([4], 4, 4)
    assert broken(site.centre.database) == []
    assert purge(site, 20.5).done.records == 0


@both
def test_what_was_purged_never_comes_back(site: Site, gate: Gate) -> None:
    """A gate that lost its receipts sends everything again: known, and counted once."""
    old, new = [gate.record(n) for n in (1, 2, 3)], [gate.record(n, when=at(NOW + 5 * DAY)) for n in (4, 5)]
    send(site, gate, 1, old + new, NOW + 5 * DAY)
    purge(site, 22)
    later = NOW + 22 * DAY
    assert send(site, gate, 1, old + new, later).next == 6
    assert send(site, gate, 2, [gate.record(2, temperature=38.0)], later).conflicts == []
    assert (numbers(site), counted(site), numbers(site, ConflictRow)) == ([4, 5], 5, [])
    assert broken(site.centre.database) == []


@both
def test_who_passes_under_a_purged_number_is_not_lost(site: Site, gate: Gate) -> None:
    """An old copy of the card gives numbers out again: kept as a conflict, unless it is surely what was purged."""
    send(site, gate, 1, [gate.record(n) for n in (1, 2, 3)])
    purge(site, 22)
    later = NOW + 22 * DAY
    young = gate.record(1, when=at(later - 60.0))
    doubtful = gate.record(2, when=at(NOW, ClockQuality.FLOOR))
    poison = b'{"type":"unheard of"}'
    assert send(site, gate, 1, [young, doubtful, poison], later).conflicts == [1, 2, 3]
    assert (numbers(site), numbers(site, ConflictRow), counted(site)) == ([], [1, 2, 3], 3)
    assert broken(site.centre.database) == []


@both
def test_holes_are_forgotten_below_the_mark_and_kept_above(site: Site, gate: Gate) -> None:
    """One that reaches over it still covers what is above; one at the end may still be filled."""
    over, fresh = gate.record(1), gate.record(2, when=at(NOW + 9 * DAY))
    holes = [Hole(2, 3, "burnt"), Hole(5, 9, "damaged"), Hole(11, 12, "damaged")]
    send(site, gate, 1, [over, over, fresh], NOW + 9 * DAY, holes=holes)
    purge(site, 22)
    with site.centre.database.read() as session:
        assert [row.first for row in session.scalars(select(HoleRow).order_by(HoleRow.first))] == [5, 11]
    assert (mark(site), numbers(site)) == (5, [10])
    send(site, gate, 1, [over, over, fresh], NOW + 9 * DAY, holes=holes)
    assert broken(site.centre.database) == []
    purge(site, 31)
    assert (mark(site), numbers(site)) == (11, [])
    assert broken(site.centre.database) == []
    send(site, gate, 11, [gate.record(11)], NOW + 9 * DAY)
    assert (numbers(site), counted(site)) == ([11], 4)


@both
def test_a_clock_that_nobody_vouches_for_purges_nothing_early_and_keeps_nothing_late(site: Site, gate: Gate) -> None:
    """A gate that boots in 1970 or lives in 2100: its term runs from when the record came."""
    past, future = at(0.0, ClockQuality.UNKNOWN), at(NOW + 36_500 * DAY)
    send(site, gate, 1, [gate.record(1, when=past), gate.record(2, when=future)])
    assert purge(site, 20).done.records == 0
    assert purge(site, 22).done.records == 2
    assert broken(site.centre.database) == []


@both
def test_a_late_record_goes_with_the_day_on_which_it_happened(site: Site, gate: Gate) -> None:
    """A gate was without network for weeks: the roll-up has it, the record's term was over before it came."""
    send(site, gate, 1, [gate.record(1)], NOW + 40 * DAY)
    purge(site, 40)
    assert (numbers(site), counted(site)) == ([], 1)


@both
def test_an_urgent_record_whose_turn_never_comes_goes_too_and_is_known_for_ever(site: Site, gate: Gate) -> None:
    """A gate was stolen after its report (R7): the number is remembered, the record is not."""
    urgent = gate.record(5)
    send(site, gate, 1, [urgent], next=1, urgent=[5])
    assert purge(site, 22).done.records == 1
    assert (numbers(site), numbers(site, PurgedNumber), mark(site)) == ([], [5], 1)
    assert broken(site.centre.database) == []
    send(site, gate, 1, [urgent], next=1, urgent=[5])
    send(site, gate, 1, [gate.record(n, when=at(NOW + 30 * DAY)) for n in (1, 2, 3, 4)] + [urgent], NOW + 30 * DAY)
    assert (numbers(site), counted(site)) == ([1, 2, 3, 4], 5)
    assert broken(site.centre.database) == []
    purge(site, 52)
    assert (numbers(site, PurgedNumber), mark(site), counted(site)) == ([], 6, 5)
    assert broken(site.centre.database) == []


@both
def test_a_gate_that_moved_is_purged_at_both_venues_in_order(site: Site, gate: Gate) -> None:
    """R27: each record table's statement is of one venue; the outbox is one."""
    with site.centre.database.write() as session:
        checkpoint = create_checkpoint(session, create_venue(session, "西门市场").id, "北门", Direction.OUT)
        move_gate(session, "gate-1", checkpoint.id)
    there = Place(2, checkpoint.id, Direction.OUT)
    places = [{}, {"place": there}, {}, {"place": there}, {"place": there}]
    records = [gate.record(n, when=at(NOW + (n > 3) * 9 * DAY), **each) for n, each in enumerate(places, 1)]
    send(site, gate, 1, records, NOW + 9 * DAY)
    seen: list[str] = []
    event.listen(
        site.centre.database.engine, "before_cursor_execute", lambda _c, _cursor, sql, *_rest: seen.append(sql)
    )
    done = purge(site, 22, size=1).done
    said = list(seen)
    assert (done.records, numbers(site), mark(site)) == (3, [4, 5], 4)
    spread = ("record", "purged_count", "set_aside", "conflict", "quarantine")
    touching = [sql for sql in said if any(f" {table} " in f"{sql} ".replace("\n", " ") for table in spread)]
    assert touching
    for sql in touching:
        assert "venue = " in sql or sql.startswith("INSERT INTO purged_count"), sql
    assert broken(site.centre.database) == []


@both
def test_what_is_kept_apart_has_a_longer_term(site: Site, gate: Gate) -> None:
    """People must look at it first: 90 days; then it is gone, and known all the same."""
    gate_record, poison = gate.record(1), b'"poison"'
    send(site, gate, 1, [gate_record, poison])
    send(site, gate, 1, [gate.record(1, temperature=40.0), poison])
    purge(site, 22)
    assert [aside.sequence for aside in send(site, gate, 2, [poison]).set_aside] == [2]
    with site.centre.database.write() as session:
        revoke_gate(session, "gate-1", NOW)
    send(site, gate, 3, [gate.record(3), gate.record(4)])
    purge(site, 89)
    kept = [numbers(site, model) for model in (RecordRow, SetAsideRow, ConflictRow, QuarantinedRow)]
    assert kept == [[], [2], [1], [3, 4]]
    assert purge(site, 91).done.apart == 4
    assert [numbers(site, model) for model in (SetAsideRow, ConflictRow, QuarantinedRow)] == [[], [], []]
    assert (numbers(site, PurgedNumber), mark(site)) == ([], 5)
    assert broken(site.centre.database) == []
    send(site, gate, 1, [gate_record, poison, gate.record(3), gate.record(4)], NOW + 91 * DAY)
    # Of the unreadable one nobody can tell whether it is what was purged: it is kept apart once more.
    assert [numbers(site, model) for model in (RecordRow, QuarantinedRow)] == [[], [2]]


@both
def test_whose_a_serial_was_is_forgotten_with_the_records_that_could_name_it(site: Site) -> None:
    """The term runs from the end of the pass."""
    with site.centre.database.write() as session:
        for kind in (PassKind.SCAN_RESULT, PassKind.SAVED):
            issue_pass(site.centre, session, Wanted(kind=kind, checkpoint=1), NOW)
    assert purge(site, 21.1).done.passes == 1
    assert purge(site, 28.1).done.passes == 1
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(IssuedPass)) == 0


@both
def test_two_purges_at_once_take_each_record_once(site: Site, gate: Gate) -> None:
    """Nobody has to know that another one runs."""
    send(site, gate, 1, [gate.record(n) for n in range(1, 301)])
    runs = [Purge(site.centre.database, Terms(), NOW + 22 * DAY, restless(10)) for _ in range(3)]
    threads = [threading.Thread(target=lambda run=run: list(run.run())) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(run.done.records for run in runs) == 300
    assert (numbers(site), mark(site), counted(site)) == ([], 301, 300)
    assert broken(site.centre.database) == []


_SLOW = """
import sys
from pathlib import Path
from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.privacy.pace import Pace
from sync.collector.privacy.purge import Purge
from sync.collector.privacy.terms import Terms
def rest(_seconds):
    print(flush=True)
    sys.stdin.readline()
centre = Centre.open(StateDir(Path(sys.argv[1])))
list(Purge(centre.database, Terms(), float(sys.argv[2]), Pace(size=10, sleep=rest)).run())
"""


@both
def test_a_purge_that_is_killed_leaves_everything_exact(site: Site, gate: Gate) -> None:
    """kill -9 between and within transactions; the next run takes the rest."""
    send(site, gate, 1, [gate.record(n) for n in range(1, 401)])
    command = [sys.executable, "-c", _SLOW, str(site.centre.state.path), str(NOW + 22 * DAY)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        for _ in range(2):
            assert child.stdout.readline() == b"\n"
            child.stdin.write(b"\n")
            child.stdin.flush()
        child.kill()
    assert 0 < len(numbers(site)) < 400
    assert broken(site.centre.database) == []
    purge(site, 22)
    assert (numbers(site), counted(site)) == ([], 400)
    assert broken(site.centre.database) == []


def test_a_step_shrinks_at_once_when_it_was_long_and_grows_slowly() -> None:
    """What intake waits for is one step; then everybody else has as long a turn."""
    now, rests = [0.0], []
    pace = Pace(size=100, clock=lambda: now[0], sleep=rests.append)
    for took in (0.001, 0.001, 0.05, 0.05, 0.015, 9.0):
        with pace.step():
            now[0] += 7.0  # until the others are done
            pace.begun()
            now[0] += took
    assert pace.size == 50
    assert rests == pytest.approx([0.001, 0.001, 0.05, 0.05, 0.015, 0.25])
    for _ in range(20):
        with pace.step():
            now[0] += 1
    assert pace.size == LEAST
    for _ in range(20):
        with pace.step():
            pass
    assert pace.size == MOST


def test_the_command_says_what_it_would_do_and_what_it_did(site: Site, gate: Gate) -> None:
    """By the machine's clock."""
    state, now = site.centre.state.path, time.time()
    send(site, gate, 1, [gate.record(n, when=at(now - 30 * DAY)) for n in (1, 2)] + [gate.record(3, when=at(now))], now)
    assert collector(state, "privacy", "purge", "--dry-run").stdout == "2 records are over their term of 21 days.\n"
    assert numbers(site) == [1, 2, 3]
    assert "Deleted: 2 records" in collector(state, "privacy", "purge").stderr
    assert numbers(site) == [3]
    assert "retention\tpurge" in collector(state, "privacy", "audit").stdout
    assert "Everything holds" in collector(state, "db", "check").stderr


@pytest.fixture
def fresh_outbox(gate: Gate) -> Callable[[], Gate]:
    """The gate with an outbox that the centre has not seen."""
    outboxes = count(1000)

    def renew() -> Gate:
        gate.outbox = f"{next(outboxes):032x}"
        return gate

    return renew


LENGTH = 12
spans = st.tuples(st.integers(1, LENGTH), st.integers(1, LENGTH)).map(lambda pair: range(min(pair), max(pair) + 1))
acts = st.lists(
    st.one_of(
        st.tuples(st.just("send"), spans),
        st.tuples(st.just("urgent"), st.sets(st.integers(1, LENGTH), min_size=1, max_size=3)),
        st.tuples(st.just("purge"), st.integers(1, 4)),
        st.tuples(st.just("later"), st.integers(1, 12)),
    ),
    max_size=14,
)
kinds = st.lists(
    st.tuples(st.sampled_from(["scan", "scan", "scan", "poison", "hole"]), st.integers(-30, 3)),
    min_size=LENGTH,
    max_size=LENGTH,
)


@both
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(kinds=kinds, acts=acts)
def test_whatever_comes_in_whatever_order_each_record_counts_once(
    site: Site, fresh_outbox: Callable[[], Gate], kinds: list[tuple[str, int]], acts: list[tuple[str, object]]
) -> None:
    """Urgent ones, holes, poison, repetitions, disordered clocks, purges in between: every invariant holds."""
    gate, day, cursor, before = fresh_outbox(), 0.0, 1, counted(site)
    scans = {
        n: gate.record(n, when=at(NOW + days * DAY + n)) for n, (kind, days) in enumerate(kinds, 1) if kind == "scan"
    }
    sent: set[int] = set()
    for act, value in [*acts, ("send", range(1, LENGTH + 1)), ("purge", 1)]:
        now = NOW + day * DAY
        if act == "send":
            assert isinstance(value, range)
            records = [scans.get(n, b'"poison"') for n in value if kinds[n - 1][0] != "hole"]
            holes = [Hole(n, n, "burnt") for n in value if kinds[n - 1][0] == "hole"]
            receipt = send(site, gate, value.start, records, now, holes=holes)
            if value.start <= cursor:
                sent |= set(value) & scans.keys()
            cursor = receipt.next
        elif act == "urgent":
            chosen = sorted(set(value) & scans.keys())  # type: ignore[call-overload]
            if chosen:
                send(site, gate, cursor, [scans[n] for n in chosen], now, next=cursor, urgent=chosen)
                sent |= set(chosen)
        elif act == "purge":
            purge(site, day, size=value)  # type: ignore[arg-type]
        else:
            day += value  # type: ignore[operator]
        assert counted(site) - before == len(sent)
        assert broken(site.centre.database) == []
    assert cursor == LENGTH + 1
    purge(site, day + 200)
    assert numbers(site) == []
    assert broken(site.centre.database) == []
