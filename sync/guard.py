"""One gate-sync for each state directory: each of its files has one writing process (DESIGN 1)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sync.errors import SyncError
from sync.outbox.durable import make_directory
from sync.wire.statedir import StateDir


class AlreadyRunning(SyncError):
    """Another gate-sync works on this state directory."""


@contextmanager
def only_one(state: StateDir) -> Iterator[None]:
    """Hold the lock; the kernel frees it however the process ends. Raises AlreadyRunning, OSError."""
    make_directory(state.receipts)
    descriptor = os.open(state.receipts / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise AlreadyRunning(f"another gate-sync runs on {state.root}; stop it first") from cause
        yield
    finally:
        os.close(descriptor)
