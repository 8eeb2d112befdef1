"""What can go wrong around the emulated Pi, apart from the gate itself."""

from __future__ import annotations


class EmulationError(Exception):
    """The card could not be made, or the emulator did not do what it must: no word about the gate."""


class NotSeen(AssertionError):
    """Something that a scenario waited for did not come: the gate's fault until shown otherwise."""
