"""Room on the disk: when the outbox is full, and the reserve that a policy may spend then (DESIGN 6.7)."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sync.outbox.identity import RESERVE_FILE
from sync.outbox.segments import SEGMENT_RECORDS
from sync.outbox.system import Space, System

_APPENDS_BETWEEN_LOOKS = 32
_STEP_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the disk the outbox may take.

    kept_bytes: of acknowledged records, so that a restored centre can ask again. free_bytes: what stays free, else the
    outbox is full. reserve_bytes: allocated in advance, for `append(…, allow_reserve=True)`. warn_share: of 1.
    """

    segment_records: int = SEGMENT_RECORDS
    kept_bytes: int = 256 << 20
    free_bytes: int = 2 << 20
    reserve_bytes: int = 16 << 20
    warn_share: float = 0.8

    def __post_init__(self) -> None:
        if not 2 <= self.segment_records <= SEGMENT_RECORDS:
            raise ValueError(f"a segment holds 2 to {SEGMENT_RECORDS} records")


class Disk:
    """The file system that holds `directory`, and the reserve file there."""

    def __init__(self, system: System, directory: Path, limits: Limits) -> None:
        self._system = system
        self._directory = directory
        self._limits = limits
        self._path = directory / RESERVE_FILE
        self._appends_until_look = 0
        self.full = False

    def space(self) -> Space:
        """As it is now. Raises OSError."""
        return self._system.space(self._directory)

    @property
    def reserve_bytes(self) -> int:
        """What is left of the reserve."""
        with suppress(OSError):
            return self._system.size(self._path)
        return 0

    def has_room(self, *, look: bool = False) -> bool:
        """Whether a record may be written. While there is room, not every append asks the kernel. Raises OSError."""
        self._appends_until_look -= 1
        if look or self.full or self._appends_until_look < 0:
            self.full = self.space().free < self._limits.free_bytes
            self._appends_until_look = _APPENDS_BETWEEN_LOOKS
        return not self.full

    def spend_reserve(self) -> bool:
        """Give back as much of the reserve as makes room again. False when it is used up. Raises OSError."""
        lacking = self._limits.free_bytes - self.space().free
        left = self.reserve_bytes
        if lacking > left:
            return False
        if lacking > 0:
            self._resize(max(0, left - lacking - _STEP_BYTES))
        return True

    def refill_reserve(self) -> None:
        """Allocate what is missing of the reserve, if that leaves room. Raises OSError."""
        missing = self._limits.reserve_bytes - self.reserve_bytes
        if missing > 0 and self.space().free > missing + 2 * self._limits.free_bytes:
            self._resize(self._limits.reserve_bytes)

    def _resize(self, size: int) -> None:
        descriptor = self._system.open(self._path, os.O_WRONLY | os.O_CREAT)
        try:
            if size > self._system.size(self._path):
                self._system.allocate(descriptor, size)
            else:
                self._system.truncate(descriptor, size)
        finally:
            self._system.close(descriptor)
