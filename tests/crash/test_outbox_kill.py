"""kill -9 of the writing process at any moment, with a reader beside it: nothing is lost, altered or doubled."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sync.outbox import OutboxError, OutboxReader, readers
from sync.wire.batch import Hole
from tests.crash.outbox_writer import record

WRITER = Path(__file__).with_name("outbox_writer.py")


@dataclass
class Ledger:
    """What the killed processes said, and what a reader got meanwhile."""

    acked: dict[int, int] = field(default_factory=dict)
    tried: dict[int, set[int]] = field(default_factory=dict)
    sent: dict[int, bytes] = field(default_factory=dict)
    covered: int = 1
    id: str = ""

    def hear(self, said: bytes, seed: int) -> None:
        for line in said.split(b"\n")[:-1]:
            word, *rest = line.decode().split()
            if word == "open":
                assert self.id in ("", rest[0])
                self.id = rest[0]
                assert int(rest[1]) > max(self.acked, default=0)
            elif word == "try":
                self.tried.setdefault(int(rest[0]), set()).add(seed)
            elif word == "ack":
                assert int(rest[0]) not in self.acked
                self.acked[int(rest[0])] = seed
            else:
                self.covered = max(self.covered, int(rest[0]))

    def check(self, directory: Path) -> int:
        """Compare with what is on the disk; returns how many records are there."""
        (reader,) = readers(directory)
        first = reader.first()
        assert first <= self.covered
        extract = reader.read(first, 10_000_000, 1 << 40)
        found = {n: it for n, it in extract.entries() if not isinstance(it, Hole)}
        for number, seed in self.acked.items():
            assert number < first or found[number] == record(self.id, number, seed)
        for number, content in list(self.sent.items()):
            assert number < first or found[number] == content
        for number, content in found.items():
            assert content in {record(self.id, number, seed) for seed in self.tried[number]}
        return len(found)


def follow(directory: Path, ledger: Ledger, stop: threading.Event) -> None:
    """Reads from the oldest number again and again, as several senders would."""
    reader: OutboxReader | None = None
    number = 1
    while not stop.is_set():
        try:
            reader = reader or next(iter(readers(directory)), None)
            if reader is None:
                continue
            extract = reader.read(number, 50, 1_000_000)
        except OutboxError:
            continue
        for n, content in extract.entries():
            if not isinstance(content, Hole):
                assert ledger.sent.setdefault(n, content) == content
        number = extract.next if extract.next > number else max(1, number - 30)


def kills(directory: Path, times: int, seed: int) -> tuple[Ledger, int]:
    """Start and kill the writer again and again on the same directory."""
    ledger, stop, drawn = Ledger(), threading.Event(), random.Random(seed)
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(follow, directory, ledger, stop)
        try:
            for life in range(times):
                arguments = [sys.executable, str(WRITER), str(directory), str(life)]
                with subprocess.Popen(arguments, stdout=subprocess.PIPE, bufsize=0) as writer:
                    assert writer.stdout is not None
                    said = writer.stdout.read(1) or b""  # it has started
                    deadline = time.monotonic() + drawn.uniform(0, 0.15)
                    while time.monotonic() < deadline:
                        said += writer.stdout.read(1 << 16) or b""
                    writer.kill()
                    said += writer.stdout.read()
                ledger.hear(said, life)
                ledger.check(directory)
        finally:
            stop.set()
        following.result()
    return ledger, ledger.check(directory)


def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    """R2: the short version; `make stress` kills 250 times."""
    ledger, _ = kills(tmp_path / "outbox", 8, seed=1)
    assert len(ledger.acked) > 20
    assert ledger.sent


@pytest.mark.stress
@pytest.mark.timeout(900)
def test_a_writer_killed_250_times_loses_nothing(tmp_path: Path) -> None:
    """R2: 0 lost, 0 altered, 0 doubled."""
    ledger, kept = kills(tmp_path / "outbox", 250, seed=2)
    print(f"250 kills: {len(ledger.acked)} acknowledged appends, {len(ledger.sent)} sent, {kept} kept")
    assert len(ledger.acked) > 2_000
