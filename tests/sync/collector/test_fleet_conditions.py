"""What is the matter with a gate: judged from what the centre knows, without a database (R25)."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.collector import languages
from sync.collector.fleet import words
from sync.collector.fleet.conditions import Condition, Facts, Kind, Limits, Severity, judge, worst
from sync.collector.fleet.history import SAMPLE_SECONDS, Sample, drift, fault_since, growth
from sync.wire.batch import Report
from sync.wire.status import Fault

NOW = 1_790_000_000.0
LIMITS = Limits(silent_after_seconds=60, alarm_after_seconds=900, trust_seconds=86_400, software="0.10.0")
REPORT = Report((1, 1), 0, "0.10.0", "boot-1", 100.0, disk_used=0.3, board_celsius=50.0)


def report(**changes: object) -> Report:
    return msgspec.structs.replace(REPORT, **changes)


def facts(**known: object) -> Facts:
    """A gate that is fine, but for what is said."""
    fine: dict[str, object] = {"last_contact": NOW - 10, "report": REPORT, "trust_issued_at": NOW - 3600}
    return Facts(**{**fine, **known})  # type: ignore[arg-type]


def samples(count: int, *, last_at: float = NOW, **columns: object) -> list[Sample]:
    """One for each ten minutes up to `last_at`; a column is a value, or a function of the sample's number."""
    told = []
    for number in range(count):
        at = last_at - (count - 1 - number) * SAMPLE_SECONDS
        values = {name: value(number) if callable(value) else value for name, value in columns.items()}
        told.append(Sample(at - 500, at, contacts=17, **values))
    return told


def kinds(known: Facts, now: float = NOW) -> list[tuple[str, str]]:
    return [(condition.key, condition.severity.value) for condition in judge(known, now, LIMITS)]


def test_a_gate_that_is_fine_has_no_condition() -> None:
    """Nothing is shouted about it."""
    assert judge(facts(recent=samples(36)), NOW, LIMITS) == []
    assert worst([]) is Severity.FINE


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"last_contact": None, "report": None}, [("never_heard", "attention")]),
        ({"last_contact": None, "report": None, "is_provisioned": False}, [("not_provisioned", "note")]),
        ({"last_contact": NOW - 61}, [("silent", "note")]),
        ({"last_contact": NOW - 901}, [("silent", "broken")]),
        ({"last_contact": NOW - 14 * 86_400, "is_carried": True}, [("silent", "note")]),
        ({"last_contact": NOW - 14 * 86_400 - 1, "is_carried": True}, [("silent", "broken")]),
        ({"clock_error_seconds": -29.9}, []),
        ({"clock_error_seconds": -30.0}, [("clock_off", "attention")]),
        ({"shared_with": ("gate-2",)}, [("shared_outbox", "broken")]),
        ({"conflicts": 1, "set_aside": 2}, [("conflicts", "attention"), ("set_aside", "attention")]),
        ({"report": report(damaged=3)}, [("damaged", "attention")]),
        ({"report": report(disk_used=0.9)}, [("disk_full", "attention")]),
        ({"report": report(disk_used=0.98)}, [("disk_full", "broken")]),
        ({"report": report(board_celsius=76.0)}, [("board_hot", "note")]),
        ({"report": report(board_celsius=81.0)}, [("board_hot", "attention")]),
        ({"report": report(software="0.9.7")}, [("old_software", "note")]),
        ({"report": report(software="0.11.0rc1")}, []),
        ({"trust_issued_at": NOW - 86_401}, [("stale_trust", "attention")]),
        ({"trust_issued_at": NOW - 9e5, "last_contact": NOW - 9e5}, [("silent", "broken"), ("stale_trust", "note")]),
        ({"revoked_at": NOW - 5, "last_contact": NOW - 9e5}, [("revoked", "note")]),
        ({"retired_at": NOW - 5, "revoked_at": NOW - 9, "conflicts": 3}, [("retired", "note")]),
    ],
)
def test_each_trouble_is_told_by_its_kind_and_weight(known: dict[str, object], expected: list[tuple[str, str]]) -> None:
    """At its limit, and not before."""
    assert kinds(facts(**known)) == expected


@pytest.mark.parametrize("code", [*(fault.value for fault in Fault), "of_a_newer_gate"])
def test_every_fault_is_told_with_what_to_do(code: str) -> None:
    """Since when the samples tell; an unknown code is shown."""
    recent = [*samples(3, last_at=NOW - 1800), *samples(3, faults=(code,))]
    (condition,) = judge(facts(report=report(faults=[code]), recent=recent), NOW, LIMITS)
    assert (condition.kind, condition.subject) == (Kind.FAULT, code)
    assert condition.since == recent[3].first_at
    with languages.spoken("en"):
        assert words.title(condition)
        assert words.advice(condition)


