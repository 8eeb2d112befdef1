"""PURE: which code in view is newly shown, and which is the one that was answered already.

A phone held still is seen fifteen times a second and answered once: the same text is quiet while it stays in view and
for a while after its answer. Another visitor's text never is. Beside a code that nobody could read yet, a pass waits a
moment: that code may be a second person's, and the gate never chooses between two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

QUIET_SECONDS = 5.0
GONE_SECONDS = 1.0
DOUBT_SECONDS = 0.4


@dataclass(slots=True)
class _Answered:
    texts: frozenset[str]
    at: float
    seen_at: float

    def quiet(self, now: float) -> bool:
        return now - self.at < QUIET_SECONDS or now - self.seen_at < GONE_SECONDS


class Presence:
    """Remembers what was answered lately; time is monotonic seconds, passed in."""

    def __init__(self) -> None:
        self._answered: list[_Answered] = []
        self._doubted: tuple[frozenset[str], float] = (frozenset(), 0.0)

    def newly_shown(self, texts: Sequence[str], now: float, doubtful: bool = False) -> tuple[str, ...]:
        """The texts to answer now: those in view together, or () when they were just answered.

        doubtful: another code is in view that was not read; the next frames may read it, or it is none of ours.
        """
        shown = frozenset(texts)
        self._answered = [answered for answered in self._answered if answered.quiet(now)]
        if not shown:
            return ()
        known = [answered for answered in self._answered if answered.texts == shown]
        for answered in self._answered:
            if answered.texts <= shown:
                answered.seen_at = now
        if known or (doubtful and self._in_doubt(shown, now)):
            return ()
        self._answered.append(_Answered(shown, now, now))
        return tuple(texts)

    def _in_doubt(self, shown: frozenset[str], now: float) -> bool:
        texts, since = self._doubted
        if texts != shown or now - since > GONE_SECONDS:
            self._doubted = (shown, now)
            return True
        return now - since < DOUBT_SECONDS

    def release(self, now: float) -> None:
        """What was answered may be answered anew: once it has been out of view, not while it is still held up."""
        for answered in self._answered:
            answered.at, answered.seen_at = float("-inf"), now
