"""Puts updates on disk: checked against the root key, strictly newer, whole before they are in force.

`updates/<epoch>-<number>/` is written once and never changed; `current` is a link that is swapped by rename, so that
the gate sees the old set or the new one. Whether the updates are fresh enough is the gate's policy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from sync.mailbox import snapshot_directories
from sync.outbox.durable import make_directory, replace_file, sync_directory
from sync.wire.errors import WireError
from sync.wire.statedir import StateDir
from sync.wire.updates import FILES, OPTIONAL, Snapshot, open_snapshot

KEPT_SNAPSHOTS = 3


class Incomplete(WireError):
    """The set leaves a file out that did not change, and this gate has lost its own copy: it needs all of them."""


class NotNewer(WireError):
    """A genuine set that is in force already, or was overtaken."""


def install(
    state: StateDir, files: Mapping[str, bytes], root: bytes, in_force: tuple[int, int], keys_since: int = 0
) -> Snapshot:
    """Check and install a set of updates; it is in force, also after a power cut, when this returns.

    keys_since: when the key list in force was signed. Raises WireError for a set that is not genuine, not whole
    (Incomplete), not newer than `in_force` (NotNewer) or with an older key list, and OSError when the disk does not
    take it. Either way the set in force stays as it is.
    """
    snapshot = open_snapshot(files, root)
    if snapshot.order <= in_force:
        raise NotNewer(f"updates {_name(snapshot.order)} are not newer than {_name(in_force)}")
    if snapshot.keys_issued_at < keys_since:
        raise WireError("their key list is older than the one in force: at the centre, collector keys renew")
    if snapshot.lacking:
        files = {**files, **_at_hand(state, snapshot.lacking)}
        snapshot = open_snapshot(files, root)
    if snapshot.lacking:
        raise Incomplete(f"{snapshot.lacking[0]} is missing")
    directory = state.updates / _name(snapshot.order)
    _write(directory, {name: files[name] for name in (*FILES, *OPTIONAL) if name in files})
    _point(state.current_updates, directory.name)
    _prune(state, directory)
    return snapshot


def _at_hand(state: StateDir, names: Iterable[str]) -> dict[str, bytes]:
    """What the set in force has of them: a centre need not send a large file again that did not change."""
    present = [name for name in names if (state.current_updates / name).is_file()]
    return {name: (state.current_updates / name).read_bytes() for name in present}


def _name(order: tuple[int, int]) -> str:
    return f"{order[0]}-{order[1]}"


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    make_directory(directory.parent)
    draft = directory.with_name(f".{directory.name}.tmp")
    # Left over from a cut: a draft was never in force, and a set of this number was found broken, or it would be.
    for leftover in (draft, directory):
        if leftover.exists():
            shutil.rmtree(leftover)
    draft.mkdir()
    for name, content in files.items():
        replace_file(draft / name, content)
    os.rename(draft, directory)
    sync_directory(directory.parent)


def _point(link: Path, target: str) -> None:
    draft = link.with_name(f".{link.name}.tmp")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    os.replace(draft, link)
    sync_directory(link.parent)


def _prune(state: StateDir, in_force: Path) -> None:
    drafts = state.updates.glob(".*.tmp")  # of installations that a power cut ended
    for directory in [*drafts, *snapshot_directories(state)[:-KEPT_SNAPSHOTS]]:
        if directory != in_force:
            shutil.rmtree(directory, ignore_errors=True)
