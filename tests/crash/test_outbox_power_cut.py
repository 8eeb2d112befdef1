"""R2, R24: what was acknowledged to the gate, or left the device, is there after a power cut at any point – simulated.

The disk is a model (memory_disk.py); real ones are cut in test_outbox_real_disks.py.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from sync.outbox import journal, segments
from sync.outbox.journal import Journal
from sync.outbox.segments import Contents, examine
from sync.outbox.system import System
from tests.crash.power_cut import Enumeration, Life, PromiseBroken, killed_at, reader_at, story

EVERY = pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.stress)])
"""Of the points of the story at which something happens; the story is cut after each of its calls all the same."""


@pytest.fixture(scope="module")
def changes() -> int:
    """How many system calls of the story change something."""
    life = Life()
    story(life)
    return life.disk.changes


def test_a_cut_after_any_system_call_loses_nothing_and_reuses_no_number() -> None:
    """DESIGN 6.2, 6.4: any byte of the last write, any first few of the directory's changes."""
    enumeration = Enumeration()
    enumeration.tell()
    assert len(enumeration.recoveries) > 1000, "the enumeration has become blind"


@EVERY
def test_what_a_reader_sent_after_any_system_call_is_on_the_disk(changes: int, every: int) -> None:
    """DESIGN 6.4: else its number would be given out twice."""
    enumeration = Enumeration()
    for change in range(1, changes + 1, every):
        enumeration.tell(reader_at(change))
    assert len(enumeration.recoveries) > 1000, "the enumeration has become blind"


@EVERY
def test_a_killed_writer_leaves_nothing_that_a_later_cut_takes(changes: int, every: int) -> None:
    """What the next process finds in the page cache is made durable before it is built on."""
    enumeration = Enumeration()
    for change in range(1, changes + 1, every):
        killed_at(change, enumeration)
    assert len(enumeration.recoveries) > 5000 / every, "the enumeration has become blind"


# -- Would these tests see a bug? Each of the seeded ones must be caught; so what we own is patched here, and only here.


def test_sees_names_that_are_not_synced() -> None:
    """A new segment whose directory is not flushed vanishes with what is in it."""
    with pytest.raises(PromiseBroken):
        Enumeration().tell(lambda life: setattr(life.disk, "syncs_names", False))


def test_sees_content_that_is_not_synced() -> None:
    """An append without its flush."""
    with pytest.raises(PromiseBroken):
        Enumeration().tell(lambda life: setattr(life.disk, "syncs_data", False))


def test_sees_a_missing_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn or flipped line that is taken for a record."""

    def trusting(line: bytes, seed: int) -> tuple[int, bytes | None] | None:
        digits, colon, record = line[11:-1].partition(b'":')
        if not colon or not digits.isdigit():
            return None
        return int(digits), None if record == b"null" else record

    monkeypatch.setattr(segments, "parse", trusting)
    with pytest.raises(PromiseBroken):
        Enumeration().tell()


def test_sees_an_unfinished_line_that_is_appended_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two records glued into one bad line."""

    def blind(system: System, path: Path, base: int, upper: int | None, seed: int) -> Contents:
        return dataclasses.replace(examine(system, path, base, upper, seed), trailing=0)

    monkeypatch.setattr(journal, "examine", blind)
    with pytest.raises(PromiseBroken):
        Enumeration().tell()


def test_sees_an_acknowledgement_before_the_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """`append` returns, the gate opens, and the record is written with the next one."""
    append = Journal.append
    held: dict[Journal, bytes] = {}

    def late(self: Journal, record: bytes) -> int:
        before = held.get(self)
        held[self] = record
        return (append(self, before) if before else self.next - 1) + 1

    monkeypatch.setattr(Journal, "append", late)
    with pytest.raises(PromiseBroken):
        Enumeration().tell()


def test_sees_a_reader_that_does_not_flush(changes: int) -> None:
    """A record that was sent, lost, and its number given to another."""
    enumeration = Enumeration()

    def tell_all() -> None:
        for change in range(1, changes + 1):
            enumeration.tell(reader_at(change, flushes=False))

    with pytest.raises(PromiseBroken):
        tell_all()
