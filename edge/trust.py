"""Keys, status list, policy, staff and venue card in force: reads `updates/` and checks everything again from the root.

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
from sync.wire.updates import FILES, LIMITS, OPTIONAL, STAFF, Snapshot, open_snapshot


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
        self.trouble = None
        try:
            self._take(load(self._state))
        except TrustError as cause:
            self.trouble = str(cause)
        if self.in_force is None:
            self._take_kept()
        return True

    @property
    def ring(self) -> KeyRing:
        """The keys in force, none before the first snapshot."""
        return self.in_force.ring if self.in_force else KeyRing()

    def _take(self, snapshot: Snapshot) -> None:
        if self.in_force is not None and snapshot.order < self.in_force.order:
            raise TrustError(f"updates {snapshot.order} are older than {self.in_force.order}, which stay in force")
        if self.in_force is not None and snapshot.keys_issued_at < self.in_force.keys_issued_at:
            raise TrustError("newer updates bring an older key list: what was withdrawn stays withdrawn")
        self.in_force = snapshot

    def _take_kept(self) -> None:
        """At a start with damaged updates: the newest of the kept sets that is whole. `trouble` stays."""
        for directory in _kept(self._state):
            try:
                self._take(read(directory, _root_key(self._state.root_key)))
                return
            except TrustError:
                continue

    def _marker(self) -> tuple[str, int]:
        try:
            target = os.readlink(self._state.current_updates)
            return target, (self._state.current_updates / FILES[0]).stat().st_mtime_ns
        except OSError:
            return "", 0


def load(state: StateDir) -> Snapshot:
    """Read and check the current snapshot. Raises TrustError with a sentence for IT."""
    return read(state.current_updates, _root_key(state.root_key))


def read(directory: Path, root: bytes) -> Snapshot:
    """Read and check the snapshot in `directory`. root: 32 bytes. Raises TrustError with a sentence for IT.

    A set that an older gate-sync installed lacks the staff list, which it did not know: no inspector is known until the
    next set comes, and people pass meanwhile. Any other file that is missing refuses the set.
    """
    files = {name: _content(directory / name, LIMITS[name]) for name in FILES}
    files |= {name: _content(directory / name, LIMITS[name]) for name in OPTIONAL if (directory / name).exists()}
    try:
        snapshot = open_snapshot(files, root)
    except WireError as cause:
        raise TrustError(f"the updates in {directory} are not usable: {cause}") from cause
    for name in snapshot.lacking:
        if name != STAFF:
            raise TrustError(f"the updates in {directory} are not whole: {name} is missing")
    return snapshot


def _content(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as cause:
        raise TrustError(f"{path} cannot be read: {cause.strerror}") from cause


def _kept(state: StateDir) -> list[Path]:
    """The kept `<epoch>-<number>` directories, newest first."""
    found = []
    for path in state.updates.iterdir() if state.updates.is_dir() else ():
        epoch, dash, number = path.name.partition("-")
        if dash and epoch.isdecimal() and number.isdecimal():
            found.append(((int(epoch), int(number)), path))
    return [path for _, path in sorted(found, reverse=True)]


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
