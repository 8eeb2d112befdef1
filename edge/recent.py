"""PURE: which passes were used at this gate, lately: a bounded memory, rebuilt from the outbox at the start.

It knows nothing of other gates: a saved pass may be used there at the same time (docs/SECURITY.md). A use counts unless
the turnstile says that nobody went through; that the same pass then opens once more is `decide`'s rule.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sync.wire.record import Moment, Outcome, Passage, Passed, Record, Scan, Use

MAX_USES = 30_000  # a day of people, one every three seconds: the longest interval that a policy can ask for
AGAIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """first: the use that counts. people: how many went in with it. returned: when the last one did not, if so.

    repeated: the last opening made up for one that nobody used; it is not made up for again.
    """

    first: Moment
    people: int
    returned: Moment | None = None
    repeated: bool = False


class RecentUses:
    """By serial (hex); the oldest are forgotten beyond `max_uses`.

    records: (outbox id, sequence, record), oldest first. Their times are as good as the clocks were.
    """

    def __init__(self, records: Iterable[tuple[str, int, Record]] = (), max_uses: int = MAX_USES) -> None:
        self._max_uses = max_uses
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._newest: tuple[str, int, str] | None = None  # outbox, sequence and serial of the newest opening
        for outbox, sequence, record in records:
            if isinstance(record, Scan):
                self.scanned(outbox, sequence, record)
            elif isinstance(record, Passage):
                self.passed(outbox, record)

    def of(self, serial: bytes, now: Moment) -> Use | None:
        """What is remembered of a pass, None for nothing."""
        entry = self._entries.get(serial.hex())
        if entry is None:
            return None
        again = entry.returned is not None and _seconds(entry.returned, now) < AGAIN_SECONDS
        people = entry.people + (entry.returned is not None and not again)
        return Use(entry.first.at, round(_seconds(entry.first, now), 3), people, again)

    def scanned(self, outbox: str, sequence: int, scan: Scan) -> None:
        """Remember what opened; anything else is no use."""
        if scan.outcome is not Outcome.PASS or scan.serial is None:
            return
        before = self._entries.pop(scan.serial, None)
        first = scan.when if before is None or scan.person == 1 else before.first
        repeated = scan.use is not None and scan.use.again
        self._entries[scan.serial] = _Entry(first, scan.person, None, repeated)
        self._newest = outbox, sequence, scan.serial
        while len(self._entries) > self._max_uses:
            self._entries.popitem(last=False)

    def passed(self, outbox: str, passage: Passage) -> None:
        """Take the turnstile's word on the newest opening; one on an older opening comes too late to matter."""
        if self._newest is None or self._newest[:2] != (outbox, passage.scan):
            return
        serial = self._newest[2]
        entry = self._entries[serial]
        if passage.result is Passed.NOT_PASSED and not entry.repeated:
            self._entries[serial] = replace(entry, people=entry.people - 1, returned=passage.when)


def _seconds(since: Moment, now: Moment) -> float:
    """How long ago. Across a restart of the machine only the wall clock can tell; set back, it says "just now"."""
    ago = now.mono - since.mono if since.boot == now.boot else now.at - since.at
    return max(0.0, ago)
