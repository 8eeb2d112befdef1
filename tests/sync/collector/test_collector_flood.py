"""A flood of strangers, with real processes: honest gates' batches go through, the log stays small (issue 8).

Prints what it measured: `make stress` shows it with -s.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from sync.collector.intake.model import RecordRow
from sync.collector.invariants import broken
from sync.collector.refusals import LINES_A_MINUTE
from sync.wire.envelope import MessageType, sign
from sync.wire.keys import Purpose, SigningKey
from tests.sync.collector.gateside import Gate, Served, Site
from tests.sync.collector.processes import COLLECTOR

pytestmark = [pytest.mark.stress, pytest.mark.timeout(300)]
SECONDS = 10.0
CONNECTIONS = 32


@pytest.fixture
def served(site: Site) -> Iterator[tuple[Served, Path]]:
    """One worker, and the file with its log."""
    log = site.directory / "log"
    with log.open("wb") as errors:
        command = [str(COLLECTOR), "--state", str(site.centre.state.path), "serve", "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        port = urlsplit(process.stdout.readline().split()[1]).port or 0
        yield Served(site.centre, port), log
        process.kill()
        process.wait()


@contextmanager
def flood(served: Served, body: bytes, directory: Path) -> Iterator[dict[str, int]]:
    """As long as the block lasts; afterwards the dictionary has the answers by status."""
    (directory / "body").write_bytes(body)
    program = Path(__file__).with_name("flooder.py")
    command = [sys.executable, str(program), str(served.port), str(CONNECTIONS), str(directory / "body")]
    told: dict[str, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield told
        told |= json.loads(process.communicate()[0])


def stranger(payload_bytes: int) -> bytes:
    return sign(bytes(payload_bytes), SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE), MessageType.BATCH)


@pytest.mark.parametrize("payload_bytes", [500, 1_000_000])
def test_honest_batches_go_through_a_flood_of_strangers(
    served: tuple[Served, Path], site: Site, gate: Gate, payload_bytes: int
) -> None:
    """Nothing but 403 for the strangers, a bounded log, and every honest batch answered with its receipt."""
    centre, log = served
    took, first = [], 1
    with flood(centre, stranger(payload_bytes), site.directory) as told:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            body = gate.batch(first, [gate.record(first + number) for number in range(50)])
            began = time.perf_counter()
            assert gate.receipt(centre.post(body).answer()).next == first + 50
            took.append(time.perf_counter() - began)
            first += 50
            time.sleep(0.05)  # a gate's pace
    took.sort()
    refused = told.pop("403")
    print(
        f"\n{payload_bytes} bytes: {refused / SECONDS:.0f} refusals/s, {len(took) / SECONDS:.1f} honest batches/s, "
        f"median {took[len(took) // 2] * 1000:.0f} ms, slowest {took[-1] * 1000:.0f} ms, log {log.stat().st_size} bytes"
    )
    assert told == {}
    assert refused > 10 * len(took)
    lines = [line for line in log.read_text().splitlines() if "refused" in line]
    assert len(lines) <= LINES_A_MINUTE + 1
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(RecordRow)) == first - 1
    assert broken(site.centre.database) == []
