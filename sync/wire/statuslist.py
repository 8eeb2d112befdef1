"""PURE: the status list – passes whose holder is no longer green, by the first 8 bytes of their serials (DESIGN 4).

Decides whether a pass is listed. Two lists make the answer: a snapshot, and one cumulative delta against it that is
small enough to come with every update. Both are bytes that are searched as they are, without an object for each entry.
It does NOT say why a pass is listed, nor anything about a pass that it does not list.

Form: 4 bytes "VSL1", two 32-bit counts n and m; then n prefixes in ascending order, n 32-bit times in the same order
(seconds since 1970: the pass expires then, and the entry lapses), m prefixes that an older snapshot lists and that are
cleared, ascending. All numbers big-endian, so that bytes sort as numbers do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync.wire.errors import WireError

PREFIX_BYTES = 8
_MAGIC = b"VSL1"
_HEAD = struct.Struct(">4sII")
_TIME = struct.Struct(">I")
_MAX_TIME = 2**32 - 1


@dataclass(frozen=True, slots=True)
class StatusList:
    """One file of it. listed, cleared: how many entries; raises WireError for bytes of another form.

    That the entries are in order is the word of whoever signed them: checking a million would take longer than people
    wait, and a list out of order could only fail to find.
    """

    content: bytes

    def __post_init__(self) -> None:
        if len(self.content) < _HEAD.size or self.content[:4] != _MAGIC:
            raise WireError("this is no status list")
        if len(self.content) != _HEAD.size + (PREFIX_BYTES + _TIME.size) * self.listed + PREFIX_BYTES * self.cleared:
            raise WireError("a status list is cut, or has something behind it")

    @property
    def listed(self) -> int:
        """How many passes it lists, lapsed ones too."""
        return int.from_bytes(self.content[4:8], "big")

    @property
    def cleared(self) -> int:
        """How many passes it takes off an older list."""
        return int.from_bytes(self.content[8:12], "big")

    def says(self, serial: bytes, at: float) -> bool | None:
        """Whether the pass is listed at that time: True, False (cleared or lapsed), None for not mentioned."""
        prefix, listed = serial[:PREFIX_BYTES], self.listed
        place = _find(self.content, _HEAD.size, listed, prefix)
        if place is not None:
            lapses = _HEAD.size + PREFIX_BYTES * listed + _TIME.size * place
            return bool(at < _TIME.unpack_from(self.content, lapses)[0])
        behind = _HEAD.size + (PREFIX_BYTES + _TIME.size) * listed
        return None if _find(self.content, behind, self.cleared, prefix) is None else False

    def prefixes(self) -> Iterable[tuple[bytes, int]]:
        """Each listed prefix with its time, in order: for whoever makes the next delta."""
        times = _HEAD.size + PREFIX_BYTES * self.listed
        for place in range(self.listed):
            start = _HEAD.size + PREFIX_BYTES * place
            yield (
                self.content[start : start + PREFIX_BYTES],
                _TIME.unpack_from(self.content, times + _TIME.size * place)[0],
            )


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Snapshot and delta together: the delta has the last word."""

    snapshot: StatusList
    delta: StatusList

    def lists(self, serial: bytes, at: float) -> bool:
        """Whether the holder of the pass is no longer green, at that time (seconds since 1970)."""
        said = self.delta.says(serial, at)
        return bool(self.snapshot.says(serial, at) if said is None else said)


def build(listed: Mapping[bytes, int], cleared: Iterable[bytes] = ()) -> StatusList:
    """A list of prefixes (or whole serials) with the times at which they lapse. Of two with one prefix, the later."""
    entries: dict[bytes, int] = {}
    for serial, lapses in listed.items():
        prefix = serial[:PREFIX_BYTES]
        if len(prefix) != PREFIX_BYTES:
            raise ValueError(f"a serial has at least {PREFIX_BYTES} bytes")
        entries[prefix] = max(entries.get(prefix, 0), min(lapses, _MAX_TIME))
    order = sorted(entries)
    gone = sorted({serial[:PREFIX_BYTES] for serial in cleared} - entries.keys())
    times = b"".join(_TIME.pack(entries[prefix]) for prefix in order)
    return StatusList(_HEAD.pack(_MAGIC, len(order), len(gone)) + b"".join(order) + times + b"".join(gone))


def difference(snapshot: StatusList, listed: Mapping[bytes, int], now: float = 0) -> StatusList:
    """The delta that makes `snapshot` say what `listed` says, from `now` on: what has lapsed needs no clearing."""
    wanted = dict(build(listed).prefixes())
    before = {prefix: lapses for prefix, lapses in snapshot.prefixes() if lapses > now}
    changed = {prefix: lapses for prefix, lapses in wanted.items() if before.get(prefix) != lapses}
    return build(changed, before.keys() - wanted.keys())


EMPTY = build({})


def _find(content: bytes, start: int, count: int, prefix: bytes) -> int | None:
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        offset = start + PREFIX_BYTES * middle
        found = content[offset : offset + PREFIX_BYTES]
        if found == prefix:
            return middle
        if found < prefix:
            low = middle + 1
        else:
            high = middle
    return None
