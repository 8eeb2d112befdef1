"""Starts programs, restarts the one that falls, and stops all of them: what systemd does on a real gate."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

RESTART_SECONDS = 1.0
STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class Supervisor:
    """Runs each program with its output in `logs/<name>.log`; `tell` gets one line for what people should know."""

    def __init__(self, programs: Mapping[str, Sequence[str]], logs: Path, tell: Callable[[str], None]) -> None:
        self._programs, self._logs, self._tell = programs, logs, tell
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start every program, and end them all, last first, when the block is left."""
        try:
            for name in self._programs:
                self._start(name)
            yield
        finally:
            self._stop()

    def keep(self, stop: Event) -> None:
        """Start anew what falls, until `stop` is set."""
        while not stop.wait(0.2):
            self._revive()

    def _start(self, name: str) -> None:
        self._started[name] = time.monotonic()
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._programs[name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop them in order
                preexec_fn=_die_with_parent,
            )

    def _revive(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None and time.monotonic() - self._started[name] > RESTART_SECONDS:
                self._tell(f"{name} ended ({_ending(process.returncode)}); starting it again. {self._logs / name}.log")
                self._start(name)

    def _stop(self) -> None:
        for process in reversed(self._running.values()):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name, process in self._running.items():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._tell(f"{name} did not stop within {STOP_SECONDS:.0f} s; killed")
                process.kill()
                process.wait()


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _die_with_parent() -> None:
    """prctl(2): a demo that is killed leaves no orphans behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        sys.exit(1)
