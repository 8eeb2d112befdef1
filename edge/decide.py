"""PURE: pass, deny or refer – from a verification, a temperature, the policy, recent uses, and now.

Everything genuine is evaluated; the most severe outcome wins and ALL reasons are kept, so that a red person with an
old pass is still a red person. Refer means: the inspector decides; the gate stays closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from edge.verify import Finding, NotGenuine, Verification
from sync.wire.passes import PassClaims, PassKind, Status
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Moment, Outcome

Weighed = tuple[Outcome, str]


class Uses(Protocol):
    """What the gate remembers of earlier uses."""

    def first_use(self, serial: bytes) -> float | None:
        """Seconds since 1970 of the first use here, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one presented code. reasons: codes of `edge/reasons.py`, the deciding one first.

    claims: the genuine pass's, None for a code that is not genuine (which is counted, not recorded one by one).
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    claims: PassClaims | None = None
    temperature: float | None = None

    @property
    def kind(self) -> str | None:
        """The pass's kind in lower case, None without a genuine pass."""
        return None if self.claims is None else self.claims.kind.name.lower()


def decide(
    verification: Verification,
    temperature: float | None,
    policy: Policy,
    recent: Uses,
    now: Moment,
    trust_issued_at: float | None = None,
) -> Decision:
    """Weigh everything.

    temperature: °C, None for not measured. trust_issued_at: seconds since 1970, when the updates in force were issued.
    """
    if isinstance(verification, NotGenuine):
        outcome = Outcome.REFER if verification.reason == "no_trust" else Outcome.DENY
        return Decision(outcome, (verification.reason,), None, temperature)
    claims = verification.claims
    weighed = [
        *(_finding(finding, now) for finding in verification.findings),
        *_used(claims, policy, recent, now),
        _status(claims, policy),
        *_kind(claims, policy),
        *_test(claims, policy, now),
        *_temperature(temperature, policy),
        *_gate_itself(policy, trust_issued_at, now),
    ]
    weighed.sort(key=lambda pair: -pair[0].severity)  # stable: the order above breaks ties
    outcome = weighed[0][0]
    # "green" is the reason to pass; beside a reason against it, it says nothing.
    reasons = tuple(code for weight, code in weighed if code != "green" or outcome is Outcome.PASS)
    return Decision(outcome, reasons, claims, temperature)


def _finding(finding: Finding, now: Moment) -> Weighed:
    if finding is Finding.NOT_YET_VALID and now.clock is not ClockQuality.SYNCHRONIZED:
        return Outcome.REFER, finding.value  # perhaps it is our clock that is wrong
    return Outcome.DENY, finding.value


def _used(claims: PassClaims, policy: Policy, recent: Uses, now: Moment) -> Iterator[Weighed]:
    first = recent.first_use(claims.serial)
    if first is None:
        return
    if claims.kind is PassKind.SCAN_RESULT:
        yield Outcome.DENY, "already_used"
    elif abs(now.at - first) < policy.reuse_seconds:
        yield Outcome.REFER, "already_used"


def _status(claims: PassClaims, policy: Policy) -> Weighed:
    return {
        Status.GREEN: (Outcome.PASS, "green"),
        Status.YELLOW: (policy.yellow, "yellow"),
        Status.RED: (Outcome.DENY, "red"),
    }[claims.status]


def _kind(claims: PassClaims, policy: Policy) -> Iterator[Weighed]:
    if claims.kind is PassKind.SAVED:
        yield policy.saved, "saved"
    if claims.kind is PassKind.PAPER:
        yield policy.paper, "paper"
    if claims.companions:
        yield policy.companions, "companions"


def _test(claims: PassClaims, policy: Policy, now: Moment) -> Iterator[Weighed]:
    if claims.test_negative is False:
        yield Outcome.DENY, "test_positive"
    if policy.test_hours is None:
        return
    if claims.tested_at is None or claims.test_negative is None:
        yield policy.test_old, "test_missing"
    elif now.at - claims.tested_at > policy.test_hours * 3600:
        yield policy.test_old, "test_old"


def _temperature(celsius: float | None, policy: Policy) -> Iterator[Weighed]:
    if celsius is None:
        yield policy.not_measured, "not_measured"
    elif not celsius < policy.fever_celsius:  # so that NaN is not a pass (R4)
        yield Outcome.DENY, "fever"


def _gate_itself(policy: Policy, trust_issued_at: float | None, now: Moment) -> Iterator[Weighed]:
    if trust_issued_at is not None and now.at - trust_issued_at > policy.trust_hours * 3600:
        yield policy.stale_trust, "stale_trust"
    if now.clock is not ClockQuality.SYNCHRONIZED:
        yield policy.clock_unknown, "clock_unknown"
