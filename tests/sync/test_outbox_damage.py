"""Whatever stands on the disk, the outbox opens, loses no more than was hit, and says so (DESIGN 6.3)."""

from __future__ import annotations

import errno
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.outbox import Limits, Outbox, OutboxError, readers, verify
from sync.outbox.lines import encode, seed_of
from sync.outbox.system import SYSTEM, System
from sync.wire.batch import Hole
from tests.crash.memory_disk import MemoryDisk, Tree
from tests.crash.power_cut import DIRECTORY, everything

LIMITS = Limits(segment_records=4, kept_bytes=0, reserve_bytes=0)
ID = "0" * 31 + "1"
FIRST = str(DIRECTORY / ID / "000000000001.jsonl")
SECOND = str(DIRECTORY / ID / "000000000005.jsonl")
IDENTITY = str(DIRECTORY / ID / "identity")
OTHER_VERSION = b'{"v":2,"machine":"m","news":[]}\n'
RECORDS = {(ID, n): b'{"n":%d}' % n for n in range(1, 8)}


def start(disk: MemoryDisk, machine: str = "m", new_id: str = ID) -> Outbox:
    return Outbox(DIRECTORY, machine, LIMITS, system=disk, new_id=lambda: new_id)


@pytest.fixture
def tree() -> Tree:
    """A disk with seven records: a full segment of four, and three in the last."""
    disk = MemoryDisk({"/state": None})
    with start(disk) as outbox:
        for record in RECORDS.values():
            outbox.append(record)
    return list(disk.states())[-1]


def flipped(content: bytes) -> Iterator[tuple[int, bytes]]:
    for bit in range(8 * len(content)):
        index = bit // 8
        yield index, content[:index] + bytes([content[index] ^ 1 << bit % 8]) + content[index + 1 :]


@pytest.mark.parametrize("path", [FIRST, SECOND], ids=["full", "last"])
def test_any_flipped_bit_costs_at_most_its_own_record(tree: Tree, path: str) -> None:
    """One, two if a line feed is hit; nothing altered is read, and no number is given out again."""
    whole = tree[path]
    assert whole
    for index, content in flipped(whole):
        disk = MemoryDisk(tree | {path: content})
        with start(disk, new_id="f" * 32) as outbox:
            found = everything(disk)
            assert outbox.id == ID
            assert found.items() <= RECORDS.items()
            assert 1 <= len(RECORDS) - len(found) <= (2 if whole[index] == ord("\n") else 1)
            assert outbox.append(b'{"after":1}') >= 8
            assert everything(disk).items() >= found.items()


def test_any_flipped_bit_of_the_identity_loses_no_record(tree: Tree) -> None:
    """An outbox whose identity cannot be trusted is sealed: still read, never written."""
    whole = tree[IDENTITY]
    assert whole
    for _, content in flipped(whole):
        disk = MemoryDisk(tree | {IDENTITY: content})
        with start(disk, new_id="f" * 32) as outbox:
            number = outbox.append(b'{"after":1}')
            assert (outbox.id, number) == ("f" * 32, 1)
            assert everything(disk) == RECORDS | {("f" * 32, 1): b'{"after":1}'}


def test_damaged_lines_are_set_aside_and_counted(tree: Tree) -> None:
    """To a .bad file beside the segment, never away; the counter survives a restart."""
    lines = (tree[SECOND] or b"").split(b"\n")
    disk = MemoryDisk(tree | {SECOND: b"\n".join([lines[0], b"rubbish", lines[2], b""])})
    for _ in range(2):
        with start(disk) as outbox:
            assert outbox.health.damaged == 1
    assert disk.read(disk.open(DIRECTORY / ID / "000000000005.bad", 0), 99, 0) == b"rubbish\n"


def test_damage_in_a_segment_is_counted_when_it_is_acknowledged(tree: Tree) -> None:
    """Not at the start: a million records are not read then. It is set aside before the segment goes."""
    disk = MemoryDisk(tree | {FIRST: (tree[FIRST] or b"").replace(b'{"n":2}', b'{"n":3}')})
    with start(disk) as outbox:
        assert outbox.health.damaged == 0
        outbox.acknowledge(8)
        assert outbox.health.damaged == 1
    assert b'{"n":3}' in disk.read(disk.open(DIRECTORY / ID / "000000000001.bad", 0), 99, 0)
    assert "000000000001.jsonl" not in disk.names(DIRECTORY / ID)


