"""PURE: pass, deny or refer – from a verification, the policy, and the situation at the gate.

Everything genuine is weighed by one table of rules; the most severe outcome wins and ALL reasons are kept, so that a
red person with a used pass is still a red person. Refer means: the inspector decides; the gate stays closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.verify import AHEAD_SECONDS, Finding, NotGenuine, Verification
from sync.wire.passes import PassClaims, PassKind, Status
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Use

PARTY_SECONDS = 180.0  # in which the companions on one pass enter, one by one


@dataclass(frozen=True, slots=True)
class Situation:
    """What is weighed beside the pass and the policy.

    temperature: °C, None for not measured. use: what this gate remembers of the pass. trust_issued_at: when the
    updates in force were issued, seconds since 1970.
    """

    now: Moment
    temperature: float | None = None
    use: Use | None = None
    trust_issued_at: float | None = None
    direction: Direction = Direction.IN


@dataclass(frozen=True, slots=True)
class Weighed:
    """One reason and what it is worth."""

    outcome: Outcome
    code: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one presented code. weighed: every reason with its weight, the deciding one first.

    claims: the genuine pass's, None for a code that is not genuine (which is counted, not recorded one by one).
    person: 1 for the holder, 2 … for companions who enter one by one.
    """

    weighed: tuple[Weighed, ...]
    situation: Situation
    claims: PassClaims | None = None
    person: int = 1

    @property
    def outcome(self) -> Outcome:
        """The most severe of all."""
        return self.weighed[0].outcome

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of `edge/reasons.py`, the deciding one first."""
        return tuple(reason.code for reason in self.weighed)

    @property
    def more_may_follow(self) -> bool:
        """Whether companions are still to enter on the same pass."""
        return self.claims is not None and self.person <= self.claims.companions

    @property
    def kind(self) -> str | None:
        """The pass's kind in lower case, None without a genuine pass."""
        return None if self.claims is None else self.claims.kind.name.lower()


def decide(verification: Verification, policy: Policy, situation: Situation) -> Decision:
    """Weigh everything."""
    if isinstance(verification, NotGenuine):
        outcome = Outcome.REFER if verification.reason == "no_trust" else Outcome.DENY
        return Decision((Weighed(outcome, verification.reason),), situation)
    case = _Case(verification.claims, verification.findings, policy, situation)
    weighed = [Weighed(rule.weight(case), rule.code) for rule in RULES if rule.applies(case)]
    weighed.sort(key=lambda reason: -reason.outcome.severity)  # stable: the order of the rules breaks ties
    if weighed[0].outcome is not Outcome.PASS:
        # "green" is the reason to pass; beside a reason against it, it says nothing.
        weighed = [reason for reason in weighed if reason.code != "green"]
    return Decision(tuple(weighed), situation, case.claims, case.person)


