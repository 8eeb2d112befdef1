"""PURE: what the inspector is told on the service lamp, from what the gate knows of itself (R26)."""

from __future__ import annotations

from collections.abc import Collection

from hardware.ports import Condition
from sync.wire.record import ClockQuality, Moment
from sync.wire.status import STICK_SHOWN_SECONDS, Fault, StickPhase, StickStatus
from sync.wire.updates import Snapshot

_OF_A_FAULT: dict[Fault, Condition] = {
    Fault.CAMERA: Condition.CAMERA_LOST,
    Fault.THERMOMETER: Condition.THERMOMETER_LOST,
    Fault.DISK: Condition.DISK_NEARLY_FULL,
    Fault.OUTBOX: Condition.DISK_NEARLY_FULL,
    Fault.TRUST: Condition.DATA_STALE,
    Fault.TURNSTILE: Condition.FORCED,
    Fault.REVOKED: Condition.REVOKED,
}
_DOUBTFUL = (ClockQuality.FLOOR, ClockQuality.UNKNOWN)


_OF_A_STICK = {
    StickPhase.COPYING: Condition.COPYING,
    StickPhase.WRITTEN: Condition.COPYING,  # not yet unmounted
    StickPhase.COPIED: Condition.COPIED,
    StickPhase.FAILED: Condition.COPY_FAILED,
}


def conditions(
    faults: Collection[Fault], now: Moment, trust: Snapshot | None, link_up: bool, stick: StickStatus | None = None
) -> set[Condition]:
    """Every condition that holds; `hardware.states.worst` says which of them is shown.

    stick: the newest visit of one, as gate-sync tells it; of this boot.
    """
    holding = {_OF_A_FAULT[fault] for fault in faults if fault in _OF_A_FAULT}
    if not link_up:
        holding.add(Condition.OFFLINE)
    if now.clock in _DOUBTFUL:
        holding.add(Condition.CLOCK_DOUBTFUL)
    if trust is None or now.at - trust.issued_at > trust.policy.trust_hours * 3600:
        holding.add(Condition.DATA_STALE)
    if stick is not None and now.mono - stick.mono <= STICK_SHOWN_SECONDS:
        holding.add(_OF_A_STICK[stick.phase])
    return holding
