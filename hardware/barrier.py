"""The lock of the turnstile: a relay pulse. Fail-secure inward: without power or program the relay drops (DESIGN 9).

It does NOT tell whether anybody went through: that is the passage sensor's word. Nor does it drop the relay once it was
killed: that the kernel has to do, and Raspberry Pi OS only does where it is told to (docs/REAL_PI.md, 8.2).
"""

from __future__ import annotations

from threading import Condition, Thread
from time import monotonic

from gpiozero import DigitalOutputDevice, GPIOZeroError
from gpiozero.pins import Factory

from hardware.errors import PinsError

RETRY_SECONDS = 0.05  # while the pin does not obey; held open for ever is the worst that can happen


class RelayBarrier:
    """A `Barrier` on one output pin. open_seconds: how long the relay is held for one passage.

    One thread, begun before anything can open, drops the relay and never gives up; without it nothing opens.
    """

    def __init__(self, factory: Factory, pin: int, open_seconds: float, active_high: bool = True) -> None:
        try:
            self._relay = DigitalOutputDevice(pin, active_high=active_high, pin_factory=factory)
        except GPIOZeroError as cause:
            raise PinsError(f"relay on pin {pin}: {cause}") from cause
        self._open_seconds = open_seconds
        self._close_at: float | None = None
        self._changed, self._stopped = Condition(), False
        self._closer = Thread(target=self._run, name="barrier", daemon=True)
        self._closer.start()

    def open(self) -> None:
        """Start one opening and return at once. One that is under way is neither extended nor doubled."""
        with self._changed:
            if self._relay.value:
                return
            if not self._closer.is_alive():
                raise PinsError("the relay does not move: nothing would close it again")
            self._close_at = monotonic() + self._open_seconds
            try:
                self._relay.on()
            except (GPIOZeroError, OSError) as cause:
                raise PinsError(f"the relay does not move: {cause}") from cause
            finally:
                self._changed.notify()

    @property
    def is_open(self) -> bool:
        """Whether the relay is held now, read from the pin."""
        return bool(self._relay.value)

    def close(self) -> None:
        """Drop the relay and free the pin."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
            if not self._relay.closed:
                self._relay.off()
                self._relay.close()

    def _drop(self) -> None:
        with self._changed:
            self._relay.off()
            self._close_at = None

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                left = None if self._close_at is None else self._close_at - monotonic()
                if left is not None and left <= 0:
                    left = self._try_to_drop()
                self._changed.wait(left)

    def _try_to_drop(self) -> float | None:
        try:
            self._relay.off()
        except (GPIOZeroError, OSError):
            return RETRY_SECONDS
        self._close_at = None
        return None
