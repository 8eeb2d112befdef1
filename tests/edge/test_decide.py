"""The table of judgement (R3, R4): each row is one visitor."""

from __future__ import annotations

import math

import pytest

from edge.decide import RULES, Decision, Situation, decide
from edge.reasons import REASONS, words_for
from edge.verify import Finding, Genuine, NotGenuine
from sync.wire.passes import PassKind, Status
from sync.wire.policy import Policy, Week
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Use

NOW = 1_650_000_000  # 13:20 in China, a Friday
HOUR = 3600
PASS, REFER, DENY = Outcome.PASS, Outcome.REFER, Outcome.DENY
SAVED, PAPER = {"kind": PassKind.SAVED}, {"kind": PassKind.PAPER}
EVERY_DAY = Week(*[("06:00-13:00", "14:00-22:00")] * 7)


def judge(
    authority,
    *,
    claims: dict | None = None,
    findings: tuple[Finding, ...] = (),
    celsius: float | None = 36.5,
    policy: Policy | None = None,
    clock: ClockQuality = ClockQuality.SYNCHRONIZED,
    error: float | None = None,
    floor: float | None = None,
    use: Use | None = None,
    trust_age: float = 0,
    direction: Direction = Direction.IN,
) -> Decision:
    """Decide about one genuine pass at NOW + 1."""
    made = authority.claims(**(claims or {}))
    now = Moment(NOW + 1, "boot", 1.0, clock, error, floor)
    situation = Situation(now, celsius, use, now.at - trust_age, direction)
    return decide(Genuine(made, findings), policy or Policy(), situation)


def used(seconds_ago: float, people: int = 1, again: bool = False) -> Use:
    """What the gate remembers."""
    return Use(NOW + 1 - seconds_ago, seconds_ago, people, again)