@dataclass(frozen=True, slots=True)
class _Case:
    """One genuine pass at one moment, as the rules see it."""

    claims: PassClaims
    findings: tuple[Finding, ...]
    policy: Policy
    situation: Situation

    @property
    def now(self) -> Moment:
        return self.situation.now

    @property
    def is_scan_result(self) -> bool:
        return self.claims.kind is PassKind.SCAN_RESULT

    @property
    def goes_on(self) -> bool:
        """Whether this opening belongs to the use that is under way: a companion, or once more for one not used."""
        use = self.situation.use
        if use is None:
            return False
        return use.again or (use.people <= self.claims.companions and use.seconds_ago < PARTY_SECONDS)

    @property
    def person(self) -> int:
        use = self.situation.use
        return use.people + 1 if use is not None and self.goes_on else 1

    @property
    def is_used(self) -> bool:
        use = self.situation.use
        if use is None or self.goes_on:
            return False
        return self.is_scan_result or use.seconds_ago < self.policy.reuse_seconds

    @property
    def has_test(self) -> bool:
        return self.claims.tested_at is not None and self.claims.test_negative is not None

    @property
    def clock_error(self) -> float:
        return self.now.error_seconds or 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A reason, when it applies to a genuine pass, and what it is worth then."""

    code: str
    applies: Callable[[_Case], bool]
    weight: Callable[[_Case], Outcome]


RULES = (
    # What the pass says against itself. Denied only where the clock is certain that it must be (DESIGN 5).
    Rule("elsewhere", lambda c: Finding.ELSEWHERE in c.findings, lambda c: Outcome.DENY),
    Rule(
        "expired",
        lambda c: Finding.EXPIRED in c.findings,
        lambda c: Outcome.DENY if c.now.earliest >= c.claims.expires_at else c.policy.expired_unsure,
    ),
    Rule(
        "not_yet_valid",
        lambda c: Finding.NOT_YET_VALID in c.findings,
        lambda c: Outcome.DENY if c.claims.issued_at > c.now.latest + AHEAD_SECONDS else Outcome.REFER,
    ),
    Rule("withdrawn", lambda c: Finding.WITHDRAWN in c.findings, lambda c: c.policy.withdrawn),
    Rule(
        "already_used",
        lambda c: c.is_used,
        lambda c: Outcome.DENY if c.is_scan_result else c.policy.already_used,
    ),
    # The person
    Rule("green", lambda c: c.claims.status is Status.GREEN, lambda c: Outcome.PASS),
    Rule("status_unknown", lambda c: c.claims.status is Status.UNKNOWN, lambda c: Outcome.REFER),
    Rule("yellow", lambda c: c.claims.status is Status.YELLOW, lambda c: c.policy.yellow),
    Rule("red", lambda c: c.claims.status is Status.RED, lambda c: Outcome.DENY),
    Rule(
        "status_old",
        lambda c: _older(c.now.at, c.claims.status_at, c.policy.status_hours),
        lambda c: c.policy.status_old,
    ),
    Rule("test_positive", lambda c: c.claims.test_negative is False, lambda c: Outcome.DENY),
    Rule(
        "test_missing",
        lambda c: c.policy.test_hours is not None and not c.has_test,
        lambda c: c.policy.test_old,
    ),
    Rule(
        "test_old",
        lambda c: c.has_test and _older(c.now.at, c.claims.tested_at, c.policy.test_hours),
        lambda c: c.policy.test_old,
    ),
    Rule("not_measured", lambda c: c.situation.temperature is None, lambda c: c.policy.not_measured),
    Rule("fever", lambda c: _is_fever(c.situation.temperature, c.policy), lambda c: Outcome.DENY),
    # The kind of pass
    Rule("saved", lambda c: c.claims.kind is PassKind.SAVED, lambda c: c.policy.saved),
    Rule("paper", lambda c: c.claims.kind is PassKind.PAPER, lambda c: c.policy.paper),
    Rule("companions", lambda c: c.claims.companions > 0, lambda c: c.policy.companions),
    # Venue and gate
    Rule("closed", lambda c: _is_closed(c), lambda c: c.policy.closed),
    Rule(
        "stale_trust",
        lambda c: _older(c.now.at, c.situation.trust_issued_at, c.policy.trust_hours),
        lambda c: c.policy.stale_trust,
    ),
    Rule(
        "clock_holdover",
        lambda c: c.is_scan_result and c.clock_error >= c.policy.clock_error_seconds,
        lambda c: c.policy.clock_holdover,
    ),
    Rule("clock_floor", lambda c: c.now.clock is ClockQuality.FLOOR, lambda c: c.policy.clock_floor),
    Rule("clock_unknown", lambda c: c.now.clock is ClockQuality.UNKNOWN, lambda c: c.policy.clock_unknown),
)
"""Every reason that a genuine pass can meet, in the order in which equals are told."""


def _older(now: float, since: float | None, hours: int | None) -> bool:
    return since is not None and hours is not None and now - since > hours * 3600


def _is_fever(celsius: float | None, policy: Policy) -> bool:
    return celsius is not None and not celsius < policy.fever_celsius  # so that NaN is not a pass (R4)


def _is_closed(case: _Case) -> bool:
    """Nobody is kept inside: opening hours are for entries."""
    policy, hours = case.policy, case.policy.opening_hours
    return (
        hours is not None
        and case.situation.direction is Direction.IN
        and not hours.is_open(case.now.at, policy.utc_offset_minutes)
    )
