"""One gate-sync for each state directory: each of its files has one writing process (DESIGN 1)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync.errors import SyncError
from sync.outbox.durable import make_directory
from sync.wire.statedir import StateDir


class AlreadyRunning(SyncError):
    """Another gate-sync works on this state directory."""


@contextmanager
def only_one(state: StateDir) -> Iterator[None]:
    """Hold the lock; the kernel frees it however the process ends. Raises AlreadyRunning, OSError."""
    make_directory(state.receipts)
    with _locked(state.receipts / ".lock", f"another gate-sync runs on {state.root}; stop it first"):
        yield


@contextmanager
def only_one_stick(state: StateDir) -> Iterator[None]:
    """The same for whoever copies to a stick: one at a time. Raises AlreadyRunning, OSError."""
    with _locked(state.run / ".stick.lock", "another stick is being copied at this gate; wait until it may be pulled"):
        yield


@contextmanager
def _locked(path: Path, busy: str) -> Iterator[None]:
    # Opened for reading: root may have made it when it ran a command by hand, and the service's user locks it too.
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise AlreadyRunning(busy) from cause
        yield
    finally:
        os.close(descriptor)
