"""Keys, policy and venue card in force: reads `updates/current` and checks everything again from the root.

What was in force stays in force until something whole, genuine and newer is there. gate-sync wrote those files; the
gate believes none of them.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import TrustError
from sync.wire.errors import WireError
from sync.wire.keys import KeyRing
from sync.wire.statedir import StateDir
from sync.wire.updates import FILES, MAX_FILE_BYTES, Snapshot, open_snapshot


class Trust:
    """The newest good snapshot, and what is wrong with a newer one if something is."""

    def __init__(self, state: StateDir) -> None:
        self._state = state
        self._looked_at: tuple[str, int] | None = None
        self.in_force: Snapshot | None = None
        self.trouble: str | None = None

    def refresh(self) -> bool:
        """Take a newer snapshot if there is one; cheap while nothing changed. Returns whether anything did."""
        marker = self._marker()
        if marker == self._looked_at:
            return False
        self._looked_at = marker
        try:
            snapshot = load(self._state)
            if self.in_force is not None and snapshot.order < self.in_force.order:
                raise TrustError(f"updates {snapshot.order} are older than {self.in_force.order}, which stay in force")
        except TrustError as cause:
            self.trouble = str(cause)
            return True
        self.in_force, self.trouble = snapshot, None
        return True

    @property
    def ring(self) -> KeyRing:
        """The keys in force, none before the first snapshot."""
        return self.in_force.ring if self.in_force else KeyRing()

    def _marker(self) -> tuple[str, int]:
        try:
            target = os.readlink(self._state.current_updates)
            return target, (self._state.current_updates / FILES[0]).stat().st_mtime_ns
        except OSError:
            return "", 0


def load(state: StateDir) -> Snapshot:
    """Read and check the current snapshot. Raises TrustError with a sentence for IT."""
    root = _root_key(state.root_key)
    files = {}
    for name in FILES:
        path = state.current_updates / name
        try:
            with path.open("rb") as file:
                files[name] = file.read(MAX_FILE_BYTES + 1)
        except OSError as cause:
            raise TrustError(f"{path} cannot be read: {cause.strerror}") from cause
    try:
        return open_snapshot(files, root)
    except WireError as cause:
        raise TrustError(f"the updates in {state.current_updates} are not usable: {cause}") from cause


def _root_key(path: Path) -> bytes:
    try:
        root = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as cause:
        raise TrustError(f"this gate has no root key: {path} cannot be read; provision the gate first") from cause
    except ValueError as cause:
        raise TrustError(f"{path} is not a key: it must hold 64 hexadecimal digits") from cause
    if len(root) != 32:
        raise TrustError(f"{path} is not a key: it must hold 64 hexadecimal digits")
    return root
