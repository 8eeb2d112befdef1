"""Reading segments: files of at most a few hundred lines, named by the first number that they may hold.

A segment ends where the next one begins: whatever its lines say beyond that was superseded. In a segment that has a
successor, a number without a whole line is lost ("damaged") unless a line declares it burnt. In the last segment
the same gap at the end only means "not yet". Nothing here writes, or needs a lock.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sync.outbox.durable import read_small_file
from sync.outbox.lines import LONGEST_LINE_BYTES, SHORTEST_LINE_BYTES, parse, seed_of
from sync.outbox.system import System

SEGMENT_RECORDS = 500  # a batch: one acknowledged batch is one file to unlink
_NAME = re.compile(r"([0-9]{12})\.jsonl")
_BAD_NAME = re.compile(r"([0-9]{12})\.bad")
MOST_SEGMENT_BYTES = (SEGMENT_RECORDS + 1) * LONGEST_LINE_BYTES  # what is behind is not ours, be it a gigabyte
_CHUNK_BYTES = 1 << 18
_BLOCK_BYTES = 4096


def segment_path(directory: Path, base: int) -> Path:
    """The file of the segment whose first number is `base`."""
    return directory / f"{base:012}.jsonl"


def bad_path(directory: Path, base: int) -> Path:
    """Where the damaged lines of that segment are set aside."""
    return directory / f"{base:012}.bad"


def is_ours(name: str) -> bool:
    """Whether a file of that name belongs into an outbox's directory."""
    return bool(_NAME.fullmatch(name) or _BAD_NAME.fullmatch(name))


def bases_in(names: list[str]) -> list[int]:
    """First numbers of the segments among the names of a directory, ascending. Foreign files are passed over."""
    return sorted(int(found[1]) for found in map(_NAME.fullmatch, names) if found)


def pieces(system: System, descriptor: int, offset: int = 0) -> Iterator[tuple[bytes, int | None]]:
    """Each line from `offset` on, with the offset behind its line feed; None behind an unfinished last one.

    Memory and time are bounded: of a line that is too long to be ours, only the beginning is given. A block that
    the disk cannot read is given as NULs.
    """
    carry, skipped = b"", 0
    while offset < MOST_SEGMENT_BYTES and (chunk := _read(system, descriptor, offset)):
        end = offset - len(carry) - skipped
        offset += len(chunk)
        lines = (carry + chunk).split(b"\n")
        carry = lines.pop()
        for line in lines:
            end += len(line) + 1 + skipped
            skipped = 0
            yield line, end
        if len(carry) > LONGEST_LINE_BYTES:
            skipped += len(carry) - LONGEST_LINE_BYTES
            carry = carry[:LONGEST_LINE_BYTES]
    if carry:
        yield carry, None


def _read(system: System, descriptor: int, offset: int) -> bytes:
    for size in (_CHUNK_BYTES, _BLOCK_BYTES):
        try:
            return system.read(descriptor, size, offset)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
    return bytes(_BLOCK_BYTES)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a segment holds. end: one past its newest whole line (at least its first number).

    lost, burnt: numbers without a record, up to there or to the next segment. bad: lines that are none, whether or not
    they stand for a lost number. trailing: how many of them stand behind the newest whole line.
    """

    end: int
    lost: int
    burnt: int
    bad: tuple[bytes, ...]
    trailing: int

    @property
    def most_lost_behind(self) -> int:
        """How many lines there may have been behind the newest whole one.

        Each piece was one, or several if a line feed was hit (then their numbers still stand in it); an erased block
        may have held as many as there are shortest lines in it.
        """
        if not self.trailing:
            return 0
        tail = b"\n".join(self.bad[-self.trailing :])
        erased = (tail.count(b"\0") + tail.count(b"\xff")) // SHORTEST_LINE_BYTES
        plausible = range(self.end, self.end + len(tail) // SHORTEST_LINE_BYTES + 1)
        mentioned = [int(found) for found in re.findall(rb'\{"([0-9]{1,16})":', tail)]
        return max([self.trailing + erased, *(n + 1 - self.end for n in mentioned if n in plausible)])


def whole_lines(
    system: System, descriptor: int, seed: int, expected: int, upper: int | None, offset: int = 0
) -> Iterator[tuple[int, bytes | None, int]]:
    """Number, record (None: burnt) and the offset behind it, of each line from number `expected` on that counts."""
    for line, behind in pieces(system, descriptor, offset):
        entry = parse(line, seed) if behind is not None else None
        if behind is not None and entry is not None and entry[0] >= expected:
            if upper is not None and entry[0] >= upper:
                return
            yield *entry, behind
            expected = entry[0] + 1


def ranges(bases: list[int], start: int, end: int) -> list[tuple[int, int]]:
    """The segments that reach into start … end − 1: the first number of each, and where it ends."""
    inside = [base for base in bases if base < end]
    return [it for it in zip(inside, [*inside[1:], end], strict=False) if it[1] > start]


def records_between(
    system: System, directory: Path, bases: list[int], start: int, end: int
) -> Iterator[tuple[int, bytes]]:
    """Number and record of each whole line from `start` to before `end`. A segment that has gone is passed over."""
    for base, upper in ranges(bases, start, end):
        try:
            descriptor = system.open(segment_path(directory, base), os.O_RDONLY)
        except FileNotFoundError:
            continue  # acknowledged and pruned meanwhile
        try:
            for number, record, _ in whole_lines(system, descriptor, seed_of(directory.name, base), base, upper):
                if record is not None and number >= start:
                    yield number, record
        finally:
            system.close(descriptor)


def examine(system: System, path: Path, base: int, upper: int | None, seed: int) -> Contents:
    """Read a segment and check every line. upper: where the next segment begins, None for the last. Raises OSError."""
    end, lost, burnt, trailing = base, 0, 0, 0
    bad: list[bytes] = []
    descriptor = system.open(path, os.O_RDONLY)
    try:
        for line, behind in pieces(system, descriptor):
            entry = parse(line, seed) if behind is not None else None
            if entry is None or entry[0] < end:
                bad.append(line)
                trailing += 1
            elif upper is None or entry[0] < upper:
                lost += entry[0] - end
                burnt += entry[1] is None
                end, trailing = entry[0] + 1, 0
    finally:
        system.close(descriptor)
    if upper is not None:
        lost += upper - end
    return Contents(end, lost, burnt, tuple(bad), trailing)


def bad_lines_in(system: System, directory: Path) -> dict[int, int]:
    """How many damaged lines were set aside for each segment. Raises OSError."""
    found = {}
    for base in (int(match[1]) for match in map(_BAD_NAME.fullmatch, system.names(directory)) if match):
        with suppress(OSError):
            content = read_small_file(bad_path(directory, base), MOST_SEGMENT_BYTES, system=system)
            found[base] = content.count(b"\n")
    return found
