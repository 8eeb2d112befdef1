"""PURE: a record – one line of what happened at an entrance, kept for the health authority (R2, R7, R8, R10).

A record is named by (outbox id, sequence); the name stands beside it, not in it. It holds the venue, checkpoint
and direction as they were when it was decided. Corrections are new records that name the old one.
No name, number, phone or payload of a code ever stands in a record in the clear.
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import Annotated

import msgspec

MAX_RECORD_BYTES = 4_096
MAX_PEOPLE = 9
"""Registered together at most (R6)."""


class Outcome(str, Enum):
    """What the gate answers. Refer means: the inspector decides; the gate stays closed. Higher `severity` wins."""

    PASS = "pass"  # noqa: S105 - a result
    REFER = "refer"
    DENY = "deny"

    @property
    def severity(self) -> int:
        """0 pass, 1 refer, 2 deny."""
        return _SEVERITY[self]


_SEVERITY = {Outcome.PASS: 0, Outcome.REFER: 1, Outcome.DENY: 2}


class Direction(str, Enum):
    """Entry or exit (出入, R1b)."""

    IN = "in"
    OUT = "out"


class ClockQuality(str, Enum):
    """How sure the gate is of its time (DESIGN 5)."""

    SYNCHRONIZED = "synchronized"
    HOLDOVER = "holdover"  # was certain earlier in this boot; the error bound grows
    FLOOR = "floor"  # the newest proved time and what passed since: the true time is this or later
    UNKNOWN = "unknown"  # the machine's own clock, which nobody vouches for


class Moment(msgspec.Struct, frozen=True, omit_defaults=True):
    """When, as evidence: order comes from sequence numbers, never from here.

    at: wall time, seconds since 1970. boot: the kernel's boot id. mono: seconds on that boot's monotonic clock.
    error_seconds: the true time is within at ± error_seconds; None where nobody can say. floor: the newest proved time,
    where it is what the moment rests on.
    """

    at: float
    boot: str
    mono: float
    clock: ClockQuality
    error_seconds: float | None = None
    floor: float | None = None

    @property
    def earliest(self) -> float:
        """The true time is not before this. -inf where nothing is proved."""
        return max(self.at - self._error, -inf if self.floor is None else self.floor)

    @property
    def latest(self) -> float:
        """The true time is not after this. inf where nothing bounds it."""
        return self.at + self._error

    @property
    def _error(self) -> float:
        if self.error_seconds is not None:
            return self.error_seconds
        return 0.0 if self.clock is ClockQuality.SYNCHRONIZED else inf


class Place(msgspec.Struct, frozen=True):
    """Where: venue and checkpoint by number, and the direction of the gate."""

    venue: int
    checkpoint: int
    direction: Direction


class Use(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the gate remembered of a pass when it was shown: nothing of other gates (docs/SECURITY.md).

    at: seconds since 1970 of the first use. seconds_ago: how long ago, by the monotonic clock where that can tell.
    people: how many have entered with it. again: the turnstile did not turn for the last of them, a moment ago.
    """

    at: float
    seconds_ago: float
    people: int = 1
    again: bool = False


class Scan(msgspec.Struct, frozen=True, tag_field="type", tag="scan", omit_defaults=True):
    """One decision about one presented code, with everything that was weighed, so that it can be decided again.

    reasons: stable codes, the deciding one first (edge/reasons.py). serial: the pass's serial in hex.
    temperature: °C, absent when not measured. policy: "epoch.number" of the updates that decided; the `Adopted` record
    of that name holds the document. pass_venue, pass_checkpoint: what the pass was issued for, 0 for any.
    use: what was remembered. person: 1 for the holder, 2 … for companions who enter one by one.
    """

    when: Moment
    place: Place
    outcome: Outcome
    reasons: list[str]
    policy: str
    kind: str | None = None
    serial: str | None = None
    status: str | None = None
    status_at: int | None = None
    temperature: float | None = None
    companions: int = 0
    issued_at: int | None = None
    expires_at: int | None = None
    tested_at: int | None = None
    test_negative: bool | None = None
    pass_venue: int = 0
    pass_checkpoint: int = 0
    use: Use | None = None
    person: int = 1


class Passed(str, Enum):
    """What the turnstile said. Where no record says it of an opening, nobody can tell."""

    PASSED = "passed"
    NOT_PASSED = "not_passed"
    FORCED = "forced"
    HELD_OPEN = "held_open"
    RELEASED = "released"


class Passage(msgspec.Struct, frozen=True, tag_field="type", tag="passage", omit_defaults=True):
    """What the turnstile said, and of which opening: the number of its `Scan` in this outbox, None for none (R8)."""

    when: Moment
    place: Place
    result: Passed
    scan: int | None = None


class Folded(msgspec.Struct, frozen=True, tag_field="type", tag="folded"):
    """Codes that were not genuine, counted: at most one record a minute for each reason (DESIGN 3)."""

    when: Moment
    place: Place
    reason: str
    count: int


class Started(msgspec.Struct, frozen=True, tag_field="type", tag="started"):
    """The gate started: a gap in the passages before it may be a power cut, not an empty doorway."""

    when: Moment
    place: Place
    software: str


class Adopted(msgspec.Struct, frozen=True, tag_field="type", tag="adopted"):
    """Updates came into force at this gate: under which policy the scans after it were decided (R8, R9).

    policy: "epoch.number", as in `Scan`. document: the policy, verbatim. issued_at: of the updates.
    """

    when: Moment
    place: Place
    policy: str
    issued_at: int
    document: msgspec.Raw


class FireLoop(msgspec.Struct, frozen=True, tag_field="type", tag="fire_loop"):
    """The fire loop in series with the lock opened (people may run out any way) or was closed again (R8)."""

    when: Moment
    place: Place
    intact: bool


class TakenBack(msgspec.Struct, frozen=True):
    """Which registration of the same outbox does not hold, and when somebody said so (seconds since 1970)."""

    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    at: float


class Registered(msgspec.Struct, frozen=True, tag_field="type", tag="registered", omit_defaults=True):
    """People whom an inspector checked in person, and let pass or refused: one, or some who came together (R6, R19).

    inspector: the number by which the centre knows them. reasons: as in `Scan`. temperature: °C, of several people the
    highest. said_normal: the inspector measured and says that it was normal, without the figure. Neither of the two:
    *not measured*, which is not *normal*. limit_celsius: what a figure was held against (R4). serial: in hex, of the
    pass that the inspector photographed (R20), or that the centre made for who was registered by hand (R6).

    takes_back: this one counts nobody. It repeats everything else of the registration that it names, `when` too, so
    that it takes away exactly what that one had added, in the same hour.
    """

    when: Moment
    place: Place
    inspector: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    outcome: Outcome
    reasons: list[str]
    temperature: float | None = None
    said_normal: bool = False
    limit_celsius: float | None = None
    people: Annotated[int, msgspec.Meta(ge=1, le=MAX_PEOPLE)] = 1
    takes_back: TakenBack | None = None
    serial: str | None = None

    def __post_init__(self) -> None:
        if self.outcome is Outcome.REFER:
            raise ValueError("an inspector lets pass or refuses")
        if self.said_normal and self.temperature is not None:
            raise ValueError("a temperature is a figure or a word, not both")


Record = Scan | Passage | Folded | Started | Adopted | FireLoop | Registered
