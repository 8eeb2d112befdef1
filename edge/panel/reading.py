"""Reads status.json and sync-status.json. Opens nothing else, writes nothing; what they are worth is `freshness`'s."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TypeVar

from edge.panel.freshness import Now, Readings, Silence, judge
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.statedir import StateDir
from sync.wire.status import GateStatus, SyncStatus

Status = TypeVar("Status", GateStatus, SyncStatus)

MAX_STATUS_BYTES = 64 * 1024


def read_now() -> Now:
    """The present of this machine."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Now(boot, time.monotonic(), time.time())


def read_both(state: StateDir, now: Now) -> Readings:
    """What both programs say, as far as it is true at `now`."""
    return judge(_read(state.status, GateStatus), _read(state.sync_status, SyncStatus), now)


def _read(path: Path, form: type[Status]) -> Status | Silence:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_STATUS_BYTES + 1)
    except FileNotFoundError:
        return Silence.MISSING
    except OSError:
        return Silence.UNREADABLE
    if len(content) > MAX_STATUS_BYTES:
        return Silence.UNREADABLE
    try:
        return jsonform.decode(content, form, path.name)
    except (WireError, UnicodeDecodeError):
        return Silence.UNREADABLE
