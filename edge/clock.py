"""What time it is, and how sure we are – on a machine without a battery clock (R2, DESIGN 5).

Today: the kernel's word on whether its clock is synchronized. Holdover and floor are not here yet.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from sync.wire.record import ClockQuality, Moment

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
_TIMEX_BYTES = 512  # struct timex has 208 on 64-bit systems


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self._libc = ctypes.CDLL(None)

    def now(self) -> Moment:
        """Wall and monotonic time with their quality."""
        return Moment(round(time.time(), 3), self.boot, round(time.monotonic(), 3), self._quality())

    def _quality(self) -> ClockQuality:
        """adjtimex(2) with modes = 0 reads and changes nothing; any synchronizing daemon clears its error state."""
        state = self._libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return ClockQuality.UNKNOWN if state in (-1, _TIME_ERROR) else ClockQuality.SYNCHRONIZED
