"""PURE: what a gate's contacts of the last hours say together: gaps between them, a clock that runs away, a queue that
grows. Reads samples, one for each ten minutes; what happened within them is known by number only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

SAMPLE_SECONDS = 600
GAP_SECONDS = 120.0  # a gate greets every 30 s: four missed in a row are no jitter
_DAY_SECONDS = 86_400
_RUNAWAY_SECONDS_A_DAY = 20.0  # a Pi's quartz runs 4 s a day off at worst (50 ppm)
_LEAST_ERROR_SECONDS = 5.0
_LEAST_SAMPLES, _LEAST_SPAN_SECONDS = 4, 1_800
_LEAST_GROWTH = 200  # records; a batch holds 500, so less is a busy minute


@dataclass(frozen=True, slots=True)
class Sample:
    """Ten minutes of a gate's contacts. Times: seconds since 1970, by the centre.

    contacts: how many. gaps: silences over `GAP_SECONDS` that ended in it. backlog, clock_error_seconds, faults,
    disk_used, board_celsius: of the last one; most_backlog: the highest.
    """

    first_at: float
    last_at: float
    contacts: int = 1
    gaps: int = 0
    backlog: int = 0
    most_backlog: int = 0
    clock_error_seconds: float = 0.0
    faults: tuple[str, ...] = ()
    disk_used: float | None = None
    board_celsius: float | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """A clock that runs away. error_seconds: gate minus centre, now. seconds_a_day: by how much it grows."""

    error_seconds: float
    seconds_a_day: float


@dataclass(frozen=True, slots=True)
class Growth:
    """A queue that grows though the gate is heard."""

    since: float
    records: int
    records_an_hour: float


def gaps(samples: Sequence[Sample]) -> int:
    """How often contact was lost and came back."""
    return sum(sample.gaps for sample in samples)


def silences(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """(from, until) of each silence between samples, the oldest first."""
    return [(a.last_at, b.first_at) for a, b in pairwise(samples) if b.first_at - a.last_at > GAP_SECONDS]


def drift(samples: Sequence[Sample]) -> Drift | None:
    """None for a clock that is right, or wrong by the same all the time.

    The median of its steps, where the whole way agrees: one jump (a clock that was set) and a line that delays now and
    then are no drift.
    """
    if not _is_enough(samples):
        return None
    first, last = samples[0], samples[-1]
    rate = median(_rate(a, b) for a, b in pairwise(samples))
    grown = abs(last.clock_error_seconds) - abs(first.clock_error_seconds)
    if abs(rate) < _RUNAWAY_SECONDS_A_DAY or grown < _LEAST_ERROR_SECONDS:
        return None
    if not 0.5 <= _rate(first, last) / rate <= 2:
        return None
    return Drift(last.clock_error_seconds, rate)


def growth(samples: Sequence[Sample]) -> Growth | None:
    """None for a queue that was shorter at some time since the first of the samples, or grew by little."""
    if not _is_enough(samples):
        return None
    first, last = samples[0], samples[-1]
    grown = last.backlog - first.backlog
    if grown < max(_LEAST_GROWTH, first.backlog // 10) or min(sample.backlog for sample in samples) < first.backlog:
        return None
    return Growth(first.last_at, last.backlog, grown / (last.last_at - first.last_at) * 3600)


def fault_since(samples: Sequence[Sample], code: str) -> float | None:
    """Since when it has told of this fault in every sample; None where the newest does not, or all do."""
    return _since(samples, [code in sample.faults for sample in samples])


def off_since(samples: Sequence[Sample], limit_seconds: float) -> float | None:
    """Since when its clock has been off by so much in every sample; None likewise."""
    return _since(samples, [abs(sample.clock_error_seconds) >= limit_seconds for sample in samples])


def _since(samples: Sequence[Sample], holds: Sequence[bool]) -> float | None:
    """What holds in all of them began before them, nobody knows when."""
    if all(holds):
        return None
    since = None
    for sample, is_so in zip(reversed(samples), reversed(holds), strict=True):
        if not is_so:
            break
        since = sample.first_at
    return since


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was so for a while. kind: "silent", "fault" (subject: its code), "clock".

    ended_at: None for what goes on.
    """

    kind: str
    began_at: float
    ended_at: float | None
    subject: str = ""


def events(samples: Sequence[Sample], clock_limit_seconds: float) -> list[Event]:
    """What the samples tell of the past, the newest first: silences, faults, a clock that was off."""
    found = [Event("silent", began, ended) for began, ended in silences(samples)]
    for code in sorted({code for sample in samples for code in sample.faults}):
        found += [Event("fault", *span, code) for span in _spans(samples, [code in each.faults for each in samples])]
    off = [abs(each.clock_error_seconds) >= clock_limit_seconds for each in samples]
    found += [Event("clock", *span) for span in _spans(samples, off)]
    return sorted(found, key=lambda event: event.began_at, reverse=True)


def _spans(samples: Sequence[Sample], holds: Sequence[bool]) -> list[tuple[float, float | None]]:
    """From when until when something held, as far as samples tell."""
    spans: list[tuple[float, float | None]] = []
    began = None
    for sample, is_so in zip(samples, holds, strict=True):
        if is_so and began is None:
            began = sample.first_at
        elif not is_so and began is not None:
            spans.append((began, sample.first_at))
            began = None
    return spans if began is None else [*spans, (began, None)]


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of a gate's contacts, for the curve of its backlog. at: when it began, seconds since 1970."""

    at: float
    most_backlog: int
    clock_error_seconds: float
    contacts: int
    gaps: int


def hours(samples: Sequence[Sample]) -> list[Hour]:
    """One for each hour in which the gate was heard, oldest first."""
    grouped = groupby(samples, key=lambda sample: sample.first_at // 3600)
    return [_hour(at * 3600, list(each)) for at, each in grouped]


def _hour(at: float, samples: Sequence[Sample]) -> Hour:
    return Hour(
        at,
        max(sample.most_backlog for sample in samples),
        samples[-1].clock_error_seconds,
        sum(sample.contacts for sample in samples),
        gaps(samples),
    )


def _is_enough(samples: Sequence[Sample]) -> bool:
    return len(samples) >= _LEAST_SAMPLES and samples[-1].last_at - samples[0].last_at >= _LEAST_SPAN_SECONDS


def _rate(a: Sample, b: Sample) -> float:
    """Seconds a day."""
    return (b.clock_error_seconds - a.clock_error_seconds) / max(b.last_at - a.last_at, 1.0) * _DAY_SECONDS
