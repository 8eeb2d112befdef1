"""What is missing or sick right now: a state to show, never a reason to stop (DESIGN 9)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sync.wire.status import Fault

_log = logging.getLogger("gate")


class Faults:
    """The faults that stand, each logged once when it comes and once when it goes."""

    def __init__(self) -> None:
        self._standing: dict[Fault, str] = {}

    @property
    def standing(self) -> list[Fault]:
        """In the order in which they came."""
        return list(self._standing)

    def set(self, fault: Fault, sentence: str) -> None:
        """A part fails, as the sentence says."""
        if self._standing.get(fault) != sentence:
            _log.warning("%s: %s", fault.value, sentence)
        self._standing[fault] = sentence

    def clear(self, fault: Fault) -> None:
        """A part works (again)."""
        if self._standing.pop(fault, None) is not None:
            _log.warning("%s: works again", fault.value)

    def note(self, fault: Fault, trouble: str | None) -> None:
        """A part is as the sentence says; None: it works."""
        if trouble is None:
            self.clear(fault)
        else:
            self.set(fault, trouble)

    @contextmanager
    def watch(self, fault: Fault, *errors: type[Exception]) -> Iterator[None]:
        """Run a block that uses one part: its errors become the fault and end the block, success clears it."""
        try:
            yield
        except errors as cause:
            self.set(fault, str(cause))
        else:
            self.clear(fault)
