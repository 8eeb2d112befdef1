"""Where the gate's loop is, for how long, and whether that is still well: its stages, its latencies, its watchdog.

The loop says which stage it enters; a thread beside it feeds systemd's watchdog as long as no stage outlasts its
patience. A wedged decoder ends in a restart; a disk that stalls is a state on the lamps, because a restart would only
stall on it again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum

from sync.notify import Supervisor
from sync.wire.status import Work

LOOK_SECONDS = 0.5
STALL_SECONDS = 2.0


class Stage(str, Enum):
    """What the loop is doing."""

    REST = "rest"  # between frames: lamps, status
    CAMERA = "camera"
    READ = "read"
    DECIDE = "decide"
    DISK = "disk"
    ACT = "act"


PATIENCE: dict[Stage, float] = {
    Stage.REST: 60.0,
    Stage.CAMERA: 30.0,  # opening one, after closing one that hangs
    Stage.READ: 30.0,  # a decoder's process that starts from a slow card
    Stage.DECIDE: 5.0,
    Stage.DISK: float("inf"),
    Stage.ACT: 5.0,
}
"""Seconds that a stage may take; each has bounded waits of its own below that."""


class _Visit:
    """One stage, entered and left: written out, as a generator costs twice as much between frame and relay."""

    __slots__ = ("_before", "_enter", "_stage")

    def __init__(self, enter: Callable[[Stage], None], before: Stage, stage: Stage) -> None:
        self._enter, self._before, self._stage = enter, before, stage

    def __enter__(self) -> None:
        self._enter(self._stage)

    def __exit__(self, *_: object) -> None:
        self._enter(self._before)


class Heart:
    """Belongs to one loop. monotonic: the clock of `Frame.captured_at`."""

    def __init__(self, supervisor: Supervisor | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._supervisor, self._monotonic = supervisor or Supervisor({}), monotonic
        self._stage, self._since = Stage.REST, monotonic()
        self._captured_at: float | None = None
        self._spent = dict.fromkeys(Stage, 0.0)  # on the frame in hand
        self._work = Work()
        self._stop = threading.Event()

    def at(self, stage: Stage) -> _Visit:
        """The loop is in this stage; afterwards it is in the one before again."""
        return _Visit(self._enter, self._stage, stage)

    def frame(self, captured_at: float) -> None:
        """A new frame is in hand, exposed at that monotonic time."""
        self._enter(self._stage)
        self._captured_at = captured_at
        self._spent = dict.fromkeys(Stage, 0.0)
        self._spent[self._stage] = self._since - captured_at
        self._work = self._work.plus(frames=1)

    def read(self) -> None:
        """A code was read in it."""
        self._work = self._work.plus(read=1)

    def opened(self) -> None:
        """The relay was commanded to open because of it."""
        self._enter(self._stage)
        if self._captured_at is not None:
            seconds = self._monotonic() - self._captured_at
            self._work = self._work.opened(seconds, {stage.value: spent for stage, spent in self._spent.items()})

    @property
    def work(self) -> Work:
        """What was done since the start."""
        return self._work

    def is_well(self, now: float) -> bool:
        """Whether the loop is within its patience."""
        return now - self._since <= PATIENCE[self._stage]

    def disk_stalls(self, now: float) -> bool:
        """Whether the loop has been waiting for the disk so long that people should be told."""
        return self._stage is Stage.DISK and now - self._since > STALL_SECONDS

    def watch(self, tell_stall: Callable[[], None]) -> None:
        """Say that the gate is ready, and feed the watchdog from now on, in a thread of its own.

        tell_stall: called again and again, from that thread, while the disk stalls and the loop cannot speak.
        """
        self._supervisor.ready()
        threading.Thread(target=self._watch, args=(tell_stall,), name="heart", daemon=True).start()

    def stop(self) -> None:
        """The loop ends by itself."""
        self._stop.set()
        self._supervisor.stopping()

    def _watch(self, tell_stall: Callable[[], None]) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            now = self._monotonic()
            if self.is_well(now):
                self._supervisor.alive(now)
            if self.disk_stalls(now):
                tell_stall()

    def _enter(self, stage: Stage) -> None:
        now = self._monotonic()
        self._spent[self._stage] += now - self._since
        self._stage, self._since = stage, now
