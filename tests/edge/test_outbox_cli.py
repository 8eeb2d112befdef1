"""`gate outbox`: what IT sees of the card, while the gate works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sync.outbox import Outbox
from sync.wire import jsonform
from sync.wire.record import ClockQuality, Direction, Moment, Place, Started

GATE = Path(sys.executable).with_name("gate")


def gate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([GATE, *arguments], capture_output=True, text=True, timeout=60, check=False)


def record(number: int) -> bytes:
    when = Moment(1_650_000_000.0 + number, "boot", float(number), ClockQuality.SYNCHRONIZED)
    return jsonform.encode(Started(when, Place(7, 3, Direction.IN), f"0.{number}"))


@pytest.fixture
def used(state):
    """A state directory with 600 records, and the outbox that still writes it."""
    with Outbox(state.outbox, "board:card") as outbox:
        for number in range(600):
            outbox.append(record(number))
        yield state, outbox


def test_the_summary_names_length_ends_segments_and_disk(used):
    """Without a lock: the gate goes on writing."""
    state, outbox = used
    done = gate("outbox", "--state", str(state.root))
    assert done.returncode == 0, done.stderr
    told = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert told["outbox"] == outbox.id
    assert told["waiting"].startswith("600 (numbers 1 … 600)")
    assert told["segments"].startswith("2 (")
    assert told["damaged"].startswith("0 lines")
    assert told["disk"].endswith("used")
    assert "2022-04-15" in told["oldest"]


def test_what_a_receipt_covers_waits_no_longer(used, authority):
    """Waiting is what the centre has not acknowledged."""
    state, outbox = used
    state.receipts.mkdir()
    state.receipt(outbox.id).write_bytes(authority.receipt(outbox.id, 501))
    assert "waiting     100 (numbers 501 … 600)" in gate("outbox", "--state", str(state.root)).stdout


def test_verify_accounts_for_every_number(used):
    """Exit code 0, and both places for the option work."""
    state, outbox = used
    for arguments in (["outbox", "verify", "--state"], ["outbox", "--state"]):
        tail = ["verify"] if arguments[1] == "--state" else []
        done = gate(*arguments, str(state.root), *tail)
        assert (done.returncode, done.stdout.splitlines()) == (0, [f"{outbox.id}: 600 records whole, numbers 1 … 600"])


def test_verify_names_the_damaged_record(used):
    """One flipped bit costs one record; exit code 1."""
    state, outbox = used
    (segment,) = sorted((state.outbox / outbox.id).glob("*.jsonl"))[:1]
    content = bytearray(segment.read_bytes())
    content[content.index(b"0.41")] ^= 1
    segment.write_bytes(content)
    done = gate("outbox", "verify", "--state", str(state.root))
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == ["  42 … 42: damaged"]


def test_export_writes_every_record_as_a_json_line(used, tmp_path):
    """To standard output, or to a file."""
    state, outbox = used
    lines = [json.loads(line) for line in gate("outbox", "export", "--state", str(state.root)).stdout.splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, 601))
    assert lines[41]["record"]["software"] == "0.41"
    assert {line["outbox"] for line in lines} == {outbox.id}
    file = tmp_path / "records.jsonl"
    assert gate("outbox", "export", "--state", str(state.root), "--output", str(file)).returncode == 0
    assert len(file.read_text().splitlines()) == 600


def test_a_gate_that_never_ran_has_no_outbox(state):
    """A sentence, no traceback."""
    done = gate("outbox", "--state", str(state.root))
    assert "the gate has not run" in done.stdout
    assert done.returncode == 0