def test_the_worst_stands_first() -> None:
    """A broken camera before a full disk before old software."""
    told = report(faults=["thermometer", "camera"], software="0.1", disk_used=0.95)
    assert [key for key, _ in kinds(facts(report=told))] == [
        "fault.camera",
        "fault.thermometer",
        "disk_full",
        "old_software",
    ]


def test_a_clock_that_runs_away_is_not_one_that_is_off() -> None:
    """It grows, whatever it is by now: the sooner known the better."""
    runs = samples(36, clock_error_seconds=lambda number: 1.5 * number)
    (condition,) = judge(facts(recent=runs, clock_error_seconds=52.5), NOW, LIMITS)
    assert (condition.kind, condition.severity) == (Kind.CLOCK_RUNAWAY, Severity.BROKEN)
    assert condition.figures["seconds_a_day"] == pytest.approx(216)
    early = judge(facts(recent=runs[:10], clock_error_seconds=13.5), NOW, LIMITS)
    assert [(c.kind, c.severity) for c in early] == [(Kind.CLOCK_RUNAWAY, Severity.ATTENTION)]


@pytest.mark.parametrize(
    "error",
    [lambda _: 3600.0, lambda n: 3600.0 * (n > 18), lambda n: (-1.0) ** n * 20, lambda n: 40.0 - n],
    ids=["always the same", "one jump", "a slow line", "coming back"],
)
def test_a_wrong_clock_that_does_not_run_away_is_only_off(error: object) -> None:
    """A jump, a line that delays now and then, a clock that is being set."""
    assert drift(samples(36, clock_error_seconds=error)) is None


def test_a_flapping_gate_is_told_from_a_silent_one() -> None:
    """Contact was lost and came back, again and again."""
    flapping = samples(36, gaps=lambda number: number % 6 == 0)
    assert kinds(facts(recent=flapping)) == [("flapping", "attention")]
    assert kinds(facts(recent=samples(36, gaps=lambda number: number in (3, 9)))) == []
    assert kinds(facts(recent=flapping), NOW + 12 * 3600) == [("silent", "broken")]


def test_a_growing_backlog_is_told_from_a_long_one() -> None:
    """Long and shrinking is a gate that catches up."""
    assert growth(samples(12, backlog=lambda number: 90_000 - 900 * number)) is None
    found = growth(samples(12, backlog=lambda number: 100 * number))
    assert found is not None
    assert (found.records, round(found.records_an_hour)) == (1100, 600)
    assert growth(samples(12, backlog=lambda number: 10 * number)) is None


def test_a_fault_that_ended_has_no_since() -> None:
    """Only what the newest sample tells of goes on."""
    assert fault_since([*samples(2, faults=("disk",)), *samples(1)], "disk") is None


def test_minutes_and_a_month_of_silence_read_differently() -> None:
    """And ask for different things."""
    minutes, month = (judge(facts(last_contact=NOW - ago), NOW, LIMITS)[0] for ago in (20 * 60, 31 * 86_400))
    with languages.spoken("zh"):
        assert words.title(minutes) == "失去联系 20分钟"
        assert words.title(month) == "失去联系 4周"
        assert words.advice(minutes) != words.advice(month)


def test_every_kind_has_words_in_both_languages() -> None:
    """What it is, and what to do."""
    figures = dict.fromkeys(
        ("seconds", "seconds_a_day", "gaps", "hours", "share", "records", "records_an_hour", "count", "celsius"), 1.0
    )
    for language in ("zh", "en"):
        with languages.spoken(language):
            for kind in Kind:
                condition = Condition(kind, Severity.NOTE, NOW, figures, "x")
                assert len(words.title(condition)) > 2
                assert len(words.advice(condition)) > 5
    with languages.spoken("en"):
        assert words.severity(Severity.BROKEN) == "Broken"


@given(
    st.lists(
        st.builds(
            Sample,
            first_at=st.floats(0, 1e11),
            last_at=st.floats(0, 1e11),
            gaps=st.integers(0, 10**6),
            backlog=st.integers(0, 2**53),
            clock_error_seconds=st.floats(-1e11, 1e11),
        ),
        max_size=8,
    ),
    st.text(max_size=20),
)
def test_judging_never_crashes(recent: list[Sample], software: str) -> None:
    """Whatever a rogue gate told, in whatever order it lies."""
    judge(facts(recent=recent, report=report(software=software, faults=[software])), NOW, LIMITS)


def test_a_gate_that_greets_seldom_by_arrangement_does_not_flap() -> None:
    """A metered line: the centre's setting says how long silence may be."""
    seldom = [replace(sample, contacts=1, gaps=1) for sample in samples(36)]
    patient = replace(LIMITS, silent_after_seconds=900)
    assert judge(facts(recent=seldom), NOW, patient) == []
    assert [condition.kind for condition in judge(facts(recent=seldom), NOW, LIMITS)] == [Kind.FLAPPING]
