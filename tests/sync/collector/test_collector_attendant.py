"""The process beside the workers: its jobs, its end, and that serving never depends on it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from sync.collector.accounts import secrets
from sync.collector.alone import place
from sync.collector.attendant import NAME, Attendant, Job, attend
from sync.collector.centre import Centre
from sync.collector.errors import DatabaseUnavailable, Mistake
from sync.collector.messages.port import Message
from sync.collector.messages.queue import Queue
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Served, Site
from tests.sync.collector.processes import start_serving

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


class Seat:
    """A place that is ours as often as `answers` says so, and then always."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)

    def holds(self) -> bool:
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        pass


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_each_job_is_done_and_a_failing_one_takes_no_other_with_it(site: Site) -> None:
    """Whether it fails by a sentence or by a bug."""
    stop = threading.Event()
    done: list[tuple[str, float]] = []

    def note(name: str, failure: Exception | None = None) -> Callable[[Centre, float], None]:
        def run(centre: Centre, now: float) -> None:
            assert centre is site.centre
            done.append((name, now))
            if len(done) >= 8:
                stop.set()
            if failure:
                raise failure

        return run

    jobs = [
        Job("bug", 0.0, note("bug", KeyError("x"))),
        Job("sentence", 0.0, note("sentence", Mistake("x"))),
        Job("disk", 0.0, note("disk", OSError("x"))),
        Job("fine", 0.0, note("fine")),
    ]
    attend(site.centre, jobs, Seat(), stop, clock=lambda: NOW)
    assert done == [("bug", NOW), ("sentence", NOW), ("disk", NOW), ("fine", NOW)] * 2


def test_a_job_waits_for_its_time(site: Site) -> None:
    """One that is seldom is not done as often as its neighbour."""
    stop, often, seldom = threading.Event(), [], []

    def run(_centre: Centre, now: float) -> None:
        often.append(now)
        if len(often) == 5:
            stop.set()

    jobs = [Job("often", 0.0, run), Job("seldom", 3600.0, lambda _centre, now: seldom.append(now))]
    attend(site.centre, jobs, Seat(), stop)
    assert (len(often), len(seldom)) == (5, 1)


def test_the_end_does_not_wait_for_the_next_job(site: Site) -> None:
    """Nobody sleeps: the event wakes it."""
    stop, began = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=attend,
        args=(site.centre, [Job("hourly", 3600.0, lambda _centre, _now: began.set())], Seat(), stop),
    )
    thread.start()
    assert began.wait(10)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("trouble", [DatabaseUnavailable("gone"), OSError("no file"), False])
def test_who_does_not_hold_the_place_does_nothing(site: Site, trouble: Exception | bool) -> None:
    """Another machine does it, or nobody can say."""
    stop, asked = threading.Event(), threading.Event()

    class Taken(Seat):
        def holds(self) -> bool:
            asked.set()
            return super().holds()

    done: list[float] = []
    jobs = [Job("job", 0.0, lambda _centre, now: done.append(now))]
    thread = threading.Thread(target=attend, args=(site.centre, jobs, Taken(*[trouble] * 100), stop))
    thread.start()
    assert asked.wait(10)
    stop.set()
    thread.join(5)
    assert done == []


@both
def test_of_two_attendants_one_works_and_the_other_follows_when_it_is_gone(site: Site, tmp_path: Path) -> None:
    first, second = (place(site.centre.database, tmp_path / "lock") for _ in range(2))
    assert (first.holds(), first.holds(), second.holds()) == (True, True, False)
    first.close()
    assert (second.holds(), first.holds()) == (True, False)
    second.close()


@pytest.mark.parametrize("new_state", ["postgresql"], indirect=True)
def test_a_session_that_was_cut_holds_nothing(site: Site, tmp_path: Path) -> None:
    """The server gave the place to somebody else; whoever had it finds out before the next job."""
    first, second = (place(site.centre.database, tmp_path / "lock") for _ in range(2))
    assert first.holds()
    with site.centre.database.change() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        )
    until(second.holds)
    with pytest.raises(DatabaseUnavailable):
        first.holds()
    assert not first.holds()
    second.close()


# The process


def children(pid: int) -> dict[int, str]:
    """Of a process, with the names that they gave themselves."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/comm").read_text().strip() for child in listed}


def attendants(pid: int) -> list[int]:
    return [child for child, name in children(pid).items() if name == NAME]


@pytest.fixture
def process(site: Site, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Served]]:
    """A serving collector whose messages are files."""
    site.centre.state.config.write_text(f'[messages]\ndirectory = "{tmp_path}/out"\n')
    secrets.load(site.centre.state)
    running, address = start_serving(site.centre.state.path)
    yield running, Served(site.centre, urlsplit(address).port or 0)
    running.kill()
    running.wait()


def test_it_works_while_the_server_does_and_serving_does_not_need_it(
    process: tuple[subprocess.Popen[str], Served], site: Site, tmp_path: Path
) -> None:
    """A message leaves that another process posted; killed, it is followed by another; a reload starts it anew."""
    running, served = process
    queue = Queue(secrets.load(site.centre.state), lambda: 0.5)
    with site.centre.database.write() as session:
        posted = queue.post(session, Message("mailto:it@town.example", "告警", "南门"), time.time())
    until((tmp_path / "out" / f"{posted}.txt").exists)
    (first,) = attendants(running.pid)
    os.kill(first, signal.SIGKILL)
    assert served.request("GET", "/healthz").status == 200
    until(lambda: attendants(running.pid) not in ([], [first]))
    (second,) = attendants(running.pid)
    running.send_signal(signal.SIGHUP)
    until(lambda: attendants(running.pid) not in ([], [second]))
    until(lambda: served.request("GET", "/healthz").status == 200)
    began = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 0
    assert time.monotonic() - began < 8


def test_it_ends_with_a_server_that_is_killed(process: tuple[subprocess.Popen[str], Served]) -> None:
    """Nobody sends messages for a server that is gone."""
    running, _ = process
    until(lambda: attendants(running.pid))
    (attendant,) = attendants(running.pid)
    running.kill()
    running.wait(20)
    until(lambda: not Path(f"/proc/{attendant}").exists())


def test_one_that_cannot_start_is_tried_again_after_a_pause(tmp_path: Path) -> None:
    """A database that is not there yet."""
    lives = tmp_path / "lives"

    def work(_stop: threading.Event) -> None:
        with lives.open("a") as file:
            file.write("x")
        raise Mistake("not yet")

    attendant = Attendant(work, pause_seconds=0.2)
    attendant.keep()
    until(lambda: lives.exists() and attendant._has_ended(0.0))
    attendant.keep()
    assert lives.read_text() == "x"
    until(lambda: attendant.keep() or lives.read_text() != "x")
    attendant.end()
