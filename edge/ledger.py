"""Turns what happened into records and appends them: on disk before anything moves (R2)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from edge.decide import Decision
from edge.folding import Folding
from edge.history import Kept
from edge.recent import RecentUses
from sync.outbox import Outbox
from sync.outbox.errors import AppendFailed
from sync.wire import jsonform
from sync.wire.passes import PassClaims
from sync.wire.record import Adopted, Direction, FireLoop, Folded, Moment, Passage, Passed, Place, Record, Scan, Started
from sync.wire.updates import Snapshot

NOWHERE = Place(0, 0, Direction.IN)  # of a gate that does not know yet where it stands


class Ledger:
    """The gate's memory: the outbox, the uses it knows of, and the refused codes that are still being counted.

    history: the newest records, oldest first, so that a restart forgets no use of a pass. trouble: why the newest
    append failed, None when it did not.
    """

    def __init__(self, outbox: Outbox, history: Iterable[Kept] = ()) -> None:
        self.outbox = outbox
        self.recent = RecentUses(history)
        self.trouble: str | None = None
        self._folding = Folding()

    def started(self, trust: Snapshot | None, now: Moment, software: str) -> None:
        """Record that the gate started. Raises AppendFailed."""
        self._append(Started(now, place_of(trust), software))

    def adopted(self, trust: Snapshot, now: Moment) -> None:
        """Record that updates came into force, with their policy. Raises AppendFailed."""
        policy = msgspec.Raw(jsonform.encode(trust.policy))
        self._append(Adopted(now, place_of(trust), policy_name(trust), trust.issued_at, policy))

    def keep(self, decision: Decision, trust: Snapshot | None) -> int | None:
        """Put a decision on disk; its number. One about a code that is not genuine is only counted.

        Raises AppendFailed.
        """
        if decision.claims is None:
            self.refused(decision.reasons[0], decision.situation.now)
            return None
        scan = scan_of(decision, decision.claims, place_of(trust), policy_name(trust))
        sequence = self._append(scan, allow_reserve=trust is not None and trust.policy.open_when_disk_full)
        self.recent.scanned(self.outbox.id, sequence, scan)
        return sequence

    def passed(self, result: Passed, scan: int | None, trust: Snapshot | None, now: Moment) -> None:
        """Record the turnstile's word. scan: the number of the record that opened, if it is about one.

        Raises AppendFailed.
        """
        passage = Passage(now, place_of(trust), result, scan)
        self._append(passage, allow_reserve=trust is not None and trust.policy.open_when_disk_full)
        self.recent.passed(self.outbox.id, passage)

    def fire_loop(self, intact: bool, trust: Snapshot | None, now: Moment) -> None:
        """Record that the fire loop opened or was closed again. Raises AppendFailed."""
        self._append(FireLoop(now, place_of(trust), intact))

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

    def _append(self, record: Record, allow_reserve: bool = False) -> int:
        try:
            sequence = self.outbox.append(jsonform.encode(record), allow_reserve=allow_reserve)
        except AppendFailed as cause:
            self.trouble = str(cause)
            raise
        self.trouble = None
        return sequence


def place_of(trust: Snapshot | None) -> Place:
    """Venue, checkpoint and direction as they are now: a gate that moves changes only later records (DESIGN 7)."""
    return Place(trust.venue.venue, trust.venue.checkpoint, trust.venue.direction) if trust else NOWHERE


def policy_name(trust: Snapshot | None) -> str:
    """What a record calls the policy that decided."""
    return "{}.{}".format(*trust.order) if trust else ""


def scan_of(decision: Decision, claims: PassClaims, place: Place, policy: str) -> Scan:
    """The record of a decision about a genuine pass: all that was weighed, and nothing that names the person."""
    situation = decision.situation
    return Scan(
        when=situation.now,
        place=place,
        outcome=decision.outcome,
        reasons=list(decision.reasons),
        policy=policy,
        kind=decision.kind,
        serial=claims.serial.hex(),
        status=claims.status.name.lower(),
        status_at=claims.status_at,
        temperature=situation.temperature,
        companions=claims.companions,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
        tested_at=claims.tested_at,
        test_negative=claims.test_negative,
        pass_venue=claims.venue,
        pass_checkpoint=claims.checkpoint,
        use=situation.use,
        person=decision.person,
    )
