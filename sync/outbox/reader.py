"""Reading an outbox while another process writes it: no lock, and nothing is sent that is not on this disk.

`read` flushes on its own descriptor before it returns. Else a record that the writer had not flushed yet could leave
the device, be lost in a power cut, and its number be given to another passage.
"""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sync.outbox.errors import OutboxError
from sync.outbox.identity import Found, find
from sync.outbox.lines import seed_of
from sync.outbox.segments import bases_in, segment_path, whole_lines
from sync.outbox.system import SYSTEM, System
from sync.wire.batch import Hole

_TRIES = 20  # each is spoilt only by a segment that is pruned in the same instant


@dataclass(frozen=True, slots=True)
class Extract:
    """Records and holes that together fill first … next − 1; next = first when nothing is there yet."""

    first: int
    next: int
    records: tuple[bytes, ...]
    holes: tuple[Hole, ...]

    def entries(self) -> Iterator[tuple[int, bytes | Hole]]:
        """Each record with its number, and each hole with its first, in order."""
        number, holes = self.first, list(reversed(self.holes))
        for record in self.records:
            while holes and holes[-1].first == number:
                yield number, holes[-1]
                number = holes.pop().last + 1
            yield number, record
            number += 1
        yield from ((hole.first, hole) for hole in reversed(holes))


@dataclass(slots=True)
class _Gathering:
    """An extract in the making. Adjacent holes of one kind become one."""

    first: int
    max_records: int
    room: int
    next: int = field(init=False)
    records: list[bytes] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.next = self.first

    def fits(self, record: bytes | None) -> bool:
        if record is None:
            return len(self.holes) < self.max_records
        return len(self.records) < self.max_records and (len(record) <= self.room or not self.records)

    def add(self, number: int, record: bytes | None) -> None:
        self.skip_to(number, "damaged")
        if record is None:
            self.skip_to(number + 1, "burnt")
        else:
            self.records.append(record)
            self.room -= len(record)
            self.next = number + 1

    def skip_to(self, number: int, reason: str) -> None:
        """Everything from here to before `number` is a hole."""
        if number <= self.next:
            return
        first = self.next
        if self.holes and self.holes[-1].last == first - 1 and self.holes[-1].reason == reason:
            first = self.holes.pop().first
        self.holes.append(Hole(first, number - 1, reason))
        self.next = number

    def drop_newest(self) -> None:
        """Take the last record back, if a record is the last."""
        if self.records and not (self.holes and self.holes[-1].last == self.next - 1):
            self.records.pop()
            self.next -= 1

    def extract(self) -> Extract:
        return Extract(self.first, self.next, tuple(self.records), tuple(self.holes))


@dataclass(frozen=True, slots=True)
class _Tail:
    """How far the last segment was read: the file, the offset, the number that comes next."""

    base: int
    inode: int
    offset: int
    next: int


