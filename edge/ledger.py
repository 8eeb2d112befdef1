"""Turns what happened into records and appends them: on disk before anything moves (R2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edge.decide import Decision
from edge.folding import Folding
from edge.recent import RecentUses
from sync.outbox import Outbox
from sync.outbox.errors import AppendFailed
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.record import Direction, Folded, Moment, Outcome, Place, Record, Scan, Started
from sync.wire.updates import Snapshot

NOWHERE = Place(0, 0, Direction.IN)  # of a gate that does not know yet where it stands


class Ledger:
    """The gate's memory: the outbox, the uses it knows of, and the refused codes that are still being counted.

    history: the newest records' bytes, oldest first, so that a restart forgets no use of a pass. trouble: why the
    newest append failed, None when it did not.
    """

    def __init__(self, outbox: Outbox, history: Iterable[bytes] = ()) -> None:
        self.outbox = outbox
        self.recent = RecentUses(_readable(history))
        self.trouble: str | None = None
        self._folding = Folding()

    def started(self, trust: Snapshot | None, now: Moment, software: str) -> None:
        """Record that the gate started. Raises AppendFailed."""
        self._append(Started(now, place_of(trust), software))

    def keep(self, decision: Decision, trust: Snapshot | None, now: Moment) -> None:
        """Put a decision on disk; one about a code that is not genuine is only counted. Raises AppendFailed."""
        claims = decision.claims
        if claims is None:
            self.refused(decision.reasons[0], now)
            return
        serial = claims.serial.hex()
        self._append(
            allow_reserve=trust is not None and trust.policy.open_when_disk_full,
            record=Scan(
                when=now,
                place=place_of(trust),
                outcome=decision.outcome,
                reasons=list(decision.reasons),
                policy="{}.{}".format(*trust.order) if trust else "",
                kind=decision.kind,
                serial=serial,
                status=claims.status.name.lower(),
                status_at=claims.status_at,
                temperature=decision.temperature,
                companions=claims.companions,
            ),
        )
        if decision.outcome is Outcome.PASS:
            self.recent.remember(serial, now.at)

    def refused(self, reason: str, now: Moment) -> None:
        """Count something that is no person's passage."""
        self._folding.note(reason, now.mono)

    def fold(self, trust: Snapshot | None, now: Moment, everything: bool = False) -> None:
        """Record the counts whose minute is over. Raises AppendFailed."""
        for reason, count in list(self._folding.due(now.mono, everything)):
            try:
                self._append(Folded(now, place_of(trust), reason, count))
            except AppendFailed:
                self._folding.note(reason, now.mono, count)
                raise

    def _append(self, record: Record, allow_reserve: bool = False) -> None:
        try:
            self.outbox.append(jsonform.encode(record), allow_reserve=allow_reserve)
        except AppendFailed as cause:
            self.trouble = str(cause)
            raise
        self.trouble = None


def place_of(trust: Snapshot | None) -> Place:
    """Venue, checkpoint and direction as they are now: a gate that moves changes only later records (DESIGN 7)."""
    return Place(trust.venue.venue, trust.venue.checkpoint, trust.venue.direction) if trust else NOWHERE


def _readable(history: Iterable[bytes]) -> Iterator[Record]:
    for data in history:
        try:
            yield jsonform.decode(data, Record, "record")  # type: ignore[arg-type]
        except WireError:
            continue  # of a later version; it is still sent
