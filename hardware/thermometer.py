"""Where there is no thermometer. *Not measured* is never *normal* (R4): policy says what it is worth."""

from __future__ import annotations


class NoThermometer:
    """A `Thermometer` that never measures anything."""

    def measure(self) -> float | None:
        """None: not measured."""
        return None
