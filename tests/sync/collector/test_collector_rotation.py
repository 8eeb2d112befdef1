"""A new key for personal data while everything goes on; killed at any moment, it is finished by the next call."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from sqlalchemy import func, select

from sync.collector.intake.api import take_batch
from sync.collector.intake.model import RecordRow
from sync.collector.privacy import keyfile
from sync.collector.privacy.access import personal
from sync.collector.privacy.pace import Pace
from sync.collector.privacy.rotation import Rotation
from sync.collector.visitors import registry
from sync.collector.visitors.model import Visitor
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Site
from tests.sync.collector.people import CLERK, registered, somebody
from tests.sync.collector.processes import collector

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


def rotation(site: Site, size: int = 5) -> Rotation:
    return Rotation(site.centre, CLERK, NOW, Pace(size=size, sleep=lambda _seconds: None))


def kids(site: Site) -> set[bytes]:
    """The keys that rows are under."""
    with site.centre.database.read() as session:
        return set(session.scalars(select(Visitor.kid)))


def generations(site: Site) -> set[bytes]:
    """The keys that the file holds."""
    return set(keyfile.load(site.centre.state).cipher.keys)


def assert_readable(site: Site, ids: list[str], numbers: list[int]) -> None:
    """Everybody, by id, number and phone."""
    with personal(site.centre, CLERK, NOW) as access:
        for row_id, number in zip(ids, numbers, strict=True):
            person = somebody(number)
            assert registry.show(access, row_id).person == person
            for typed in (person.number, person.phone or ""):
                assert [each.id for each in registry.find(access, typed)] == [row_id]


@both
def test_everything_is_under_the_new_key_and_the_old_one_is_gone(site: Site) -> None:
    """Fields and hashes; the audit goes on in its chain."""
    ids, before = registered(site, *range(12)), generations(site)
    done = collector(site.centre.state.path, "privacy", "rotate")
    assert (done.exit_code, "the earlier ones are gone" in done.stderr) == (0, True)
    assert kids(site) == generations(site)
    assert not generations(site) & before
    assert_readable(site, ids, list(range(12)))
    assert "Everything holds" in collector(site.centre.state.path, "db", "check").stderr


@both
def test_people_come_gates_send_and_searches_find_while_it_runs(site: Site, gate: Gate) -> None:
    """Half is under the old key, half under the new: a search asks under both, a new visitor gets the new one."""
    ids = registered(site, *range(10))
    run = rotation(site, size=3)
    assert run.begin()
    steps = run.run()
    assert next(steps) == 3
    assert len(kids(site)) == 2
    ids += registered(site, 10)
    take_batch(site.centre, gate.batch(1, [gate.record(1)]), NOW)
    assert_readable(site, ids, list(range(11)))
    assert not run.end()
    assert sum(steps) == 7
    assert run.end()
    assert kids(site) == generations(site)
    assert_readable(site, ids, list(range(11)))
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RecordRow)) == 1


@both
def test_rotations_at_once_end_with_everything_readable(site: Site) -> None:
    """They share the work, or one follows the other; no key goes that is in use."""
    ids = registered(site, *range(40))
    failures: list[BaseException] = []

    def rotate() -> None:
        try:
            run = rotation(site, size=4)
            run.begin()
            list(run.run())
            run.end()
        except BaseException as cause:  # noqa: BLE001 - shown below
            failures.append(cause)

    threads = [threading.Thread(target=rotate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert kids(site) <= generations(site)
    assert_readable(site, ids, list(range(40)))
    run = rotation(site)
    run.begin()
    list(run.run())
    assert run.end()
    assert kids(site) == generations(site)


_SLOW = """
import sys
from pathlib import Path
from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.privacy.audit import Actor
from sync.collector.privacy.pace import Pace
from sync.collector.privacy.rotation import Rotation
def rest(_seconds):
    print(flush=True)
    sys.stdin.readline()
run = Rotation(Centre.open(StateDir(Path(sys.argv[1]))), Actor("test", "kill"), 0.0, Pace(size=10, sleep=rest))
run.begin()
list(run.run())
"""


@both
def test_a_rotation_that_is_killed_is_finished_by_the_next(site: Site) -> None:
    """kill -9 in the middle: everybody is readable at once, and the same new key is the end of it."""
    ids = registered(site, *range(100))
    command = [sys.executable, "-c", _SLOW, str(site.centre.state.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        for _ in range(2):
            assert child.stdout.readline() == b"\n"
            child.stdin.write(b"\n")
            child.stdin.flush()
        child.kill()
    assert len(kids(site)) == len(generations(site)) == 2
    current = keyfile.load(site.centre.state).cipher.current.kid
    assert_readable(site, [ids[0], ids[99]], [0, 99])
    done = collector(site.centre.state.path, "privacy", "rotate")
    assert "An earlier rotation was not finished" in done.stderr
    assert kids(site) == generations(site) == {current}
    assert_readable(site, ids, list(range(100)))


def test_a_row_that_cannot_be_read_stops_no_other_and_keeps_the_keys(site: Site) -> None:
    """It is named; when it is erased, the next call ends the rotation."""
    ids = registered(site, *range(6))
    with site.centre.database.write() as session:
        session.get_one(Visitor, ids[2]).phone = b"\x01 damaged"
    state = site.centre.state.path
    told = collector(state, "privacy", "rotate")
    assert told.exit_code == 1
    assert f"1 visitors cannot be read ({ids[2]})" in told.stderr
    assert len(generations(site)) == 2
    assert collector(state, "visitor", "erase", ids[2], "--reason", "damaged").exit_code == 0
    assert collector(state, "privacy", "rotate").exit_code == 0
    assert kids(site) == generations(site)