def test_a_damaged_record_is_a_declared_hole(tree: Tree) -> None:
    """The range stays whole for the centre; the next record is not held up."""
    disk = MemoryDisk(tree | {FIRST: (tree[FIRST] or b"").replace(b'{"n":2}', b'{"n":3}')})
    (reader,) = readers(DIRECTORY, system=disk)
    extract = reader.read(1, 500, 9999)
    assert (extract.next, extract.holes, len(extract.records)) == (8, (Hole(2, 2, "damaged"),), 6)


def test_a_bad_last_line_means_not_yet(tree: Tree) -> None:
    """A line that is being written at this moment is not read."""
    line = encode(8, b'{"n":8}', seed_of(ID, 5))
    for cut in range(len(line)):
        (reader,) = readers(DIRECTORY, system=MemoryDisk(tree | {SECOND: (tree[SECOND] or b"") + line[:cut]}))
        assert (reader.next(), reader.read(8, 9, 99).next) == (8, 8)
    (reader,) = readers(DIRECTORY, system=MemoryDisk(tree | {SECOND: (tree[SECOND] or b"") + line}))
    assert (reader.next(), reader.read(8, 9, 99).records) == (9, (b'{"n":8}',))


@pytest.mark.parametrize(
    "tail",
    [b"\0" * 30, b"\0" * 4096, b"\xff" * 4096, b"\n" * 50, b"x" * 10_000_000, b"\n" * 200_000, b"00000000 {}\n"],
    ids=[
        "NULs",
        "a block of NULs",
        "an erased block",
        "line feeds",
        "an endless line",
        "endless lines",
        "foreign line",
    ],
)
def test_rubbish_behind_the_last_record_costs_no_record(tree: Tree, tail: bytes) -> None:
    """It is left where it is; writing goes on in a new segment, and no number that may have stood there is reused."""
    disk = MemoryDisk(tree | {SECOND: (tree[SECOND] or b"") + tail})
    with start(disk) as outbox:
        number = outbox.append(b'{"after":1}')
        assert 8 < number <= 5 + 500
        assert everything(disk) == RECORDS | {(ID, number): b'{"after":1}'}
        assert outbox.health.damaged > 0


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_an_erased_block_at_the_end_hides_no_number(tree: Tree, lost: int) -> None:
    """NULs in place of the last records: as many numbers are skipped as there may have been."""
    lines = (tree[SECOND] or b"").splitlines(keepends=True)
    kept, gone = b"".join(lines[:-lost]), sum(map(len, lines[-lost:]))
    disk = MemoryDisk(tree | {SECOND: kept + b"\0" * gone})
    with start(disk) as outbox:
        assert outbox.append(b'{"after":1}') >= 8


def test_a_line_of_a_gigabyte_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Reading is bounded: the start takes no longer, and the records before it are there."""
    with Outbox(tmp_path, "m", LIMITS) as outbox:
        outbox.append(b'{"n":1}')
        segment = tmp_path / outbox.id / "000000000001.jsonl"
    os.truncate(segment, 1 << 30)
    started = time.process_time()
    with Outbox(tmp_path, "m", LIMITS) as outbox:
        assert outbox.append(b'{"n":2}') > 2
        assert outbox.all() == [{"n": 1}, {"n": 2}]
    assert time.process_time() - started < 10


def test_foreign_files_are_passed_over_and_counted(tree: Tree) -> None:
    """lost+found, an editor's copy, a stray directory: none is read, touched or in the way."""
    foreign: Tree = {
        str(DIRECTORY / "lost+found"): None,
        str(DIRECTORY / "notes.txt"): b"hello",
        str(DIRECTORY / ID / "000000000001.jsonl~"): b"rubbish",
        str(DIRECTORY / ID / "99.jsonl"): b"rubbish",
    }
    disk = MemoryDisk(tree | foreign)
    with start(disk) as outbox:
        assert outbox.health.foreign == 4
        assert outbox.append(b'{"after":1}') == 8
        assert everything(disk) == RECORDS | {(ID, 8): b'{"after":1}'}
    assert (list(disk.states())[-1].items()) >= foreign.items()


def test_what_a_cut_left_of_a_replaced_file_is_taken_away(tree: Tree) -> None:
    """Else each cut in such a moment would leave a file for good."""
    disk = MemoryDisk(tree | {str(DIRECTORY / ID / ".000000000005.jsonl.99.tmp"): b"half"})
    start(disk).close()
    assert not [name for name in disk.names(DIRECTORY / ID) if name.endswith(".tmp")]


