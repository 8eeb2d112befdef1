"""A decision explained line by line, and decided again from the records alone (R8, R9)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.decide import Situation, decide
from edge.errors import NoSuchRecord
from edge.explain import again, decided_again
from edge.ledger import Ledger, place_of, policy_name, scan_of
from edge.verify import Genuine, findings
from sync.outbox import Outbox
from sync.wire import jsonform
from sync.wire.passes import PassKind, Status
from sync.wire.policy import Policy, Week
from sync.wire.record import Adopted, ClockQuality, Direction, Moment, Outcome, Record, Scan, Use
from tests.conftest import VENUE
from tests.examples import examples

NOW = 1_650_000_000
GATE = Path(sys.executable).parent / "gate"

outcomes = st.sampled_from(Outcome)
policies = st.builds(
    Policy,
    fever_celsius=st.sampled_from([37.0, 37.3, 38.5]),
    not_measured=outcomes,
    yellow=outcomes,
    saved=outcomes,
    paper=outcomes,
    companions=outcomes,
    withdrawn=outcomes,
    test_hours=st.sampled_from([None, 24, 48]),
    test_old=outcomes,
    status_hours=st.sampled_from([None, 24]),
    reuse_seconds=st.sampled_from([0, 300]),
    opening_hours=st.sampled_from([None, Week(), Week(friday=("06:00-22:00",))]),
    closed=outcomes,
    clock_floor=outcomes,
    clock_unknown=outcomes,
    expired_unsure=outcomes,
    stale_trust=outcomes,
)
passes = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(PassKind),
        "status": st.sampled_from(Status),
        "issued_at": st.integers(NOW - 90_000, NOW + 900),
        "expires_at": st.integers(NOW - 900, NOW + 90_000),
        "status_at": st.integers(NOW - 200_000, NOW),
        "tested_at": st.none() | st.integers(NOW - 300_000, NOW),
        "test_negative": st.none() | st.booleans(),
        "companions": st.integers(0, 8),
        "venue": st.sampled_from([0, 7, 8]),
        "checkpoint": st.sampled_from([0, 3, 4]),
    }
)
moments = st.builds(
    Moment,
    at=st.floats(NOW - 100_000, NOW + 100_000).map(lambda at: round(at, 3)),
    boot=st.just("b"),
    mono=st.just(5.0),
    clock=st.sampled_from(ClockQuality),
    error_seconds=st.none() | st.floats(0, 90),
    floor=st.none() | st.floats(NOW - 200_000, NOW - 100_000),
)
uses = st.none() | st.builds(
    Use, at=st.floats(0, NOW), seconds_ago=st.floats(0, 900), people=st.integers(0, 9), again=st.booleans()
)


@given(passes, policies, moments, uses, st.none() | st.floats(35, 41), st.booleans(), st.sampled_from(Direction))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(100))
def test_a_record_decides_again_as_it_did(authority, claims, policy, now, use, celsius, listed, direction):
    """Whatever was weighed stands in the records: scan and policy, as bytes and back, give the same decision."""
    trust = authority.snapshot(policy=policy, venue=msgspec.structs.replace(VENUE, direction=direction))
    made = authority.claims(**claims)
    found = tuple(findings(made, trust.venue.venue, trust.venue.checkpoint, listed, now))
    situation = Situation(now, celsius, use, trust.issued_at, direction)
    decision = decide(Genuine(made, found), policy, situation)
    scan = scan_of(decision, made, place_of(trust), policy_name(trust))
    adopted = Adopted(now, place_of(trust), policy_name(trust), trust.issued_at, msgspec.Raw(jsonform.encode(policy)))
    data = [jsonform.encode(record) for record in (scan, adopted)]
    assert max(map(len, data)) < 4_096
    result = again(*(jsonform.decode(each, Record, "record") for each in data))
    assert result.agrees
    assert result.explained.decision.weighed == decision.weighed
    assert list(result.explained.lines())


@pytest.fixture
def kept(authority, state):
    """A gate's outbox: policy 1.1, a green pass (3), then policy 1.2, and a yellow one that it lets in (5)."""
    authority.install(state)
    with Outbox(state.outbox, "board:card") as outbox:
        ledger = Ledger(outbox)
        for number, status, policy in ((1, Status.GREEN, Policy()), (2, Status.YELLOW, Policy(yellow=Outcome.PASS))):
            trust = authority.snapshot(number=number, policy=policy)
            now = Moment(NOW + number, "b", float(number), ClockQuality.SYNCHRONIZED)
            if number == 1:
                ledger.started(trust, now, "1")
            ledger.adopted(trust, now)
            claims = authority.claims(status=status)
            ledger.keep(decide(Genuine(claims), policy, Situation(now, 36.5, None, trust.issued_at)), trust)
    return state


