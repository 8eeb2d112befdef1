"""Where nobody can tell whether somebody went through, and a turnstile that tells what it is told to."""

from __future__ import annotations

import time
from collections import deque

from hardware.errors import PinsError
from hardware.turnstile import Turn, Turned


class NoPassageSensor:
    """A `PassageSensor` where there is none."""

    @property
    def busy(self) -> bool:
        """Nobody can tell: the barrier alone says whether it is open."""
        return False

    def turned(self) -> tuple[Turned, ...]:
        """Nothing, ever."""
        return ()

    def close(self) -> None:
        """Nothing to free."""


class SimulatedPassageSensor:
    """A `PassageSensor` that tells what `turn` was called with. busy: set it; lost: it cannot be read."""

    def __init__(self) -> None:
        self.busy = self.lost = False
        self._turned: deque[Turned] = deque()

    def turn(self, what: Turn) -> None:
        """Something happens at the turnstile."""
        self._turned.append(Turned(what, time.monotonic()))

    def turned(self) -> tuple[Turned, ...]:
        """What happened since the last call. Raises PinsError when it is lost."""
        if self.lost:
            raise PinsError("the simulated passage sensor is lost")
        turned = tuple(self._turned)
        self._turned.clear()
        return turned

    def close(self) -> None:
        """Nothing to free."""
