"""The disk is full, read-only or failing: nothing is lost, nothing opens without its record, the outbox goes on."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sync.outbox import AppendFailed, Limits, Outbox, OutboxError, OutboxFull, readers
from sync.outbox.system import SYSTEM, Space
from sync.wire.batch import Hole
from tests.crash.memory_disk import MemoryDisk
from tests.crash.power_cut import DIRECTORY, everything

RECORD = b'{"word":"' + b"x" * 90 + b'"}'


class Disk(MemoryDisk):
    """A disk of 200 kB that can be made read-only."""

    def __init__(self) -> None:
        super().__init__({"/state": None})
        self.capacity = 200_000
        self.read_only = False

    def _called(self, name: str) -> None:
        if self.read_only and name not in ("open", "sync", "sync_data"):
            raise OSError(errno.EROFS, "Read-only file system")
        super()._called(name)

    def open(self, path: Path, flags: int, mode: int = 0o644) -> int:
        if self.read_only and flags & 0o3:
            raise OSError(errno.EROFS, "Read-only file system")
        return super().open(path, flags, mode)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def start(disk: MemoryDisk, **limits: int) -> Outbox:
    fields = {"segment_records": 50, "free_bytes": 20_000, "reserve_bytes": 0} | limits
    return Outbox(DIRECTORY, "m", Limits(**fields), system=disk)


def fill(outbox: Outbox, *, allow_reserve: bool = False) -> int:
    """Append until it is full; how many fitted."""
    for count in range(10_000):
        try:
            outbox.append(RECORD, allow_reserve=allow_reserve)
        except OutboxFull:
            return count
    raise AssertionError("it never became full")


# -- full


def test_full_is_refused_before_anything_is_written(disk: Disk) -> None:
    """Nothing is burnt, nothing dropped; `health` says full (DESIGN 6.7)."""
    with start(disk) as outbox:
        count = fill(outbox)
        assert count > 1000
        with pytest.raises(OutboxFull):
            outbox.append(RECORD)
        assert (outbox.next, outbox.health.full, outbox.health.burnt) == (count + 1, True, 0)
        assert len(everything(disk)) == count


@pytest.mark.parametrize("acknowledged", [60, 700, None], ids=["one segment", "many", "everything"])
def test_an_acknowledgement_frees_space(disk: Disk, acknowledged: int | None) -> None:
    """Whatever it covers, as long as it covers a segment, or everything (DESIGN 6.7)."""
    with start(disk) as outbox:
        fill(outbox)
        outbox.acknowledge(acknowledged or outbox.next)
        outbox.append(RECORD)
        assert not outbox.health.full


def test_everything_acknowledged_in_the_only_segment_frees_space_too(disk: Disk) -> None:
    """The last segment is never unlinked: a new one is begun, so that it can be."""
    with start(disk, segment_records=500, free_bytes=150_000) as outbox:
        fill(outbox)
        outbox.acknowledge(outbox.next)
        number = outbox.next
        assert outbox.append(RECORD) == number


def test_acknowledged_segments_are_the_first_to_go(disk: Disk) -> None:
    """Kept for a restored centre, but never at the price of a passage."""
    with start(disk) as outbox:
        for _ in range(1000):
            outbox.append(RECORD)
        outbox.acknowledge(901)
        count = fill(outbox)
        assert count > 1000
        assert readers(DIRECTORY, system=disk)[0].first() == 901


def test_what_a_restored_centre_lost_does_not_go_although_it_was_acknowledged_once(disk: Disk) -> None:
    """It is asked for again; until it arrived, the disk is full rather than the record gone."""
    with start(disk) as outbox:
        for _ in range(1000):
            outbox.append(RECORD)
        outbox.acknowledge(901)
        outbox.reclaim(501)
        assert outbox.acknowledged == 501
        fill(outbox)
        assert readers(DIRECTORY, system=disk)[0].first() == 501


def test_the_reserve_is_spent_only_if_the_policy_lets_people_pass(disk: Disk) -> None:
    """Then closed; when there is room again the reserve is made up (DESIGN 6.7)."""
    with start(disk, reserve_bytes=40_000, kept_bytes=0) as outbox:
        assert outbox.health.reserve_bytes == 40_000
        fill(outbox)
        assert outbox.health.reserve_bytes == 40_000
        assert fill(outbox, allow_reserve=True) > 200
        assert outbox.health.reserve_bytes < 1000
        with pytest.raises(OutboxFull):
            outbox.append(RECORD, allow_reserve=True)
        outbox.acknowledge(outbox.next - 10)
        assert outbox.health.reserve_bytes == 40_000


def test_a_filling_disk_warns(disk: Disk) -> None:
    """At 80 % unless said otherwise."""
    with start(disk) as outbox:
        assert not outbox.health.warn
        while not outbox.health.warn:
            outbox.append(RECORD)
        used = outbox.health.disk_used
        assert used is not None
        assert 0.8 <= used < 0.81


def test_a_write_that_finds_no_room_burns_its_number(disk: Disk) -> None:
    """Another program took what the outbox had counted on: the visitor is not let in, the next one is."""
    with start(disk) as outbox:
        outbox.append(RECORD)
        disk.failing["write"] = {disk.calls["write"] + 1: errno.ENOSPC}
        with pytest.raises(OutboxFull):
            outbox.append(RECORD)
        assert outbox.append(RECORD) == 3
        assert outbox.health.burnt == 1
        (reader,) = readers(DIRECTORY, system=disk)
        assert reader.read(1, 9, 9999).holes == (Hole(2, 2, "burnt"),)


# -- failing


def test_a_failed_flush_burns_the_number_for_good(disk: Disk) -> None:
    """Also after a restart the number is a declared hole, never another record's (DESIGN 6.4)."""
    with start(disk) as outbox:
        outbox.append(RECORD)
        disk.failing["sync_data"] = {disk.calls["sync_data"] + 1: errno.EIO}
        with pytest.raises(AppendFailed):
            outbox.append(b'{"lost":1}')
    with start(disk) as outbox:
        assert outbox.append(RECORD) == 3
        (reader,) = readers(DIRECTORY, system=disk)
        with pytest.raises(OutboxError):
            reader.read(1, 9, 9999)  # the kernel tells each descriptor once
        extract = reader.read(1, 9, 9999)
        assert (extract.records, extract.holes) == ((RECORD, RECORD), (Hole(2, 2, "burnt"),))
        assert len(outbox) == len(list(outbox)) == 2


