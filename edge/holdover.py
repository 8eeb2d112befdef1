"""PURE: what time it is from what the kernel says – and, when its word fails or jumps, from what it said before.

While the kernel is synchronized its clock is followed. When it no longer is, or leaps although it was steady for an
hour, time goes on by the monotonic clock from the last reading that was good, with an error bound that grows. The
machine's own unsynchronized clock is never believed once there was a better one in this boot.
"""

from __future__ import annotations

import msgspec

from edge.floor import DRIFT
from sync.wire.record import ClockQuality

JUMP_SECONDS = 5.0  # more than slewing makes between two frames
PROBATION_SECONDS = 600.0  # one bad answer of an NTP server is put right at one of the next polls
STEADY_SECONDS = 3_600.0


class Reading(msgspec.Struct, frozen=True):
    """at: seconds since 1970, within ± error_seconds; None where nobody can say."""

    at: float
    clock: ClockQuality
    error_seconds: float | None


class _Anchor(msgspec.Struct, frozen=True):
    """A good reading: wall time at a monotonic time. steady_since: the kernel has agreed with itself from then on."""

    wall: float
    mono: float
    error: float
    steady_since: float

    def at(self, mono: float) -> tuple[float, float]:
        """Wall time and its error bound by this anchor."""
        elapsed = max(0.0, mono - self.mono)
        return self.wall + elapsed, self.error + elapsed * DRIFT

    def agrees(self, wall: float, mono: float) -> bool:
        expected, error = self.at(mono)
        return abs(wall - expected) <= JUMP_SECONDS + error


class Holdover:
    """The best reading of this boot, carried forward. Monotonic seconds are passed in."""

    def __init__(self) -> None:
        self._anchor: _Anchor | None = None
        self._suspect: _Anchor | None = None

    def read(self, wall: float, mono: float, error: float | None) -> Reading:
        """The time. error: the kernel's greatest error while it is synchronized, in seconds; None when it is not."""
        if error is not None and self._accepts(_Anchor(wall, mono, error, mono)):
            return Reading(wall, ClockQuality.SYNCHRONIZED, error)
        if self._anchor is None:
            return Reading(wall, ClockQuality.UNKNOWN, None)
        at, bound = self._anchor.at(mono)
        return Reading(at, ClockQuality.HOLDOVER, bound)

    def steady_for(self, mono: float) -> float:
        """How long the kernel has been synchronized and agreed with itself; 0 while it does not."""
        anchor = self._anchor
        return mono - anchor.steady_since if anchor is not None and self._suspect is None else 0.0

    def told(self, wall: float, mono: float, error: float) -> None:
        """The centre proved the time, within an error: a start for a machine that nobody else synchronizes."""
        known = self._anchor.at(mono)[1] if self._anchor else None
        if known is None or error < known or not self._anchor_agrees(wall, mono, error):
            self._anchor, self._suspect = _Anchor(wall, mono, error, mono), None

    def _anchor_agrees(self, wall: float, mono: float, error: float) -> bool:
        assert self._anchor is not None
        expected, bound = self._anchor.at(mono)
        return abs(wall - expected) <= bound + error

    def _accepts(self, fresh: _Anchor) -> bool:
        """Whether a synchronized reading is believed; it is the anchor then."""
        anchor = self._anchor
        if anchor is not None and anchor.agrees(fresh.wall, fresh.mono):
            self._anchor, self._suspect = msgspec.structs.replace(fresh, steady_since=anchor.steady_since), None
            return True
        if anchor is None or fresh.mono - anchor.steady_since < STEADY_SECONDS:
            self._anchor, self._suspect = fresh, None
            return True
        if self._suspect is None or not self._suspect.agrees(fresh.wall, fresh.mono):
            self._suspect = fresh
        if fresh.mono - self._suspect.mono < PROBATION_SECONDS:
            return False
        self._anchor, self._suspect = fresh, None
        return True
