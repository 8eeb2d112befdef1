"""A stick in memory that is pulled at any moment: what was not flushed is there in part, damaged, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sync.outbox.system import Space
from sync.stick import Calls
from tests.crash.memory_disk import MemoryDisk

PLACE = Path("/usb")


class MemoryStick(Calls):
    """The calls of a stick over a `MemoryDisk`, which kills and fails as that one is told."""

    def __init__(self, disk: MemoryDisk | None = None) -> None:
        self.disk = disk or MemoryDisk({str(PLACE): None})
        super().__init__(self.disk)
        self._paths: dict[int, Path] = {}

    def open(self, name: str | Path, flags: int, at: int | None = None, mode: int = 0o600) -> int:
        path = Path(name) if at is None else self._paths[at] / name
        descriptor = self.disk.open(path, flags)
        self._paths[descriptor] = path
        return descriptor

    def size(self, descriptor: int) -> int | None:
        return self.disk.size(self._paths[descriptor])

    def names(self, at: int, most: int) -> list[str]:
        return self.disk.names(self._paths[at])[:most]

    def make_directory(self, at: int, name: str) -> None:
        self.disk.make_directory(self._paths[at] / name)

    def rename(self, at: int, source: str, target: str) -> None:
        self.disk.rename(self._paths[at] / source, self._paths[at] / target)

    def remove(self, at: int, name: str) -> None:
        self.disk.remove(self._paths[at] / name)

    def allow(self, descriptor: int, mode: int) -> None:
        """FAT knows no such thing."""

    def space(self, descriptor: int) -> Space:
        return self.disk.space(PLACE)


def whole_files(tree: dict[str, bytes | None], wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Of a state of the disk, the plain files whose name is wanted."""
    return {path: content for path, content in tree.items() if content is not None and wanted(path)}
