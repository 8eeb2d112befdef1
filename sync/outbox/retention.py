"""What becomes of segments that the centre holds: kept up to a size, the first to go when the disk is full.

Before a segment goes, what is damaged in it is copied to a `.bad` file beside it, which nobody here removes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path

from sync.outbox.disk import Disk
from sync.outbox.durable import read_small_file, replace_file
from sync.outbox.errors import BadAcknowledgement
from sync.outbox.identity import IDENTITY_FILE, find
from sync.outbox.journal import Journal
from sync.outbox.lines import seed_of
from sync.outbox.segments import MOST_SEGMENT_BYTES, bad_lines_in, bad_path, bases_in, examine, segment_path
from sync.outbox.system import System

_CHECKED_AT_ONCE = 4  # the first acknowledgement after a start may cover a thousand segments


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that may go. upper: where the next one begins, None for the last of a sealed outbox."""

    directory: Path
    base: int
    upper: int | None
    size: int


class Retention:
    """The acknowledged segments of the outbox that goes on, and of the sealed ones beside it.

    acknowledged: everything below is at the centre; at first, what is not kept any more. damaged: lines set
    aside, by segment.
    """

    def __init__(self, system: System, disk: Disk, kept_bytes: int, directory: Path, journal: Journal) -> None:
        self._system = system
        self._disk = disk
        self._kept_bytes = kept_bytes
        self._directory = directory
        self._journal = journal
        self._pruning = threading.Lock()
        self._sealed: list[Segment] = []
        self.acknowledged = next(iter(journal.sizes))
        self.damaged = bad_lines_in(system, directory)
        if journal.last is None or journal.last.bad:
            with suppress(OSError):
                self._set_aside(Segment(directory, max(journal.sizes), None, 0))

    def acknowledge(self, number: int) -> None:
        """Everything below `number` is at the centre."""
        before, self.acknowledged = self.acknowledged, number
        fresh = [segment for segment in self._own() if segment.upper and segment.upper > before]
        for segment in fresh[-_CHECKED_AT_ONCE:]:
            with suppress(OSError):
                self._set_aside(segment)
        self.prune()

    def reclaim(self, number: int) -> None:
        """From `number` on everything waits again, as far as it is kept."""
        with self._pruning:
            self.acknowledged = max(min(self.acknowledged, number), next(iter(self._journal.sizes)))

    def acknowledge_sealed(self, outbox_id: str, number: int) -> None:
        """Everything below `number` of a sealed outbox is at the centre. Raises BadAcknowledgement, OSError.

        A number beyond its end covers nothing: the outbox was replaced, and at the centre these names may be other
        records'. Ours stay.
        """
        directory = self._directory.parent / outbox_id
        if directory == self._directory:
            raise BadAcknowledgement(f"{outbox_id} is not sealed")
        if outbox_id not in {outbox.id for outbox in find(directory.parent, self._system)}:
            return  # drained and gone
        covered = self._covered(directory, number)
        with self._pruning:
            self._sealed = [it for it in self._sealed if it.directory != directory] + covered
        self.prune()

    def _covered(self, directory: Path, number: int) -> list[Segment]:
        """The segments of a sealed outbox whose records are all below `number`."""
        bases = bases_in(self._system.names(directory))
        if not bases:
            return []
        last = segment_path(directory, bases[-1])
        end = examine(self._system, last, bases[-1], None, seed_of(directory.name, bases[-1])).end
        if number > end:
            return []
        sizes = [self._system.size(segment_path(directory, base)) for base in bases]
        segments = map(Segment, repeat(directory), bases, [*bases[1:], None], sizes)
        return [segment for segment in segments if (segment.upper or end) <= number]

    def prune(self) -> None:
        """Unlink acknowledged segments, oldest first, until they fit and there is room. What fails stays.

        No flush: an unlink that a power cut takes back costs nothing but its space, until the next acknowledgement.
        """
        with self._pruning:
            done = self._sealed + list(self._own())
            kept_bytes = sum(segment.size for segment in done)
            for segment in done:
                if kept_bytes <= self._kept_bytes and self._has_room():
                    break
                with suppress(OSError):
                    self._set_aside(segment)
                    self._remove(segment)
                    kept_bytes -= segment.size

    def _has_room(self) -> bool:
        with suppress(OSError):
            return self._disk.has_room(look=True)
        return True

    def _own(self) -> Iterator[Segment]:
        sizes = list(self._journal.sizes.items())
        for (base, size), (upper, _) in pairwise(sizes):
            if upper > self.acknowledged:
                return
            yield Segment(self._directory, base, upper, size)

    def _remove(self, segment: Segment) -> None:
        if segment.directory == self._directory:
            self._journal.remove(segment.base)
            return
        self._system.remove(segment_path(segment.directory, segment.base))
        self._sealed.remove(segment)
        if segment.upper is None:
            with suppress(OSError):  # a directory that still holds damaged lines stays
                self._system.remove(segment.directory / IDENTITY_FILE)
                self._system.remove_directory(segment.directory)

    def _set_aside(self, segment: Segment) -> None:
        """Copy what is damaged to the segment's .bad file: for each lost number a line, be it empty."""
        directory, base = segment.directory, segment.base
        seed = seed_of(directory.name, base)
        contents = examine(self._system, segment_path(directory, base), base, segment.upper, seed)
        if not contents.lost and not (segment.upper is None and contents.bad):
            return
        bad = contents.bad or (b"",) * contents.lost
        content = b"".join(line + b"\n" for line in bad)
        path = bad_path(directory, base)
        with suppress(FileNotFoundError):
            if read_small_file(path, MOST_SEGMENT_BYTES, system=self._system) == content:
                return
        replace_file(path, content, system=self._system)
        if directory == self._directory:
            self.damaged[base] = len(bad)
