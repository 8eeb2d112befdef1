"""PURE: what a code is worth at a checkpoint, weighed as its gate would – by the same keys, policy and rules (R20).

What it does NOT know: whether a gate let somebody in with that very code a moment ago. Gates remember uses, the centre
hears of them later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from edge.credentials import read
from edge.decide import Decision, Situation, decide
from edge.verify import Genuine, Verification, findings, verify
from sync.collector.registration.taps import Finding
from sync.wire.keys import SigningKey
from sync.wire.policy import Policy
from sync.wire.record import MAX_PEOPLE, ClockQuality, Direction, Moment, Outcome, Place, Registered
from sync.wire.statuslist import EMPTY, Withdrawn
from sync.wire.updates import Snapshot, VenueCard, build, open_snapshot

NO_LIST = Withdrawn(EMPTY, EMPTY)


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where an inspector stands, and what holds there now. at: seconds since 1970, by the centre's clock."""

    venue: int
    checkpoint: int
    direction: Direction
    policy: Policy
    at: float

    @property
    def now(self) -> Moment:
        """The centre's clock is certain; it counts no boots."""
        return Moment(self.at, "", 0.0, ClockQuality.SYNCHRONIZED, 0.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the inspector says of the temperature: a figure in °C, a word, or neither."""

    finding: Finding = Finding.NOT_MEASURED
    celsius: float | None = None


def trust_at(entrance: Entrance, key_list: bytes, root_public: bytes, key: SigningKey) -> Snapshot:
    """The updates that a gate there would be given now, opened as a gate opens them. The status list is asked apart."""
    card = VenueCard("", "", entrance.venue, "", entrance.checkpoint, "", entrance.direction)
    files = build(key_list, entrance.policy, card, (1, 1), int(entrance.at), key, NO_LIST)
    return open_snapshot(files, root_public)


def opened(text: str, trust: Snapshot, entrance: Entrance) -> Verification:
    """Whether the code is genuine, and what it says."""
    return verify(read(text), trust, entrance.now)


def judge(code: Verification, entrance: Entrance, measured: Measured, *, is_withdrawn: bool) -> Decision:
    """Weigh everything. is_withdrawn: whether the centre withdrew that pass."""
    if isinstance(code, Genuine):
        claims = code.claims
        against = findings(claims, entrance.venue, entrance.checkpoint, is_withdrawn, entrance.now)
        code = Genuine(claims, tuple(against))
    if measured.finding is not Finding.NORMAL:
        return decide(code, entrance.policy, _situation(entrance, measured))
    decision = decide(
        code, msgspec.structs.replace(entrance.policy, not_measured=Outcome.PASS), _situation(entrance, measured)
    )
    return replace(decision, weighed=tuple(each for each in decision.weighed if each.code != "not_measured"))


def needs_a_person(decision: Decision) -> bool:
    """Whether the inspector must say it: referred, or several people on one pass, of whom not all may have come."""
    has_company = decision.claims is not None and decision.claims.companions > 0
    return decision.outcome is Outcome.REFER or (decision.outcome is Outcome.PASS and has_company)


def record_of(
    serial: bytes,
    reasons: Iterable[str],
    outcome: Outcome,
    entrance: Entrance,
    measured: Measured,
    inspector: int,
    people: int = 1,
) -> Registered:
    """What is kept of it. outcome: pass or deny."""
    reading = measured.finding is Finding.READING
    return Registered(
        when=Moment(entrance.at, "", 0.0, ClockQuality.SYNCHRONIZED),
        place=Place(entrance.venue, entrance.checkpoint, entrance.direction),
        inspector=inspector,
        outcome=outcome,
        reasons=list(reasons),
        temperature=measured.celsius if reading else None,
        said_normal=measured.finding is Finding.NORMAL,
        limit_celsius=entrance.policy.fever_celsius if reading else None,
        people=min(people, MAX_PEOPLE) if outcome is Outcome.PASS else 1,
        serial=serial.hex(),
    )


def _situation(entrance: Entrance, measured: Measured) -> Situation:
    celsius = measured.celsius if measured.finding is Finding.READING else None
    return Situation(entrance.now, celsius, None, entrance.at, entrance.direction)
