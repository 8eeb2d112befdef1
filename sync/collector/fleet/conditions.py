"""PURE: what is the matter with a gate, judged from what the centre knows of it. Words stand in `fleet.words`.

Decides kind, severity and order. It does NOT decide whom to tell: that is the alarms' and the pages' business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from sync.collector.fleet import history
from sync.collector.fleet.history import Sample
from sync.wire.batch import Report
from sync.wire.status import Fault

CLOCK_LIMIT_SECONDS = 30.0  # flagged from here on (DESIGN 5)
FLAPPING_GAPS = 3
FLAPPING_HOURS = 6
"""How much of the history is looked at."""
_FLAPPING_SECONDS = FLAPPING_HOURS * 3600
_GROWTH_SECONDS = 2 * 3600
_DISK_SCARCE, _DISK_FULL = 0.90, 0.98
_BOARD_HOT_CELSIUS, _BOARD_TOO_HOT_CELSIUS = 75.0, 80.0  # a Pi slows itself down from 80 °C on


class Severity(str, Enum):
    """Broken: people do not pass as they should, or records are refused. Attention: it will be, or somebody must
    look. Note: to know. Fine: nothing.
    """

    BROKEN = "broken"
    ATTENTION = "attention"
    NOTE = "note"
    FINE = "fine"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Kind(str, Enum):
    """What can be the matter, in the order in which it is told; beside each what its `figures` are."""

    SHARED_OUTBOX = "shared_outbox"  # subject: the other gates' ids
    SILENT = "silent"  # seconds
    NEVER_HEARD = "never_heard"
    FAULT = "fault"  # subject: `sync.wire.status.Fault`, or a newer gate's code
    CLOCK_RUNAWAY = "clock_runaway"  # seconds (gate minus centre), seconds_a_day
    CLOCK_OFF = "clock_off"  # seconds
    FLAPPING = "flapping"  # gaps, hours
    DISK_FULL = "disk_full"  # share of 1
    BACKLOG_GROWING = "backlog_growing"  # records, records_an_hour
    CONFLICTS = "conflicts"  # count
    SET_ASIDE = "set_aside"  # count
    DAMAGED = "damaged"  # count
    BOARD_HOT = "board_hot"  # celsius
    STALE_TRUST = "stale_trust"  # seconds
    OLD_SOFTWARE = "old_software"  # subject: its version
    NOT_PROVISIONED = "not_provisioned"
    REVOKED = "revoked"  # quarantined: records
    RETIRED = "retired"

    @property
    def order(self) -> int:
        """Its place in this list."""
        return list(Kind).index(self)


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is the matter. since: seconds since 1970, None where nobody knows. figures: see `Kind`."""

    kind: Kind
    severity: Severity
    since: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    subject: str = ""

    @property
    def key(self) -> str:
        """The same as long as it is the same trouble of a gate: "silent", "fault.camera"."""
        return f"{self.kind.value}.{self.subject}" if self.kind is Kind.FAULT else self.kind.value


