"""Who takes a handover: the gate-sync that runs, or – where none does – this program in its place (DESIGN 1).

Never both: the lock decides. A command by hand may be root's; what it writes into the gate's directories then belongs
to their owner, as the service's own files do.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sync import mailbox
from sync.agent import Agent
from sync.config import SyncConfig
from sync.errors import SyncError
from sync.guard import AlreadyRunning, only_one
from sync.handover import Handover, write_handover
from sync.outbox.reader import readers
from sync.wire.statedir import StateDir
from sync.wire.status import Handed

PATIENCE_SECONDS = 90.0
"""The service may be in the middle of installing 20 MB of updates."""
_LOOK_SECONDS = 0.05


class NobodyTakes(SyncError):
    """The service holds the lock and does not answer."""


class ServiceDesk:
    """The service does the writing, and answers in sync-status.json."""

    def __init__(
        self,
        state: StateDir,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._state, self._monotonic, self._pause = state, monotonic, pause

    def hand(self, handover: Handover) -> Handed:
        """Raises NobodyTakes, OSError."""
        with as_owner(self._state.root):
            write_handover(self._state, handover)
        give_up = self._monotonic() + PATIENCE_SECONDS
        try:
            while self._monotonic() < give_up:
                status = mailbox.read_sync_status(self._state)
                if status is not None and status.handed is not None and status.handed.id == handover.id:
                    return status.handed
                self._pause(_LOOK_SECONDS)
        finally:
            self._state.handover.unlink(missing_ok=True)  # up to 32 MB of memory
        raise NobodyTakes(
            "gate-sync runs and does not take what the stick brought; see `gate-sync status`, or "
            "`systemctl restart gate-sync`, and put the stick in again"
        )

    def tell(self) -> None:
        """The service does it."""


class OwnDesk:
    """This program in the service's place, which holds its lock."""

    def __init__(self, state: StateDir, config: SyncConfig) -> None:
        self._state = state
        self._agent = Agent(state, config, readers, lambda _: _NoLine(), random.random)

    def hand(self, handover: Handover) -> Handed:
        """Raises NotProvisioned, OSError."""
        with as_owner(self._state.root):
            handed = self._agent.hand_over(handover, time.monotonic())
            self._agent.tell(time.monotonic())
        return handed

    def tell(self) -> None:
        """Write sync-status.json, for the lamps."""
        with as_owner(self._state.root):
            self._agent.tell(time.monotonic())


@contextmanager
def desk(state: StateDir, config: SyncConfig) -> Iterator[ServiceDesk | OwnDesk]:
    """Whoever takes handovers now, until the end of the block. Raises OSError."""
    with ExitStack() as stack:
        try:
            with as_owner(state.root):
                stack.enter_context(only_one(state))
        except AlreadyRunning:
            yield ServiceDesk(state)
            return
        yield OwnDesk(state, config)


@contextmanager
def as_owner(directory: Path) -> Iterator[None]:
    """What root creates in the block belongs to the owner of the directory. For everybody else nothing changes."""
    owner = directory.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


class _NoLine:
    """There is no network here."""

    def exchange(self, body: bytes) -> bytes:
        raise NotImplementedError("nothing is sent by a command that copies to a stick")

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass
