"""PURE: whether what the gate and gate-sync said last is true now. What to show for it: `edge.panel.view`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sync.wire.status import GateStatus, SyncStatus

# Both programs write once a second, also when nothing changes.
GATE_FRESH_SECONDS = 5.0
SYNC_FRESH_SECONDS = 10.0


class Silence(StrEnum):
    """How a program does not answer."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    OTHER_BOOT = "other_boot"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Now:
    """The present. boot: the kernel's boot id; mono: monotonic seconds; wall: seconds since 1970, maybe wrong."""

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
        gate = _silence(gate, GATE_FRESH_SECONDS, now) or gate
    if not isinstance(sync, Silence):
        sync = _silence(sync, SYNC_FRESH_SECONDS, now) or sync
    return Readings(gate, sync)


def _silence(status: GateStatus | SyncStatus, fresh_seconds: float, now: Now) -> Silence | None:
    if status.boot != now.boot:
        return Silence.OTHER_BOOT
    # A negative age: no clock of this boot says that, so the age cannot be told.
    return None if 0 <= now.mono - status.mono <= fresh_seconds else Silence.STALE
