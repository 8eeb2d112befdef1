"""PURE: the port through which everybody asks how a visitor stands, and what comes back (DESIGN 3).

Who asks holds no transaction: a source may speak to another server. What cannot be found out is UNKNOWN, never an
exception and never green; a gate refers it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from sync.collector.visitors.identity import Person
from sync.wire.passes import Status


class Reason(str, Enum):
    """Why somebody stands as they do. Those from CONTACT on are the authority's to choose; codes are kept for years."""

    DEFAULT = "default"  # nothing is held against them, and the town calls that green
    NOTHING_KNOWN = "nothing_known"
    NOT_REGISTERED = "not_registered"
    TEST_POSITIVE = "test_positive"
    DECLARED = "declared"  # symptoms or a contact, in their own words; nobody looked yet
    PLATFORM = "platform"  # the provincial platform's word
    NO_ANSWER = "no_answer"  # the platform did not say
    CONTACT = "contact"
    SECONDARY_CONTACT = "secondary_contact"
    RISK_AREA = "risk_area"
    CONFIRMED = "confirmed"
    SYMPTOMS = "symptoms"
    ISOLATION = "isolation"
    TEST_DUE = "test_due"
    RELEASED = "released"
    CHECKED = "checked"
    OTHER = "other"


class Source(str, Enum):
    """Whose word it is."""

    REGISTER = "register"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class LastTest:
    """A test's result. at: when the sample was taken, seconds since 1970."""

    at: float
    negative: bool


@dataclass(frozen=True, slots=True)
class Health:
    """How somebody stands. Times are seconds since 1970.

    since: from when, None where that is not known. until: when it ends by itself, None for no end that is known; no
    pass should outlive it. asserted_at: when the source said so: a pass's `status_at`. test: the newest.
    """

    status: Status
    reason: Reason
    source: Source
    asserted_at: float
    since: float | None = None
    until: float | None = None
    test: LastTest | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom it is about. visitor: our id of who registered. person: where the caller has it; a platform needs it."""

    visitor: str
    person: Person | None = field(default=None, repr=False)


class StatusSource(Protocol):
    """Says how visitors stand."""

    def of(self, subject: Subject, now: float) -> Health:
        """now: seconds since 1970. UNKNOWN where it cannot say. Raises DatabaseUnavailable."""
        ...


def worst(found: list[Health]) -> Health:
    """Of several people on one pass: the most severe status, the worst test, the earliest end. At least one.

    The test is a positive one, else none where somebody has none, else the oldest.
    """
    hardest = max(found, key=lambda each: each.status.severity)
    ends = [each.until for each in found if each.until is not None]
    return Health(
        hardest.status,
        hardest.reason,
        hardest.source,
        min(each.asserted_at for each in found),
        hardest.since,
        min(ends, default=None),
        _worst_test([each.test for each in found]),
    )


def _worst_test(tests: list[LastTest | None]) -> LastTest | None:
    known = [test for test in tests if test is not None]
    positive = [test for test in known if not test.negative]
    if positive:
        return max(positive, key=lambda test: test.at)
    return min(known, key=lambda test: test.at) if len(known) == len(tests) else None
