"""PURE: the policy – what the measures of the day require (R9). A typed, versioned document.

An unknown field or an impossible value refuses the whole document: the old policy stays in force.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from sync.wire import jsonform
from sync.wire.record import Outcome

_Hours = Annotated[int, msgspec.Meta(gt=0, le=24 * 366)]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each finding is worth at an unattended gate.

    fever_celsius: a reading at or above it is not a pass (R4). not_measured: no plausible temperature.
    yellow: restricted (R3). paper, saved: these kinds of pass. test_hours: greatest age of the test, None for no test.
    reuse_seconds: a saved or paper pass shown again within it is "already used". trust_hours: greatest age of the
    updates before `stale_trust` applies. clock_unknown: a pass whose time limits cannot be checked well.
    open_when_disk_full: whether people pass on the preallocated reserve when the disk is full, as long as it lasts;
    without it, and after it, the gate is closed (DESIGN 6.7).
    """

    fever_celsius: Annotated[float, msgspec.Meta(ge=36.0, le=40.0)] = 37.3
    not_measured: Outcome = Outcome.PASS
    yellow: Outcome = Outcome.REFER
    saved: Outcome = Outcome.PASS
    paper: Outcome = Outcome.REFER
    companions: Outcome = Outcome.REFER
    test_hours: _Hours | None = None
    test_old: Outcome = Outcome.DENY
    reuse_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 300
    trust_hours: _Hours = 24
    stale_trust: Outcome = Outcome.PASS
    clock_unknown: Outcome = Outcome.PASS
    open_when_disk_full: bool = False


def read_policy(data: bytes) -> Policy:
    """Read a policy document. Raises WireError naming the field that is unknown or impossible."""
    return jsonform.decode(data, Policy, "policy")
