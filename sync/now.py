"""`gate-sync now`: asks the running service for an exchange, and shows how its backlog shrinks.

Watches sync-status.json; the sending is the service's. So Ctrl-C, a closed laptop or a second caller disturb nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from sync import mailbox
from sync.picture import STALE_SECONDS
from sync.wire.statedir import StateDir
from sync.wire.status import SyncStatus

_LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 30.0
"""So long without a record less, or without the link: whatever it is, watching does not mend it."""


class End(Enum):
    """How the watching ended."""

    DONE = "done"
    TROUBLE = "trouble"
    NOT_RUNNING = "not_running"


@dataclass(slots=True)
class Progress:
    """sent: records since the watching began. waiting: those that are still to go, new ones too."""

    sent: int
    waiting: int


class Watch:
    """One `gate-sync now`. show: called with the progress at each look; tests replace `pause` and `clock`."""

    def __init__(
        self,
        state: StateDir,
        show: Callable[[Progress], None],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._state, self._show, self._clock, self._pause = state, show, clock, pause
        self._asked_at = self._moved_at = 0.0
        self._was_connected = False
        self.progress: Progress | None = None
        self.status: SyncStatus | None = None

    def run(self) -> End:
        """Ask, and watch until everything that waits is at the centre or cannot go there. Raises OSError."""
        self._asked_at = self._moved_at = self._clock()
        mailbox.touch_wake(self._state)
        while (end := self._look()) is None:
            self._pause(_LOOK_SECONDS)
        return end

    def _look(self) -> End | None:
        status, now = mailbox.read_sync_status(self._state), self._clock()
        if status is None or status.boot != mailbox.boot_id() or now - status.mono > STALE_SECONDS:
            return End.NOT_RUNNING
        self.status = status
        self._advance(status, now)
        if (status.answered_mono or 0.0) <= self._asked_at:
            pass  # not the answer to our asking
        elif status.connected and status.backlog == 0:
            return End.DONE
        elif status.connected:
            self._was_connected = True
        elif not self._was_connected:
            return End.TROUBLE  # the first attempt failed; the service tries again by itself
        return End.TROUBLE if now - self._moved_at > PATIENCE_SECONDS else None

    def _advance(self, status: SyncStatus, now: float) -> None:
        before = self.progress or Progress(0, status.backlog)
        gone = max(0, before.waiting - status.backlog)
        if gone:
            self._moved_at = now
        self.progress = Progress(before.sent + gone, status.backlog)
        self._show(self.progress)
