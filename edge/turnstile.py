"""The turnstile: one opening at a time, and afterwards its word on whether somebody went through (R8).

What a passage that did not happen means for the pass is `edge.recent`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardware.errors import PinsError
from hardware.ports import Barrier, PassageSensor, Turn, Turned
from sync.wire.record import Passed

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
    """Barrier and passage sensor together."""

    def __init__(self, barrier: Barrier, sensor: PassageSensor) -> None:
        self._barrier, self._sensor = barrier, sensor
        self._opening: Opening | None = None
        self._is_lost = False

    @property
    def is_busy(self) -> bool:
        """Whether somebody is (perhaps) going through, or stands in the way: one opening, one person."""
        return self._barrier.is_open or (self._sensor.busy and not self._is_lost)

    def open(self, opening: Opening) -> None:
        """Open for one person. Raises PinsError."""
        self._barrier.open()
        self._opening = opening

    def told(self) -> tuple[Told, ...]:
        """What is new, oldest first. A sensor that is lost cannot tell; the barrier works on."""
        told = tuple(self._told(turned.what) for turned in self._turned())
        if self._opening is not None and not self.is_busy:
            told += (Told(self._opening, None),)
            self._opening = None
        return told

    def _turned(self) -> tuple[Turned, ...]:
        try:
            turned = self._sensor.turned()
        except PinsError:
            self._is_lost = True
            return ()
        self._is_lost = False
        return turned

    def _told(self, what: Turn) -> Told:
        opening = self._opening
        if what in _VERDICTS:
            self._opening = None
        return Told(opening if what in _VERDICTS else None, Passed(what.value))
