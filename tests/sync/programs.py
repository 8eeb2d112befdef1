"""The real collector and the real gate-sync, started, stopped and killed at will."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from click.testing import CliRunner

from sync.cli import main as gate_sync
from sync.collector.cli import main as collector
from sync.wire import jsonform
from sync.wire.record import ClockQuality, Direction, Moment, Place, Started
from sync.wire.statedir import StateDir

BIN = Path(sys.executable).parent


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
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
        """One command, in this process: starting Python anew would be most of it."""
        done = CliRunner().invoke(collector, ["--state", str(self.centre), *arguments])
        assert done.exit_code == 0, done.output

    def found(self) -> None:
        self.collector("init")
        self.collector("venue", "create", "东门市场")
        self.collector("checkpoint", "create", "--venue", "1", "--direction", "in", "南门")
        self.collector("gate", "create", "--checkpoint", "1", "南门1号")

    def provision(self, address: str | None = None) -> None:
        """The gate's files; address: where it finds the collector, directly unless said."""
        self.collector(
            *("gate", "provision", str(self.state.root), "--gate", "gate-1"),
            *("--collector-url", address or self.address),
        )

    @property
    def port(self) -> int:
        """Of the collector, once it has served."""
        return int(self.address.rstrip("/").rpartition(":")[2])

    def serve(self) -> subprocess.Popen[bytes]:
        """Start the collector, at first on any free port and then on that one."""
        port = str(self.port) if self.address else "0"
        process = self._start("collector", "--state", str(self.centre), "serve", "--port", port, stdout=subprocess.PIPE)
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        self.address = next(word for word in said.split() if word.startswith("http"))
        return process

    def sync(self, state: StateDir | None = None, within: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """state: another gate's directory than `self.state`. within: a command that runs it somewhere else."""
        root, config = (state or self.state).root, self.directory / "sync.toml"
        arguments = ("run", "--state", str(root), "--config", str(config))
        return self._start("gate-sync", *arguments, within=within)

    def status(self, *options: str) -> str:
        """What `gate-sync status` says; asked in this process, because tests ask again and again."""
        return CliRunner().invoke(gate_sync, ["status", "--state", str(self.state.root), *options]).stdout

    def _start(
        self,
        program: str,
        *arguments: str,
        stdout: int | None = subprocess.DEVNULL,
        within: tuple[str, ...] = (),
    ) -> subprocess.Popen[bytes]:
        with (self.directory / f"{program}.log").open("ab") as log:
            process = subprocess.Popen([*within, BIN / program, *arguments], stdout=stdout, stderr=log)
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(10)

    def records_at_the_centre(self) -> list[tuple[int, bytes]]:
        return self.ask("SELECT sequence, raw FROM record ORDER BY outbox, sequence")

    def count(self) -> int:
        """How many records are at the centre."""
        return int(self.ask("SELECT count(*), 0 FROM record")[0][0])

    def ask(self, query: str) -> list[tuple[int, bytes]]:
        """Rows of the centre's database."""
        with closing(sqlite3.connect(f"file:{self.centre / 'collector.db'}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    def end(self) -> None:
        """Nothing runs any more."""
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait(10)
            if process.stdout:
                process.stdout.close()


@contextmanager
def programs(directory: Path) -> Iterator[Processes]:
    """For one test."""
    made = Processes(directory)
    try:
        yield made
    finally:
        made.end()


def a_record(number: int) -> bytes:
    when = Moment(1_650_000_000.0 + number, "boot", float(number), ClockQuality.SYNCHRONIZED)
    return jsonform.encode(Started(when, Place(1, 1, Direction.IN), f"1.{number}"))
