"""What time it is, and how sure we are – on a machine without a battery clock (R2, DESIGN 5).

Puts together what the kernel says (`edge.holdover`) and what others have proved (`edge.floor`). It does NOT set the
machine's clock, and it decides nothing about a visitor: what each quality means is written in the policy.
"""

from __future__ import annotations

import ctypes
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from edge.floor import Floor
from edge.holdover import STEADY_SECONDS, Holdover
from sync.outbox.durable import replace_file
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.passes import PassClaims
from sync.wire.receipt import Receipt
from sync.wire.record import ClockQuality, Moment
from sync.wire.statedir import StateDir

KEEP_SECONDS = 600.0
NONCE_SECONDS = 3_600.0  # an older nonce could prove the time only within an hour
_VOUCHED = (ClockQuality.SYNCHRONIZED, ClockQuality.HOLDOVER)
_MAX_FILE_BYTES = 1_000
_YEAR_10000 = 253_402_300_800


class Sources(Protocol):
    """The machine's clocks."""

    @property
    def boot(self) -> str:
        """The name of this boot (proc(5), boot_id)."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, as the machine believes."""
        ...

    def mono(self) -> float:
        """Monotonic seconds of this boot."""
        ...

    def kernel_error(self) -> float | None:
        """The greatest error in seconds of a synchronized clock; None when the kernel says that it is not."""
        ...


class Kept(msgspec.Struct, frozen=True):
    """clock.json. floor: seconds since 1970."""

    floor: float


class Clock:
    """floor: the newest time that was proved before this start (`kept_floor`)."""

    def __init__(self, sources: Sources, floor: float = 0.0) -> None:
        self._sources = sources
        self._holdover = Holdover()
        self._floor = Floor(floor, sources.mono())
        self._nonce, self._nonce_mono = secrets.token_hex(16), sources.mono()

    def now(self) -> Moment:
        """Wall and monotonic time with quality and bounds."""
        mono = self._sources.mono()
        reading = self._holdover.read(self._sources.wall(), mono, self._sources.kernel_error())
        if self._holdover.steady_for(mono) >= STEADY_SECONDS:
            self._floor.raise_to(reading.at - (reading.error_seconds or 0.0), mono)
        at, clock, error, floor = reading.at, reading.clock, reading.error_seconds, self._floor.at(mono)
        if at < floor:
            at = floor
            if error is None or reading.at + error < floor:  # not only slow within its own bound: wrong
                clock, error = ClockQuality.FLOOR, None
        return Moment(
            round(at, 3),
            self._sources.boot,
            round(mono, 3),
            clock,
            None if error is None else round(error, 3),
            None if clock in _VOUCHED or not floor else round(floor, 3),
        )

    @property
    def nonce(self) -> str:
        """For gate-sync's next batch (status.json): a receipt that repeats it was made after it was drawn."""
        return self._nonce

    def proved(self, at: float) -> None:
        """The centre signed something at that time (seconds since 1970) with a key that was valid then."""
        self._floor.raise_to(at, self._sources.mono())

    def saw(self, claims: PassClaims, now: Moment) -> None:
        """A genuine pass was shown. One that is ahead of a clock that others vouch for proves nothing."""
        believed = min(claims.issued_at, now.earliest) if now.clock in _VOUCHED else claims.issued_at
        self._floor.witness(claims.serial, believed, now.mono)

    def heard(self, receipt: Receipt) -> None:
        """A genuine receipt for this gate. One that repeats our nonce bounds the true time from both sides."""
        mono = self._sources.mono()
        if receipt.nonce != self._nonce:
            self._floor.raise_to(receipt.centre_time, mono)
            return
        elapsed = mono - self._nonce_mono
        if self._floor.at(mono) > receipt.centre_time + elapsed:
            self._floor.lower_to(receipt.centre_time, mono)
        self._floor.raise_to(receipt.centre_time, mono)
        if self._sources.kernel_error() is None:
            self._holdover.told(receipt.centre_time + elapsed / 2, mono, elapsed / 2 + 1)
        self._draw_nonce(mono)

    def tend(self) -> None:
        """Draw a new nonce when the old one has become too old to prove much."""
        if self._sources.mono() - self._nonce_mono > NONCE_SECONDS:
            self._draw_nonce(self._sources.mono())

    def _draw_nonce(self, mono: float) -> None:
        self._nonce, self._nonce_mono = secrets.token_hex(16), mono

    def floor(self) -> float:
        """The floor now, seconds since 1970."""
        return self._floor.at(self._sources.mono())


class FloorKeeper:
    """Keeps the floor on the disk: every ten minutes, and at the end."""

    def __init__(self, state: StateDir, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._due = float("-inf")

    def tend(self, mono: float) -> None:
        """Keep it when it is time to. A disk that does not take it is shown elsewhere; an older floor stays."""
        if mono >= self._due:
            self._due = mono + KEEP_SECONDS
            self.keep()

    def keep(self) -> None:
        """Keep it now."""
        with suppress(OSError):
            replace_file(self._state.clock, jsonform.encode(Kept(round(self._clock.floor(), 3))))


def kept_floor(state: StateDir) -> float:
    """The newest time that was proved before; 0 when none is known."""
    try:
        with state.clock.open("rb") as file:
            kept = jsonform.decode(file.read(_MAX_FILE_BYTES), Kept, state.clock.name)
    except (OSError, WireError):
        return 0.0
    return kept.floor if 0 <= kept.floor < _YEAR_10000 else 0.0


class SystemSources:
    """The machine's own clocks."""

    def __init__(self) -> None:
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self._adjtimex, self._timex = ctypes.CDLL(None).adjtimex, _Timex()

    @property
    def boot(self) -> str:
        """The name of this boot."""
        return self._boot

    def wall(self) -> float:
        """time(2)."""
        return time.time()

    def mono(self) -> float:
        """CLOCK_MONOTONIC."""
        return time.monotonic()

    def kernel_error(self) -> float | None:
        """adjtimex(2) with modes = 0 reads and changes nothing; any synchronizing daemon clears its error state."""
        self._timex.modes = 0
        state = self._adjtimex(ctypes.byref(self._timex))
        return None if state in (-1, _TIME_ERROR) else float(self._timex.maxerror) / 1e6


_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized


class _Timex(ctypes.Structure):
    """The head of struct timex (adjtimex(2)); the rest is room for what the kernel writes behind it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 512),
    )
