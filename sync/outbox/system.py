"""The system calls that the outbox makes, each by one method: tests put another disk in its place.

Nothing is decided here. Every method raises OSError as the kernel does.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of a file system. free: what a program without privileges may still take."""

    size: int
    free: int

    @property
    def used(self) -> float:
        """Share of 1."""
        return 1 - self.free / self.size if self.size else 1.0


class System:
    """The operating system itself."""

    def open(self, path: Path, flags: int, mode: int = 0o644) -> int:
        """A descriptor; it is closed in programs that this one starts."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""
        os.close(descriptor)

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        """At most `size` bytes from `offset`; none at the end."""
        return os.pread(descriptor, size, offset)

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        """How many bytes were taken: maybe not all."""
        return os.write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        """Content and attributes of a file, or the names in a directory, are on the disk."""
        os.fsync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        """The content, and the length that is needed to read it, are on the disk."""
        os.fdatasync(descriptor)

    def inode(self, descriptor: int) -> int:
        """Which file it is, whatever its name."""
        return os.fstat(descriptor).st_ino

    def lock(self, descriptor: int) -> None:
        """Take the file for this process alone. Raises BlockingIOError when another has it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def allocate(self, descriptor: int, size: int) -> None:
        """Give the file `size` bytes of real disk."""
        os.posix_fallocate(descriptor, 0, size)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file, giving the disk back."""
        os.ftruncate(descriptor, size)

    def names(self, directory: Path) -> list[str]:
        """What the directory holds, in no order."""
        return os.listdir(directory)

    def size(self, path: Path) -> int:
        """Length of the file in bytes."""
        return os.stat(path).st_size

    def make_directory(self, path: Path) -> None:
        """Create one directory."""
        os.mkdir(path)

    def rename(self, source: Path, target: Path) -> None:
        """Replace `target` in one step."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Take the name of a file away."""
        os.unlink(path)

    def remove_directory(self, path: Path) -> None:
        """Take an empty directory away."""
        os.rmdir(path)

    def space(self, directory: Path) -> Space:
        """Of the file system that holds `directory`."""
        found = os.statvfs(directory)
        used = found.f_blocks - found.f_bfree  # what only root may take counts for nobody, as in df
        return Space((used + found.f_bavail) * found.f_frsize, found.f_bavail * found.f_frsize)


SYSTEM = System()