class OutboxReader:
    """One outbox, for any process, while its writer writes.

    id: the outbox's id. sealed: why nothing is written to it any more, None for the one that goes on.
    """

    def __init__(self, directory: Path, *, sealed: str | None = None, system: System = SYSTEM) -> None:
        self.directory = directory
        self.id = directory.name
        self.sealed = sealed
        self._system = system
        self._tail: _Tail | None = None

    def first(self) -> int:
        """The oldest number that is kept; 1 for an outbox without segments. Raises OutboxError."""
        return next(iter(self._bases()), 1)

    def next(self) -> int:
        """One past the newest record that is readable now. Raises OutboxError.

        Only what was added since the last call is read, so that it may be asked many times a second.
        """
        for _ in range(_TRIES):
            bases = self._bases()
            if not bases:
                return 1
            try:
                self._tail = self._follow(bases[-1])
            except FileNotFoundError:
                continue
            except OSError as cause:
                raise OutboxError(f"cannot read the outbox: {cause}") from cause
            return self._tail.next
        raise OutboxError("the outbox changes faster than it can be read")

    def _follow(self, base: int) -> _Tail:
        descriptor = self._system.open(segment_path(self.directory, base), os.O_RDONLY)
        try:
            inode = self._system.inode(descriptor)
            tail = self._tail
            if tail is None or (tail.base, tail.inode) != (base, inode):
                tail = _Tail(base, inode, 0, base)
            offset, number = tail.offset, tail.next
            for found, _, behind in whole_lines(self._system, descriptor, seed_of(self.id, base), number, None, offset):
                offset, number = behind, found + 1
            return _Tail(base, inode, offset, number)
        finally:
            self._system.close(descriptor)

    def read(self, first: int, max_records: int, max_bytes: int) -> Extract:
        """Records from number `first` on, as many as both limits allow; at least one if there is one.

        They are on this disk when it returns. Raises OutboxError when the disk cannot be read or flushed.
        """
        if first < 1 or max_records < 1:
            raise ValueError("numbers start at 1, and a batch holds at least one record")
        for _ in range(_TRIES):
            gathering = _Gathering(first, max_records, max_bytes)
            try:
                self._gather(gathering)
            except FileNotFoundError:
                continue  # pruned between listing and opening
            except OSError as cause:
                raise OutboxError(f"cannot read the outbox: {cause}") from cause
            return gathering.extract()
        raise OutboxError("the outbox changes faster than it can be read")

    def _gather(self, gathering: _Gathering) -> None:
        # Listed before it is read: a segment with a successor gets no more lines.
        bases = self._bases()
        if not bases:
            return
        gathering.skip_to(bases[0], "pruned")
        start = max(0, bisect_right(bases, gathering.next) - 1)
        uppers: list[int | None] = [*bases[1:], None]
        for base, upper in zip(bases[start:], uppers[start:], strict=True):
            if not self._gather_segment(base, upper, gathering):
                return

    def _gather_segment(self, base: int, upper: int | None, gathering: _Gathering) -> bool:
        """Add a segment's lines. Returns whether the next segment may be read too."""
        descriptor = self._system.open(segment_path(self.directory, base), os.O_RDONLY)
        try:
            full = False
            for number, record, _ in whole_lines(self._system, descriptor, seed_of(self.id, base), base, upper):
                if number < gathering.next:
                    continue
                full = not gathering.fits(record)
                if full:
                    break
                gathering.add(number, record)
            self._flush(descriptor, gathering if not full and upper is None and gathering.next > base else None)
        finally:
            self._system.close(descriptor)
        if upper is None or full:
            return False
        gathering.skip_to(upper, "damaged")
        return len(gathering.records) < gathering.max_records

    def _flush(self, descriptor: int, to_the_end: _Gathering | None) -> None:
        """What was read is on the disk. to_the_end: the extract, if the newest line of all is in it."""
        try:
            self._system.sync_data(descriptor)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            # A disk that became read-only can still be sent: each line was flushed before the next one was written.
            if to_the_end:
                to_the_end.drop_newest()

    def _bases(self) -> list[int]:
        try:
            return bases_in(self._system.names(self.directory))
        except FileNotFoundError:
            return []
        except OSError as cause:
            raise OutboxError(f"cannot list the outbox: {cause}") from cause


def readers(directory: Path, *, system: System = SYSTEM) -> list[OutboxReader]:
    """A reader for each outbox in `directory`: sealed ones first, the one that goes on last. Raises OutboxError."""

    def reader(outbox: Found) -> OutboxReader:
        return OutboxReader(outbox.directory, sealed=outbox.sealed, system=system)

    def holds_something(outbox: Found) -> bool:  # a drained one stays while damaged lines are set aside in it
        return outbox.sealed is None or bool(bases_in(system.names(outbox.directory)))

    try:
        return [reader(outbox) for outbox in find(directory, system) if outbox.known_form and holds_something(outbox)]
    except OSError as cause:
        raise OutboxError(f"cannot list the outboxes: {cause}") from cause
