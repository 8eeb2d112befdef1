"""What `gate outbox` shows: a summary, a check of every line, everything as JSON lines. No lock, nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sync.outbox.reader import OutboxReader, readers
from sync.outbox.segments import bad_lines_in, bases_in, segment_path
from sync.outbox.system import SYSTEM, System
from sync.wire import jsonform
from sync.wire.batch import Hole

_RECORDS_AT_ONCE = 500
_BYTES_AT_ONCE = 4 << 20


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """One outbox. sealed: why nothing is written to it any more, None for the one that goes on.

    first … next − 1 are kept (acknowledged or not); oldest and newest are records of these, verbatim, None without.
    bad_lines: set aside in .bad files.
    """

    id: str
    sealed: str | None
    first: int
    next: int
    oldest: bytes | None
    newest: bytes | None
    segments: int
    segment_bytes: int
    bad_lines: int


@dataclass(frozen=True, slots=True)
class Verification:
    """Every kept number of one outbox: it is a whole record, or stands in one of the holes."""

    id: str
    sealed: str | None
    first: int
    next: int
    records: int
    holes: tuple[Hole, ...]

    @property
    def damaged(self) -> int:
        """Numbers whose record is lost."""
        return sum(hole.last - hole.first + 1 for hole in self.holes if hole.reason == "damaged")


def summary(directory: Path, *, system: System = SYSTEM) -> list[OutboxSummary]:
    """Each outbox in `directory`, sealed ones first. Quick: only the ends are read. Raises OutboxError."""
    return [_summary(reader, system) for reader in readers(directory, system=system)]


def _summary(reader: OutboxReader, system: System) -> OutboxSummary:
    first, end = reader.first(), reader.next()
    oldest = reader.read(first, 1, _BYTES_AT_ONCE).records
    newest = reader.read(max(first, end - 1), 1, _BYTES_AT_ONCE).records
    names = system.names(reader.directory)
    bases = bases_in(names)
    size = 0
    for base in bases:
        with suppress(FileNotFoundError):
            size += system.size(segment_path(reader.directory, base))
    return OutboxSummary(
        id=reader.id,
        sealed=reader.sealed,
        first=first,
        next=end,
        oldest=oldest[0] if oldest else None,
        newest=newest[0] if newest else None,
        segments=len(bases),
        segment_bytes=size,
        bad_lines=sum(bad_lines_in(system, reader.directory).values()),
    )


def verify(
    directory: Path, progress: Callable[[int, int], None] = lambda done, total: None, *, system: System = SYSTEM
) -> list[Verification]:
    """Check every checksum and every number. progress: called with numbers done and in all. Raises OutboxError."""
    found = readers(directory, system=system)
    ranges = [(reader.first(), reader.next()) for reader in found]
    total = sum(end - first for first, end in ranges)
    results, before = [], 0
    for reader, (first, end) in zip(found, ranges, strict=True):
        records, holes, number = 0, list[Hole](), first
        while number < end:
            extract = reader.read(number, _RECORDS_AT_ONCE, _BYTES_AT_ONCE)
            if extract.next == number:
                break
            records, number = records + len(extract.records), extract.next
            holes.extend(extract.holes)
            progress(before + min(number, end) - first, total)
        results.append(Verification(reader.id, reader.sealed, first, number, records, tuple(holes)))
        before += end - first
    return results


def export(directory: Path, *, system: System = SYSTEM) -> Iterator[bytes]:
    """Every kept record as one JSON line, {"outbox", "sequence", "record"}; a hole as {"outbox", "hole", "reason"}.

    A record stands there verbatim, and its line feed at the end. Raises OutboxError.
    """
    for reader in readers(directory, system=system):
        number = reader.first()
        while True:
            extract = reader.read(number, _RECORDS_AT_ONCE, _BYTES_AT_ONCE)
            if extract.next == number:
                break
            for first, content in extract.entries():
                if isinstance(content, Hole):
                    line = {"outbox": reader.id, "hole": [content.first, content.last], "reason": content.reason}
                    yield jsonform.encode(line) + b"\n"
                else:
                    yield b'{"outbox":"%b","sequence":%d,"record":%b}\n' % (reader.id.encode(), first, content)
            number = extract.next