def explain(state, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command."""
    command = [str(GATE), "outbox", "--state", str(state.root), "explain", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_each_record_is_explained_by_the_policy_of_its_time(kept):
    """The second one passed because the policy had changed."""
    first, second = (decided_again(kept.outbox, number) for number in (3, 5))
    assert first.agrees
    assert second.agrees
    assert (first.explained.policy, second.explained.policy) == ("1.1", "1.2")
    assert second.explained.decision.outcome is Outcome.PASS


def test_the_command_explains_in_words(kept):
    """Outcome, policy, every reason with its weight, the pass, the clock, and that the record agrees."""
    done = explain(kept, "5")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("pass by policy 1.2, issued 2022-04-15")
    assert "黄码，限制通行 / Yellow: restricted" in lines[1]
    assert lines[-1] == "The record says the same."
    assert any(line.startswith("clock: ") and "synchronized" in line for line in lines)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [("1", "says: started"), ("2", "says: adopted"), ("99", "1 … 5 are kept"), ("0", "x>=1")],
)
def test_what_cannot_be_explained_is_told_in_a_sentence(kept, number, sentence):
    """No traceback."""
    done = explain(kept, number)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_record_that_says_otherwise_is_found_out(kept):
    """Exit code 1, and both are shown."""
    result = decided_again(kept.outbox, 3)
    forged = msgspec.structs.replace(result.scan, outcome=Outcome.DENY)
    document = msgspec.Raw(jsonform.encode(Policy()))
    adopted = Adopted(forged.when, forged.place, "1.1", NOW, document)
    assert not again(forged, adopted).agrees


def test_a_record_of_an_older_version_is_told_apart(kept):
    """It holds too little."""
    scan = decided_again(kept.outbox, 3).scan
    adopted = Adopted(scan.when, scan.place, "1.1", NOW, msgspec.Raw(jsonform.encode(Policy())))
    for missing in ("issued_at", "expires_at", "serial", "status"):
        with pytest.raises(NoSuchRecord, match="does not hold"):
            again(msgspec.structs.replace(scan, **{missing: None}), adopted)
    with pytest.raises(NoSuchRecord, match="decided again"):
        again(scan, msgspec.structs.replace(adopted, document=msgspec.Raw(b'{"unheard_of":1}')))


def test_a_policy_whose_record_is_gone_is_said_to_be_gone(authority, state):
    """Kept segments end somewhere."""
    with Outbox(state.outbox, "board:card") as outbox:
        trust, claims = authority.snapshot(), authority.claims()
        now = Moment(NOW + 1.0, "b", 1.0, ClockQuality.SYNCHRONIZED)
        Ledger(outbox).keep(decide(Genuine(claims), Policy(), Situation(now, 36.5)), trust)
    with pytest.raises(NoSuchRecord, match=r"policy 1\.1 is no longer kept"):
        decided_again(state.outbox, 1)
    with pytest.raises(NoSuchRecord, match="no outbox"):
        decided_again(state.outbox, 1, "ff" * 16)


def test_a_record_names_nobody(authority):
    """R-privacy: the masked name of a pass stays on the pass."""
    claims = authority.claims(hint="张*")
    now = Moment(NOW + 1.0, "b", 1.0, ClockQuality.SYNCHRONIZED)
    scan = scan_of(decide(Genuine(claims), Policy(), Situation(now)), claims, place_of(None), "")
    assert isinstance(scan, Scan)
    assert "张" not in jsonform.encode(scan).decode()
