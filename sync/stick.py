"""A stick as a place of files: nothing half-written is ever read, nothing on it is believed, nothing followed.

Every name is opened within a directory that is open already, never through a path, and never through a link: all that
a hostile stick can do is waste the time and bytes that the bounds allow. What stands in the files is judged elsewhere.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sync.errors import SyncError
from sync.outbox.durable import write_all
from sync.outbox.system import SYSTEM, Space, System
from sync.wire import jsonform
from sync.wire.carried import FOLDER, MARKER, NOTE, Marker
from sync.wire.errors import WireError
from sync.wire.status import StickTrouble

MAX_NAMES = 20_000
"""Of one directory; a stick that was filled with more is not searched further."""
_MAX_MARKER_BYTES = 1_000
_DRAFT = re.compile(r"[0-9a-f]{8}\.tmp")
_EVERYBODY = 0o777, 0o666  # on FAT nobody owns a file; where somebody does, gates and centre are different users
_TROUBLES = {errno.ENOSPC: StickTrouble.FULL, errno.EDQUOT: StickTrouble.FULL, errno.EROFS: StickTrouble.READ_ONLY}
_NOT_OURS = (errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENOTEMPTY, errno.ENXIO, errno.EACCES, errno.EPERM)
README = """场所通行：此U盘在闸机与中心之间传送数据。内容均已加密，捡到者无法读取，请交还本地信息化部门。
Venue Gate: this stick carries data between gates and their centre. All of it is sealed: no finder can read it.
Please give it back to the town's IT department.

venue-gate/stick.json            what makes it a stick for this work
venue-gate/<16 digits>/          one folder for each gate
                 *.batch         from the gate to the centre
                 answer.sealed   from the centre to the gate
                 *.tmp           a copy that was interrupted; may be deleted
"""


class StickFault(SyncError):
    """Something is wrong with the stick, in one sentence that says what to do."""

    def __init__(self, trouble: StickTrouble, sentence: str) -> None:
        super().__init__(sentence)
        self.trouble = trouble


class Calls:
    """The system calls that a stick needs, beside those of an outbox. at: an open directory. Each raises OSError."""

    def __init__(self, system: System = SYSTEM) -> None:
        self.system = system

    def open(self, name: str | Path, flags: int, at: int | None = None, mode: int = 0o600) -> int:
        """Never follows a link, never waits for a FIFO's other end."""
        return os.open(name, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, mode, dir_fd=at)

    def size(self, descriptor: int) -> int | None:
        """Bytes of a regular file, None for anything else."""
        found = os.fstat(descriptor)
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def names(self, at: int, most: int) -> list[str]:
        """Some of the directory's names, at most so many."""
        found: list[str] = []
        with os.scandir(at) as entries:
            for entry in entries:
                if len(found) == most:
                    break
                found.append(entry.name)
        return found

    def make_directory(self, at: int, name: str) -> None:
        """Raises FileExistsError."""
        os.mkdir(name, dir_fd=at)

    def rename(self, at: int, source: str, target: str) -> None:
        """In one step, over what stands there."""
        os.rename(source, target, src_dir_fd=at, dst_dir_fd=at)

    def remove(self, at: int, name: str) -> None:
        """A file, or a link itself."""
        os.unlink(name, dir_fd=at)

    def allow(self, descriptor: int, mode: int) -> None:
        """Who may do what; FAT knows no such thing and says so."""
        os.fchmod(descriptor, mode)

    def space(self, descriptor: int) -> Space:
        """Of the file system."""
        found = os.fstatvfs(descriptor)
        return Space(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


class Folder:
    """An open directory of a stick. what: its name for people. crowded: a sentence once `names` could not give all."""

    def __init__(self, descriptor: int, what: str, calls: Calls) -> None:
        self._at, self._what, self._calls = descriptor, what, calls
        self.crowded: str | None = None

    def close(self) -> None:
        """Let it go: an open directory keeps a stick from being unmounted."""
        with suppress(OSError):
            self._calls.system.close(self._at)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def names(self) -> list[str]:
        """At most `MAX_NAMES`, in order. Raises StickFault."""
        with _told(self._what):
            found = sorted(self._calls.names(self._at, MAX_NAMES + 1))
        if len(found) > MAX_NAMES:
            self.crowded = f"{self._what} holds more than {MAX_NAMES:,} names; the rest was not looked at: tidy it up"
        return found[:MAX_NAMES]

    def folder(self, name: str, *, make: bool = False) -> Folder | None:
        """The folder of that name; None where there is none. make: create it then, durably. Raises StickFault."""
        what = f"{self._what}/{name}"
        with _told(what):
            flags = os.O_RDONLY | os.O_DIRECTORY
            try:
                return Folder(self._calls.open(name, flags, self._at), what, self._calls)
            except FileNotFoundError:
                if not make:
                    return None
            with suppress(FileExistsError):
                self._calls.make_directory(self._at, name)
            opened = self._calls.open(name, flags, self._at)
            with suppress(OSError):
                self._calls.allow(opened, _EVERYBODY[0])
            self._calls.system.sync(self._at)
            return Folder(opened, what, self._calls)

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """A file's content; None where there is none. Raises StickFault, also for what is longer or no plain file."""
        what = f"{self._what}/{name}"
        with _told(what):
            try:
                descriptor = self._calls.open(name, os.O_RDONLY, self._at)
            except FileNotFoundError:
                return None
            try:
                size = self._calls.size(descriptor)
                if size is None:
                    raise StickFault(StickTrouble.BAD_CONTENT, f"{what} is no plain file: remove it")
                if size > most_bytes:
                    too_long = f"{what} has {size} bytes, and at most {most_bytes} are read: remove it"
                    raise StickFault(StickTrouble.BAD_CONTENT, too_long)
                return self._whole(descriptor, size)
            finally:
                self._calls.system.close(descriptor)

    def _whole(self, descriptor: int, size: int) -> bytes:
        """It may be that a pulled stick gives less."""
        parts, offset = [], 0
        while offset < size and (part := self._calls.system.read(descriptor, size - offset, offset)):
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def write(self, name: str, content: bytes) -> None:
        """A file that is there whole or not at all, whenever the stick is pulled. Raises StickFault."""
        draft, system = f"{secrets.token_hex(4)}.tmp", self._calls.system
        with _told(f"{self._what}/{name}"):
            descriptor = self._calls.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._at)
            try:
                try:
                    write_all(descriptor, content, system=system)
                    with suppress(OSError):
                        self._calls.allow(descriptor, _EVERYBODY[1])
                    system.sync(descriptor)
                finally:
                    system.close(descriptor)
                self._calls.rename(self._at, draft, name)
            except OSError:
                with suppress(OSError):
                    self._calls.remove(self._at, draft)  # on a full stick the next file may need the room
                raise
            system.sync(self._at)

    def remove(self, name: str) -> None:
        """Take a file away; none there is as good. Raises StickFault."""
        with _told(f"{self._what}/{name}"), suppress(FileNotFoundError):
            self._calls.remove(self._at, name)

    def remove_drafts(self) -> None:
        """Take away what interrupted copies left. Raises StickFault."""
        for name in self.names():
            if _DRAFT.fullmatch(name):
                self.remove(name)

    def free_bytes(self) -> int:
        """Room on the stick. Raises StickFault."""
        with _told(self._what):
            return self._calls.space(self._at).free


