"""PURE: the urgent lane of one outbox – numbers of records that do not wait their turn (R7, DESIGN 7).

Whoever reads the outbox tells what was found; the link decides when to send it. Nothing here moves a cursor: urgent
records are sent once ahead of their turn and once in it. The newest go first: somebody who was refused just now is
still at the gate. Eight bytes for each number that waits, whatever the backlog.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from sync.backoff import Backoff


class UrgentLane:
    """looked: everything below this number was looked through. backoff: after the centre did not take a batch."""

    def __init__(self, start: int, backoff: Backoff) -> None:
        self.looked = start
        self.backoff = backoff
        self._numbers = array("Q")

    def found(self, upto: int, numbers: Iterable[int]) -> None:
        """Records up to before `upto` were looked through; `numbers` are the urgent ones, ascending."""
        self._numbers.extend(numbers)
        self.looked = upto

    def newest(self, start: int, most: int) -> tuple[int, ...]:
        """Up to so many of those from `start` on, ascending."""
        first = max(bisect_left(self._numbers, start), len(self._numbers) - most)
        return tuple(self._numbers[first:])

    def delivered(self, numbers: tuple[int, ...]) -> None:
        """The centre has what `newest` gave."""
        if numbers:
            del self._numbers[bisect_left(self._numbers, numbers[0]) : bisect_right(self._numbers, numbers[-1])]

    def passed(self, cursor: int) -> None:
        """Everything below the cursor arrived in its turn."""
        del self._numbers[: bisect_left(self._numbers, cursor)]
        self.looked = max(self.looked, cursor)

    def restart(self, cursor: int) -> None:
        """The centre lost what it had from the cursor on: look through it again."""
        del self._numbers[:]
        self.looked = cursor
