"""Counts since `collector serve` started, of all its workers together.

One page of memory that the server makes before it forks: each worker adds in a row of its own, whoever is asked sums
them up. A worker that takes a dead one's row goes on from its counts. Nothing is written to a disk, and no lock is
held by two processes: a worker that is killed leaves nothing locked.
"""

from __future__ import annotations

import mmap
import struct
from threading import Lock

from sync.collector.problems import Kind

BATCHES, STORED, KNOWN, SET_ASIDE, CONFLICTS, QUARANTINED = RECEIVED = (
    "batches",
    "stored",
    "known",
    "set_aside",
    "conflicts",
    "quarantined",
)
"""What intake did, in batches and in records."""
REFUSED = tuple(f"refused {kind.code}" for kind in Kind)
_NAMES = {name: place for place, name in enumerate((*RECEIVED, *REFUSED))}
_CELL = struct.Struct("<d")
_ROW_BYTES = _CELL.size * len(_NAMES)
MAX_WORKERS = 64


class Tally:
    """Safe to share between threads, and between processes that were forked after it was made."""

    def __init__(self, rows: int = 1) -> None:
        self._memory = mmap.mmap(-1, rows * _ROW_BYTES)
        self._rows, self._row, self._lock = rows, 0, Lock()

    def use(self, row: int) -> None:
        """This process adds in that row; no other one does."""
        self._row, self._lock = row, Lock()  # a lock that was held in the moment of the fork never opens here

    def add(self, name: str, amount: int = 1) -> None:
        """Raises KeyError for a name that is none of `RECEIVED` and `REFUSED`: our bug."""
        place = self._row * _ROW_BYTES + _NAMES[name] * _CELL.size
        with self._lock:
            _CELL.pack_into(self._memory, place, _CELL.unpack_from(self._memory, place)[0] + amount)

    def refused(self, code: str) -> None:
        """One request more that was refused; `Kind.code`."""
        self.add(f"refused {code}")

    def total(self, name: str) -> float:
        """Of all workers."""
        places = range(_NAMES[name] * _CELL.size, self._rows * _ROW_BYTES, _ROW_BYTES)
        return sum(float(_CELL.unpack_from(self._memory, place)[0]) for place in places)


class Rows:
    """Which rows are free. Kept by the server's first process, which alone starts workers and hears of their end."""

    def __init__(self, rows: int = MAX_WORKERS) -> None:
        self._free = list(range(rows - 1, -1, -1))
        self._taken: dict[int, int] = {}

    def take(self, worker: int) -> int:
        """A row for a worker that is about to start, by its age (a number that never comes again)."""
        self._taken[worker] = self._free.pop()
        return self._taken[worker]

    def give_back(self, worker: int) -> None:
        """It has ended; twice is once."""
        if (row := self._taken.pop(worker, None)) is not None:
            self._free.append(row)
