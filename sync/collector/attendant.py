"""What has to be done beside serving: one process that does its jobs one after the other while `collector serve` runs.

gunicorn's master starts it, starts it again when it dies, and ends it; whatever becomes of it, requests are served.
"""

from __future__ import annotations

import ctypes
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from select import poll

from sync.collector.alone import Alone, place
from sync.collector.centre import Centre
from sync.collector.errors import CollectorError

_log = logging.getLogger(__name__)
_STANDBY_SECONDS = 15.0  # how often an attendant asks that is not the one
_PAUSE_SECONDS = 5.0
END_SECONDS = 10.0
"""How long a job under way may take once the end was asked for; a message that it cuts is sent by the next one."""
_ENDS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # <sys/prctl.h>
NAME = "attendant"
"""What `ps -o comm` shows."""


@dataclass(frozen=True, slots=True)
class Job:
    """run: gets the centre and the time (seconds since 1970); it bounds its own time, and bears being done twice."""

    name: str
    every_seconds: float
    run: Callable[[Centre, float], object]


def attend(
    centre: Centre,
    jobs: Sequence[Job],
    alone: Alone,
    stop: threading.Event,
    clock: Callable[[], float] = time.time,
    draw: Callable[[], float] = random.random,
) -> None:
    """Do each job at once, then every `every_seconds` give or take a tenth, until `stop` is set."""
    due_at = dict.fromkeys(jobs, 0.0)
    while not stop.is_set():
        if not _is_the_one(alone):
            stop.wait(_STANDBY_SECONDS)
            continue
        for job in jobs:
            if due_at[job] <= time.monotonic() and not stop.is_set():
                _do(job, centre, clock())
                due_at[job] = time.monotonic() + job.every_seconds * (0.9 + 0.2 * draw())
        stop.wait(max(0.0, min(due_at.values(), default=_STANDBY_SECONDS) - time.monotonic()))


def _is_the_one(alone: Alone) -> bool:
    try:
        return alone.holds()
    except (CollectorError, OSError) as cause:
        _log.error("the attendant waits: %s", cause)
        return False


def _do(job: Job, centre: Centre, now: float) -> None:
    try:
        job.run(centre, now)
    except (CollectorError, OSError) as cause:
        _log.error("job %s failed: %s", job.name, cause)
    except Exception:  # noqa: BLE001 - a bug in one job must not take the others with it
        _log.exception("job %s failed", job.name)


class Attendant:
    """The process, as its parent sees it. work: called in the child with the event that ends it."""

    def __init__(self, work: Callable[[threading.Event], None], pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._work, self._pause_seconds = work, pause_seconds
        self._pid, self._pidfd, self._not_before = 0, -1, 0.0

    def keep(self) -> None:
        """Start it unless it runs; after it died, not before a pause. To be called every now and then."""
        if self._pidfd >= 0:
            if not self._has_ended(0.0):
                return
            _log.error("the attendant died; it starts again in %g s", self._pause_seconds)
            self._forget()
            self._not_before = time.monotonic() + self._pause_seconds
        if time.monotonic() >= self._not_before:
            self._start()

    def ask_to_end(self) -> None:
        """A job under way may finish."""
        self._signal(signal.SIGTERM)

    def end(self) -> None:
        """Wait until it has ended, not for ever."""
        self.ask_to_end()
        if self._pidfd >= 0 and not self._has_ended(END_SECONDS + 1):
            self._signal(signal.SIGKILL)
            self._has_ended(1.0)
        self._forget()

    def _start(self) -> None:
        parent = os.getpid()
        # Blocked until the child waits for them: none is lost between the fork and that.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        try:
            pid = os.fork()
            if pid == 0:
                _live(self._work, parent)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._pid, self._pidfd = pid, os.pidfd_open(pid)

    def _has_ended(self, within_seconds: float) -> bool:
        """By its pidfd: gunicorn reaps every child of the master, so that waiting for a pid could miss it."""
        waiting = poll()
        waiting.register(self._pidfd)
        return bool(waiting.poll(within_seconds * 1000))

    def _signal(self, number: int) -> None:
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _forget(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
            with suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)
        self._pid, self._pidfd = 0, -1


def serve_jobs(
    open_centre: Callable[[], Centre], jobs: Callable[[Centre, Callable[[], bool]], Sequence[Job]]
) -> Callable[[threading.Event], None]:
    """What an `Attendant` works at. jobs: made from the centre and from what says whether the end was asked for."""

    def work(stop: threading.Event) -> None:
        centre = open_centre()
        alone = place(centre.database, centre.state.path / "attendant.lock")
        try:
            attend(centre, jobs(centre, stop.is_set), alone, stop)
        finally:
            alone.close()
            centre.close()

    return work


def _live(work: Callable[[threading.Event], None], parent: int) -> None:
    """The child's whole life: signals are waited for here, jobs are done in a thread. Never returns."""
    code = 1
    try:
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # it ends with the server, however that ends
        libc.prctl(_PR_SET_NAME, NAME.encode())
        if os.getppid() != parent:
            return
        for number in (*_ENDS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH):
            signal.signal(number, signal.SIG_IGN)  # the master's own
        code = _work_until_asked(work)
    finally:
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)


def _work_until_asked(work: Callable[[threading.Event], None]) -> int:
    stop, done_well = threading.Event(), threading.Event()

    def working() -> None:
        try:
            work(stop)
            done_well.set()
        except CollectorError as cause:
            _log.error("the attendant cannot work: %s", cause)
        except Exception:  # noqa: BLE001 - whatever it was, the main thread must hear that it is over
            _log.exception("the attendant failed")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=working, daemon=True)
    thread.start()
    signal.sigwait(_ENDS)
    stop.set()
    thread.join(END_SECONDS)
    return 0 if done_well.is_set() else 1
