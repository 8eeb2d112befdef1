"""What the files of a gate say about its link, gathered for `gate-sync status` and `gate-sync now`.

Reads only; what is missing or broken is simply not known.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from sync import mailbox
from sync.incidents import Incidents
from sync.mailbox import NotProvisioned
from sync.outbox.errors import OutboxError
from sync.outbox.reader import OutboxReader, readers
from sync.returning import as_it_is
from sync.wire import jsonform
from sync.wire.envelope import MessageType, unverified_payload
from sync.wire.errors import WireError
from sync.wire.staff import read_staff
from sync.wire.statedir import StateDir
from sync.wire.status import StickStatus, SyncStatus
from sync.wire.statuslist import StatusList
from sync.wire.updates import KEYS, LIMITS, STAFF, WITHDRAWN, KeyList, Snapshot

STALE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Trust:
    """The updates in force. Times are seconds since 1970.

    withdrawn: passes on the status list, inspectors: on the staff list; None without one.
    """

    order: tuple[int, int]
    issued_at: int
    keys_issued_at: int | None
    withdrawn: int | None
    inspectors: int | None


@dataclass(frozen=True, slots=True)
class Queue:
    """One outbox. waiting: what its kept receipt does not cover. sealed: why nothing is written to it any more."""

    outbox: str
    waiting: int
    sealed: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known. status: the service's last word; is_running: it is fresh. queues: sealed outboxes first. stick:
    the newest visit of one in this boot.
    """

    status: SyncStatus | None
    is_running: bool
    wall: float
    mono: float
    trust: Trust | None
    queues: tuple[Queue, ...]
    incidents: Incidents
    stick: StickStatus | None = None

    @property
    def next_attempt_seconds(self) -> float | None:
        """Seconds until the next attempt, None when none is planned."""
        due = self.status.next_attempt_mono if self.status and self.is_running else None
        return None if due is None else max(0.0, due - self.mono)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        trust = self.trust
        return {
            "running": self.is_running,
            "status": msgspec.to_builtins(self.status),
            "next_attempt_seconds": self.next_attempt_seconds,
            "updates": None if trust is None else f"{trust.order[0]}-{trust.order[1]}",
            "updates_age_seconds": None if trust is None else self.wall - trust.issued_at,
            "trust": msgspec.to_builtins(trust),
            "queues": msgspec.to_builtins(self.queues),
            "incidents": msgspec.to_builtins(self.incidents),
            "stick": msgspec.to_builtins(self.stick),
        }


def gather(state: StateDir) -> Picture:
    """Read the files."""
    status, mono = mailbox.read_sync_status(state), time.monotonic()
    is_running = (
        status is not None
        and status.boot == mailbox.boot_id()
        and mono - status.mono <= STALE_SECONDS
        and mailbox.process_exists(status.pid)
    )
    snapshot = None
    with suppress(NotProvisioned, WireError):
        snapshot = mailbox.newest_snapshot(state, mailbox.read_root(state))
    return Picture(
        status,
        is_running,
        time.time(),
        mono,
        None if snapshot is None else _trust(state, snapshot),
        _queues(state, snapshot),
        mailbox.read_incidents(state),
        as_it_is(state, mono),
    )


def _trust(state: StateDir, snapshot: Snapshot) -> Trust:
    keys_issued_at = withdrawn = inspectors = None
    with suppress(OSError, WireError):
        keys = (state.current_updates / KEYS).read_bytes()
        # Its signature was checked with the snapshot's.
        keys_issued_at = jsonform.decode(unverified_payload(keys, MessageType.KEYS), KeyList, KEYS).issued_at
    with suppress(OSError, WireError), (state.current_updates / WITHDRAWN).open("rb") as file:
        withdrawn = StatusList(file.read(LIMITS[WITHDRAWN])).listed
    with suppress(OSError, WireError), (state.current_updates / STAFF).open("rb") as file:
        inspectors = len(read_staff(file.read(LIMITS[STAFF] + 1)))
    return Trust(snapshot.order, snapshot.issued_at, keys_issued_at, withdrawn, inspectors)


def _queues(state: StateDir, snapshot: Snapshot | None) -> tuple[Queue, ...]:
    def queue(reader: OutboxReader) -> Queue:
        kept = mailbox.kept_receipt(state, reader.id, snapshot.ring) if snapshot else None
        first = reader.first() if kept is None else kept.next
        return Queue(reader.id, max(0, reader.next() - first), reader.sealed)

    try:
        return tuple(queue(reader) for reader in readers(state.outbox))
    except OutboxError:
        return ()
