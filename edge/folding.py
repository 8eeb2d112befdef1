"""PURE: codes that are not genuine, counted – at most one record a minute for each reason (DESIGN 3).

A child with a sheet of codes fills no disk. What is still being counted when the power goes is lost: it is no passage.
"""

from __future__ import annotations

from collections.abc import Iterator

FOLD_SECONDS = 60.0


class Folding:
    """Counts by reason; time is monotonic seconds, passed in."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._since: dict[str, float] = {}

    def note(self, reason: str, now: float, count: int = 1) -> None:
        """Count refused codes."""
        self._counts[reason] = self._counts.get(reason, 0) + count
        self._since.setdefault(reason, now)

    def due(self, now: float, everything: bool = False) -> Iterator[tuple[str, int]]:
        """The (reason, count) pairs whose minute is over, or all of them at the end; each is given out once."""
        for reason in [name for name, since in self._since.items() if everything or now - since >= FOLD_SECONDS]:
            del self._since[reason]
            yield reason, self._counts.pop(reason)
