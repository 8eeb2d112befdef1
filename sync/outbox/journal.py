"""The writer of one outbox: appends lines to its last segment and begins new ones.

A number is given once. If its append fails, the number is burnt: the file is left as it stands, because a second fsync
would succeed without the data, and a new segment that starts at that number declares it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sync.outbox.durable import replace_file, sync_directory, write_all
from sync.outbox.lines import encode, seed_of
from sync.outbox.segments import SEGMENT_RECORDS, Contents, bases_in, examine, segment_path
from sync.outbox.system import System


class Journal:
    """The segments of the outbox `outbox_id` in `directory`; at least one is there. Raises OSError.

    next: the number of the next append. sizes: bytes of each segment under its first number, ascending.
    last: what the last segment held when it was opened, None if that cannot be read.
    """

    def __init__(self, system: System, directory: Path, outbox_id: str, segment_records: int) -> None:
        self._system = system
        self._directory = directory
        self._id = outbox_id
        self._segment_records = segment_records
        self._descriptor: int | None = None
        self._undeclared: int | None = None
        bases = bases_in(system.names(directory))
        self.sizes = {base: system.size(segment_path(directory, base)) for base in bases}
        self._base = bases[-1]
        self._seed = seed_of(outbox_id, self._base)
        self.last = self._examine_last()
        most = self._base + SEGMENT_RECORDS
        self.next = min(self.last.end + self.last.most_lost_behind, most) if self.last else most
        # A burnt number takes room, so that a segment over the full range of numbers has a record for each.
        self._end = self._base + segment_records - (self.last.burnt if self.last else 0)
        if self.last and not self.last.trailing:
            self._resume()

    def _examine_last(self) -> Contents | None:
        with suppress(OSError):
            return examine(self._system, segment_path(self._directory, self._base), self._base, None, self._seed)
        return None

    def _resume(self) -> None:
        """What was found is on the disk before anything is built on it: a killed writer may not have flushed it."""
        with suppress(OSError):
            descriptor = self._system.open(segment_path(self._directory, self._base), os.O_WRONLY | os.O_APPEND)
            try:
                self._system.sync(descriptor)
                sync_directory(self._directory, system=self._system)
            except OSError:
                self._system.close(descriptor)
                raise
            self._descriptor = descriptor

    def append(self, record: bytes) -> int:
        """Write one record; it is on the disk when this returns. Raises OSError.

        If a byte of it may have been written, its number is burnt; if no segment could be begun, it is not.
        """
        if self._descriptor is None or self.next >= self._end:
            self._begin()
        assert self._descriptor is not None
        number = self.next
        line = encode(number, record, self._seed)
        try:
            self.next += 1
            write_all(self._descriptor, line, system=self._system)
            self._system.sync_data(self._descriptor)
        except BaseException:
            self._undeclared = number
            with suppress(OSError):
                self._begin()
            raise
        self.sizes[self._base] += len(line)
        return number

    def _begin(self) -> None:
        """Go on in a new segment; a burnt number is declared first."""
        self.close()
        flags = os.O_WRONLY | os.O_APPEND
        if self._undeclared is None:
            base, seed, content = self.next, seed_of(self._id, self.next), b""
            # Nothing is lost by O_TRUNC: no number from here on was ever given.
            descriptor = self._system.open(segment_path(self._directory, base), flags | os.O_CREAT | os.O_TRUNC)
        else:
            base, seed = self._undeclared, seed_of(self._id, self._undeclared)
            content = encode(base, None, seed)
            replace_file(segment_path(self._directory, base), content, system=self._system)
            descriptor = self._system.open(segment_path(self._directory, base), flags)
        try:
            sync_directory(self._directory, system=self._system)
        except OSError:
            self._system.close(descriptor)
            raise
        self._descriptor, self._base, self._seed = descriptor, base, seed
        self._end = base + self._segment_records - (self._undeclared is not None)
        self._undeclared = None
        self.sizes[base] = len(content)

    def begin_next(self) -> None:
        """Begin a new segment, so that the one before can be pruned. Raises OSError."""
        if self._base < self.next:
            self._begin()

    def remove(self, base: int) -> None:
        """Unlink a segment that is not the last. Raises OSError."""
        self._system.remove(segment_path(self._directory, base))
        del self.sizes[base]

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with suppress(OSError):  # what matters was flushed; nothing else can be learnt here
                self._system.close(descriptor)
