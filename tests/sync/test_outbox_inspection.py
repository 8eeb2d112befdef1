"""What `gate outbox` shows, and what it checks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sync.outbox import Limits, Outbox, export, summary, verify
from sync.wire.batch import Hole

SMALL = Limits(segment_records=3, kept_bytes=0, reserve_bytes=0)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A sealed outbox with two records; one that goes on with 4 … 10, of which 8 is damaged."""
    with Outbox(tmp_path, "first", SMALL) as sealed:
        for n in (1, 2):
            sealed.append(b'{"sealed":%d}' % n)
    with Outbox(tmp_path, "second", SMALL) as outbox:
        for n in range(1, 11):
            outbox.append(b'{"n": %d}' % n)
        outbox.acknowledge(4)
        segment = tmp_path / outbox.id / "000000000007.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b'{"n": 8}', b'{"n": 9}'))
    return tmp_path


def test_a_summary_tells_length_ends_segments_and_damage(directory: Path) -> None:
    """Sealed ones first; the writer may be running."""
    with Outbox(directory, "second", SMALL):
        sealed, active = summary(directory)
    assert (sealed.sealed, sealed.first, sealed.next, sealed.oldest) == ("other_machine", 1, 3, b'{"sealed":1}')
    assert (active.sealed, active.first, active.next, active.segments) == (None, 4, 11, 3)
    assert (active.oldest, active.newest, active.bad_lines) == (b'{"n": 4}', b'{"n": 10}', 0)
    assert active.segment_bytes == sum(path.stat().st_size for path in (directory / active.id).glob("*.jsonl"))


def test_verifying_checks_every_line_and_tells_how_far_it_is(directory: Path) -> None:
    """Every number is a whole record or stands in a hole."""
    told: list[tuple[int, int]] = []
    sealed, active = verify(directory, lambda done, total: told.append((done, total)))
    assert (sealed.records, sealed.holes) == (2, ())
    assert (active.records, active.holes, active.damaged) == (6, (Hole(8, 8, "damaged"),), 1)
    assert told[-1] == (9, 9)
    assert told == sorted(told)


def test_an_export_is_one_json_line_for_each_record_or_hole(directory: Path) -> None:
    """The record stands in it verbatim."""
    lines = list(export(directory))
    assert lines[2].endswith(b'"sequence":4,"record":{"n": 4}}\n')
    told = [json.loads(line) for line in lines]
    assert [line.get("sequence") for line in told] == [1, 2, 4, 5, 6, 7, None, 9, 10]
    assert told[6] == {"outbox": told[5]["outbox"], "hole": [8, 8], "reason": "damaged"}
    assert {line["outbox"] for line in told} == {it.id for it in summary(directory)}


def test_where_there_is_no_outbox_there_is_nothing_to_show(tmp_path: Path) -> None:
    """Before the gate's first start."""
    assert (summary(tmp_path / "none"), verify(tmp_path / "none"), list(export(tmp_path / "none"))) == ([], [], [])
