"""A disk in memory that knows what is only in the page cache, and every state that a power cut may leave of it.

The model is POSIX's, which promises less than ext4: a file's content is on the disk after it was synced, a name after
its directory was. Until then, of a directory's changes any first few may have happened; of an unsynced write anything:
a part of any length, NULs or garbage in its place, a flipped bit, the same twice.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sync.outbox.system import Space, System

Tree = dict[str, bytes | None]
"""Path → content; None for a directory."""


class Killed(BaseException):
    """The process is gone: no system call returns any more."""


@dataclass(eq=False)
class Node:
    """A file or a directory. `cache` and `names` are what programs see, `durable…` what a power cut cannot take."""

    directory: bool
    cache: bytes = b""
    durable: bytes = b""
    lost: bool = False  # a sync failed: the pages count as clean, and no later sync writes them
    unreported: bool = False  # another descriptor is told once. (Linux does so if it was opened before.)
    names: dict[str, Node] = field(default_factory=dict)
    durable_names: dict[str, Node] = field(default_factory=dict)
    changes: list[dict[str, Node | None]] = field(default_factory=list)

    def change(self, changed: dict[str, Node | None]) -> None:
        self.changes.append(changed)
        _apply(self.names, changed)


def _apply(names: dict[str, Node], changed: dict[str, Node | None]) -> None:
    for name, node in changed.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class MemoryDisk(System):
    """after: called after each system call that changed something. kill_at: the change after which the process is gone.

    failing: name of a call → its count → the errno with which that one fails. syncs_names, syncs_data: False is a
    seeded bug.
    """

    def __init__(self, tree: Tree | None = None, root: Node | None = None) -> None:
        self.root = root or Node(True)
        for path, content in sorted((tree or {}).items()):
            directory, name = self._parent(Path(path))
            node = Node(content is None, content or b"", content or b"")
            directory.names[name] = directory.durable_names[name] = node
        self._descriptors: dict[int, tuple[Node, int]] = {}
        self._fresh = itertools.count(3)
        self.changes = 0
        self.kill_at: int | None = None
        self.failing: dict[str, dict[int, int]] = {}
        self.calls: dict[str, int] = {}
        self.after: Callable[[], None] = lambda: None
        self.syncs_names = True
        self.syncs_data = True
        self.capacity = 1 << 40

    def _node(self, path: Path) -> Node:
        node = self.root
        for part in path.parts[1:]:
            if part not in node.names:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            node = node.names[part]
        return node

    def _parent(self, path: Path) -> tuple[Node, str]:
        return self._node(path.parent), path.name

    def _called(self, name: str) -> None:
        if self.kill_at is not None and self.changes >= self.kill_at:
            raise Killed
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.calls[name] in self.failing.get(name, {}):
            raise _error(self.failing[name][self.calls[name]])

    def _changed(self) -> None:
        self.changes += 1
        self.after()

    def open(self, path: Path, flags: int, mode: int = 0o644) -> int:
        self._called("open")
        directory, name = self._parent(path)
        node = directory.names.get(name)
        changed = False
        if node is None:
            if not flags & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            node, changed = Node(False), True
            directory.change({name: node})
        elif flags & os.O_TRUNC and node.cache:
            node.cache, changed = b"", True
        descriptor = next(self._fresh)
        self._descriptors[descriptor] = (node, flags)
        if changed:
            self._changed()
        return descriptor

    def close(self, descriptor: int) -> None:
        del self._descriptors[descriptor]

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        return self._descriptors[descriptor][0].cache[offset : offset + size]

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        self._called("write")
        if len(content) > self._free():
            raise _error(errno.ENOSPC)
        self._descriptors[descriptor][0].cache += bytes(content)
        self._changed()
        return len(content)

    def sync(self, descriptor: int) -> None:
        node = self._descriptors[descriptor][0]
        if not node.directory:
            self.sync_data(descriptor)
            return
        self._called("sync")
        if self.syncs_names:
            node.durable_names, node.changes = dict(node.names), []
        self._changed()

    def sync_data(self, descriptor: int) -> None:
        node = self._descriptors[descriptor][0]
        if node.unreported:
            node.unreported = False
            raise _error(errno.EIO)
        try:
            self._called("sync_data")
        except OSError:
            node.lost = node.unreported = node.cache != node.durable
            raise
        if self.syncs_data and not node.lost:
            node.durable = node.cache
        self._changed()

    def inode(self, descriptor: int) -> int:
        return id(self._descriptors[descriptor][0])

    def lock(self, descriptor: int) -> None:
        pass

    def allocate(self, descriptor: int, size: int) -> None:
        self._called("allocate")
        node = self._descriptors[descriptor][0]
        if size - len(node.cache) > self._free():
            raise _error(errno.ENOSPC)
        node.cache = node.cache.ljust(size, b"\0")
        self._changed()

    def truncate(self, descriptor: int, size: int) -> None:
        self._called("truncate")
        node = self._descriptors[descriptor][0]
        node.cache = node.cache[:size]
        self._changed()

    def names(self, directory: Path) -> list[str]:
        return list(self._node(directory).names)

    def size(self, path: Path) -> int:
        return len(self._node(path).cache)

    def make_directory(self, path: Path) -> None:
        self._called("make_directory")
        directory, name = self._parent(path)
        if name in directory.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        directory.change({name: Node(True)})
        self._changed()

    def rename(self, source: Path, target: Path) -> None:
        self._called("rename")
        directory, name = self._parent(source)
        assert target.parent == source.parent, "this model knows renames within a directory only"
        directory.change({name: None, target.name: directory.names[name]})
        self._changed()

    def remove(self, path: Path) -> None:
        self._called("remove")
        directory, name = self._parent(path)
        self._node(path)
        directory.change({name: None})
        self._changed()

    remove_directory = remove

    def space(self, directory: Path) -> Space:
        return Space(self.capacity, self._free())

    def _free(self) -> int:
        files = [node for path, node in _files(self.root, _Seen(), Path("/")) if not node.directory]
        return max(0, self.capacity - sum(len(node.cache) for node in files))

    # -- what a power cut leaves

    def states(self) -> Iterator[Tree]:
        """Every state of the disk after a power cut now, most of them once."""
        directories = list(_directories(self.root))
        for lengths in itertools.product(*(range(len(node.changes) + 1) for node in directories)):
            names = {}
            for node, length in zip(directories, lengths, strict=True):
                names[node] = dict(node.durable_names)
                for changed in node.changes[:length]:
                    _apply(names[node], changed)
            files = dict(_files(self.root, names, Path("/")))
            unsynced = [path for path, node in files.items() if not node.directory and node.cache != node.durable]
            on_disk: Tree = {str(p): None if node.directory else node.durable for p, node in files.items()}
            yield on_disk
            yield on_disk | {str(path): files[path].cache for path in unsynced}
            for path in unsynced:
                for content in _torn(files[path].durable, files[path].cache):
                    yield on_disk | {str(path): content}


def _directories(node: Node, seen: set[int] | None = None) -> Iterator[Node]:
    seen = set() if seen is None else seen
    if not node.directory or id(node) in seen:
        return
    seen.add(id(node))
    yield node
    changed = [child for change in node.changes for child in change.values() if child]
    for child in [*node.durable_names.values(), *node.names.values(), *changed]:
        yield from _directories(child, seen)


class _Seen(dict[Node, dict[str, Node]]):
    """The names that programs see."""

    def __missing__(self, node: Node) -> dict[str, Node]:
        return node.names


def _files(node: Node, names: dict[Node, dict[str, Node]], path: Path) -> Iterator[tuple[Path, Node]]:
    for name, child in names[node].items():
        yield path / name, child
        if child.directory:
            yield from _files(child, names, path / name)


def _torn(durable: bytes, cache: bytes) -> Iterator[bytes]:
    """What may stand there of an unsynced write (or of a cut)."""
    if not cache.startswith(durable):
        yield b""
        return
    new, noise = cache[len(durable) :], random.Random(len(cache))
    length = len(new)
    for cut in range(length):
        yield durable + new[:cut]
        yield durable + new[:cut] + bytes(length - cut)
        yield durable + new[:cut] + bytes([new[cut] ^ 1 << cut % 8]) + new[cut + 1 :]
    for head in (1, 9, length // 2, length - 1):
        yield durable + bytes(head) + new[head:]
        yield durable + noise.randbytes(head) + new[head:]
    yield durable + b"\xff" * length
    yield durable + noise.randbytes(length)
    yield durable + new + new
    yield durable + new + new[: length // 2]
    yield durable + new + bytes(64)
    yield durable + new + bytes(4096)
    yield durable + bytes(4096)
