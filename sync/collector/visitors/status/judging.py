"""PURE: how somebody stands by the town's own register – from the authority's entries, tests, declarations, and now.

The newest entry that was not taken back and has not lapsed holds; when it ends, what holds without it: an earlier one
that still runs, else the town's default. A positive test that came after that entry is red, a declaration that nobody
looked at is yellow, and where a platform was asked its last word counts beside them: the most severe holds. It does NOT
judge who somebody is, nor what a gate makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sync.collector.visitors.status.port import Health, LastTest, Reason, Source
from sync.collector.visitors.status.settings import DAY_SECONDS, Default, StatusSettings
from sync.wire.passes import Status


@dataclass(frozen=True, slots=True)
class Entry:
    """The authority's word. until: its term. ended_at: when it was taken back, None while it was not."""

    status: Status
    reason: Reason
    set_at: float
    until: float
    ended_at: float | None = None

    @property
    def end(self) -> float:
        """When it no longer holds."""
        return self.until if self.ended_at is None else min(self.until, self.ended_at)


@dataclass(frozen=True, slots=True)
class Result:
    """A laboratory's word. taken_at: the sample. known_at: when it came here."""

    taken_at: float
    negative: bool
    known_at: float


@dataclass(frozen=True, slots=True)
class Declared:
    """What somebody said of themselves that needs a look. looked_at: when the authority did, None while it did not."""

    at: float
    looked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What the provincial platform said last. at: when it was asked. asserted_at: since when it says so."""

    status: Status
    at: float
    asserted_at: float
    test: LastTest | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is held of one person, in any order."""

    is_registered: bool
    entries: Sequence[Entry] = ()
    results: Sequence[Result] = ()
    declared: Sequence[Declared] = ()
    answered: Answered | None = None


def judge(evidence: Evidence, settings: StatusSettings, now: float) -> Health:
    """The register's answer at that moment; to be asked again at its `until`."""
    entry, answered = _in_force(evidence.entries, now), evidence.answered
    newest = max(evidence.results, key=lambda each: (each.taken_at, each.known_at), default=None)
    found = [] if entry is None else [_entered(evidence.entries, entry, now)]
    if answered is not None and answered.status is not Status.UNKNOWN:
        found.append(Health(answered.status, Reason.PLATFORM, Source.PLATFORM, answered.at, answered.asserted_at))
    if not found:
        found.append(_base(evidence, settings, now))
    if newest is not None and not newest.negative and (entry is None or newest.known_at > entry.set_at):
        ends = newest.taken_at + settings.positive_days * DAY_SECONDS
        found.append(_said(Status.RED, Reason.TEST_POSITIVE, now, newest.taken_at, ends))
    for each in evidence.declared:
        if each.looked_at is None:
            ends = each.at + settings.declaration_days * DAY_SECONDS
            found.append(_said(Status.YELLOW, Reason.DECLARED, now, each.at, ends))
    running = [each for each in found if each.until is None or each.until > now]
    hardest = max(running, key=lambda each: (each.status.severity, each.until or 0.0))
    tests = [] if newest is None else [LastTest(newest.taken_at, newest.negative)]
    if answered is not None and answered.test is not None:
        tests.append(answered.test)
    # Two words on one sample: the positive one.
    return replace(hardest, test=max(tests, key=lambda test: (test.at, not test.negative), default=None))


def _in_force(entries: Sequence[Entry], now: float) -> Entry | None:
    running = [each for each in entries if now < each.end]
    return max(running, key=lambda each: each.set_at, default=None)


def _base(evidence: Evidence, settings: StatusSettings, now: float) -> Health:
    """Where the authority says nothing."""
    if not evidence.is_registered:
        return _said(Status.UNKNOWN, Reason.NOT_REGISTERED, now, None, None)
    since = max((each.end for each in evidence.entries), default=None)
    # Whom a platform was asked about and does not know is nobody whom the town calls green by default.
    if settings.default is Default.GREEN and evidence.answered is None:
        return _said(Status.GREEN, Reason.DEFAULT, now, since, None)
    return _said(Status.UNKNOWN, Reason.NOTHING_KNOWN, now, since, None)


def _entered(entries: Sequence[Entry], entry: Entry, now: float) -> Health:
    # One that holds again does so since the later one ended.
    since = max((each.end for each in entries if each.set_at > entry.set_at), default=entry.set_at)
    return _said(entry.status, entry.reason, now, since, entry.until)


def _said(status: Status, reason: Reason, now: float, since: float | None, until: float | None) -> Health:
    return Health(status, reason, Source.REGISTER, now, since, until)
