"""What would be decided about a code, and why, without a gate: `gate check`."""

from __future__ import annotations

import msgspec

from edge import credentials
from edge.clock import SystemClock
from edge.decide import Decision, decide
from edge.reasons import REASONS
from edge.recent import RecentUses
from edge.trust import load
from edge.verify import verify
from sync.wire.record import ClockQuality
from sync.wire.statedir import StateDir


def check(text: str, state: StateDir, temperature: float | None, at: float | None) -> Decision:
    """Decide with the updates in `state`. at: seconds since 1970, taken as certain; None for now. Raises TrustError."""
    trust = load(state)
    now = SystemClock().now()
    if at is not None:
        now = msgspec.structs.replace(now, at=at, clock=ClockQuality.SYNCHRONIZED)
    verification = verify(credentials.read(text), trust, now)
    return decide(verification, temperature, trust.policy, RecentUses(), now, trust.issued_at)


def explained(decision: Decision) -> list[str]:
    """The reasons in words, the deciding one first."""
    return [f"{code}: {REASONS[code].detail.zh} / {REASONS[code].detail.en}" for code in decision.reasons]
