"""PURE: a record – one line of what happened at a gate, kept for the health authority (R2, R7, R8, R10).

A record is named by (outbox id, sequence); the name stands beside it, not in it. It holds the venue, checkpoint
and direction as they were when it was decided. Corrections are new records that name the old one.
No name, number, phone or payload of a code ever stands in a record in the clear.
"""

from __future__ import annotations

from enum import Enum

import msgspec

MAX_RECORD_BYTES = 4_096


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
    UNKNOWN = "unknown"


class Moment(msgspec.Struct, frozen=True):
    """When, as evidence: order comes from sequence numbers, never from here.

    at: wall time, seconds since 1970. boot: the kernel's boot id. mono: seconds on that boot's monotonic clock.
    """

    at: float
    boot: str
    mono: float
    clock: ClockQuality


class Place(msgspec.Struct, frozen=True):
    """Where: venue and checkpoint by number, and the direction of the gate."""

    venue: int
    checkpoint: int
    direction: Direction


class Scan(msgspec.Struct, frozen=True, tag_field="type", tag="scan", omit_defaults=True):
    """One decision about one presented code.

    reasons: stable codes, the deciding one first (edge/reasons.py). serial: the pass's serial in hex.
    temperature: °C, absent when not measured. policy: "epoch.number" of the updates that decided.
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


Record = Scan | Folded | Started
