"""A story of an outbox's life on a `MemoryDisk`, and what must be true after a power cut at any point of it.

Records here are short, so that every byte of a line can be the last one that reached the disk.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sync.outbox import AppendFailed, Limits, Outbox, OutboxError, readers
from sync.outbox.system import System
from sync.wire.batch import Hole
from tests.crash.memory_disk import Killed, MemoryDisk, Tree

DIRECTORY = Path("/state/outbox")
LIMITS = Limits(segment_records=3, kept_bytes=0, reserve_bytes=0)
PROBE = b'{"probe":1}'

Name = tuple[str, int]
"""Outbox id and sequence number: what a record is called at the centre."""


@dataclass(frozen=True)
class Recovery:
    """What a restart made of one state. broken: what is wrong with it whatever happened before."""

    records: dict[Name, bytes]
    probe: Name
    broken: str | None


def everything(system: System) -> dict[Name, bytes]:
    """What gate-sync would send if it sent all that is kept."""
    found: dict[Name, bytes] = {}
    for reader in readers(DIRECTORY, system=system):
        extract = reader.read(reader.first(), 10_000, 10_000_000)
        found |= {(reader.id, n): it for n, it in extract.entries() if not isinstance(it, Hole)}
    return found


def recover(tree: Tree, machine: str, open_outbox: Callable[..., Outbox]) -> Recovery:
    """Start on what the power cut left, append one record, start again."""
    disk, broken = MemoryDisk(tree), None
    with open_outbox(DIRECTORY, machine, LIMITS, system=disk, new_id=lambda: "f" * 32) as outbox:
        found = everything(disk)
        if len(outbox) != sum(1 for _ in outbox):
            broken = "len is not what iterating gives"
        probe = (outbox.id, outbox.append(PROBE))
    with open_outbox(DIRECTORY, machine, LIMITS, system=disk, new_id=lambda: "e" * 32) as outbox:
        again = everything(disk)
        if outbox.id != probe[0] or outbox.next != probe[1] + 1:
            broken = "the second start does not go on where the first stopped"
    if again != found | {probe: PROBE}:
        broken = "a record that was there after the first start is not there after the second"
    return Recovery(found, probe, broken)


@dataclass
class Life:
    """The story's outbox, and what the outside world knows of it.

    acked: `append` returned (the gate has opened). sent: a reader gave it out. below: acknowledged, may be gone.
    excused: an append that is going to fail; its number may not be given to another record all the same.
    """

    disk: MemoryDisk = field(default_factory=lambda: MemoryDisk({"/state": None}))
    open_outbox: Callable[..., Outbox] = Outbox
    machine: str = "m"
    outbox: Outbox | None = None
    tried: dict[Name, set[bytes]] = field(default_factory=dict)
    acked: dict[Name, bytes] = field(default_factory=dict)
    sent: dict[Name, bytes] = field(default_factory=dict)
    below: dict[str, int] = field(default_factory=dict)
    excused: set[Name] = field(default_factory=set)
    burnt: set[Name] = field(default_factory=set)
    _records: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def running(self) -> Outbox:
        assert self.outbox is not None
        return self.outbox

    def start(self, machine: str) -> None:
        self.machine = machine
        self.outbox = self.open_outbox(
            DIRECTORY, machine, LIMITS, system=self.disk, new_id=lambda: f"{next(self._ids):032x}"
        )

    def append(self, *, fails: bool = False) -> None:
        record = b'{"n":%d}' % next(self._records)
        name = (self.running.id, self.running.next)
        self.tried.setdefault(name, set()).add(record)
        if not fails:
            number = self.running.append(record)
            self.acked[self.running.id, number] = record
            return
        self.excused.add(name)
        try:
            self.running.append(record)
        except AppendFailed:
            self.burnt.add(name)
        else:
            raise AssertionError("this append was meant to fail")

    def acknowledge(self, number: int) -> None:
        self.below[self.running.id] = number
        self.running.acknowledge(number)

    def send(self, system: System) -> None:
        """A reader in another process gives out all that it can read now; nothing if its flush fails."""
        with suppress(OutboxError):
            self.sent |= everything(system)

    def fault(self, after: Recovery) -> str | None:
        """What is wrong with a recovery, given what the outside world knows."""
        if after.broken:
            return after.broken
        for name, record in (self.acked | self.sent).items():
            kept = after.records.get(name)
            if name not in self.excused and kept != record and (kept or name[1] >= self.below.get(name[0], 0)):
                return f"{name} was {record!r} and is {kept!r}"
        for name, record in after.records.items():
            if record not in self.tried.get(name, ()):
                return f"{name} is {record!r}, which nobody appended"
        if after.probe in self.acked or after.probe in self.sent or after.probe in self.burnt:
            return f"{after.probe} is given out twice"
        return None


def story(life: Life) -> None:
    """First start, a full segment, acknowledgements, a restart, failing disks, a moved card, an old image."""
    life.start("m")
    for _ in range(4):
        life.append()
    life.acknowledge(3)
    life.acknowledge(5)
    life.append()
    life.running.close()
    life.start("m")
    life.append()
    fail_next(life, "sync_data", errno.EIO)
    life.append(fails=True)
    life.append()
    fail_next(life, "write", errno.ENOSPC)
    life.append(fails=True)
    life.append()
    life.acknowledge(8)
    life.running.close()
    life.start("another")
    life.append()
    life.append()
    life.running.renew()
    life.append()


def fail_next(life: Life, call: str, error: int) -> None:
    """The next call of that name fails."""
    life.disk.failing[call] = {life.disk.calls.get(call, 0) + 1: error}


class PromiseBroken(AssertionError):
    """A record is lost, altered or invented, or a number given out twice."""


@dataclass
class Enumeration:
    """Every state after a cut at every point of the stories that are told; each distinct one is recovered once."""

    open_outbox: Callable[..., Outbox] = Outbox
    recoveries: dict[tuple[str, frozenset[tuple[str, bytes | None]]], Recovery] = field(default_factory=dict)

    def check(self, life: Life) -> None:
        """Cut the power now. Raises PromiseBroken."""
        for tree in life.disk.states():
            key = (life.machine, frozenset(tree.items()))
            if key not in self.recoveries:
                self.recoveries[key] = recover(tree, life.machine, self.open_outbox)
            fault = life.fault(self.recoveries[key])
            if fault:
                raise PromiseBroken(f"cut after change {life.disk.changes}: {fault}")

    def tell(self, prepare: Callable[[Life], None] = lambda life: None) -> None:
        """The story with a cut after each change. prepare: puts a reader or a bug in."""
        life = Life(open_outbox=self.open_outbox)
        prepare(life)
        before = life.disk.after

        def after() -> None:
            before()
            self.check(life)

        life.disk.after = after
        story(life)


def reader_at(change: int, flushes: bool = True) -> Callable[[Life], None]:
    """A reader that sends once, after that change."""

    def prepare(life: Life) -> None:
        other = MemoryDisk(root=life.disk.root)
        other.syncs_data = flushes

        def after() -> None:
            if life.disk.changes == change:
                life.send(other)

        life.disk.after = after

    return prepare


def killed_at(change: int, enumeration: Enumeration) -> None:
    """kill -9 after that change: the page cache survives, another process goes on, and then the power is cut."""
    life = Life(open_outbox=enumeration.open_outbox)
    life.disk.kill_at = change
    try:
        story(life)
    except Killed:
        life.disk.kill_at = None
        life.disk.failing.clear()
        life.disk.after = lambda: enumeration.check(life)
        life.start(life.machine)
        life.append()
