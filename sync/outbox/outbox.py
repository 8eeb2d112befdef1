"""The outbox: no passage without its record, no record lost (R2, R24). The promises are DESIGN.md section 6.

One process writes (`Outbox`), any number read (`sync.outbox.reader`). It always opens: what cannot be repaired is
counted in `health`, and the append that needs it raises. It does NOT check whose receipt acknowledges: the caller does.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tinydb import TinyDB

from sync.outbox.disk import Disk, Limits
from sync.outbox.durable import make_directory, remove_drafts, sync_directory
from sync.outbox.errors import (
    AppendFailed,
    BadAcknowledgement,
    OutboxBusy,
    OutboxError,
    OutboxFull,
    OutboxReplaced,
)
from sync.outbox.identity import LOCK_FILE, Found, foreign_names, random_id, seal, settle
from sync.outbox.journal import Journal
from sync.outbox.lines import check_record
from sync.outbox.retention import Retention
from sync.outbox.segments import ranges, records_between
from sync.outbox.system import SYSTEM, System
from sync.outbox.table import QueueStorage, QueueTable

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class OutboxHealth:
    """How the outbox is.

    damaged: lines set aside, kept over restarts. burnt: numbers of failed appends since the start. segments,
    bytes_used: of the outbox that goes on. disk_used: share of 1, None when the disk does not say; warn: it is over
    the limit. full: only the reserve is left. read_only: the disk takes no writes. foreign: names in the directory
    that are none of ours, counted at the start. trouble: why the last append or start failed, for IT.
    """

    damaged: int
    burnt: int
    segments: int
    bytes_used: int
    disk_used: float | None
    warn: bool
    full: bool
    reserve_bytes: int
    read_only: bool
    foreign: int
    trouble: str | None


@dataclass(frozen=True, slots=True)
class _Running:
    """What is there once the disk could be opened."""

    found: Found
    journal: Journal
    retention: Retention


class Outbox(TinyDB):
    """The only writer of the queue in `directory`; a TinyDB over what is queued.

    machine: board serial and card CID; an outbox of another machine is sealed, and a new one starts. Threads may share
    an Outbox; a forked child may not use it. Raises OutboxBusy when another process writes.
    """

    table_class = QueueTable  # type: ignore[assignment]  # its storage is always a QueueStorage

    def __init__(
        self,
        directory: Path,
        machine: str,
        limits: Limits | None = None,
        *,
        system: System = SYSTEM,
        new_id: Callable[[], str] = random_id,
    ) -> None:
        self._root = directory
        self._machine = machine
        self._limits = limits or Limits()
        self._system = system
        self._disk = Disk(system, directory, self._limits)
        self._writing = threading.Lock()
        self._lock_descriptor: int | None = None
        self._running: _Running | None = None
        self._draw_id = new_id
        self._new_id = new_id()
        self._burnt = 0
        self._foreign = 0
        self._failure: OSError | None = None
        super().__init__(self, storage=QueueStorage)
        try:
            self._start()
        except OSError as error:
            self._failure = error

    @property
    def id(self) -> str:
        """32 hex digits; they name every record together with its number."""
        return self._running.found.id if self._running else self._new_id

    @property
    def next(self) -> int:
        """The number that the next append takes. Numbers start at 1 and are given once."""
        return self._running.journal.next if self._running else 1

    @property
    def acknowledged(self) -> int:
        """Everything below is at the centre, as far as this process knows; at first, what is not kept any more."""
        return self._running.retention.acknowledged if self._running else 1

    @property
    def health(self) -> OutboxHealth:
        """As it is now."""
        running, failure, used = self._running, self._failure, None
        with suppress(OSError):
            used = self._disk.space().used
        sizes = list(running.journal.sizes.values()) if running else []
        return OutboxHealth(
            damaged=sum(list(running.retention.damaged.values())) if running else 0,
            burnt=self._burnt,
            segments=len(sizes),
            bytes_used=sum(sizes),
            disk_used=used,
            warn=used is not None and used >= self._limits.warn_share,
            full=self._disk.full,
            reserve_bytes=self._disk.reserve_bytes,
            read_only=failure is not None and failure.errno == errno.EROFS,
            foreign=self._foreign,
            trouble=str(failure) if failure else None,
        )

    def append(self, record: bytes, *, allow_reserve: bool = False) -> int:
        """Write one JSON object, verbatim. It is on the disk when this returns its number.

        allow_reserve: the policy lets people pass although the disk is full, as long as the reserve lasts.
        Raises OutboxFull or AppendFailed: nothing may open; the number is burnt if a byte may have been written.
        Raises ValueError for what is not one JSON object of at most 4,096 bytes in one line (our own bug).
        """
        check_record(record)
        with self._writing:
            if not self._opened:
                raise AppendFailed("the outbox is closed")
            try:
                running = self._running or self._start()
                self._make_room(running, allow_reserve)
                number = running.journal.next
                try:
                    running.journal.append(record)
                except BaseException:
                    self._burnt += running.journal.next - number
                    raise
            except OutboxBusy as busy:
                raise AppendFailed(f"the record is not on the disk: {busy}") from busy
            except OSError as error:
                self._failure = error
                if error.errno in _FULL:
                    self._disk.full = True
                    raise OutboxFull(f"no room for the record: {error}") from error
                raise AppendFailed(f"the record is not on the disk: {error}") from error
            self._failure = None
            return number

    def _make_room(self, running: _Running, allow_reserve: bool) -> None:
        if self._disk.has_room():
            return
        running.retention.prune()
        if self._disk.has_room(look=True) or (allow_reserve and self._disk.spend_reserve()):
            return
        raise OSError(errno.ENOSPC, "the disk is full")

    def acknowledge(self, next: int) -> None:
        """A verified receipt says that the centre holds everything below `next`; an older one changes nothing.

        Acknowledged segments are kept up to a size, and are the first to go when the disk is full. Raises
        OutboxReplaced for more than was ever written, BadAcknowledgement for what is no number.
        """
        if next < 1:
            raise BadAcknowledgement(f"numbers start at 1, not {next}")
        running = self._running
        if running is None or next <= running.retention.acknowledged:
            return
        if next > running.journal.next:
            raise OutboxReplaced(f"the centre expects {next}; here it is the turn of {running.journal.next}")
        with suppress(OSError):
            if next == running.journal.next and not self._disk.has_room(look=True):
                with self._writing:
                    running.journal.begin_next()  # only a segment that is not the last can go
        running.retention.acknowledge(next)
        with suppress(OSError):
            self._disk.refill_reserve()

    def reclaim(self, next: int) -> None:
        """A verified receipt of a restored centre says that it holds no more than what is below `next`.

        What is kept from there on waits again: it is not pruned until it is acknowledged anew.
        """
        if self._running is not None:
            self._running.retention.reclaim(next)

    def acknowledge_sealed(self, outbox_id: str, next: int) -> None:
        """As `acknowledge`, for an outbox that was sealed; more than was ever written there covers nothing.

        One that is gone already is fine. Raises BadAcknowledgement for the outbox that goes on.
        """
        if self._running is None:
            return
        try:
            self._running.retention.acknowledge_sealed(outbox_id, next)
        except OSError as error:
            raise OutboxError(f"cannot read the sealed outbox: {error}") from error

    def renew(self, reason: str = "replaced") -> str:
        """Seal this outbox – it stays readable – and go on in a new one. Returns the new id. Raises OutboxError.

        The way on after OutboxReplaced: numbers that were given since the old image was put back are taken at the
        centre by other records.
        """
        with self._writing:
            try:
                if self._running:
                    seal(self._running.found, reason, self._system)
                    self._running.journal.close()
                self._running, self._new_id = None, self._draw_id()
                return self._start().found.id
            except OSError as error:
                self._failure = error
                raise OutboxError(f"cannot go on in a new outbox: {error}") from error

    def close(self) -> None:
        """Give the lock back. What was appended needs no closing: it is on the disk."""
        super().close()
        if self._running:
            self._running.journal.close()
        if self._lock_descriptor is not None:
            self._system.close(self._lock_descriptor)
            self._lock_descriptor = None

    def _start(self) -> _Running:
        """Take the lock and go on where this machine stopped. Raises OSError, OutboxBusy."""
        if self._lock_descriptor is None:
            self._lock_descriptor = self._lock()
        found = settle(self._root, self._machine, self._system, self._new_id)
        for directory in (self._root.parent, self._root):  # a killed process may have left names that are not durable
            sync_directory(directory, system=self._system)
        journal = Journal(self._system, found.directory, found.id, self._limits.segment_records)
        retention = Retention(self._system, self._disk, self._limits.kept_bytes, found.directory, journal)
        self._running = _Running(found, journal, retention)
        with suppress(OSError):
            remove_drafts(found.directory, system=self._system)
            self._foreign = foreign_names(self._root, self._system)
            self._disk.refill_reserve()
        return self._running

    def _lock(self) -> int:
        with suppress(OSError):
            make_directory(self._root, system=self._system)
        try:
            descriptor = self._system.open(self._root / LOCK_FILE, os.O_RDWR | os.O_CREAT)
        except OSError:  # a disk that takes no writes can still be locked and read
            descriptor = self._system.open(self._root / LOCK_FILE, os.O_RDONLY)
        try:
            self._system.lock(descriptor)
        except BlockingIOError as cause:
            self._system.close(descriptor)
            raise OutboxBusy(f"another process writes {self._root}") from cause
        return descriptor

    def queued(self, first: int | None = None, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Numbers and bytes of what is queued, in order, from `first` to before `end`. Reads a segment at a time."""
        if self._running:
            bases, directory = list(self._running.journal.sizes), self._running.found.directory
            start = max(first or 1, self.acknowledged)
            yield from records_between(self._system, directory, bases, start, end or self.next)

    def waiting(self) -> int:
        """How many are queued. A segment in which no damage is known counts as full, unread, if its numbers are."""
        if self._running is None:
            return 0
        start, end, total = self.acknowledged, self.next, 0
        for base, upper in ranges(list(self._running.journal.sizes), start, end):
            full = upper - base == self._limits.segment_records and base not in self._running.retention.damaged
            if full and start <= base and upper < end:
                total += upper - base
            else:
                total += sum(1 for _ in self.queued(base, upper))
        return total
