"""Simulated sensors, beside the real ones and failing as they do: an I²C bus, a contact, a person in a turnstile."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable

from gpiozero.pins import Factory

from hardware.errors import PinsError
from hardware.mlx90614 import ADDRESS, packet_error_code

_AMBIENT = 0x06


class SimulatedBus:
    """An I²C bus with one MLX90614 on it. Set what it looks at, or how it fails.

    missing: does not answer (a Pi's driver says errno 121). damaged: one bit of each answer flips on the way.
    frozen: tells the same words for ever. flagged: sets its error bit.
    """

    def __init__(self, celsius: float = 22.0, ambient_celsius: float = 22.0, seed: int = 1) -> None:
        self.celsius, self.ambient_celsius = celsius, ambient_celsius
        self.missing = self.damaged = self.frozen = self.flagged = False
        self.is_open = False
        self._tremble = random.Random(seed)  # noqa: S311 - a sensor's noise
        self._told: dict[int, int] = {}

    def open(self) -> SimulatedBus:
        """As `smbus2.SMBus(1)`."""
        self.is_open = True
        return self

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        """As `smbus2.SMBus` does it."""
        if self.missing or i2c_addr != ADDRESS:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if not self.frozen or register not in self._told:
            value = self.ambient_celsius if register == _AMBIENT else self.celsius
            self._told[register] = round((value + 273.15) / 0.02) + self._tremble.choice((-1, 0, 1))
        word = self._told[register] | (0x8000 if self.flagged else 0)
        low, high = word & 0xFF, word >> 8
        pec = packet_error_code(bytes((i2c_addr << 1, register, i2c_addr << 1 | 1, low, high)))
        return [low ^ (4 if self.damaged else 0), high, pec][:length]

    def close(self) -> None:
        """Free it."""
        self.is_open = False


class SimulatedContact:
    """A contact that somebody moves: `active` is its level; `lost` makes it unreadable."""

    def __init__(self, active: bool = False) -> None:
        self.active, self.lost = active, False

    def read(self) -> bool:
        """The level now. Raises PinsError when it is lost."""
        if self.lost:
            raise PinsError("the simulated contact is lost")
        return self.active

    def close(self) -> None:
        """Nothing to free."""


class SimulatedSwitch:
    """A `Switch` that somebody moves: set `active`; `lost` makes it unreadable."""

    def __init__(self, active: bool = False) -> None:
        self._active, self.lost = active, False
        self._presses = 0

    @property
    def active(self) -> bool:
        """How it is now. Raises PinsError when it is lost."""
        if self.lost:
            raise PinsError("the simulated switch is lost")
        return self._active

    @active.setter
    def active(self, active: bool) -> None:
        self._presses += active and not self._active
        self._active = active

    def presses(self) -> int:
        """How often it became active since the last call."""
        presses, self._presses = self._presses, 0
        return presses

    def close(self) -> None:
        """Nothing to free."""


class SimulatedPerson:
    """Goes through a turnstile as soon as it opens: watches the relay and moves the contact.

    will_pass: asked at each opening; whoever will not lets it close again. act: moves the contact (active or not).
    """

    def __init__(
        self,
        relay_open: Callable[[], bool],
        act: Callable[[bool], None],
        will_pass: Callable[[], bool] = lambda: True,
        reaction_seconds: float = 0.3,
        passage_seconds: float = 0.5,
    ) -> None:
        self._relay_open, self._act, self._will_pass = relay_open, act, will_pass
        self._reaction_seconds, self._passage_seconds = reaction_seconds, passage_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="person", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave."""
        self._stop.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        was_open = False
        while not self._stop.wait(0.02):
            is_open = self._relay_open()
            if is_open and not was_open and self._will_pass() and not self._stop.wait(self._reaction_seconds):
                self._act(True)
                self._stop.wait(self._passage_seconds)
                self._act(False)
            was_open = is_open


def walk_on_mock_pin(
    factory: Factory, pin: int, relay_open: Callable[[], bool], closed_at_rest: bool
) -> SimulatedPerson:
    """Let simulated people walk through a turnstile whose contact is a mock pin (pulled up: closed is low)."""
    contact = factory.pin(pin)

    def move(passing: bool) -> None:
        (contact.drive_high if passing is closed_at_rest else contact.drive_low)()

    move(False)
    return SimulatedPerson(relay_open, move)
