"""`gate-sync` as a program: its mistakes, its words, its exit codes, and real processes that are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sync.cli import main
from sync.mailbox import boot_id, write_sync_status
from sync.outbox.outbox import Outbox
from sync.wire import jsonform
from sync.wire.record import ClockQuality, Direction, Moment, Place, Started
from sync.wire.statedir import StateDir
from sync.wire.status import SyncStatus, Trouble
from tests.sync.town import Town

BIN = Path(sys.executable).parent


def gate_sync(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("greting_seconds = 5", "did you mean `greeting_seconds`"),
        ("greeting_seconds = 0", "greeting_seconds"),
        ("greeting_seconds = 'often'", "greeting_seconds"),
        ("= 5", "sync.toml"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    """It names the key and what is expected; no traceback."""
    file = tmp_path / "sync.toml"
    file.write_text(text)
    result = gate_sync("run", "--config", file, "--state", tmp_path)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_configuration_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """Only the usual file may be missing."""
    result = gate_sync("run", "--config", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "there is no such file" in result.output


def test_a_state_directory_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """Most likely a typing mistake: nothing is made."""
    for command in ("run", "status"):
        result = gate_sync(command, "--state", tmp_path / "none")
        assert result.exit_code == 2
        assert "--state" in result.output
    assert not (tmp_path / "none").exists()


def test_every_command_explains_itself() -> None:
    """--help is for people who never saw it."""
    for arguments in (["--help"], ["run", "--help"], ["status", "-h"]):
        result = gate_sync(*arguments)
        assert result.exit_code == 0
        assert "Usage:" in result.output


def test_status_says_when_it_never_ran(state: StateDir) -> None:
    """Exit code 3: not running."""
    result = gate_sync("status", "--state", state.root)
    assert result.exit_code == 3
    assert "not running" in result.output


def _word(**changes: object) -> SyncStatus:
    now = time.monotonic()
    fields: dict[str, object] = {
        "wall": time.time(),
        "boot": boot_id(),
        "mono": now,
        "pid": os.getpid(),
        "connected": True,
        "backlog": 0,
        "last_contact": time.time() - 7_500,
    }
    return SyncStatus(**(fields | changes))  # type: ignore[arg-type]


def test_status_is_plain_words_in_both_languages(state: StateDir) -> None:
    """Backlog, last contact, trouble, next attempt, age of keys and rules."""
    Town().provision(state, "https://centre.example")
    due = time.monotonic() + 42.4
    write_sync_status(
        state,
        _word(connected=False, backlog=1_234_567, trouble=Trouble.NO_NETWORK, detail="no route", next_attempt_mono=due),
    )
    english = gate_sync("status", "--state", state.root)
    assert english.exit_code == 1
    for words in ("1,234,567", "2 hours ago", "no network", "no route", "in 42 s", "1-1, issued 2022-04-1"):
        assert words in english.output
    chinese = gate_sync("status", "--state", state.root, "--lang", "zh")
    for words in ("1,234,567", "2 小时前", "没有网络", "42 秒后", "签发于"):
        assert words in chinese.output


def test_status_is_zero_when_connected(state: StateDir) -> None:
    """A script can ask."""
    write_sync_status(state, _word())
    assert gate_sync("status", "--state", state.root).exit_code == 0


@pytest.mark.parametrize(
    "stale",
    [_word(mono=time.monotonic() - 60), _word(boot="another boot"), _word(pid=2**22 + 1)],
    ids=["old", "another boot", "dead process"],
)
def test_an_old_word_counts_as_not_running(state: StateDir, stale: SyncStatus) -> None:
    """A file outlives its writer."""
    write_sync_status(state, stale)
    result = gate_sync("status", "--state", state.root, "--json")
    assert result.exit_code == 3
    assert json.loads(result.output)["running"] is False


# Real processes


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.02)


class Processes:
    """A collector and a gate-sync, started and killed at will."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.centre = directory / "centre"
        self.state = StateDir.at(directory / "gate")
        self.running: list[subprocess.Popen[bytes]] = []
        self.address = ""
        (directory / "sync.toml").write_text(
            "greeting_seconds = 0.5\nfirst_wait_seconds = 0.05\nlongest_wait_seconds = 0.3\n"
        )

    def collector(self, *arguments: str) -> None:
        subprocess.run([BIN / "collector", "--state", self.centre, *arguments], check=True, capture_output=True)

    def found(self) -> None:
        self.collector("init")
        self.collector("venue", "create", "东门市场")
        self.collector("checkpoint", "create", "--venue", "1", "--direction", "in", "南门")
        self.collector("gate", "create", "--checkpoint", "1", "南门1号")

    def serve(self) -> subprocess.Popen[bytes]:
        """Start the collector, at first on any free port and then on that one."""
        port = self.address.rpartition(":")[2].rstrip("/") or "0"
        process = self._start("collector", "--state", str(self.centre), "serve", "--port", port, stdout=subprocess.PIPE)
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        self.address = next(word for word in said.split() if word.startswith("http"))
        return process

    def sync(self) -> subprocess.Popen[bytes]:
        return self._start(
            "gate-sync", "run", "--state", str(self.state.root), "--config", str(self.directory / "sync.toml")
        )

    def _start(self, program: str, *arguments: str, stdout: int | None = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        with (self.directory / f"{program}.log").open("ab") as log:
            process = subprocess.Popen([BIN / program, *arguments], stdout=stdout, stderr=log)
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(10)

    def records_at_the_centre(self) -> list[tuple[int, bytes]]:
        with sqlite3.connect(f"file:{self.centre / 'collector.db'}?mode=ro", uri=True) as database:
            return database.execute("SELECT sequence, raw FROM record ORDER BY sequence").fetchall()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Nothing runs any more when the test ends."""
    made = Processes(tmp_path)
    yield made
    for process in made.running:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def _record(number: int) -> bytes:
    when = Moment(1_650_000_000.0 + number, "boot", float(number), ClockQuality.SYNCHRONIZED)
    return jsonform.encode(Started(when, Place(1, 1, Direction.IN), f"1.{number}"))


def test_killed_at_any_moment_everything_arrives_once(processes: Processes) -> None:
    """R24: kill -9 of gate-sync and of the collector in the middle of a drain; the centre holds each record once."""
    processes.found()
    collector = processes.serve()
    processes.collector(
        "gate", "provision", str(processes.state.root), "--gate", "gate-1", "--collector-url", processes.address
    )
    outbox = Outbox(processes.state.outbox, "board:card")
    moments = random.Random(7)
    expected = []
    sync = processes.sync()
    for _ in range(8):
        for _ in range(400):
            expected.append((outbox.next, _record(outbox.next)))
            outbox.append(expected[-1][1])
        time.sleep(moments.uniform(0, 0.25))  # the moment of the kill is what is tried out
        if moments.random() < 0.5:
            processes.kill(sync)
            sync = processes.sync()
        else:
            processes.kill(collector)
            collector = processes.serve()
    until(lambda: len(processes.records_at_the_centre()) >= len(expected))
    assert [(number, bytes(raw)) for number, raw in processes.records_at_the_centre()] == expected
    sync.send_signal(signal.SIGTERM)
    assert sync.wait(2) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_says_goodbye(processes: Processes, number: signal.Signals) -> None:
    """Within two seconds, exit code 0, and the status says that it is not connected."""
    processes.state.root.mkdir()
    process = processes.sync()
    until(processes.state.sync_status.exists)
    process.send_signal(number)
    assert process.wait(2) == 0
    assert json.loads(processes.state.sync_status.read_bytes())["connected"] is False


def test_a_second_one_on_the_same_directory_is_refused(processes: Processes) -> None:
    """Each file has one writing process; the first goes on."""
    processes.state.root.mkdir()
    first = processes.sync()
    until(processes.state.sync_status.exists)
    second = gate_sync("run", "--state", processes.state.root)
    assert second.exit_code == 1
    assert "another gate-sync runs" in second.output
    assert first.poll() is None
