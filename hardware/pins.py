"""The pin factory, by name: real pins on a Pi, gpiozero's mock pins elsewhere – by configuration, never by fallback.

A gate that silently drove imaginary pins would let nobody out and tell nobody why; so an unknown or unusable factory
is an error at the start.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from gpiozero import DigitalOutputDevice
from gpiozero.pins import Factory
from gpiozero.pins.mock import MockFactory, MockPin

from hardware.errors import PinsError

PinFactory = Factory
REAL_FACTORIES = ("lgpio", "rpigpio", "pigpio", "native")
PinTrace = Callable[[str, bool], None]
"""Called with a pin's name ("GPIO17") and its new level, at each change."""


def make_factory(name: str, trace: PinTrace | None = None) -> Factory:
    """The gpiozero factory called `name`: "mock" or one of REAL_FACTORIES.

    trace: told of every change of a mock pin, as a logic analyser on the real ones would be. Raises PinsError.
    """
    if name == "mock":
        return MockFactory(pin_class=_traced_pin(trace))
    if name not in REAL_FACTORIES:
        raise PinsError(f"pins.factory {name!r} is not one of: mock, {', '.join(REAL_FACTORIES)}")
    try:
        (found,) = entry_points(group="gpiozero_pin_factories", name=name)
        return found.load()()
    except Exception as cause:
        raise PinsError(
            f"pin factory {name!r} cannot be used here ({cause}). On a Raspberry Pi install python3-lgpio; "
            'without one, set factory = "mock" under [pins] to try the gate with simulated pins'
        ) from cause


def drop(factory: Factory, outputs: Mapping[int, bool]) -> None:
    """Take the power off outputs that a program may have left on when it died.

    Raspberry Pi OS keeps a pin as its dead program had it: a gate killed while the relay is held would leave the
    lock open. outputs: BCM number → whether it is active high. All of them are tried; raises PinsError for the first
    that could not be dropped, such as one that a program that runs has.
    """
    failed: PinsError | None = None
    for number, active_high in outputs.items():
        try:
            DigitalOutputDevice(number, active_high=active_high, initial_value=False, pin_factory=factory).close()
        except Exception as cause:  # noqa: BLE001 - each factory has errors of its own; the others are still dropped
            failed = failed or PinsError(f"pin {number} cannot be dropped: {cause}")
    if failed is not None:
        raise failed


def trace_to_file(path: Path) -> PinTrace:
    """A trace that appends `monotonic-nanoseconds pin level` lines, each in one write, so that kill -9 tears none."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def trace(pin: str, level: bool) -> None:
        os.write(descriptor, f"{time.monotonic_ns()} {pin} {int(level)}\n".encode())

    return trace


def _traced_pin(trace: PinTrace | None) -> type[MockPin]:
    class TracedPin(MockPin):  # type: ignore[misc]  # gpiozero has no type hints
        """A mock pin that reports its changes and keeps no history (MockPin's own grows for ever)."""

        def _change_state(self, value: Any) -> bool:
            changed = bool(super()._change_state(value))
            if changed:
                self.clear_states()
                if trace is not None:
                    trace(self.info.name, bool(value))
            return changed

    return TracedPin
