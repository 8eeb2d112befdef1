"""PURE: the floor – the newest time that somebody trustworthy has proved. The clock never reads below it (DESIGN 5).

It rises with the centre's signed words (updates, receipts), with the issue times of genuine passes, and by itself with
monotonic time. No single odd pass raises it. Only a receipt bound to our own nonce lowers it (`edge.clock`).
"""

from __future__ import annotations

from collections import OrderedDict

DRIFT = 50e-6  # of a Pi's crystal, at most (DESIGN 5)
WITNESSES = 3
WITNESS_SECONDS = 3_600.0
_MAX_WITNESSES = 16


class Floor:
    """proved: seconds since 1970 at the start, 0 for nothing; `mono`: monotonic seconds, here and everywhere."""

    def __init__(self, proved: float, mono: float) -> None:
        self._proved, self._since = proved, mono
        self._witnesses: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # serial → (when seen, issue time)

    def at(self, mono: float) -> float:
        """The floor now: what was proved, and what has passed for certain since then. 0 while nothing is proved."""
        if not self._proved:
            return 0.0
        return self._proved + max(0.0, mono - self._since) * (1 - DRIFT)

    def raise_to(self, proved: float, mono: float) -> None:
        """Somebody trustworthy proved a time; an older one than is known changes nothing."""
        if proved > self.at(mono):
            self._proved, self._since = proved, mono

    def lower_to(self, proved: float, mono: float) -> None:
        """What a receipt bound to our nonce may do: whatever raised the floor above it was wrong."""
        if proved < self.at(mono):
            self._proved, self._since = proved, mono
            self._witnesses.clear()

    def witness(self, serial: bytes, issued_at: float, mono: float) -> None:
        """A genuine pass was issued then. Only what three different passes of the last hour agree on is proved."""
        self._witnesses[serial] = (mono, issued_at)
        while len(self._witnesses) > _MAX_WITNESSES:
            self._witnesses.popitem(last=False)
        issued = sorted(at for seen, at in self._witnesses.values() if mono - seen < WITNESS_SECONDS)
        if len(issued) >= WITNESSES:
            self.raise_to(issued[-WITNESSES], mono)
