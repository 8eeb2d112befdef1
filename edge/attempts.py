"""PURE: how often a PIN may be tried at a gate's panel – by number, and at this gate in all.

Decides how long nobody may try. A failure is counted before the PIN is looked at and taken back when it was right, so
that ten tries at once are ten. Time is monotonic: setting a clock shortens no wait. It does NOT survive a restart by
itself: `failures` is what to keep, and `restored` begins every wait anew, so that pulling the plug gains nothing where
it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_NUMBERS = 1_024
_EVERYBODY = 0  # inspectors count from 1


@dataclass(frozen=True, slots=True)
class Allowance:
    """`free` failures cost nothing; from then on each doubles the wait, from first_wait_seconds up to the longest.

    forgotten_seconds: after so long without a failure everything is forgotten.
    """

    free: int
    first_wait_seconds: float
    longest_wait_seconds: float
    forgotten_seconds: float

    def wait_seconds(self, failures: int, since_last_seconds: float) -> float:
        """How long still nothing is tried."""
        if failures < self.free or since_last_seconds >= self.forgotten_seconds:
            return 0.0
        pause = min(self.first_wait_seconds * 2.0 ** min(failures - self.free, 32), self.longest_wait_seconds)
        return max(0.0, pause - max(0.0, since_last_seconds))


ONE = Allowance(free=5, first_wait_seconds=60, longest_wait_seconds=3_600, forgotten_seconds=86_400)
ALL = Allowance(free=20, first_wait_seconds=30, longest_wait_seconds=900, forgotten_seconds=3_600)
"""At this gate, whoever's numbers: who tries one PIN on every number waits too. Badges go on all the while."""


@dataclass
class _Count:
    failures: int
    last: float


@dataclass
class Attempts:
    """Failures by number. At most MAX_NUMBERS are remembered; the longest ago is forgotten first."""

    of_one: Allowance = ONE
    of_all: Allowance = ALL
    _counts: dict[int, _Count] = field(default_factory=dict)

    def wait_seconds(self, number: int, now: float) -> float:
        """How long that number cannot be tried, 0 when it can. now: monotonic seconds."""
        return max(
            allowance.wait_seconds(count.failures, now - count.last)
            for allowance, count in (
                (self.of_one, self._count(number, now)),
                (self.of_all, self._count(_EVERYBODY, now)),
            )
        )

    def begin(self, number: int, now: float) -> float:
        """Count an attempt as failed before it is looked at; or count nothing and return the seconds to wait."""
        wait = self.wait_seconds(number, now)
        if wait > 0:
            return wait
        for subject, allowance in ((number, self.of_one), (_EVERYBODY, self.of_all)):
            count = self._counts.pop(subject, _Count(0, now))
            earlier = 0 if now - count.last >= allowance.forgotten_seconds else count.failures
            self._counts[subject] = _Count(earlier + 1, now)
        if len(self._counts) > MAX_NUMBERS + 1:
            del self._counts[next(iter(self._counts))]
        return 0.0

    def succeeded(self, number: int) -> None:
        """It was no failure; that number's earlier ones are forgotten, the gate's own are not."""
        if self._counts.pop(number, None) is None:
            return
        everybody = self._counts.get(_EVERYBODY)
        if everybody is not None:
            everybody.failures -= 1

    def failures(self) -> dict[int, int]:
        """What to keep over a restart: failures by number, those of all together under 0."""
        return {subject: count.failures for subject, count in self._counts.items() if count.failures > 0}

    @classmethod
    def restored(cls, failures: Mapping[int, int], now: float) -> Attempts:
        """After a restart: as if the last failure of each had been just now."""
        kept = list(failures.items())[-MAX_NUMBERS - 1 :]
        return cls(_counts={number: _Count(count, now) for number, count in kept if count > 0})

    def _count(self, subject: int, now: float) -> _Count:
        return self._counts.get(subject) or _Count(0, now)