def test_a_failed_flush_is_never_tried_again_on_that_descriptor(disk: Disk) -> None:
    """The kernel took the pages for clean: a second flush would succeed without the data."""
    flushed: list[int] = []
    real_sync = disk.sync_data

    def sync_data(descriptor: int) -> None:
        flushed.append(descriptor)
        real_sync(descriptor)

    with start(disk) as outbox:
        outbox.append(RECORD)
        disk.failing["sync_data"] = {disk.calls["sync_data"] + 1: errno.EIO}
        disk.sync_data = sync_data  # type: ignore[method-assign]
        with pytest.raises(AppendFailed):
            outbox.append(RECORD)
        failed = flushed[0]
        outbox.append(RECORD)
    assert failed not in flushed[1:]


def test_a_disk_that_fails_for_a_while_costs_only_the_numbers_that_were_tried(disk: Disk) -> None:
    """Every call fails, then none: one number may have been written, no more are burnt while nothing can be."""
    with start(disk) as outbox:
        outbox.append(RECORD)
        everywhere = {call: dict.fromkeys(range(disk.calls.get(call, 0) + 1, 999), errno.EIO) for call in CALLS}
        disk.failing = everywhere
        for _ in range(5):
            with pytest.raises(AppendFailed):
                outbox.append(RECORD)
        assert outbox.health.trouble
        disk.failing = {}
        assert outbox.append(RECORD) == 3
        assert outbox.health.trouble is None
        (reader,) = readers(DIRECTORY, system=disk)
        assert reader.read(1, 9, 9999).holes == (Hole(2, 2, "burnt"),)


