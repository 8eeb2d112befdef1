"""The card of the emulated Pi, on a disk whose power can be cut: what was not flushed is gone, as with the real one.

Killing the emulator alone would prove nothing: this machine's page cache survives it. So the card is a file on a file
system of its own, in a file, and that file system is shut down (EXT4_IOC_SHUTDOWN, without flushing its journal) just
before the kill. What was measured about it stands in docs/PERFORMANCE.md.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.emulated_pi.errors import EmulationError

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, linux/fs/ext4/ext4.h
_WITHOUT_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH
_ROOM = 3 << 29  # the card and its file system's own


@contextmanager
def opened(card: Path, at: Path) -> Iterator[Path]:
    """The card's files, while no Pi has it."""
    at.mkdir(parents=True, exist_ok=True)
    _run("mount", "-o", "loop", card, at)
    try:
        yield at
    finally:
        _run("umount", at)


def copy(card: Path, to: Path) -> Path:
    """Another card with the same content."""
    to.parent.mkdir(parents=True, exist_ok=True)
    _run("cp", "--sparse=always", card, to)
    return to


class Disk:
    """Holds one card, and loses what was not flushed when its power is cut."""

    def __init__(self, directory: Path, card: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file, self._at = directory / "disk.img", directory / "disk"
        self._at.mkdir(exist_ok=True)
        with self._file.open("wb") as file:
            file.truncate(_ROOM)
        _run("mkfs.ext4", "-q", self._file)
        self._mount()
        try:
            shutil.copyfile(card, self.card)  # every block of it is there: a write to it moves no metadata
            with self.card.open("rb") as file:
                os.fsync(file.fileno())
        except BaseException:
            self.close()
            raise

    @property
    def card(self) -> Path:
        """The card's file."""
        return self._at / "card.img"

    def cut(self) -> None:
        """From now on nothing reaches the disk any more; whoever writes gets an error."""
        directory = os.open(self._at, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSH))
        finally:
            os.close(directory)

    def restore(self) -> None:
        """The power is back; nobody may have the card open."""
        self._unmount()
        self._mount()

    def close(self) -> None:
        """Take it away."""
        self._unmount()
        self._file.unlink()

    def _mount(self) -> None:
        _run("mount", "-o", "loop", self._file, self._at)

    def _unmount(self) -> None:
        if os.path.ismount(self._at):
            _run("umount", self._at)


def _run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EmulationError(f"{command[0]}: {done.stderr.strip()}")
