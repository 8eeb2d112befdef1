"""PURE: whether what the gate and gate-sync said last is true now. Not what to show for it: that is `edge.panel.view`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sync.wire.status import GateStatus, SyncStatus

GATE_FRESH_SECONDS = 5.0
SYNC_GRACE_SECONDS = 30.0  # past its own next attempt: gate-sync may rest for minutes between two attempts


class Silence(StrEnum):
    """How a program does not answer."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    OTHER_BOOT = "other_boot"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Now:
    """The present. boot: the kernel's boot id; mono: monotonic seconds; wall: seconds since 1970, which may be wrong."""

    boot: str
    mono: float
    wall: float


@dataclass(frozen=True, slots=True)
class Readings:
    """What both programs say now. A status is here only if it is true now: nothing can show an old green."""

    gate: GateStatus | Silence
    sync: SyncStatus | Silence


def judge(gate: GateStatus | Silence, sync: SyncStatus | Silence, now: Now) -> Readings:
    """Keep of what the files said what is true now."""
    if not isinstance(gate, Silence):
        gate = _silence(gate, gate.mono + GATE_FRESH_SECONDS, now) or gate
    if not isinstance(sync, Silence):
        good_until = max(sync.mono, sync.next_attempt_mono or 0.0) + SYNC_GRACE_SECONDS
        sync = _silence(sync, good_until, now) or sync
    return Readings(gate, sync)


def _silence(status: GateStatus | SyncStatus, good_until_mono: float, now: Now) -> Silence | None:
    if status.boot != now.boot:
        return Silence.OTHER_BOOT
    # Written after now: no clock of this boot says that, so its age cannot be told.
    return None if status.mono <= now.mono <= good_until_mono else Silence.STALE
