"""The turnstile: one opening at a time, and afterwards its word on whether somebody went through (R8).

What a passage that did not happen means for the pass is `edge.recent`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardware.errors import PinsError
from hardware.ports import Barrier, PassageSensor, Turn, Turned
from sync.wire.record import Passed

FORCED_SECONDS = 10.0  # how long a passage that was forced, and is over, is still an alarm
_VERDICTS = (Turn.PASSED, Turn.NOT_PASSED)


@dataclass(frozen=True, slots=True)
class Opening:
    """For the person whom record number `scan` let in. more: others may follow on the same pass."""

    scan: int
    more: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What the turnstile said. opening: which it said it of, None for none. result: None where nobody can tell."""

    opening: Opening | None
    result: Passed | None

    @property
    def invites_again(self) -> bool:
        """Whether the same pass may now be shown anew: it was not used, or companions are to follow."""
        return self.result is Passed.NOT_PASSED or (self.opening is not None and self.opening.more)


class Turnstile:
    """Barrier and passage sensor together. trouble: why the sensor cannot tell, None when it can."""

    def __init__(self, barrier: Barrier, sensor: PassageSensor) -> None:
        self._barrier, self._sensor = barrier, sensor
        self._opening: Opening | None = None
        self.trouble: str | None = None
        self._forced_until, self._is_held = float("-inf"), False

    @property
    def is_busy(self) -> bool:
        """Whether somebody is (perhaps) going through, or stands in the way: one opening, one person."""
        return self._barrier.is_open or (self._sensor.busy and self.trouble is None)

    def open(self, opening: Opening) -> None:
        """Open for one person. Raises PinsError."""
        self._barrier.open()
        self._opening = opening

    def told(self) -> tuple[Told, ...]:
        """What is new, oldest first. A sensor that is lost cannot tell; the barrier works on."""
        told = tuple(self._told(turned.what, turned.at) for turned in self._turned())
        if self._opening is not None and not self.is_busy:
            told += (Told(self._opening, None),)
            self._opening = None
        return told

    def _turned(self) -> tuple[Turned, ...]:
        try:
            turned = self._sensor.turned()
        except PinsError as cause:
            self.trouble = str(cause)
            return ()
        self.trouble = None
        return turned

    def alarm(self, now: float) -> str | None:
        """What is wrong at the turnstile, None for nothing. now: monotonic seconds."""
        if self._is_held:
            return "held open"
        return "forced" if now < self._forced_until else None

    def _told(self, what: Turn, at: float) -> Told:
        opening = self._opening
        if what in _VERDICTS:
            self._opening = None
        elif what is Turn.FORCED:
            self._forced_until = at + FORCED_SECONDS
        else:
            self._is_held = what is Turn.HELD_OPEN
        return Told(opening if what in _VERDICTS else None, Passed(what.value))
