"""Contacts on input pins: the passage sensor, the fire loop, the button – debounced, and read by looking.

Edges only make us look sooner. Where a chip delivers none (seen on an emulated Pi), or one is lost, the next look
tells the same; so no state hangs on an edge.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from gpiozero import DigitalInputDevice, GPIOZeroError
from gpiozero.pins import Factory

from hardware.errors import PinsError
from hardware.turnstile import Patience, Sample, Turned, Turnstile

LOOK_SECONDS = 0.02
DEBOUNCE_SECONDS = 0.03
MAX_TURNED = 1_000  # not fetched: far more than one frame can bring


class Contact(Protocol):
    """A level that is either active or not."""

    def read(self) -> bool:
        """The level now, not debounced. Raises PinsError."""
        ...

    def close(self) -> None:
        """Free the pin. Safe to call twice."""
        ...


class PinContact:
    """A `Contact` on one input pin with the Pi's own pull-up: a potential-free contact between the pin and ground.

    closed_is_active: whether the closed contact (level low) is the active state.
    """

    def __init__(self, factory: Factory, name: str, pin: int, closed_is_active: bool = True) -> None:
        self._name, self._closed_is_active = name, closed_is_active
        try:
            self._input = DigitalInputDevice(pin, pull_up=True, pin_factory=factory)
        except GPIOZeroError as cause:
            raise PinsError(f"{name} on pin {pin}: {cause}") from cause

    def on_edge(self, act: Callable[[], None]) -> None:
        """Call `act` from gpiozero's thread at each edge that the chip reports."""
        self._input.when_activated = self._input.when_deactivated = act

    def read(self) -> bool:
        """The level now."""
        try:
            return bool(self._input.value) is self._closed_is_active
        except (GPIOZeroError, OSError) as cause:
            raise PinsError(f"{self._name}: {cause}") from cause

    def close(self) -> None:
        """Free the pin."""
        self._input.close()


class Debounced:
    """PURE: a level that follows once the raw one has stood still for `seconds`."""

    def __init__(self, seconds: float = DEBOUNCE_SECONDS, level: bool = False) -> None:
        self._seconds, self.level = seconds, level
        self._changed_at: float | None = None

    def take(self, raw: bool, at: float) -> bool:
        """The level after one look at the raw one. at: monotonic seconds."""
        if raw is self.level:
            self._changed_at = None
        elif self._changed_at is None:
            self._changed_at = at
        elif at - self._changed_at >= self._seconds:
            self.level, self._changed_at = raw, None
        return self.level


class Lookout:
    """Looks again and again, in a thread of its own: a slow disk or decoder must not miss who passes.

    An error of one look is kept in `trouble` until a look succeeds; the looking goes on.
    """

    def __init__(self, look: Callable[[float], None], seconds: float = LOOK_SECONDS) -> None:
        self._look, self._seconds = look, seconds
        self._soon, self._stop = threading.Event(), threading.Event()
        self.trouble: PinsError | None = None
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)
        self._thread.start()

    def soon(self) -> None:
        """Look now rather than later."""
        self._soon.set()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._soon.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look(time.monotonic())
                self.trouble = None
            except PinsError as cause:
                self.trouble = cause
            except (GPIOZeroError, OSError) as cause:
                self.trouble = PinsError(f"a pin cannot be read: {cause}")
            self._soon.wait(self._seconds)
            self._soon.clear()


class ContactPassageSensor:
    """A `PassageSensor` on one contact that is active while somebody is in the passage.

    relay_open, released: the relay's pin, and whether the fire loop holds the lock released; asked at each look.
    """

    def __init__(
        self,
        contact: Contact,
        relay_open: Callable[[], bool],
        patience: Patience,
        released: Callable[[], bool] = lambda: False,
        debounce_seconds: float = DEBOUNCE_SECONDS,
    ) -> None:
        self._contact, self._relay_open, self._released = contact, relay_open, released
        self._turnstile, self._debounced = Turnstile(patience), Debounced(debounce_seconds, contact.read())
        self._turned: deque[Turned] = deque(maxlen=MAX_TURNED)
        self._lock = threading.Lock()  # what happened and what is busy belong together
        self._lookout = Lookout(self._look)
        if isinstance(contact, PinContact):
            contact.on_edge(self._lookout.soon)

    def turned(self) -> tuple[Turned, ...]:
        """What happened since the last call, oldest first. Never waits. Raises PinsError when the contact is lost."""
        with self._lock:
            happened = tuple(self._turned)
            self._turned.clear()
        if not happened and self._lookout.trouble is not None:
            raise self._lookout.trouble
        return happened

    @property
    def busy(self) -> bool:
        """Whether somebody is passing or may still pass; also while it was not yet asked how that ended."""
        with self._lock:
            return self._turnstile.busy or bool(self._turned)

    def close(self) -> None:
        """Stop looking and free the pin."""
        self._lookout.close()
        self._contact.close()

    def _look(self, at: float) -> None:
        turning = self._debounced.take(self._contact.read(), at)
        sample = Sample(at, turning, self._relay_open(), self._released())
        with self._lock:
            self._turned.extend(self._turnstile.step(sample))


class ContactSwitch:
    """One debounced contact as the gate asks for it: the `FireLoop` (intact) and the `Button` (pressed) alike."""

    def __init__(self, contact: Contact, debounce_seconds: float = DEBOUNCE_SECONDS) -> None:
        self._contact = contact
        self._debounced = Debounced(debounce_seconds, contact.read())
        self._presses = 0
        self._lock = threading.Lock()
        self._lookout = Lookout(self._look)
        if isinstance(contact, PinContact):
            contact.on_edge(self._lookout.soon)

    @property
    def active(self) -> bool:
        """The debounced level. Raises PinsError when the contact cannot be read."""
        if self._lookout.trouble is not None:
            raise self._lookout.trouble
        return self._debounced.level

    def presses(self) -> int:
        """How often it became active since the last call."""
        with self._lock:
            presses, self._presses = self._presses, 0
        return presses

    def close(self) -> None:
        """Stop looking and free the pin."""
        self._lookout.close()
        self._contact.close()

    def _look(self, at: float) -> None:
        before = self._debounced.level
        if self._debounced.take(self._contact.read(), at) and not before:
            with self._lock:
                self._presses += 1
