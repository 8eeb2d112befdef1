"""Small files that are either the old or the new one, never a torn one."""

from __future__ import annotations

import os
from pathlib import Path

from sync.outbox.system import SYSTEM, System


def sync_directory(directory: Path, *, system: System = SYSTEM) -> None:
    """Make the names in `directory` survive a power cut (fsync of the directory itself)."""
    descriptor = system.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        system.sync(descriptor)
    finally:
        system.close(descriptor)


def make_directory(directory: Path, *, system: System = SYSTEM) -> None:
    """Create `directory` and its parents, each name durable. An existing one is fine."""
    try:
        system.make_directory(directory)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_directory(directory.parent, system=system)
        system.make_directory(directory)
    sync_directory(directory.parent, system=system)


def write_all(descriptor: int, content: bytes, *, system: System = SYSTEM) -> None:
    """Write every byte: the kernel may take fewer at a time. Raises OSError."""
    written = system.write(descriptor, content)
    while written < len(content):
        written += system.write(descriptor, memoryview(content)[written:])


def read_small_file(path: Path, most_bytes: int, *, system: System = SYSTEM) -> bytes:
    """The first `most_bytes` of a file. Raises OSError."""
    descriptor = system.open(path, os.O_RDONLY)
    try:
        return system.read(descriptor, most_bytes, 0)
    finally:
        system.close(descriptor)


def replace_file(
    path: Path,
    content: bytes,
    *,
    durable: bool = True,
    newest: bool = True,
    mode: int = 0o644,
    system: System = SYSTEM,
) -> None:
    """Replace `path` by rename: a reader sees the old content or the new. Raises OSError.

    durable: also after a power cut. Leave it out for what is written many times a second and is worth nothing after
    a restart (status.json), so that it costs the card no flush. newest: a power cut brings back no older content. Leave
    it out where the older is as true (a receipt), for half the flushes.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = system.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        write_all(descriptor, content, system=system)
        if durable:
            system.sync(descriptor)
    finally:
        system.close(descriptor)
    system.rename(draft, path)
    if durable and newest:
        sync_directory(path.parent, system=system)


def remove_drafts(directory: Path, *, system: System = SYSTEM) -> None:
    """Take away what a cut left of `replace_file`. Only for the one process that writes there. Raises OSError."""
    for name in system.names(directory):
        if name.startswith(".") and name.endswith(".tmp"):
            system.remove(directory / name)
