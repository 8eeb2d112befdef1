"""Rhythms of lamps and of the buzzer: when each is on, as people tell them apart – and one thread that plays them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Rhythm:
    """PURE: seconds on, off, on, off …; `repeats` until something else is played, or once. An empty one is steady."""

    steps: tuple[float, ...] = ()
    repeats: bool = True

    def on_at(self, elapsed: float) -> tuple[bool, float | None]:
        """Whether it is on so many seconds after its beginning, and after how many the next change comes (or None)."""
        if not self.steps:
            return True, None
        whole = sum(self.steps)
        rounds, within = divmod(elapsed, whole) if self.repeats else (0.0, elapsed)
        for index, end in enumerate(accumulate(self.steps)):
            if within < end:
                return index % 2 == 0, rounds * whole + end
        return False, None

    def as_heard(self) -> tuple[str, ...]:
        """What a person can tell of it: each on and off of a round, in the few classes that ear or eye tells apart.

        Two rhythms that are the same here are the same to people, whatever their numbers say.
        """
        if not self.steps:
            return ("steady",)
        told = [_length(step) if index % 2 == 0 else _pause(step) for index, step in enumerate(self.steps)]
        if not self.repeats and len(told) % 2 == 0:
            told.pop()  # nobody hears how long the silence after the end is
        return (*told, "again" if self.repeats else "once")


def flashes(count: int, on: float = 0.2, off: float = 0.25, pause: float = 1.4) -> Rhythm:
    """A group of so many flashes, then a pause: to be counted."""
    return Rhythm((on, off) * (count - 1) + (on, pause))


def _length(seconds: float) -> str:
    return "tick" if seconds < 0.1 else "short" if seconds < 0.3 else "long" if seconds < 1.0 else "very long"


def _pause(seconds: float) -> str:
    return "quick" if seconds < 0.3 else "slow" if seconds < 1.0 else "far"


STEADY = Rhythm()


class Player:
    """Plays any number of rhythms, each on an output that is switched by its own function.

    An output that cannot be switched is told by `play`, and by nothing here: the next `play` finds it out.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._playing: dict[str, _Track] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="rhythms", daemon=True)
        self._thread.start()

    def play(self, name: str, rhythm: Rhythm | None, switch: Callable[[bool], None]) -> None:
        """Begin a rhythm on the output called `name`, in place of what it plays; None: off. It moves at once."""
        with self._changed:
            self._playing.pop(name, None)
            switch(rhythm is not None and rhythm.on_at(0.0)[0])
            if rhythm is not None:
                self._playing[name] = _Track(rhythm, switch, self._monotonic(), True)
            self._changed.notify()

    def close(self) -> None:
        """Play nothing more. The outputs stay as they are."""
        with self._changed:
            self._stopped = True
            self._playing.clear()
            self._changed.notify()
        self._thread.join(2.0)

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                now = self._monotonic()
                nexts = [self._advance(name, track, now) for name, track in list(self._playing.items())]
                due = [at for at in nexts if at is not None]
                self._changed.wait(max(0.0, min(due) - now) if due else None)

    def _advance(self, name: str, track: _Track, now: float) -> float | None:
        on, change = track.rhythm.on_at(now - track.begun_at)
        if on is not track.is_on:
            track.is_on = on
            try:
                track.switch(on)
            except Exception:  # noqa: BLE001 - one lamp that fails must not stop the others
                del self._playing[name]
                return None
        return None if change is None else track.begun_at + change


@dataclass(slots=True)
class _Track:
    rhythm: Rhythm
    switch: Callable[[bool], None]
    begun_at: float
    is_on: bool
