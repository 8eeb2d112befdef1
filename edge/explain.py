"""Why a decision is as it is, line by line; and a recorded decision made again from what its record holds.

A record does not hold the status list: that a pass was withdrawn is taken from the record's own reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge import history
from edge.decide import Decision, Situation, decide
from edge.errors import NoSuchRecord
from edge.reasons import REASONS
from edge.verify import Finding, Genuine, findings
from sync.outbox import OutboxReader, readers
from sync.wire.errors import WireError
from sync.wire.passes import PassClaims, PassKind, Status
from sync.wire.policy import read_policy
from sync.wire.record import Adopted, Moment, Scan

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision and the policy behind it: "epoch.number" of its updates, and when they were issued."""

    decision: Decision
    policy: str
    policy_issued_at: float

    def lines(self) -> Iterator[str]:
        """In words: the outcome, each reason with its weight, what the pass says, and the clock."""
        decision = self.decision
        yield f"{decision.outcome.value} by policy {self.policy}, issued {_time(self.policy_issued_at)}"
        for reason in decision.weighed:
            detail = REASONS[reason.code].detail
            yield f"  {reason.outcome.value:5}  {reason.code:14}  {detail.zh} / {detail.en}"
        if decision.claims is not None:
            yield from _pass_lines(decision.claims)
        use = decision.situation.use
        if use is not None:
            yield f"used: first {_time(use.at)}, {use.seconds_ago:.0f} s before, by {use.people}"
        yield _clock_line(decision.situation.now)


@dataclass(frozen=True, slots=True)
class DecidedAgain:
    """A record, and the decision made anew from it."""

    scan: Scan
    explained: Explained

    @property
    def agrees(self) -> bool:
        """Whether both say the same, in outcome and every reason."""
        decision = self.explained.decision
        return (self.scan.outcome, tuple(self.scan.reasons)) == (decision.outcome, decision.reasons)


def decided_again(outboxes: Path, sequence: int, outbox: str | None = None) -> DecidedAgain:
    """Decide again what record `sequence` decided. outbox: its id, the one that goes on unless said.

    Raises NoSuchRecord with a sentence, OutboxError.
    """
    found = [reader for reader in readers(outboxes) if outbox in (None, reader.id)]
    if not found:
        raise NoSuchRecord(f"there is no outbox {outbox or ''} in {outboxes}")
    reader = found[-1]
    kept = next(history.between(reader, sequence, sequence + 1), None) if sequence >= reader.first() else None
    if kept is None:
        raise NoSuchRecord(f"there is no whole record {sequence}: {reader.first()} … {reader.next() - 1} are kept")
    scan = kept[2]
    if not isinstance(scan, Scan):
        raise NoSuchRecord(f"record {sequence} is no decision about a pass, but says: {type(scan).__name__.lower()}")
    return again(scan, _adopted(reader, sequence, scan.policy))


def again(scan: Scan, adopted: Adopted) -> DecidedAgain:
    """Decide from the records alone. Raises NoSuchRecord for a record that holds too little (of an older version)."""
    try:
        claims, policy = _claims(scan), read_policy(bytes(adopted.document))
    except (KeyError, ValueError, WireError) as cause:
        raise NoSuchRecord(f"this record cannot be decided again: {cause}") from cause
    withdrawn = Finding.WITHDRAWN.value in scan.reasons
    found = tuple(findings(claims, scan.place.venue, scan.place.checkpoint, withdrawn, scan.when))
    situation = Situation(scan.when, scan.temperature, scan.use, adopted.issued_at, scan.place.direction)
    decision = decide(Genuine(claims, found), policy, situation)
    return DecidedAgain(scan, Explained(decision, adopted.policy, adopted.issued_at))


def _adopted(reader: OutboxReader, before: int, name: str) -> Adopted:
    """The newest record before that number which says what policy `name` was."""
    first = reader.first()
    while before > first:
        start = max(first, before - _CHUNK)
        found = [record for _, _, record in history.between(reader, start, before)]
        for record in reversed(found):
            if isinstance(record, Adopted) and record.policy == name:
                return record
        before = start
    raise NoSuchRecord(f"the record that holds policy {name} is no longer kept on this gate; the centre has it")


def _claims(scan: Scan) -> PassClaims:
    if scan.kind is None or scan.serial is None or scan.status is None or scan.status_at is None:
        raise ValueError("it does not hold the pass's claims")
    if scan.issued_at is None or scan.expires_at is None:
        raise ValueError("it does not hold the pass's times")
    return PassClaims(
        issuer="",
        issued_at=scan.issued_at,
        expires_at=scan.expires_at,
        serial=bytes.fromhex(scan.serial),
        kind=PassKind[scan.kind.upper()],
        status=Status[scan.status.upper()],
        status_at=scan.status_at,
        tested_at=scan.tested_at,
        test_negative=scan.test_negative,
        companions=scan.companions,
        venue=scan.pass_venue,
        checkpoint=scan.pass_checkpoint,
    )


def _pass_lines(claims: PassClaims) -> Iterator[str]:
    yield f"kind: {claims.kind.name.lower()}, issued {_time(claims.issued_at)}, expires {_time(claims.expires_at)}"
    yield f"status: {claims.status.name.lower()}, asserted {_time(claims.status_at)}"
    if claims.tested_at is not None:
        result = {True: "negative", False: "positive", None: "unknown"}[claims.test_negative]
        yield f"test: {result}, taken {_time(claims.tested_at)}"
    if claims.companions:
        yield f"people: {claims.companions + 1} on one pass"


def _clock_line(now: Moment) -> str:
    bound = "" if now.error_seconds is None else f" ± {now.error_seconds:g} s"
    floor = "" if now.floor is None else f", not before {_time(now.floor)}"
    return f"clock: {_time(now.at)}{bound} ({now.clock.value}{floor})"


def _time(at: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S %z}"
    except (ValueError, OverflowError, OSError):
        return f"{at:g} s after 1970"
