"""PURE: how long to wait after a failure – full jitter, so that a town's gates do not return in one second.

Randomness is passed in. Each failure doubles the longest wait, up to a few minutes; the wait itself is drawn evenly
between nothing and that, so that many gates spread over the whole time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MAX_RETRY_AFTER_SECONDS = 900.0
"""A centre, or whoever answers in its place, keeps a gate away for no longer than this at a time."""


@dataclass(frozen=True, slots=True)
class Pace:
    """base_seconds: the longest wait after the first failure. longest_seconds: after any number of them."""

    base_seconds: float = 1.0
    longest_seconds: float = 180.0


class Backoff:
    """Counts failures in a row and says when to try again.

    draw: gives numbers in [0, 1), as `random.random`. Times are seconds on a clock that never runs backwards.
    """

    def __init__(self, draw: Callable[[], float], pace: Pace = Pace()) -> None:
        self._draw = draw
        self._pace = pace
        self.failures = 0
        self.until = float("-inf")

    def fail(self, now: float, retry_after: float | None = None) -> None:
        """One more failure. retry_after: seconds that the peer asked for; it is honoured, within bounds, and spread."""
        # The exponent is bounded too: after weeks without network 2 ** failures is no float any more.
        longest = min(self._pace.longest_seconds, self._pace.base_seconds * 2 ** min(self.failures, 32))
        asked = min(max(retry_after or 0.0, 0.0), MAX_RETRY_AFTER_SECONDS)
        self.failures += 1
        self.until = now + asked + self._draw() * longest

    def reset(self) -> None:
        """It went well."""
        self.failures = 0
        self.until = float("-inf")

    def cut_short(self) -> None:
        """Somebody asks for an attempt now; how often it failed is not forgotten."""
        self.until = float("-inf")
