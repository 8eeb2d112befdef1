"""The main job with real processes: people pass while everything is killed and the link is cut (R2, R24).

Frames are drawn and decoded, passes are signed and verified, pins are gpiozero's, disks and databases are real. The
only thing simulated is the doorway. The pin trace is the outside observer: it writes each change in one system call.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.demo.town import Ports, Town
from sync.collector.cli import main as collector
from sync.outbox import readers
from sync.wire import jsonform
from sync.wire.record import Outcome, Record, Scan

RELAY = "GPIO17"


def free_ports() -> Ports:
    """Three ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return Ports(*numbers)


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll a condition with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Programs:
    """The town's processes, each in the test's hand."""

    def __init__(self, town: Town) -> None:
        self.town, self._commands = town, town.programs()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.killed: Counter[str] = Counter()

    def start(self, name: str) -> None:
        with (self.town.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(self._commands[name], stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """kill -9, and up again."""
        self._running[name].kill()
        self._running[name].wait()
        self.killed[name] += 1
        self.start(name)

    def stop(self, name: str) -> int:
        """SIGTERM; returns the exit code."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(15)

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Poll a condition with a deadline; a program that ended by itself is told at once, with its last words."""

        def holds() -> bool:
            for name, process in self._running.items():
                log = self.town.logs / f"{name}.log"
                assert process.poll() is None, f"{name} ended by itself:\n{log.read_text()[-2000:]}"
            return condition()

        until(holds, seconds, what)

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@contextmanager
def running(town: Town, *names: str) -> Iterator[Programs]:
    programs = Programs(town)
    try:
        for name in names:
            programs.start(name)
        yield programs
    finally:
        programs.end()


class Disk:
    """What stands in the outbox, read from outside while the gate writes."""

    def __init__(self, town: Town) -> None:
        self._directory = town.gate_state / "outbox"
        self.records: dict[tuple[str, int], bytes] = {}
        self._next: dict[str, int] = {}

    def look(self) -> int:
        """Read what is new; returns how many records were seen so far."""
        for reader in readers(self._directory):
            first = self._next.get(reader.id, 1)
            while (extract := reader.read(first, 500, 1_000_000)).next > first:
                missing = {number for hole in extract.holes for number in range(hole.first, hole.last + 1)}
                numbers = [number for number in range(extract.first, extract.next) if number not in missing]
                self.records |= {
                    (reader.id, number): data for number, data in zip(numbers, extract.records, strict=True)
                }
                first = extract.next
            self._next[reader.id] = first
        return len(self.records)

    def holds(self, count: int) -> Callable[[], bool]:
        """The question whether that many records were seen."""
        return lambda: self.look() >= count

    def scans(self) -> list[Scan]:
        decoded = (jsonform.decode(data, Record, "record") for data in self.records.values())
        return [record for record in decoded if isinstance(record, Scan)]


def openings(town: Town) -> list[float]:
    """When the relay's pin rose, in monotonic seconds."""
    lines = (line.split() for line in town.pin_trace.read_text().splitlines())
    return [int(nanoseconds) / 1e9 for nanoseconds, pin, level in lines if (pin, level) == (RELAY, "1")]


def at_the_centre(town: Town) -> dict[tuple[str, int], bytes]:
    """Every record of the centre's database."""
    query = "SELECT outbox.id, record.sequence, record.raw FROM record JOIN outbox ON outbox.number = record.outbox"
    with closing(sqlite3.connect(f"file:{town.collector_state / 'collector.db'}?mode=ro", uri=True)) as connection:
        rows = connection.execute(query).fetchall()
    assert len(rows) == len({row[:2] for row in rows})
    return {(outbox, sequence): raw for outbox, sequence, raw in rows}


def sync_backlog(town: Town) -> int | None:
    """What gate-sync says still waits; None when it does not answer."""
    try:
        told = json.loads((town.gate_state / "run" / "sync-status.json").read_bytes())
    except (OSError, ValueError):
        return None
    return told["backlog"] if told["connected"] else None


def every_opening_has_its_own_earlier_record(town: Town, scans: list[Scan]) -> None:
    """R2: match each edge of the pin with a pass that was decided just before it, each pass once."""
    passes = sorted(scan.when.mono for scan in scans if scan.outcome is Outcome.PASS)
    for opened in openings(town):
        earlier = [mono for mono in passes if mono <= opened + 0.001 and opened - mono < 2.0]
        assert earlier, f"the relay rose at {opened} without a record"
        passes.remove(earlier[-1])


class PreparedHere(Town):
    """A town whose collector's commands run in this process; the demo's own test starts them as users do."""

    def _collector(self, *arguments: str) -> str:
        done = CliRunner().invoke(collector, ["--state", str(self.collector_state), *arguments])
        assert done.exit_code == 0, done.output
        return (done.stdout.strip().splitlines() or [""])[-1]


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = PreparedHere(
        tmp_path / "town",
        free_ports(),
        frames_per_second=30,
        approach_seconds=0.0,
        hold_seconds=0.12,
        gap_seconds=0.02,
        open_seconds=0.1,
        result_seconds=0.1,
        greeting_seconds=0.5,
        longest_wait_seconds=0.5,
        frame_size=(480, 640),
        trace=True,
        visitors_options=("--only", "green,saved,red,fever,forged"),
    )
    made.prepare()
    return made


@pytest.mark.parametrize(("passages", "kills"), [(150, 3), pytest.param(500, 10, marks=pytest.mark.stress)])
@pytest.mark.timeout(600)
def test_people_pass_while_everything_is_killed_and_the_link_is_cut(town, passages, kills):
    """So many passages, so many kill -9 of each program: nothing lost or doubled, no opening without its record."""
    chance, disk = random.Random(20220415), Disk(town)
    names = ("collector", "link", "visitors", "gate-sync", "gate")
    with running(town, *names) as programs:
        victims = [name for name in ("gate", "gate-sync", "collector") for _ in range(kills)]
        chance.shuffle(victims)
        for number, victim in enumerate(victims, 1):
            town.cut(number % 3 == 0)  # every third stretch is offline; the mended link finds a backlog to send
            programs.until(disk.holds(number * passages // len(victims)), 60, f"passages, {number}")
            assert len(openings(town)) <= sum(scan.outcome is Outcome.PASS for scan in _fresh(disk))
            programs.kill(victim)
        town.cut(False)
        programs.stop("visitors")
        assert programs.stop("gate") == 0
        disk.look()
        programs.until(
            lambda: sync_backlog(town) == 0 and len(at_the_centre(town)) >= len(disk.records), 60, "the drain"
        )
        assert programs.stop("gate-sync") == 0
        assert programs.stop("collector") == 0
        killed = programs.killed

    assert len(disk.records) >= passages
    assert min(killed[name] for name in ("gate", "gate-sync", "collector")) >= kills
    assert at_the_centre(town) == disk.records
    assert len(openings(town)) > passages / 5
    every_opening_has_its_own_earlier_record(town, disk.scans())
    assert {scan.reasons[0] for scan in disk.scans()} >= {"green", "red", "fever"}


def _fresh(disk: Disk) -> list[Scan]:
    disk.look()
    return disk.scans()


def test_offline_is_the_normal_path(town):
    """R24: from the first start without a network, people pass and the backlog grows; the mended link drains it."""
    town.cut(True)
    disk = Disk(town)
    with running(town, "collector", "link", "visitors", "gate-sync", "gate") as programs:
        programs.until(disk.holds(20), 60, "twenty passages offline")
        assert at_the_centre(town) == {}
        assert len(openings(town)) > 0
        programs.until(lambda: _backlog(town) >= 20, 10, "the backlog on the gate's status")
        town.cut(False)
        programs.until(lambda: len(at_the_centre(town)) >= 20, 30, "the drain")
        programs.until(lambda: _acknowledged(town) >= 20, 10, "the gate's knowledge of it")


def _acknowledged(town: Town) -> int:
    return _status(town, "acknowledged")


def _backlog(town: Town) -> int:
    return _status(town, "next_sequence") - _status(town, "acknowledged")


def _status(town: Town, field: str) -> int:
    try:
        return int(json.loads((town.gate_state / "run" / "status.json").read_bytes())[field])
    except OSError:
        return 0


def test_ctrl_c_stops_the_demo_and_a_second_demo_goes_on_with_its_data(tmp_path):
    """`make demo` as its user runs it: one signal ends every program, and the records stay."""
    ports = free_ports()
    command = [
        *(os.path.join(os.path.dirname(os.sys.executable), "python"), "-m", "edge.demo"),
        *("--directory", str(tmp_path / "demo"), "--collector-port", str(ports.collector)),
        *("--panel-port", str(ports.panel), "--link-port", str(ports.link)),
    ]
    town = Town(tmp_path / "demo", ports)
    disk = Disk(town)
    seen = 0
    for _ in range(2):
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        until(disk.holds(seen + 2), 60, "two records")
        demo.send_signal(signal.SIGINT)
        told, _ = demo.communicate(timeout=30)
        assert demo.returncode == 0, told
        assert "Stopped" in told
        assert ports_in_use(ports) == [], told
        seen = disk.look()
    assert len({outbox for outbox, _ in disk.records}) == 1


def ports_in_use(ports: Ports) -> list[int]:
    """Those on which something still listens."""
    found = []
    for port in (ports.collector, ports.panel, ports.link):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(port)
    return found
