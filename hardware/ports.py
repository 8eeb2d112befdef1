"""The ports of the device: what the gate asks of a camera, a reader, a barrier, lamps, a thermometer.

Only shapes and promises; no adapter, no library of a device. The gate (`edge/gate.py`) is written
against these; `edge/bootstrap.py` chooses who keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hardware.turnstile import Turn, Turned

__all__ = [
    "Barrier",
    "Camera",
    "Frame",
    "Indicator",
    "Lamps",
    "PassageSensor",
    "Signal",
    "Symbol",
    "SymbolReader",
    "Thermometer",
    "Turn",
    "Turned",
]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture from the camera.

    luma: uint8 array of shape (height, width), row-major; the Y plane, 0 black to 255 white.
    number: counts the frames that this camera delivered, from 1; a gap means frames were skipped.
    captured_at: monotonic seconds at the end of the exposure.
    """

    luma: NDArray[np.uint8]
    number: int
    captured_at: float


class Camera(Protocol):
    """Delivers the newest frame only: a slow reader skips frames, it never falls behind."""

    def capture(self, timeout_seconds: float) -> Frame | None:
        """Wait for a frame that was not delivered before, and return it.

        Returns None when no new frame came within `timeout_seconds` (> 0). Raises CameraError when the
        camera is lost; the next call tries to open it again.
        """
        ...

    def close(self) -> None:
        """Free the device. Safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class Symbol:
    """One code seen in a frame.

    text: what it says, decoded. reader: which stage read it ("zxing", "zxing-blur", "zbar-threshold").
    corners: four (x, y) in pixels of the frame, clockwise from the symbol's top left; () if unknown.
    """

    text: str
    reader: str
    corners: tuple[tuple[int, int], ...] = ()


class Hint(str, Enum):
    """What would help a visitor whose code was seen and not read."""

    CLOSER = "closer"
    TURN = "turn"  # away from the lamp that is mirrored
    BRIGHTER = "brighter"
    STILL = "still"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a reader made of one frame.

    symbols: every code read, each text once. unread: whether another code was located that nobody could read – beside
    a pass that was read it may be a second person's. hint: what would help when nothing was read, None for no idea.
    """

    symbols: tuple[Symbol, ...] = ()
    unread: bool = False
    hint: Hint | None = None


class SymbolReader(Protocol):
    """Finds codes in frames."""

    def read(self, frame: Frame) -> Sight:
        """Return what is to be seen in this frame.

        Raises ReaderError when the decoder failed on this frame; the next frame is read as if nothing
        had happened.
        """
        ...


class Barrier(Protocol):
    """The lock of the turnstile, opened by a relay pulse."""

    def open(self) -> None:
        """Start one opening and return at once; the lock closes by itself after its pulse.

        An opening while one is under way extends nothing and adds nothing. Raises PinsError.
        """
        ...

    @property
    def is_open(self) -> bool:
        """Whether the relay stands open now, read from the pin."""
        ...

    def close(self) -> None:
        """Drop the relay at once (fail-secure) and free the pin."""
        ...


class Signal(str, Enum):
    """A visitor's result, as lamps and buzzer tell it; `hardware.states` says how (R5)."""

    READY = "ready"
    READING = "reading"
    PASS = "pass"  # noqa: S105 - a visitor's result
    DENY = "deny"
    REFER = "refer"
    ALREADY_USED = "already_used"
    ONE_AT_A_TIME = "one_at_a_time"
    OUT_OF_ORDER = "out_of_order"
    NOT_ENROLLED = "not_enrolled"
    CODE_TAKEN = "code_taken"  # one that sets the gate up, no visitor's
    CONFIRM_WORDS = "confirm_words"
    SETUP_DONE = "setup_done"
    SETUP_FAILED = "setup_failed"
    REVOKED = "revoked"


class Condition(str, Enum):
    """How the gate itself is, for the inspector: on the service lamp, whoever passes (R26)."""

    WELL = "well"
    OFFLINE = "offline"
    DATA_STALE = "data_stale"
    CLOCK_DOUBTFUL = "clock_doubtful"
    DISK_NEARLY_FULL = "disk_nearly_full"
    THERMOMETER_LOST = "thermometer_lost"
    CAMERA_LOST = "camera_lost"
    FORCED = "forced"
    COPYING = "copying"
    COPIED = "copied"
    COPY_FAILED = "copy_failed"
    SETUP_OPEN = "setup_open"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Lamps:
    """How the outputs stand, read from the pins: name ("pass", "deny", …) → lit."""

    lit: dict[str, bool] = field(default_factory=dict)


class Indicator(Protocol):
    """Lamps and buzzer."""

    def show(self, signal: Signal) -> None:
        """Show a visitor's result or the ready state from now on, by its pattern. Returns at once."""
        ...

    def show_condition(self, condition: Condition) -> None:
        """Tell the inspector how the gate is, on the service lamp; independent of `show`."""
        ...

    def show_link(self, connected: bool) -> None:
        """WELL or OFFLINE."""
        ...

    def lamps(self) -> Lamps:
        """How the lamps, the buzzer and the relay's neighbours stand now, read from the pins."""
        ...

    def close(self) -> None:
        """All dark, pins freed."""
        ...


class Thermometer(Protocol):
    """A contactless thermometer at the gate."""

    def measure(self) -> float | None:
        """The visitor's temperature in °C, None when nothing plausible was measured. Raises ThermometerError."""
        ...


class PassageSensor(Protocol):
    """Tells whether somebody went through an opening: a contact on the turnstile's arm, or a light beam behind it."""

    @property
    def busy(self) -> bool:
        """Whether somebody is passing or may still pass; False where nobody can tell."""
        ...

    def turned(self) -> tuple[Turned, ...]:
        """What happened since the last call, oldest first, () where nobody can tell. Never waits. Raises PinsError."""
        ...

    def close(self) -> None:
        """Free the pin. Safe to call twice."""
        ...


class Switch(Protocol):
    """One contact: the fire loop (active: intact) or a button (active: pressed)."""

    @property
    def active(self) -> bool:
        """How it is now, debounced. Raises PinsError."""
        ...

    def presses(self) -> int:
        """How often it became active since the last call."""
        ...

    def close(self) -> None:
        """Free the pin. Safe to call twice."""
        ...
