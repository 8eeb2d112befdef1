"""PURE: the policy – what the measures of the day require (R9). A typed, versioned document.

An unknown field or an impossible value refuses the whole document: the old policy stays in force. For other programs
the same rules stand in docs/policy.schema.json.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.record import Outcome

VERSION = 1
MAX_POLICY_BYTES = 3_000  # it must fit into a record (`sync.wire.record.Adopted`)

_Hours = Annotated[int, msgspec.Meta(gt=0, le=24 * 366)]
_SPAN = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"
_Span = Annotated[str, msgspec.Meta(pattern=_SPAN, max_length=11)]  # "$" alone allows a line feed behind
_Spans = Annotated[tuple[_Span, ...], msgspec.Meta(max_length=4)]


class Week(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the venue is open, each day as spans such as "06:00-12:30"; a day without any is closed all day.

    A span ends on its day, at 24:00 at the latest: a night market goes on in the next day's first span.
    """

    monday: _Spans = ()
    tuesday: _Spans = ()
    wednesday: _Spans = ()
    thursday: _Spans = ()
    friday: _Spans = ()
    saturday: _Spans = ()
    sunday: _Spans = ()

    def __post_init__(self) -> None:
        if any(start >= end for day in self.days for start, end in map(_minutes, day)):
            raise ValueError("a span of the opening hours ends after it begins")

    @property
    def days(self) -> tuple[tuple[str, ...], ...]:
        """Monday first."""
        return self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday

    def is_open(self, at: float, utc_offset_minutes: int) -> bool:
        """Whether the venue is open at that time (seconds since 1970)."""
        days, minute = divmod(int(at // 60) + utc_offset_minutes, 1440)
        day = self.days[(days + 3) % 7]  # 1 January 1970 was a Thursday
        return any(start <= minute < end for start, end in map(_minutes, day))


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each finding is worth at an unattended gate. Red, a fever and a positive test always deny.

    fever_celsius: a reading at or above it is not a pass (R4). not_measured: no plausible temperature.
    yellow: restricted (R3). paper, saved: these kinds of pass. companions: a pass for several people; "pass" lets them
    in one by one, each measured. withdrawn: on the status list, the holder is no longer green.
    test_hours: greatest age of the test, None for no test. status_hours: greatest age of the status, None for any.
    reuse_seconds: a saved or paper pass shown again within it is "already used".
    opening_hours: None for always open; closed: outside of them, at entries only. utc_offset_minutes: local time.
    trust_hours: greatest age of the updates before `stale_trust` applies.

    The clock (DESIGN 5). clock_error_seconds: a scan result needs a clock at least as certain as this; one that was
    certain earlier in this boot and no longer is: clock_holdover. clock_floor: only the earliest possible time is
    known; clock_unknown: not even that rests on more than the machine's own clock. Whatever is expired at the earliest
    possible time is denied; what is expired only by the reading: expired_unsure.

    open_when_disk_full: whether people pass on the preallocated reserve when the disk is full, as long as it lasts;
    without it, and after it, the gate is closed (DESIGN 6.7).
    tell_the_queue: whether the display says the reason, which the queue behind can read; neutral words otherwise.
    """

    v: Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)] = VERSION
    fever_celsius: Annotated[float, msgspec.Meta(ge=36.0, le=40.0)] = 37.3
    not_measured: Outcome = Outcome.PASS
    yellow: Outcome = Outcome.REFER
    saved: Outcome = Outcome.PASS
    paper: Outcome = Outcome.REFER
    companions: Outcome = Outcome.REFER
    withdrawn: Outcome = Outcome.DENY
    test_hours: _Hours | None = None
    test_old: Outcome = Outcome.DENY
    status_hours: _Hours | None = None
    status_old: Outcome = Outcome.REFER
    reuse_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 300
    already_used: Outcome = Outcome.REFER
    opening_hours: Week | None = None
    closed: Outcome = Outcome.REFER
    utc_offset_minutes: Annotated[int, msgspec.Meta(ge=-720, le=840)] = 480
    trust_hours: _Hours = 24
    stale_trust: Outcome = Outcome.PASS
    clock_error_seconds: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 30
    clock_holdover: Outcome = Outcome.PASS
    clock_floor: Outcome = Outcome.PASS
    clock_unknown: Outcome = Outcome.PASS
    expired_unsure: Outcome = Outcome.REFER
    open_when_disk_full: bool = False
    tell_the_queue: bool = False


def read_policy(data: bytes) -> Policy:
    """Read a policy document. Raises WireError naming the field that is unknown or impossible."""
    if len(data) > MAX_POLICY_BYTES:
        raise WireError(f"policy: {len(data)} bytes; at most {MAX_POLICY_BYTES} are read")
    return jsonform.decode(data, Policy, "policy")


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a policy document. It cannot say that a span ends after it begins."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Policy)}


def _minutes(span: str) -> tuple[int, int]:
    start, end = (int(time[:2]) * 60 + int(time[3:]) for time in span.split("-"))
    return start, end


if __name__ == "__main__":
    print(msgspec.json.format(jsonform.encode(schema()), indent=2).decode())  # noqa: T201 - for docs/policy.schema.json