CALLS = ("open", "write", "sync", "sync_data", "rename", "truncate")


def test_a_reader_that_cannot_flush_gives_nothing_out(disk: Disk) -> None:
    """What is not known to be on the disk does not leave the device."""
    with start(disk) as outbox:
        outbox.append(RECORD)
        (reader,) = readers(DIRECTORY, system=disk)
        disk.failing["sync_data"] = {disk.calls["sync_data"] + 1: errno.EIO}
        with pytest.raises(OutboxError):
            reader.read(1, 9, 9999)
        assert reader.read(1, 9, 9999).records == (RECORD,)


# -- read-only


@pytest.mark.parametrize(("appended", "given"), [(1, 0), (40, 39), (50, 49), (51, 50), (75, 74)])
def test_a_disk_that_can_no_longer_be_flushed_is_sent_but_for_the_newest_record(
    disk: Disk, appended: int, given: int
) -> None:
    """Each line was flushed before the next was written, so only the newest may be in memory alone."""
    with start(disk) as outbox:
        for _ in range(appended):
            outbox.append(RECORD)
        other = MemoryDisk(root=disk.root)
        other.failing["sync_data"] = dict.fromkeys(range(1, 99), errno.EROFS)
        (reader,) = readers(DIRECTORY, system=other)
        extract = reader.read(1, 500, 1_000_000)
        assert (len(extract.records), extract.next, extract.holes) == (given, given + 1, ())


def test_a_disk_that_became_read_only_is_read_on(disk: Disk) -> None:
    """Appends fail, burn nothing, and go on when the disk is writable again."""
    with start(disk) as outbox:
        outbox.append(RECORD)
        disk.read_only = True
        for _ in range(3):
            with pytest.raises(AppendFailed):
                outbox.append(RECORD)
        assert outbox.health.read_only
        assert len(outbox) == 1
        assert len(everything(disk)) == 1
        disk.read_only = False
        outbox.append(RECORD)
        assert not outbox.health.read_only
        assert len(outbox) == 2


def test_it_opens_on_a_read_only_disk(disk: Disk) -> None:
    """The gate always starts: what is queued is shown and sent."""
    with start(disk) as outbox:
        outbox.append(RECORD)
        name = outbox.id
    disk.read_only = True
    with start(disk) as outbox:
        assert (outbox.id, outbox.next, len(outbox)) == (name, 2, 1)
        with pytest.raises(AppendFailed):
            outbox.append(RECORD)
        disk.read_only = False
        assert outbox.append(RECORD) in (2, 3)


def test_it_opens_where_nothing_can_be_created(disk: Disk) -> None:
    """A first start on a disk that takes nothing: every append fails until it does, then the same id goes on."""
    disk.read_only = True
    with start(disk) as outbox:
        name = outbox.id
        assert (outbox.next, len(outbox), outbox.health.segments, outbox.all()) == (1, 0, 0, [])
        with pytest.raises(AppendFailed):
            outbox.append(RECORD)
        outbox.acknowledge(1)
        disk.read_only = False
        assert outbox.append(RECORD) == 1
        assert outbox.id == name


def test_the_real_system_tells_the_room_there_is(tmp_path: Path) -> None:
    """As df shows it: what only root may take counts for nobody."""
    space = SYSTEM.space(tmp_path)
    assert isinstance(space, Space)
    assert 0 < space.free < space.size
    assert 0 < space.used < 1


def test_the_reserve_is_real_disk(tmp_path: Path) -> None:
    """Not a sparse file: its blocks are given back when they are needed."""
    with Outbox(tmp_path, "m", Limits(reserve_bytes=1 << 20)) as outbox:
        assert outbox.health.reserve_bytes == 1 << 20
        assert (tmp_path / "reserve").stat().st_blocks * 512 >= 1 << 20
