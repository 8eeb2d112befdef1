"""Whose temperature: what a thermometer told in the moments before the scan, and whether that can be a person (R4).

*Not measured* is never *normal*: policy says what it is worth.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hardware.errors import ThermometerError
from hardware.mlx90614 import Mlx90614, Optics, Raw, celsius

SAMPLE_SECONDS = 0.1
_LOST_SECONDS = 2.0


class NoThermometer:
    """A `Thermometer` that never measures anything."""

    def measure(self) -> float | None:
        """None: not measured."""
        return None


@dataclass(frozen=True, slots=True)
class Plausibility:
    """What can be a person, in °C, and how long a reading may stand in for the visitor's, in seconds.

    frozen_seconds: a real sensor's last digit trembles; both words unchanged for so long means that it hangs.
    """

    least: float = 33.0
    most: float = 43.0
    window_seconds: float = 0.8
    frozen_seconds: float = 60.0


class Measurements:
    """PURE: the newest measurements, and what they say about who stands there at a given moment."""

    def __init__(self, optics: Optics, plausibility: Plausibility, now: float) -> None:
        self._optics, self._plausibility = optics, plausibility
        self._taken: deque[tuple[float, float]] = deque(maxlen=100)
        self._raw: Raw | None = None
        self._changed_at = self._heard_at = now
        self._trouble: ThermometerError | None = None

    def take(self, raw: Raw, at: float) -> None:
        """Note one measurement. at: monotonic seconds. Raises ThermometerError for an impossible one."""
        if raw != self._raw:
            self._raw, self._changed_at = raw, at
        self._taken.append((at, celsius(raw, self._optics)))
        self._heard_at, self._trouble = at, None

    def fail(self, trouble: ThermometerError) -> None:
        """Note that there was none."""
        self._trouble = trouble

    def visitor(self, now: float) -> float | None:
        """The warmest plausible value of the moment before `now`, None when there is none.

        The warmest, because hair, glasses and the wall beside a face only ever make it colder. Raises
        ThermometerError when nothing was heard for two seconds, or the sensor hangs.
        """
        if now - self._heard_at > _LOST_SECONDS:
            raise self._trouble or ThermometerError("the thermometer does not answer")
        plausible = self._plausibility
        if self._heard_at - self._changed_at >= plausible.frozen_seconds:
            raise ThermometerError(
                f"the thermometer has told exactly the same for {plausible.frozen_seconds:.0f} s: it hangs, "
                "switch its power off and on"
            )
        recent = [value for at, value in self._taken if 0 <= now - at <= plausible.window_seconds]
        return max((round(value, 2) for value in recent if plausible.least <= value <= plausible.most), default=None)


class SampledThermometer:
    """A `Thermometer` whose sensor is read in a thread of its own: a bus that hangs holds nobody up."""

    def __init__(
        self,
        sensor: Mlx90614,
        optics: Optics,
        plausibility: Plausibility,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sensor, self._monotonic = sensor, monotonic
        self._measurements = Measurements(optics, plausibility, monotonic())
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="thermometer", daemon=True)
        self._thread.start()

    def measure(self) -> float | None:
        """The visitor's temperature in °C; see the port. Never waits for the sensor."""
        with self._lock:
            return self._measurements.visitor(self._monotonic())

    def close(self) -> None:
        """Stop reading and free the bus."""
        self._stop.set()
        self._thread.join(_LOST_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            try:
                raw = self._sensor.read()
                with self._lock:
                    self._measurements.take(raw, self._monotonic())
            except ThermometerError as cause:
                with self._lock:
                    self._measurements.fail(cause)
        self._sensor.close()
