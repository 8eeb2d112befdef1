"""How much one transaction does of a long work, so that intake beside it waits a few milliseconds and never long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# Fewer rows would save nothing: the flush of a commit costs as much as a hundred of them (measured).
LEAST, MOST = 50, 1_000
_GOAL_SECONDS = 0.02
_REST_MOST_SECONDS = 0.25


@dataclass
class Pace:
    """Rows for the next step: more while steps are short, fewer at once when one was long; then as long a rest."""

    size: int = 100
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    _began: float = 0.0

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around one transaction of `size` rows. The rest lets everybody else in who waits for the database."""
        self.begun()
        yield
        took = self.clock() - self._began
        if took > _GOAL_SECONDS:
            self.size = max(LEAST, self.size // 2)
        elif took < _GOAL_SECONDS / 2:
            self.size = min(MOST, self.size * 2)
        self.sleep(min(took, _REST_MOST_SECONDS))

    def begun(self) -> None:
        """Now others wait: to wait for them before was no work."""
        self._began = self.clock()
