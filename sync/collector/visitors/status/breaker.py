"""PURE: when a server that does not answer is left alone, so that nobody waits for it in vain.

It takes a monotonic time, never the wall's. One process knows only its own failures.
"""

from __future__ import annotations

from dataclasses import dataclass

FAILURES = 3
REST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """failures: in a row. rested_since: when it last failed, or was last tried, once that was too often."""

    failures: int = 0
    rested_since: float | None = None

    def asked(self, now: float) -> Breaker | None:
        """The breaker while somebody asks; None where the server rests. After a rest one asks, and the others wait."""
        if self.rested_since is None:
            return self
        if now - self.rested_since < REST_SECONDS:
            return None
        return Breaker(self.failures, now)

    def failed(self, now: float) -> Breaker:
        """It did not answer as asked."""
        failures = self.failures + 1
        return Breaker(failures, now if failures >= FAILURES else None)

    @property
    def is_resting(self) -> bool:
        """Whether it failed too often in a row."""
        return self.rested_since is not None
