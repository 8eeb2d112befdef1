"""What would be decided about a code, and why, without a gate: `gate check`."""

from __future__ import annotations

from edge import credentials
from edge.clock import Clock, SystemSources, kept_floor
from edge.decide import Situation, decide
from edge.explain import Explained
from edge.trust import load
from edge.verify import verify
from sync.wire.record import ClockQuality, Moment
from sync.wire.statedir import StateDir


def check(text: str, state: StateDir, temperature: float | None, at: float | None) -> Explained:
    """Decide with the updates in `state`. at: seconds since 1970, taken as certain; None for now. Raises TrustError."""
    trust = load(state)
    clock = Clock(SystemSources(), kept_floor(state))
    clock.proved(trust.issued_at)
    now = clock.now()
    if at is not None:
        now = Moment(at, now.boot, now.mono, ClockQuality.SYNCHRONIZED)
    verification = verify(credentials.read(text), trust, now)
    situation = Situation(now, temperature, None, trust.issued_at, trust.venue.direction)
    decision = decide(verification, trust.policy, situation)
    return Explained(decision, "{}.{}".format(*trust.order), trust.issued_at)