@contextmanager
def stick(directory: Path, centre: bytes, *, mark: bool = False, calls: Calls | None = None) -> Iterator[Folder]:
    """The `venue-gate` folder of a stick that is mounted, or of any directory that is carried instead of one.

    centre: the kid of the root key. mark: make an unmarked one a stick of that centre. Raises StickFault for one that
    is not marked, or marked for another centre.
    """
    with _root(directory, calls or Calls()) as root:
        found = root.folder(_name_in(root, FOLDER), make=mark)
        if found is None:
            raise _unmarked(directory)
        with found:
            if not _is_marked(found, centre):
                if not mark:
                    raise _unmarked(directory)
                found.write(NOTE, README.encode())
                found.write(MARKER, jsonform.encode(Marker(centre.hex())))
            yield found


def _root(directory: Path, calls: Calls) -> Folder:
    with _told(str(directory)):
        # A link to the mounted stick is the person's own word: it is followed here and nowhere else.
        return Folder(calls.open(directory.resolve(), os.O_RDONLY | os.O_DIRECTORY), str(directory), calls)


def _name_in(root: Folder, wanted: str) -> str:
    """FAT shows VENUE-GATE after some programs have touched it."""
    names = [name for name in root.names() if name.lower() == wanted]
    return wanted if wanted in names or not names else names[0]


def _is_marked(folder: Folder, centre: bytes) -> bool:
    content = folder.read(MARKER, _MAX_MARKER_BYTES)
    if content is None:
        return False
    try:
        marker = jsonform.decode(content, Marker, MARKER)
    except WireError as cause:
        # A marker that was cut short is as good as none; anything else is not overwritten.
        raise StickFault(
            StickTrouble.NOT_MARKED, f"{cause}: delete {FOLDER}/{MARKER} and mark the stick anew"
        ) from cause
    if marker.centre != centre.hex():
        raise StickFault(
            StickTrouble.OTHER_CENTRE,
            f"this stick belongs to another centre (root key {marker.centre}, here {centre.hex()}): take another one, "
            f"or delete its folder {FOLDER}",
        )
    return True


def _unmarked(directory: Path) -> StickFault:
    sentence = f"{directory} holds no marked stick: mark it at the centre with `collector stick {directory}`"
    return StickFault(StickTrouble.NOT_MARKED, sentence)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as cause:
        trouble = _TROUBLES.get(cause.errno or 0)
        if trouble is StickTrouble.FULL:
            raise StickFault(
                trouble, "the stick is full: what is on it is whole, the rest comes with another one"
            ) from cause
        if trouble is StickTrouble.READ_ONLY:
            raise StickFault(trouble, f"{what}: the stick is read-only: move its switch, or check its files") from cause
        if cause.errno in _NOT_OURS:
            raise StickFault(
                StickTrouble.BAD_CONTENT, f"{what} is not what belongs there ({cause.strerror}): remove it"
            ) from cause
        raise StickFault(
            StickTrouble.PULLED, f"{what}: the stick does not answer ({cause.strerror}): pulled too early, or broken"
        ) from cause
