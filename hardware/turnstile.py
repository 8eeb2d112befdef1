"""PURE: whether the person went through, told from one contact at the turnstile and the relay (R8, DESIGN 9).

The contact is active while somebody is in the passage: an arm away from rest, or a light beam that is interrupted.
What it does NOT establish: who went through, how many squeezed through at once, and in which direction they went.

    rest ── relay opens ──▶ awaiting ── turning ──▶ passing ── at rest ──▶ rest        PASSED
                               └─ time is over ──▶ rest                                NOT_PASSED
    rest ── turning ──▶ forced ── at rest ──▶ rest                                     FORCED
    passing or forced, for too long ──▶ held ── at rest ──▶ rest                       HELD_OPEN, then RELEASED

Whoever went through and then stood in the way has gone through: after an opening, HELD_OPEN follows PASSED.
While the fire loop holds the lock released, people run out: that is never FORCED, and nobody HELD_OPEN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Turn(str, Enum):
    """What the turnstile did."""

    PASSED = "passed"
    NOT_PASSED = "not_passed"
    FORCED = "forced"
    HELD_OPEN = "held_open"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Turned:
    """One thing that the turnstile did. at: monotonic seconds at which it was known."""

    what: Turn
    at: float


@dataclass(frozen=True, slots=True)
class Sample:
    """The turnstile at one moment (monotonic seconds). released: by the fire loop, not by us."""

    at: float
    turning: bool
    relay_open: bool
    released: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """pass_seconds: from the relay's opening until "not passed"; never ends while the relay is still open.

    held_seconds: how long the passage may be occupied before that is an alarm.
    """

    pass_seconds: float = 5.0
    held_seconds: float = 10.0


class _At(Enum):
    STARTING, REST, AWAITING, PASSING, FORCED, HELD = range(6)


class Turnstile:
    """Feed it samples in the order of their time. Each opening gets one verdict: PASSED or NOT_PASSED."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._at: _At | None = None
        self._since = 0.0
        self._was_open = False
        self._owed = False  # another opening came while somebody was still in the passage

    @property
    def busy(self) -> bool:
        """Whether somebody is passing, may still pass, or stands in the way: nobody else can be let in now."""
        return self._at is not _At.REST

    def step(self, sample: Sample) -> tuple[Turned, ...]:
        """What this sample tells, oldest first."""
        opened = sample.relay_open and not self._was_open
        self._was_open = sample.relay_open
        if self._at is None:  # somebody in the passage as we start: who let them in is not known
            self._go(_At.STARTING if sample.turning else _At.REST, sample)
        told = self._opened(sample) if opened else ()
        return tuple(Turned(what, sample.at) for what in told + self._next(sample))

    def _opened(self, sample: Sample) -> tuple[Turn, ...]:
        if self._at is _At.REST:
            self._go(_At.AWAITING, sample)
            return ()
        not_used = self._at is _At.AWAITING or self._owed
        if self._at is _At.AWAITING:
            self._since = sample.at
        else:
            self._owed = True
        return (Turn.NOT_PASSED,) if not_used else ()

    def _next(self, sample: Sample) -> tuple[Turn, ...]:
        waited = sample.at - self._since
        if self._at is _At.REST and sample.turning:
            self._go(_At.FORCED, sample)
            return () if sample.released else (Turn.FORCED,)
        if self._at is _At.AWAITING:
            if sample.turning:
                self._go(_At.PASSING, sample)
            elif waited >= self._patience.pass_seconds and not sample.relay_open:
                self._go(_At.REST, sample)
                return (Turn.NOT_PASSED,)
        elif self._at in _AT_LAST and not sample.turning:
            return self._left(sample)
        elif self._at in _AT_LAST and sample.released:
            self._since = sample.at  # the time in which a passage may be occupied begins when that is over
        elif self._at in _AT_LAST and self._at is not _At.HELD and waited >= self._patience.held_seconds:
            passed = self._at is _At.PASSING
            self._go(_At.HELD, sample)
            return (Turn.PASSED, Turn.HELD_OPEN) if passed else (Turn.HELD_OPEN,)
        return ()

    def _left(self, sample: Sample) -> tuple[Turn, ...]:
        """The passage is free again."""
        told = _AT_LAST[self._at] if self._at is not None else ()
        self._go(_At.AWAITING if self._owed else _At.REST, sample)
        self._owed = False
        return told

    def _go(self, to: _At, sample: Sample) -> None:
        self._at, self._since = to, sample.at


_AT_LAST: dict[_At | None, tuple[Turn, ...]] = {
    _At.STARTING: (),
    _At.PASSING: (Turn.PASSED,),
    _At.FORCED: (),
    _At.HELD: (Turn.RELEASED,),
}
"""Where somebody is in the passage: what it means that they left it."""
