"""Which passes were used at this gate, lately: a bounded memory, rebuilt from the outbox at the start.

It knows nothing of other gates: a saved pass may be used there at the same time (docs/SECURITY.md).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from sync.wire.record import Outcome, Record, Scan

MAX_USES = 20_000


class RecentUses:
    """serial (hex) → seconds since 1970 of the first use. The oldest are forgotten beyond MAX_USES."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._first: OrderedDict[str, float] = OrderedDict()
        for record in records:
            if isinstance(record, Scan) and record.outcome is Outcome.PASS and record.serial is not None:
                self.remember(record.serial, record.when.at)

    def first_use(self, serial: bytes) -> float | None:
        """When the pass was first used here, None if it was not as far as is known."""
        return self._first.get(serial.hex())

    def remember(self, serial: str, at: float) -> None:
        """Keep the first use of a pass; a later one changes nothing."""
        self._first.setdefault(serial, at)
        while len(self._first) > MAX_USES:
            self._first.popitem(last=False)
