"""A stick that is pulled, full, read-only or broken – after each single system call, at the gate and at the centre."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sync.collector.courier.service import mark, take_stick
from sync.courier import Outcome
from sync.wire.carried import ANSWER, BATCH_ENDING, device_seal, open_return
from sync.wire.status import StickTrouble
from tests.crash.memory_disk import Killed, MemoryDisk
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.memory_stick import PLACE, MemoryStick, whole_files
from tests.sync.collector.stickside import StickGate, stick_gate


def marked(site: Site) -> MemoryDisk:
    stick = MemoryStick()
    mark(site.centre, PLACE, stick)
    return stick.disk


def _cache(disk: MemoryDisk) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}

    def walk(path: Path) -> None:
        for name in disk.names(path):
            node = disk._node(path / name)
            found[str(path / name)] = None if node.directory else node.cache
            if node.directory:
                walk(path / name)

    walk(Path("/"))
    return found


@pytest.fixture
def gate(site: Site) -> StickGate:
    """With two batches and a greeting to carry."""
    return stick_gate(site, people=501)


def test_pulled_after_any_call_at_the_gate_nothing_half_written_is_read(site: Site, gate: StickGate) -> None:
    """Whatever a pulled stick holds: each batch on it is one that the gate made, to the last byte."""
    clean = _cache(marked(site))
    whole = MemoryStick(MemoryDisk(clean))
    gate.visited(PLACE, calls=whole)
    changes = whole.disk.changes
    assert changes > 15
    for kill_at in range(changes):
        stick = MemoryStick(MemoryDisk(clean))
        stick.disk.kill_at = kill_at
        with pytest.raises(Killed):
            gate.visited(PLACE, calls=stick)
        for number, state in enumerate(stick.disk.states()):
            for path, content in whole_files(state, lambda name: name.endswith(BATCH_ENDING)).items():
                written = _cache(stick.disk).get(path)
                assert content == written, (kill_at, number, path)


def test_a_pulled_stick_that_is_put_in_again_carries_everything(site: Site, gate: StickGate) -> None:
    """From whatever it was left as, and what was left over is gone."""
    clean = _cache(marked(site))
    for kill_at in range(0, 16, 3):
        stick = MemoryStick(MemoryDisk(clean))
        stick.disk.kill_at = kill_at
        with pytest.raises(Killed):
            gate.visited(PLACE, calls=stick)
        left = MemoryStick(MemoryDisk(_cache(stick.disk)))
        again = gate.visited(PLACE, calls=left)
        assert (again.fault, again.carried, again.left) == (None, 501, 0)
        assert not [name for name in _cache(left.disk) if name.endswith(".tmp")]
    done = take_stick(site.centre, PLACE, lambda: NOW, calls=left)
    assert [one.new for one in done.brought.values()] == [501]


def test_pulled_after_any_call_at_the_centre_the_answer_is_the_old_or_the_new(site: Site, gate: StickGate) -> None:
    """What was taken is taken; the same stick again brings the same receipts."""
    stick = MemoryStick(marked(site))
    gate.visited(PLACE, calls=stick)
    brought = _cache(stick.disk)
    private = device_seal(gate.wire.key)
    whole = MemoryStick(MemoryDisk(brought))
    take_stick(site.centre, PLACE, lambda: NOW, calls=whole)
    for kill_at in range(whole.disk.changes):
        stick = MemoryStick(MemoryDisk(brought))
        stick.disk.kill_at = kill_at
        with pytest.raises(Killed):
            take_stick(site.centre, PLACE, lambda: NOW, calls=stick)
        for state in stick.disk.states():
            for content in whole_files(state, lambda name: name.endswith(ANSWER)).values():
                assert len(open_return(content, private).receipts) == 3
    again = take_stick(site.centre, PLACE, lambda: NOW, calls=MemoryStick(MemoryDisk(brought)))
    assert [(one.new, one.known, one.answered) for one in again.brought.values()] == [(0, 501, True)]


@pytest.mark.parametrize(
    ("call", "number", "trouble"),
    [
        ("write", errno.ENOSPC, StickTrouble.FULL),
        ("write", errno.EIO, StickTrouble.PULLED),
        ("sync_data", errno.EIO, StickTrouble.PULLED),
        ("open", errno.EROFS, StickTrouble.READ_ONLY),
        ("open", errno.ENODEV, StickTrouble.PULLED),
        ("rename", errno.EIO, StickTrouble.PULLED),
        ("sync", errno.EIO, StickTrouble.PULLED),
        ("make_directory", errno.ENOSPC, StickTrouble.FULL),
    ],
)
def test_a_call_that_fails_is_told_and_costs_nothing(
    site: Site, gate: StickGate, call: str, number: int, trouble: StickTrouble
) -> None:
    """Each call once, wherever it comes: one sentence, the right word, no record lost."""
    clean = _cache(marked(site))
    whole = MemoryStick(MemoryDisk(clean))
    gate.visited(PLACE, calls=whole)
    for count in range(1, whole.disk.calls[call] + 1):
        stick = MemoryStick(MemoryDisk(clean))
        stick.disk.failing = {call: {count: number}}
        out = gate.visited(PLACE, calls=stick)
        if out.fault is None:
            continue  # where it may fail: a draft that cannot be taken away
        assert out.fault.trouble is trouble
        assert str(out.fault)
        assert out.carried + out.left in (0, 501)
    gate.visited(PLACE, calls=whole)
    take_stick(site.centre, PLACE, lambda: NOW, calls=whole)
    assert gate.visited(PLACE, calls=whole).handed.acknowledged == 501


def test_a_full_stick_takes_the_oldest_and_the_rest_goes_with_the_next(site: Site, gate: StickGate) -> None:
    """What fits is whole; after a round there is room again."""
    disk = marked(site)
    stick = MemoryStick(disk)
    gate.pass_people(1_500)
    alone = MemoryStick(marked(site))
    gate.visited(PLACE, calls=alone)
    sizes = sorted(len(content or b"") for name, content in _cache(alone.disk).items() if name.endswith(BATCH_ENDING))
    disk.capacity = sum(len(content or b"") for content in _cache(disk).values()) + 2 * sizes[-1] + sizes[-1] // 2
    out = gate.visited(PLACE, calls=stick)
    assert out.fault is not None
    assert (out.fault.trouble, out.carried, out.left) == (StickTrouble.FULL, 1_000, 1_001)
    disk.capacity += 100_000
    assert take_stick(site.centre, PLACE, lambda: NOW, calls=stick).is_well
    disk.capacity -= 100_000 - 40_000
    back: Outcome = gate.visited(PLACE, calls=stick)
    assert back.handed is not None
    assert (back.handed.acknowledged, gate.waiting) == (1_000, 1_001)
    assert back.carried == 1_001


def test_a_stick_without_room_for_updates_still_brings_the_receipts(site: Site, gate: StickGate) -> None:
    """Uploading never waits for downloading (DESIGN 4)."""
    stick = MemoryStick(marked(site))
    gate.visited(PLACE, calls=stick)
    used = sum(len(content or b"") for content in _cache(stick.disk).values())
    stick.disk.capacity = used + 1_700
    done = take_stick(site.centre, PLACE, lambda: NOW + 3_600, calls=stick)
    (one,) = done.brought.values()
    assert (one.new, one.updates, "no room on the stick for its updates" in one.troubles[0]) == (501, None, True)
    back = gate.visited(PLACE, calls=stick)
    assert back.handed is not None
    assert (back.handed.acknowledged, back.handed.updates) == (501, None)
