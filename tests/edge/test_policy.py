"""The policy as a document (R9): typed, versioned, refused whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from edge.trust import Trust
from sync.wire import jsonform
from sync.wire.envelope import MessageType, sign
from sync.wire.errors import WireError
from sync.wire.policy import MAX_POLICY_BYTES, Policy, Week, read_policy, schema
from sync.wire.updates import MANIFEST, POLICY, Manifest

SCHEMA = Path(__file__).parents[2] / "docs/policy.schema.json"
FRIDAY = datetime(2022, 4, 15, tzinfo=UTC).timestamp()


def test_the_schema_in_the_documents_is_the_codes():
    """Write it anew: python -m sync.wire.policy > docs/policy.schema.json"""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json.loads(jsonform.encode(schema()))


def test_the_schema_names_every_field_and_allows_no_other():
    """For the editor of another program."""
    told = schema()["$defs"]["Policy"]
    assert set(told["properties"]) == set(Policy.__struct_fields__)
    assert told["additionalProperties"] is False
    assert (told["properties"]["fever_celsius"]["minimum"], told["properties"]["fever_celsius"]["maximum"]) == (36, 40)


def test_a_policy_round_trips():
    """Every field, also the opening hours."""
    policy = Policy(fever_celsius=37.5, opening_hours=Week(monday=("06:00-12:00", "13:30-24:00")), test_hours=48)
    assert read_policy(jsonform.encode(policy)) == policy


@pytest.mark.parametrize(
    "document",
    [
        '{"fever_celsius": 35.9}',
        '{"fever_celsius": 40.1}',
        '{"fever_celsius": "warm"}',
        '{"yellow": "perhaps"}',
        '{"test_hours": 0}',
        '{"reuse_seconds": -1}',
        '{"reuse_seconds": 86401}',
        '{"clock_error_seconds": 0}',
        '{"utc_offset_minutes": 841}',
        '{"unheard_of": 1}',
        '{"v": 2}',
        '{"opening_hours": {"monday": ["12:00-06:00"]}}',
        '{"opening_hours": {"monday": ["06:00-06:00"]}}',
        '{"opening_hours": {"monday": ["06:00-24:01"]}}',
        '{"opening_hours": {"monday": ["6:00-12:00"]}}',
        '{"opening_hours": {"monday": ["06:00-12:00\\n"]}}',
        '{"opening_hours": {"mon": []}}',
        '{"opening_hours": {"monday": ["01:00-02:00", "03:00-04:00", "05:00-06:00", "07:00-08:00", "09:00-10:00"]}}',
        "[]",
        "",
        '{"fever_celsius": 37.3}' + " " * MAX_POLICY_BYTES,
    ],
)
def test_an_impossible_policy_is_refused_whole(document):
    """And the sentence says what it is about."""
    with pytest.raises(WireError, match="policy"):
        read_policy(document.encode())


def test_the_policy_in_force_stays_when_the_next_is_impossible(authority, state):
    """R9: the gate says so."""
    authority.install(state, policy=Policy(fever_celsius=37.5))
    trust = Trust(state)
    trust.refresh()
    files = authority.files(number=2)
    files[POLICY] = b'{"unheard_of":1}'
    digests = {name: sha256(content).hexdigest() for name, content in files.items() if name != MANIFEST}
    files[MANIFEST] = sign(
        jsonform.encode(Manifest(1, 2, 1_650_000_000, digests)), authority.updates, MessageType.UPDATE
    )
    authority.put(state, files, "1-2")
    trust.refresh()
    assert trust.in_force.policy.fever_celsius == 37.5
    assert "unheard_of" in trust.trouble


@pytest.mark.parametrize(
    ("hour", "minute", "is_open"),
    [(5, 59, False), (6, 0, True), (11, 59, True), (12, 0, False), (13, 30, True), (23, 59, True), (0, 0, False)],
)
def test_a_venue_is_open_within_its_spans(hour, minute, is_open):
    """From the first minute to the last; the day is the local one."""
    week = Week(friday=("06:00-12:00", "13:30-24:00"))
    at = FRIDAY + hour * 3600 + minute * 60 - 480 * 60
    assert week.is_open(at, 480) is is_open
    assert week.is_open(at + 86_400, 480) is False
    assert week.is_open(at - 86_400, 480) is False


@pytest.mark.parametrize(
    ("minute", "is_open"), [(6 * 60 + 34, False), (6 * 60 + 35, True), (7 * 60 + 48, True), (7 * 60 + 49, False)]
)
def test_a_span_is_exact_to_the_minute(minute, is_open):
    """Hours and minutes, both with two digits."""
    assert Week(friday=("06:35-07:49",)).is_open(FRIDAY + minute * 60, 0) is is_open


def test_a_span_that_ends_before_it_begins_is_told():
    """In words."""
    with pytest.raises(ValueError, match=r"^a span of the opening hours ends after it begins$"):
        Week(sunday=("10:30-10:29",))


@pytest.mark.parametrize("day", range(7))
def test_each_day_has_its_own_hours(day):
    """15 April 2022 was a Friday."""
    names = ("friday", "saturday", "sunday", "monday", "tuesday", "wednesday", "thursday")
    week = Week(**{names[day]: ("00:00-24:00",)})
    assert [week.is_open(FRIDAY + other * 86_400, 0) for other in range(7)] == [other == day for other in range(7)]
