"""status.json: what the gate is doing, for the panel and for the next batch's report. Written when it changes."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.metadata import version

import msgspec

from edge import machine
from sync.outbox.durable import make_directory, replace_file
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.record import Moment
from sync.wire.statedir import StateDir
from sync.wire.status import Counts, Fault, GateStatus, QueueStatus, Shown, SyncStatus, Work
from sync.wire.updates import Snapshot

REFRESH_SECONDS = 1.0
LINK_STALE_SECONDS = 10.0
SOFTWARE = version("venue-gate")


class Facts(msgspec.Struct, frozen=True):
    """What the gate knows of itself at one moment; the rest of the status follows from trust and machine."""

    signal: str
    outbox: str
    next_sequence: int
    acknowledged: int
    queue: QueueStatus
    lamps: dict[str, bool]
    counts: Counts
    faults: list[Fault]
    shown: Shown | None
    hint: str | None
    nonce: str
    enrolled: bool = True
    setup_seconds: int | None = None


class StatusBoard:
    """Publishes `GateStatus`: at once when a fact changed, else once a second, so that readers see it is alive."""

    def __init__(self, state: StateDir) -> None:
        self._state = state
        self._facts: Facts | None = None
        self._due = float("-inf")

    def publish(self, facts: Facts, trust: Snapshot | None, now: Moment, work: Work) -> None:
        """Write the status if a fact changed or a second is over. A full disk is no reason to stop."""
        if facts == self._facts and now.mono < self._due:
            return
        self._facts, self._due = facts, now.mono + REFRESH_SECONDS
        try:
            replace_file(self._state.status, jsonform.encode(self._status(facts, trust, now, work)), durable=False)
        except OSError:
            self._due = now.mono  # tried again with the next frame; readers see the age
            with suppress(OSError):
                make_directory(self._state.run)  # somebody may have cleared /run

    def _status(self, facts: Facts, trust: Snapshot | None, now: Moment, work: Work) -> GateStatus:
        venue = trust.venue if trust else None
        return GateStatus(
            wall=now.at,
            boot=now.boot,
            mono=now.mono,
            pid=os.getpid(),
            software=SOFTWARE,
            signal=facts.signal,
            clock=now.clock,
            outbox=facts.outbox,
            next_sequence=facts.next_sequence,
            acknowledged=facts.acknowledged,
            lamps=facts.lamps,
            shown=facts.shown,
            hint=facts.hint,
            counts=facts.counts,
            faults=facts.faults,
            gate=venue.gate if venue else None,
            gate_name=venue.gate_name if venue else None,
            venue_name=venue.venue_name if venue else None,
            checkpoint_name=venue.checkpoint_name if venue else None,
            direction=venue.direction if venue else None,
            trust=trust.order if trust else None,
            trust_issued_at=trust.issued_at if trust else None,
            queue=facts.queue,
            work=work,
            disk_used=machine.disk_used(self._state.root),
            board_celsius=machine.board_celsius(),
            clock_error_seconds=now.error_seconds,
            nonce=facts.nonce,
            enrolled=facts.enrolled,
            setup_seconds=facts.setup_seconds,
        )


def read_sync_status(state: StateDir, now: Moment) -> SyncStatus | None:
    """What gate-sync says, and said lately in this boot; None for nothing."""
    try:
        told = jsonform.decode(state.sync_status.read_bytes(), SyncStatus, "sync-status.json")
    except (OSError, WireError):
        return None
    return told if told.boot == now.boot and now.mono - told.mono < LINK_STALE_SECONDS else None
