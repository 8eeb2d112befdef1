"""The lock of the turnstile: a relay pulse. Fail-secure inward: without power or program the relay drops (DESIGN 9).

It does NOT tell whether anybody went through: that is the passage sensor's word.
"""

from __future__ import annotations

from threading import Lock, Timer

from gpiozero import DigitalOutputDevice, GPIOZeroError
from gpiozero.pins import Factory

from hardware.errors import PinsError


class RelayBarrier:
    """A `Barrier` on one output pin. open_seconds: how long the relay is held for one passage."""

    def __init__(self, factory: Factory, pin: int, open_seconds: float, active_high: bool = True) -> None:
        try:
            self._relay = DigitalOutputDevice(pin, active_high=active_high, pin_factory=factory)
        except GPIOZeroError as cause:
            raise PinsError(f"relay on pin {pin}: {cause}") from cause
        self._open_seconds = open_seconds
        self._lock = Lock()
        self._closing: Timer | None = None

    def open(self) -> None:
        """Start one opening and return at once. One that is under way is neither extended nor doubled."""
        with self._lock:
            if self._relay.value:
                return
            # The timer exists before the relay moves: if it cannot be had, nothing opens.
            self._closing = Timer(self._open_seconds, self._drop)
            self._closing.daemon = True
            try:
                self._closing.start()
                self._relay.on()
            except (GPIOZeroError, OSError, RuntimeError) as cause:
                self._closing.cancel()
                raise PinsError(f"the relay does not move: {cause}") from cause

    def _drop(self) -> None:
        with self._lock:
            self._relay.off()

    @property
    def is_open(self) -> bool:
        """Whether the relay is held now, read from the pin."""
        return bool(self._relay.value)

    def close(self) -> None:
        """Drop the relay and free the pin."""
        with self._lock:
            if self._closing is not None:
                self._closing.cancel()
            if not self._relay.closed:
                self._relay.off()
                self._relay.close()
