"""Lamps and buzzer on output pins. What each state looks and sounds like is one table: `hardware.states` (R5)."""

from __future__ import annotations

from dataclasses import dataclass

from gpiozero import DigitalOutputDevice, GPIOZeroError
from gpiozero.pins import Factory

from hardware.errors import PinsError
from hardware.ports import Condition, Lamps, Signal
from hardware.rhythm import Player, Rhythm
from hardware.states import BUZZER, CONDITIONS, RESULT_LAMPS, RESULTS, SERVICE_LAMP, STANDING

NAMES = (*RESULT_LAMPS, SERVICE_LAMP, BUZZER)


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
        self._player = Player()
        try:
            for name, number in numbers.items():
                self._outputs[name] = DigitalOutputDevice(number, active_high=active_high, pin_factory=factory)
        except GPIOZeroError as cause:
            self.close()
            raise PinsError(f"lamp {name!r} on pin {number}: {cause}") from cause
        self._signal: Signal | None = None
        self._condition: Condition | None = None

    def show(self, signal: Signal) -> None:
        """Show `signal` from now on. A visitor's result shown anew blinks and sounds anew; a standing state goes on."""
        if signal is self._signal and signal in STANDING:
            return
        self._signal = signal
        look = RESULTS[signal]
        for name in RESULT_LAMPS:
            self._play(name, look.rhythm if name in look.lamps else None)
        self._play(BUZZER, look.sound or self._alarm())

    def show_condition(self, condition: Condition) -> None:
        """Show how the gate is from now on; it sounds once when it begins, an alarm until it ends.

        A visitor's result is never talked over, except by an alarm.
        """
        if condition is self._condition:
            return
        ended, self._condition = self._alarm(), condition
        look = CONDITIONS[condition]
        self._play(SERVICE_LAMP, look.rhythm)
        if self._alarm() or ended or (look.sound and (self._signal is None or self._signal in STANDING)):
            self._play(BUZZER, look.sound)

    def show_link(self, connected: bool) -> None:
        """WELL or OFFLINE."""
        self.show_condition(Condition.WELL if connected else Condition.OFFLINE)

    def lamps(self) -> Lamps:
        """The outputs as the pins have them."""
        return Lamps({name: bool(output.value) for name, output in self._outputs.items()})

    def close(self) -> None:
        """All dark, pins freed."""
        self._player.close()
        for output in self._outputs.values():
            if not output.closed:
                output.off()
                output.close()

    def _alarm(self) -> Rhythm | None:
        """The sound of a condition that goes on sounding."""
        sound = CONDITIONS[self._condition].sound if self._condition is not None else None
        return sound if sound is not None and sound.repeats else None

    def _play(self, name: str, rhythm: Rhythm | None) -> None:
        output = self._outputs[name]
        try:
            self._player.play(name, rhythm, lambda on: output.on() if on else output.off())
        except GPIOZeroError as cause:
            raise PinsError(f"lamp {name!r}: {cause}") from cause