@dataclass(frozen=True, slots=True)
class Limits:
    """What the centre's settings and its policy say.

    silent_after_seconds: shown as silent. alarm_after_seconds: a silence that is worth an alarm; stick_seconds: the
    same of a gate whose newest word came on a stick. trust_seconds: greatest age of updates. software: the centre's
    own version.
    """

    silent_after_seconds: float = 60.0
    alarm_after_seconds: float = 900.0
    stick_seconds: float = 14 * 86_400.0
    trust_seconds: float = 86_400.0
    software: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the centre knows of a gate. Times: seconds since 1970; None: never, or not known.

    report, clock_error_seconds (gate minus centre): of the last contact; is_carried: it came on a stick, made at that
    time. trust_issued_at: of the updates that it had then. faults_at: since when it tells of the faults that it tells
    of. recent: samples of the last `FLAPPING_HOURS`, oldest first. shared_with: ids of gates with which it shares an
    outbox. set_aside, conflicts: records that nobody has resolved.
    """

    is_provisioned: bool = True
    revoked_at: float | None = None
    retired_at: float | None = None
    last_contact: float | None = None
    is_carried: bool = False
    clock_error_seconds: float = 0.0
    report: Report | None = None
    trust_issued_at: float | None = None
    faults_at: float | None = None
    recent: Sequence[Sample] = ()
    shared_with: tuple[str, ...] = ()
    shared_since: float | None = None
    set_aside: int = 0
    conflicts: int = 0
    quarantined: int = 0


def judge(facts: Facts, now: float, limits: Limits) -> list[Condition]:
    """What is the matter, the worst first; nothing for a gate that is fine."""
    if facts.retired_at is not None:
        found = [Condition(Kind.RETIRED, Severity.NOTE, facts.retired_at)]
    elif facts.revoked_at is not None:
        count = {"quarantined": facts.quarantined}
        found = [Condition(Kind.REVOKED, Severity.NOTE, facts.revoked_at, count), *_kept(facts)]
    else:
        found = [condition for each in _JUDGES for condition in each(facts)]
        found += [*_link(facts, now, limits), *_trust(facts, now, limits), *_software(facts, limits)]
    return sorted(found, key=lambda condition: (condition.severity.rank, condition.kind.order))


def worst(conditions: Sequence[Condition]) -> Severity:
    """The severity of the first, which is the worst."""
    return conditions[0].severity if conditions else Severity.FINE


def _link(facts: Facts, now: float, limits: Limits) -> Iterator[Condition]:
    if facts.last_contact is None:
        if facts.is_provisioned:
            yield Condition(Kind.NEVER_HEARD, Severity.ATTENTION)
        else:
            yield Condition(Kind.NOT_PROVISIONED, Severity.NOTE)
        return
    seconds = now - facts.last_contact
    if seconds > limits.silent_after_seconds:
        lasts = limits.stick_seconds if facts.is_carried else limits.alarm_after_seconds
        severity = Severity.BROKEN if seconds > lasts else Severity.NOTE
        yield Condition(Kind.SILENT, severity, facts.last_contact, {"seconds": seconds})
    yield from _flapping([sample for sample in facts.recent if sample.last_at > now - _FLAPPING_SECONDS], limits)


def _flapping(recent: Sequence[Sample], limits: Limits) -> Iterator[Condition]:
    """Where the centre expects gates to be silent for longer, a gate that greets seldom and regularly is fine."""
    gaps, contacts = history.gaps(recent), sum(sample.contacts for sample in recent)
    if gaps < FLAPPING_GAPS or (limits.silent_after_seconds > history.GAP_SECONDS and contacts < 3 * gaps):
        return
    yield Condition(Kind.FLAPPING, Severity.ATTENTION, figures={"gaps": gaps, "hours": FLAPPING_HOURS})


def _shared(facts: Facts) -> Iterator[Condition]:
    if facts.shared_with:
        others = ", ".join(facts.shared_with)
        yield Condition(Kind.SHARED_OUTBOX, Severity.BROKEN, facts.shared_since, subject=others)


_STOPS_PEOPLE = frozenset(
    {Fault.CAMERA, Fault.READER, Fault.PINS, Fault.BARRIER, Fault.OUTBOX, Fault.DISK, Fault.TRUST, Fault.FIRE_LOOP}
)


def _faults(facts: Facts) -> Iterator[Condition]:
    for code in sorted(set(facts.report.faults)) if facts.report else ():
        severity = Severity.BROKEN if code in _STOPS_PEOPLE else Severity.ATTENTION
        since = history.fault_since(facts.recent, code) or facts.faults_at
        yield Condition(Kind.FAULT, severity, since, subject=code)


def _clock(facts: Facts) -> Iterator[Condition]:
    drift = history.drift(facts.recent)
    error = facts.clock_error_seconds
    is_off = abs(error) >= CLOCK_LIMIT_SECONDS
    if drift is not None:
        figures = {"seconds": drift.error_seconds, "seconds_a_day": drift.seconds_a_day}
        yield Condition(Kind.CLOCK_RUNAWAY, Severity.BROKEN if is_off else Severity.ATTENTION, figures=figures)
    elif is_off:
        yield Condition(
            Kind.CLOCK_OFF, Severity.ATTENTION, history.off_since(facts.recent, CLOCK_LIMIT_SECONDS), {"seconds": error}
        )


def _queue(facts: Facts) -> Iterator[Condition]:
    newest = facts.recent[-1].last_at if facts.recent else 0.0
    growing = history.growth([sample for sample in facts.recent if sample.last_at > newest - _GROWTH_SECONDS])
    if growing is not None:
        figures = {"records": growing.records, "records_an_hour": growing.records_an_hour}
        yield Condition(Kind.BACKLOG_GROWING, Severity.ATTENTION, growing.since, figures)
    if facts.report and facts.report.damaged:
        yield Condition(Kind.DAMAGED, Severity.ATTENTION, figures={"count": facts.report.damaged})


def _kept(facts: Facts) -> Iterator[Condition]:
    for kind, count in ((Kind.CONFLICTS, facts.conflicts), (Kind.SET_ASIDE, facts.set_aside)):
        if count:
            yield Condition(kind, Severity.ATTENTION, figures={"count": count})


def _board(facts: Facts) -> Iterator[Condition]:
    disk = facts.report.disk_used if facts.report else None
    heat = facts.report.board_celsius if facts.report else None
    if disk is not None and disk >= _DISK_SCARCE:
        severity = Severity.BROKEN if disk >= _DISK_FULL else Severity.ATTENTION
        yield Condition(Kind.DISK_FULL, severity, figures={"share": disk})
    if heat is not None and heat >= _BOARD_HOT_CELSIUS:
        severity = Severity.ATTENTION if heat >= _BOARD_TOO_HOT_CELSIUS else Severity.NOTE
        yield Condition(Kind.BOARD_HOT, severity, figures={"celsius": heat})


_JUDGES = (_shared, _faults, _clock, _queue, _kept, _board)


def _trust(facts: Facts, now: float, limits: Limits) -> Iterator[Condition]:
    """A silent gate's updates grow old because it is silent: then that is the trouble, and this a note."""
    if facts.trust_issued_at is None or facts.last_contact is None:
        return
    if (seconds := now - facts.trust_issued_at) > limits.trust_seconds:
        is_silent = now - facts.last_contact > limits.alarm_after_seconds
        severity = Severity.NOTE if is_silent else Severity.ATTENTION
        since = facts.trust_issued_at + limits.trust_seconds
        yield Condition(Kind.STALE_TRUST, severity, since, {"seconds": seconds})


def _software(facts: Facts, limits: Limits) -> Iterator[Condition]:
    software = facts.report.software if facts.report else None
    if software is not None and _version(software) < _version(limits.software):
        yield Condition(Kind.OLD_SOFTWARE, Severity.NOTE, subject=software)


def _version(text: str) -> tuple[int, ...]:
    """Its leading numbers: 0.10.1 is newer than 0.9; what follows them is not compared."""
    numbers = []
    for part in text.split("."):
        if not part.isascii() or not part.isdigit() or len(part) > 9:
            break
        numbers.append(int(part))
    return tuple(numbers)
