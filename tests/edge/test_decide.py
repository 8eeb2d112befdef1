"""The table of judgement (R3, R4): each row is one visitor."""

from __future__ import annotations

import math

import pytest

from edge.decide import Decision, decide
from edge.reasons import REASONS
from edge.recent import RecentUses
from edge.verify import Finding, Genuine, NotGenuine
from sync.wire.passes import PassKind, Status
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Moment, Outcome

NOW = 1_650_000_000
HOUR = 3600
PASS, REFER, DENY = Outcome.PASS, Outcome.REFER, Outcome.DENY


def judge(
    authority,
    *,
    claims: dict | None = None,
    findings: tuple[Finding, ...] = (),
    celsius: float | None = 36.5,
    policy: Policy | None = None,
    clock: ClockQuality = ClockQuality.SYNCHRONIZED,
    used_at: float | None = None,
    trust_age: float = 0,
) -> Decision:
    """Decide about one genuine pass at NOW + 1."""
    made = authority.claims(**(claims or {}))
    recent = RecentUses()
    if used_at is not None:
        recent.remember(made.serial.hex(), used_at)
    now = Moment(NOW + 1, "boot", 1.0, clock)
    return decide(Genuine(made, findings), celsius, policy or Policy(), recent, now, now.at - trust_age)


TABLE = {
    "green passes": ({}, PASS, ("green",)),
    "yellow is restricted": ({"claims": {"status": Status.YELLOW}}, REFER, ("yellow",)),
    "yellow passes where the policy says so": (
        {"claims": {"status": Status.YELLOW}, "policy": Policy(yellow=PASS)},
        PASS,
        ("yellow",),
    ),
    "red is denied": ({"claims": {"status": Status.RED}}, DENY, ("red",)),
    "a red person with an expired pass is still a red person": (
        {"claims": {"status": Status.RED}, "findings": (Finding.EXPIRED,)},
        DENY,
        ("expired", "red"),
    ),
    "fever at the limit": ({"celsius": 37.3}, DENY, ("fever",)),
    "just below the limit": ({"celsius": 37.2}, PASS, ("green",)),
    "the policy's own limit": ({"celsius": 37.0, "policy": Policy(fever_celsius=37.0)}, DENY, ("fever",)),
    "a temperature that is no number is not a pass": ({"celsius": math.nan}, DENY, ("fever",)),
    "a red person with fever: both reasons": (
        {"claims": {"status": Status.RED}, "celsius": 39.0},
        DENY,
        ("red", "fever"),
    ),
    "a yellow person with fever: the more severe first": (
        {"claims": {"status": Status.YELLOW}, "celsius": 39.0},
        DENY,
        ("fever", "yellow"),
    ),
    "not measured is noted": ({"celsius": None}, PASS, ("green", "not_measured")),
    "not measured, refer by policy": (
        {"celsius": None, "policy": Policy(not_measured=REFER)},
        REFER,
        ("not_measured",),
    ),
    "expired": ({"findings": (Finding.EXPIRED,)}, DENY, ("expired",)),
    "for another checkpoint": ({"findings": (Finding.ELSEWHERE,)}, DENY, ("elsewhere",)),
    "issued in the future": ({"findings": (Finding.NOT_YET_VALID,)}, DENY, ("not_yet_valid",)),
    "issued in the future, but our clock may be wrong": (
        {"findings": (Finding.NOT_YET_VALID,), "clock": ClockQuality.UNKNOWN},
        REFER,
        ("not_yet_valid", "clock_unknown"),
    ),
    "doubtful clock, deny by policy": (
        {"clock": ClockQuality.UNKNOWN, "policy": Policy(clock_unknown=DENY)},
        DENY,
        ("clock_unknown",),
    ),
    "saved passes by default": ({"claims": {"kind": PassKind.SAVED}}, PASS, ("green", "saved")),
    "paper goes to the inspector": ({"claims": {"kind": PassKind.PAPER}}, REFER, ("paper",)),
    "companions go to the inspector": ({"claims": {"companions": 2}}, REFER, ("companions",)),
    "a scan result opens once, however long ago": ({"used_at": NOW - 10 * HOUR}, DENY, ("already_used",)),
    "a saved pass within the interval": (
        {"claims": {"kind": PassKind.SAVED}, "used_at": NOW - 100},
        REFER,
        ("already_used", "saved"),
    ),
    "a saved pass after the interval": (
        {"claims": {"kind": PassKind.SAVED}, "used_at": NOW - 301},
        PASS,
        ("green", "saved"),
    ),
    "positive test": ({"claims": {"tested_at": NOW - HOUR, "test_negative": False}}, DENY, ("test_positive",)),
    "test too old": (
        {"claims": {"tested_at": NOW - 49 * HOUR, "test_negative": True}, "policy": Policy(test_hours=48)},
        DENY,
        ("test_old",),
    ),
    "test fresh enough": (
        {"claims": {"tested_at": NOW - 47 * HOUR, "test_negative": True}, "policy": Policy(test_hours=48)},
        PASS,
        ("green",),
    ),
    "test missing": ({"policy": Policy(test_hours=48)}, DENY, ("test_missing",)),
    "stale trust is noted": ({"trust_age": 25 * HOUR}, PASS, ("green", "stale_trust")),
    "stale trust, refer by policy": (
        {"trust_age": 25 * HOUR, "policy": Policy(stale_trust=REFER)},
        REFER,
        ("stale_trust",),
    ),
}


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_each_visitor_gets_the_outcome_and_all_reasons(authority, row):
    """R3, R4: the most severe outcome wins and every reason is kept, the deciding one first."""
    situation, outcome, reasons = TABLE[row]
    decision = judge(authority, **situation)
    assert (decision.outcome, decision.reasons) == (outcome, reasons)


@pytest.mark.parametrize("reason", ["bad_signature", "unknown_key", "malformed", "unknown_format", "not_canonical"])
def test_a_code_that_is_not_genuine_is_denied_and_says_nothing_else(reason):
    """DESIGN 3: it says nothing about the person, so no temperature or status stands beside it."""
    decision = decide(
        NotGenuine(reason), 39.5, Policy(), RecentUses(), Moment(NOW, "b", 1.0, ClockQuality.SYNCHRONIZED)
    )
    assert (decision.outcome, decision.reasons, decision.claims) == (DENY, (reason,), None)


def test_a_gate_without_keys_sends_everybody_to_the_inspector():
    """DESIGN 9: a missing part is a state, and nobody gets in by mistake."""
    now = Moment(NOW, "b", 1.0, ClockQuality.SYNCHRONIZED)
    assert decide(NotGenuine("no_trust"), 36.5, Policy(), RecentUses(), now).outcome is REFER


def test_every_reason_of_the_table_has_its_words():
    """R5: a code without a sentence would leave a visitor without an answer."""
    codes = {code for _, _, reasons in TABLE.values() for code in reasons}
    assert codes <= set(REASONS)
    assert {finding.value for finding in Finding} <= set(REASONS)