TABLE = {
    "green passes": ({}, PASS, ("green",)),
    "yellow is restricted": ({"claims": {"status": Status.YELLOW}}, REFER, ("yellow",)),
    "yellow passes where the policy says so": (
        {"claims": {"status": Status.YELLOW}, "policy": Policy(yellow=PASS)},
        PASS,
        ("yellow",),
    ),
    "unknown is referred": ({"claims": {"status": Status.UNKNOWN}}, REFER, ("status_unknown",)),
    "unknown is referred where yellow passes": (
        {"claims": {"status": Status.UNKNOWN}, "policy": Policy(yellow=PASS, status_old=PASS)},
        REFER,
        ("status_unknown",),
    ),
    "red is denied": ({"claims": {"status": Status.RED}}, DENY, ("red",)),
    "a red person with an expired pass is still a red person": (
        {"claims": {"status": Status.RED, "expires_at": NOW}, "findings": (Finding.EXPIRED,)},
        DENY,
        ("expired", "red"),
    ),
    "a red person with a used pass is still a red person": (
        {"claims": {"status": Status.RED}, "use": used(10)},
        DENY,
        ("already_used", "red"),
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
    # Time
    "expired": ({"claims": {"expires_at": NOW}, "findings": (Finding.EXPIRED,)}, DENY, ("expired",)),
    "expired this very second": (
        {"claims": {"expires_at": NOW + 1}, "findings": (Finding.EXPIRED,)},
        DENY,
        ("expired",),
    ),
    "expired, but perhaps our clock is fast": (
        {
            "claims": {"expires_at": NOW} | SAVED,
            "findings": (Finding.EXPIRED,),
            "clock": ClockQuality.HOLDOVER,
            "error": 2.0,
        },
        REFER,
        ("expired", "saved"),
    ),
    "expired even at the earliest possible time": (
        {
            "claims": {"expires_at": NOW - 10} | SAVED,
            "findings": (Finding.EXPIRED,),
            "clock": ClockQuality.HOLDOVER,
            "error": 2.0,
        },
        DENY,
        ("expired", "saved"),
    ),
    "expired by an unknown clock, yet not at the floor": (
        {
            "claims": {"expires_at": NOW},
            "findings": (Finding.EXPIRED,),
            "clock": ClockQuality.UNKNOWN,
            "floor": NOW - 100.0,
        },
        REFER,
        ("expired", "clock_unknown"),
    ),
    "expired at the floor already": (
        {
            "claims": {"expires_at": NOW},
            "findings": (Finding.EXPIRED,),
            "clock": ClockQuality.UNKNOWN,
            "floor": float(NOW),
        },
        DENY,
        ("expired", "clock_unknown"),
    ),
    "expired and unsure, deny by policy": (
        {
            "claims": {"expires_at": NOW},
            "findings": (Finding.EXPIRED,),
            "clock": ClockQuality.UNKNOWN,
            "policy": Policy(expired_unsure=DENY),
        },
        DENY,
        ("expired", "clock_unknown"),
    ),
    "issued in the future": (
        {"claims": {"issued_at": NOW + 302}, "findings": (Finding.NOT_YET_VALID,)},
        DENY,
        ("not_yet_valid",),
    ),
    "issued in the future, but perhaps our clock is slow": (
        {
            "claims": {"issued_at": NOW + 9000},
            "findings": (Finding.NOT_YET_VALID,),
            "clock": ClockQuality.FLOOR,
            "floor": NOW + 1.0,
        },
        REFER,
        ("not_yet_valid", "clock_floor"),
    ),
    "issued five minutes beyond the latest possible time": (
        {
            "claims": {"issued_at": NOW + 304},
            "findings": (Finding.NOT_YET_VALID,),
            "clock": ClockQuality.HOLDOVER,
            "error": 2.0,
        },
        DENY,
        ("not_yet_valid",),
    ),
    "issued within five minutes of the latest possible time": (
        {
            "claims": {"issued_at": NOW + 303},
            "findings": (Finding.NOT_YET_VALID,),
            "clock": ClockQuality.HOLDOVER,
            "error": 2.0,
        },
        REFER,
        ("not_yet_valid",),
    ),
    "a scan result needs a certain clock": (
        {"clock": ClockQuality.HOLDOVER, "error": 30.0, "policy": Policy(clock_holdover=REFER)},
        REFER,
        ("clock_holdover",),
    ),
    "a scan result and a clock that drifted for weeks": (
        {"clock": ClockQuality.HOLDOVER, "error": 90.0, "policy": Policy(clock_holdover=REFER)},
        REFER,
        ("clock_holdover",),
    ),
    "a synchronized clock without a bound is exact": (
        {"policy": Policy(clock_holdover=REFER, clock_error_seconds=1)},
        PASS,
        ("green",),
    ),
    "a clock that is certain enough says nothing": (
        {"clock": ClockQuality.HOLDOVER, "error": 29.9, "policy": Policy(clock_holdover=REFER)},
        PASS,
        ("green",),
    ),
    "a saved pass lives for days: half a minute is nothing to it": (
        {"claims": SAVED, "clock": ClockQuality.HOLDOVER, "error": 60.0, "policy": Policy(clock_holdover=REFER)},
        PASS,
        ("green", "saved"),
    ),
    "a slow clock is noted": ({"clock": ClockQuality.FLOOR, "floor": 1.0}, PASS, ("green", "clock_floor")),
    "a slow clock, refer by policy": (
        {"clock": ClockQuality.FLOOR, "floor": 1.0, "policy": Policy(clock_floor=REFER)},
        REFER,
        ("clock_floor",),
    ),
    "doubtful clock, deny by policy": (
        {"clock": ClockQuality.UNKNOWN, "policy": Policy(clock_unknown=DENY)},
        DENY,
        ("clock_unknown",),
    ),
    # The pass
    "for another checkpoint": ({"findings": (Finding.ELSEWHERE,)}, DENY, ("elsewhere",)),
    "withdrawn: the holder is no longer green": (
        {"claims": SAVED, "findings": (Finding.WITHDRAWN,)},
        DENY,
        ("withdrawn", "saved"),
    ),
    "withdrawn, refer by policy": (
        {"claims": SAVED, "findings": (Finding.WITHDRAWN,), "policy": Policy(withdrawn=REFER)},
        REFER,
        ("withdrawn", "saved"),
    ),
    "saved passes by default": ({"claims": SAVED}, PASS, ("green", "saved")),
    "saved goes to the inspector by policy": (
        {"claims": SAVED, "policy": Policy(saved=REFER)},
        REFER,
        ("saved",),
    ),
    "paper goes to the inspector": ({"claims": PAPER}, REFER, ("paper",)),
    "paper passes by policy": ({"claims": PAPER, "policy": Policy(paper=PASS)}, PASS, ("green", "paper")),
    "status too old": (
        {"claims": {"status_at": NOW - 25 * HOUR}, "policy": Policy(status_hours=24)},
        REFER,
        ("status_old",),
    ),
    "status of long ago": (
        {"claims": {"status_at": 1_000_000}, "policy": Policy(status_hours=24)},
        REFER,
        ("status_old",),
    ),
    "status fresh enough": (
        {"claims": {"status_at": NOW + 1 - 24 * HOUR}, "policy": Policy(status_hours=24)},
        PASS,
        ("green",),
    ),
    # Uses
    "a scan result opens once, however long ago": ({"use": used(10 * HOUR)}, DENY, ("already_used",)),
    "a scan result whose turnstile did not turn opens once more": (
        {"use": used(10, people=0, again=True)},
        PASS,
        ("green",),
    ),
    "a saved pass within the interval": ({"claims": SAVED, "use": used(299)}, REFER, ("already_used", "saved")),
    "a saved pass within the interval, deny by policy": (
        {"claims": SAVED, "use": used(299), "policy": Policy(already_used=DENY)},
        DENY,
        ("already_used", "saved"),
    ),
    "a saved pass after the interval": ({"claims": SAVED, "use": used(300)}, PASS, ("green", "saved")),
    "one companion goes to the inspector": ({"claims": {"companions": 1}}, REFER, ("companions",)),
    "companions go to the inspector": ({"claims": {"companions": 2}}, REFER, ("companions",)),
    "companions one by one: the second of three": (
        {"claims": {"companions": 2}, "use": used(8), "policy": Policy(companions=PASS)},
        PASS,
        ("green", "companions"),
    ),
    "companions one by one: the third of three": (
        {"claims": {"companions": 2}, "use": used(16, people=2), "policy": Policy(companions=PASS)},
        PASS,
        ("green", "companions"),
    ),
    "a fourth of three": (
        {"claims": {"companions": 2}, "use": used(24, people=3), "policy": Policy(companions=PASS)},
        DENY,
        ("already_used", "companions"),
    ),
    "companions who come just in time": (
        {"claims": {"companions": 2}, "use": used(179.9), "policy": Policy(companions=PASS)},
        PASS,
        ("green", "companions"),
    ),
    "companions who come too late": (
        {"claims": {"companions": 2}, "use": used(180.0), "policy": Policy(companions=PASS)},
        DENY,
        ("already_used", "companions"),
    ),
    "companions who come much too late": (
        {"claims": {"companions": 2}, "use": used(900.0), "policy": Policy(companions=PASS)},
        DENY,
        ("already_used", "companions"),
    ),
    "each companion is measured": (
        {"claims": {"companions": 2}, "use": used(8), "policy": Policy(companions=PASS), "celsius": 38.0},
        DENY,
        ("fever", "companions"),
    ),
    # Tests
    "positive test": ({"claims": {"tested_at": NOW - HOUR, "test_negative": False}}, DENY, ("test_positive",)),
    "test too old": (
        {"claims": {"tested_at": NOW - 49 * HOUR, "test_negative": True}, "policy": Policy(test_hours=48)},
        DENY,
        ("test_old",),
    ),
    "test fresh enough": (
        {"claims": {"tested_at": NOW + 1 - 48 * HOUR, "test_negative": True}, "policy": Policy(test_hours=48)},
        PASS,
        ("green",),
    ),
    "test of unknown result": (
        {"claims": {"tested_at": NOW - HOUR}, "policy": Policy(test_hours=48)},
        DENY,
        ("test_missing",),
    ),
    "test missing": ({"policy": Policy(test_hours=48)}, DENY, ("test_missing",)),
    "test missing, refer by policy": ({"policy": Policy(test_hours=48, test_old=REFER)}, REFER, ("test_missing",)),
    "no test is asked for": ({"claims": {"tested_at": NOW - 900 * HOUR, "test_negative": True}}, PASS, ("green",)),
    # Venue and gate
    "outside the opening hours": ({"policy": Policy(opening_hours=EVERY_DAY)}, REFER, ("closed",)),
    "outside the opening hours, deny by policy": (
        {"policy": Policy(opening_hours=EVERY_DAY, closed=DENY)},
        DENY,
        ("closed",),
    ),
    "nobody is kept inside": (
        {"policy": Policy(opening_hours=EVERY_DAY, closed=DENY), "direction": Direction.OUT},
        PASS,
        ("green",),
    ),
    "within the opening hours of another time zone": (
        {"policy": Policy(opening_hours=EVERY_DAY, utc_offset_minutes=540)},
        PASS,
        ("green",),
    ),
    "stale trust is noted": ({"trust_age": 25 * HOUR}, PASS, ("green", "stale_trust")),
    "a second beyond the limit": ({"trust_age": 24 * HOUR + 1}, PASS, ("green", "stale_trust")),
    "trust at the limit": ({"trust_age": 24 * HOUR}, PASS, ("green",)),
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


@pytest.mark.parametrize(
    ("use", "companions", "person", "more"),
    [
        (None, 0, 1, False),
        (None, 2, 1, True),
        (used(5), 2, 2, True),
        (used(5, people=2), 2, 3, False),
        (used(5, people=1, again=True), 2, 2, True),
        (used(5, people=0, again=True), 0, 1, False),
        (used(400), 0, 1, False),
    ],
)
def test_each_of_a_party_is_counted(authority, use, companions, person, more):
    """R6: companions enter one by one; the record says which of them this is."""
    decision = judge(authority, claims={"companions": companions} | SAVED, use=use)
    assert (decision.person, decision.more_may_follow) == (person, more)


@pytest.mark.parametrize("reason", ["bad_signature", "unknown_key", "malformed", "unknown_format", "not_canonical"])
def test_a_code_that_is_not_genuine_is_denied_and_says_nothing_else(moment, reason):
    """DESIGN 3: it says nothing about the person, so no temperature or status stands beside it."""
    decision = decide(NotGenuine(reason), Policy(), Situation(moment(), 39.5))
    assert (decision.outcome, decision.reasons, decision.claims) == (DENY, (reason,), None)
    assert (decision.kind, decision.more_may_follow, decision.person) == (None, False, 1)


def test_a_gate_without_keys_sends_everybody_to_the_inspector(moment):
    """DESIGN 9: a missing part is a state, and nobody gets in by mistake."""
    assert decide(NotGenuine("no_trust"), Policy(), Situation(moment(), 36.5)).outcome is REFER


def test_every_reason_has_its_words_and_its_visitor():
    """R5: a code without a sentence would leave a visitor without an answer; one without a row is untested."""
    codes = {code for _, _, reasons in TABLE.values() for code in reasons}
    assert codes == {rule.code for rule in RULES}
    assert codes <= set(REASONS)
    assert {finding.value for finding in Finding} <= set(REASONS)


@pytest.mark.parametrize("code", REASONS)
def test_the_word_is_always_the_results(code):
    """R5: what is read from 5 m never contradicts the lamp, whatever the policy made of a reason."""
    said = {outcome: words_for(outcome, code) for outcome in Outcome}
    assert said[PASS].word.en == "Please pass"
    assert said[REFER].word.en == "See the inspector"
    assert said[DENY].word.en in ("No entry", "Show it again", "Out of order", "One code at a time")


@pytest.mark.parametrize(
    ("outcome", "code", "word", "advice"),
    [
        (PASS, "saved", "Please pass", "The gate is open: walk through."),
        (REFER, "saved", "See the inspector", "Please go to the inspector for a check by hand."),
        (REFER, "already_used", "See the inspector", "Please renew your scan result, or see the inspector."),
        (REFER, "expired", "See the inspector", "Please go to the inspector for a check by hand."),
        (REFER, "test_old", "See the inspector", "Please go to the inspector for a check by hand."),
        (DENY, "expired", "Show it again", "Please renew your scan result and show it again."),
        (DENY, "already_used", "No entry", "Please renew your scan result, or see the inspector."),
        (DENY, "red", "No entry", "Please stay where you are; the inspector will help you."),
    ],
)
def test_a_visitor_reads_what_to_do_next(outcome, code, word, advice):
    """R5: the result's word, and the reason's own advice where it fits the result."""
    said = words_for(outcome, code)
    assert (said.word.en, said.advice.en) == (word, advice)


def test_every_reason_is_written_out_in_both_languages():
    """Under its own code."""
    for code, reason in REASONS.items():
        assert reason.code == code
        assert all(text.zh and text.en for text in (reason.word, reason.advice, reason.detail))


@pytest.mark.parametrize("code", ["red", "yellow", "fever", "test_positive", "withdrawn"])
@pytest.mark.parametrize("outcome", Outcome)
def test_the_queue_reads_a_health_reason_only_by_policy(code, outcome):
    """DESIGN 3: neutral words by default, the detail is the inspector's."""
    neutral, told = words_for(outcome, code), words_for(outcome, code, tell_the_queue=True)
    detail = REASONS[code].detail
    assert detail.zh not in neutral.word.zh + neutral.advice.zh
    if outcome is not PASS:
        assert told.word == neutral.word
        assert detail.zh in told.advice.zh
        assert neutral.advice.en in told.advice.en
        assert detail.en in told.advice.en
