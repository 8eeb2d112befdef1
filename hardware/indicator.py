"""Lamps and buzzer: one table says what each state looks and sounds like (R5).

Every state differs in rhythm and in sound, not only in colour. docs/OPERATIONS.md prints the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gpiozero import DigitalOutputDevice, GPIOZeroError
from gpiozero.pins import Factory

from hardware.errors import PinsError
from hardware.ports import Lamps, Signal


class Beat(NamedTuple):
    """A rhythm: seconds on, seconds off, how often (None: until something else is shown). off 0: steady."""

    on: float
    off: float
    times: int | None = None


STEADY = Beat(1.0, 0.0)

PATTERNS: dict[Signal, dict[str, Beat]] = {
    Signal.READY: {},
    Signal.PASS: {"pass": STEADY, "buzzer": Beat(0.4, 0.1, 1)},
    Signal.DENY: {"deny": Beat(0.12, 0.12), "buzzer": Beat(0.1, 0.1, 4)},
    Signal.REFER: {"refer": Beat(0.6, 0.4), "buzzer": Beat(0.4, 0.3, 2)},
    Signal.ONE_AT_A_TIME: {"deny": Beat(0.3, 0.9), "refer": Beat(0.3, 0.9), "buzzer": Beat(0.1, 0.6, 2)},
    Signal.OUT_OF_ORDER: {"deny": STEADY, "refer": STEADY},
}
LINK_UP, LINK_DOWN = STEADY, Beat(0.2, 1.8)
_STANDING = (Signal.READY, Signal.OUT_OF_ORDER)
NAMES = ("pass", "deny", "refer", "link", "buzzer")


@dataclass(frozen=True, slots=True)
class LampPins:
    """BCM numbers of the outputs."""

    passing: int
    deny: int
    refer: int
    link: int
    buzzer: int


class LampIndicator:
    """An `Indicator` on five output pins."""

    def __init__(self, factory: Factory, pins: LampPins, active_high: bool = True) -> None:
        numbers = dict(zip(NAMES, (pins.passing, pins.deny, pins.refer, pins.link, pins.buzzer), strict=True))
        self._outputs: dict[str, DigitalOutputDevice] = {}
        try:
            for name, number in numbers.items():
                self._outputs[name] = DigitalOutputDevice(number, active_high=active_high, pin_factory=factory)
        except GPIOZeroError as cause:
            self.close()
            raise PinsError(f"lamp {name!r} on pin {number}: {cause}") from cause
        self._signal: Signal | None = None
        self._connected: bool | None = None

    def show(self, signal: Signal) -> None:
        """Show `signal` from now on. A visitor's result shown anew blinks and sounds anew; a standing state goes on."""
        if signal is self._signal and signal in _STANDING:
            return
        self._signal = signal
        for name in ("pass", "deny", "refer", "buzzer"):
            self._drive(name, PATTERNS[signal].get(name))

    def show_link(self, connected: bool) -> None:
        """Steady while records reach the centre, a short flash every two seconds while offline but working."""
        if connected is not self._connected:
            self._connected = connected
            self._drive("link", LINK_UP if connected else LINK_DOWN)

    def lamps(self) -> Lamps:
        """The outputs as the pins have them."""
        return Lamps({name: bool(output.value) for name, output in self._outputs.items()})

    def close(self) -> None:
        """All dark, pins freed."""
        for output in self._outputs.values():
            if not output.closed:
                output.off()
                output.close()

    def _drive(self, name: str, beat: Beat | None) -> None:
        output = self._outputs[name]
        try:
            if beat is None:
                output.off()
            elif beat.off == 0:
                output.on()
            else:
                output.blink(beat.on, beat.off, beat.times)
        except GPIOZeroError as cause:
            raise PinsError(f"lamp {name!r}: {cause}") from cause