def test_a_directory_of_another_version_is_left_alone(tree: Tree) -> None:
    """It is neither read nor written; a new outbox starts beside it, and it is counted."""
    disk = MemoryDisk(tree | {IDENTITY: b"%08x " % zlib.crc32(OTHER_VERSION) + OTHER_VERSION})
    with start(disk, new_id="f" * 32) as outbox:
        assert (outbox.id, outbox.next, outbox.health.foreign) == ("f" * 32, 1, 1)
        assert [reader.id for reader in readers(DIRECTORY, system=disk)] == ["f" * 32]
    left = list(disk.states())[-1]
    assert left[SECOND] == tree[SECOND]
    assert OTHER_VERSION in (left[IDENTITY] or b"")


def test_an_outbox_without_its_segments_is_not_begun_again(tree: Tree) -> None:
    """Its numbers may have been sent; a new id starts."""
    disk = MemoryDisk({path: content for path, content in tree.items() if not path.endswith(".jsonl")})
    with start(disk, new_id="f" * 32) as outbox:
        assert outbox.id == "f" * 32


def test_a_missing_segment_is_a_declared_hole(tree: Tree) -> None:
    """Taken away by a repair of the file system: what is left is read on."""
    disk = MemoryDisk(tree)
    with start(disk) as outbox:
        outbox.append(b'{"n":8}')
        outbox.append(b'{"n":9}')
    disk.remove(Path(SECOND))
    (found,) = verify(DIRECTORY, system=disk)
    assert (found.records, found.holes, found.damaged) == (5, (Hole(5, 8, "damaged"),), 4)


class BadBlock(MemoryDisk):
    """A disk that cannot read one block of 4096 bytes of one file."""

    bad: tuple[Path, int] | None = None

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        if self.bad and self._descriptors[descriptor][0] is self._node(self.bad[0]):
            start = self.bad[1]
            if offset < start + 4096 and offset + size > start:
                raise OSError(errno.EIO, "Input/output error")
        return super().read(descriptor, size, offset)


def test_a_block_that_cannot_be_read_costs_only_what_is_in_it() -> None:
    """EIO on reading: the other records of the segment are read."""
    disk = BadBlock({"/state": None})
    big = b'{"a":"' + b"x" * 2000 + b'"}'
    with Outbox(DIRECTORY, "m", Limits(reserve_bytes=0), system=disk) as outbox:
        for _ in range(20):
            outbox.append(big)
        disk.bad = (DIRECTORY / outbox.id / "000000000001.jsonl", 8192)
        (found,) = verify(DIRECTORY, system=disk)
        assert (found.records, found.damaged, found.next) == (17, 3, 21)


def test_a_segment_that_cannot_be_read_at_all_stops_the_reader_not_the_writer(tree: Tree) -> None:
    """A directory in a segment's place: the gate goes on behind it; the sender is told, and nothing is called lost."""
    disk = MemoryDisk({path: content for path, content in tree.items() if path != SECOND} | {SECOND: None})
    real_read = disk.read

    def read(descriptor: int, size: int, offset: int) -> bytes:
        if disk._descriptors[descriptor][0].directory:
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        return real_read(descriptor, size, offset)

    disk.read = read  # type: ignore[method-assign]
    with start(disk) as outbox:
        assert outbox.append(b'{"after":1}') == 5 + 500
        reader = readers(DIRECTORY, system=disk)[-1]
        with pytest.raises(OutboxError):
            reader.read(5, 1, 99)


def test_the_disk_in_memory_does_what_the_real_one_does(tmp_path: Path) -> None:
    """The same life on both leaves the same files, so that what is proved on the one holds on the other."""

    def live(directory: Path, system: System) -> None:
        ids = iter("abc")
        for machine in ("m", "m", "other"):
            with Outbox(directory, machine, LIMITS, system=system, new_id=lambda: next(ids) * 32) as outbox:
                for n in range(6):
                    outbox.append(b'{"n":%d}' % n)
                outbox.acknowledge(6)
        with Outbox(directory, "other", LIMITS, system=system, new_id=lambda: "d" * 32) as outbox:
            outbox.acknowledge_sealed("a" * 32, 13)
            outbox.renew()

    disk, real = MemoryDisk({"/state": None}), tmp_path / "outbox"
    live(DIRECTORY, disk)
    live(real, SYSTEM)
    in_memory = {Path(path): it for path, it in list(disk.states())[-1].items() if path.startswith(f"{DIRECTORY}/")}
    assert {path.relative_to(DIRECTORY): it for path, it in in_memory.items()} == {
        path.relative_to(real): None if path.is_dir() else path.read_bytes() for path in real.rglob("*")
    }
