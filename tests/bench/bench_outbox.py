"""The outbox beside what it could have been: a bare file, SQLite, stock TinyDB; with 1,000 to 1,000,000 waiting.

Interleaved in one run on one disk; ratios, not times. Flushes and system calls are counted.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rows import Options, Row
from tinydb import TinyDB

from sync.outbox import Limits, Outbox
from sync.outbox.lines import encode, seed_of
from sync.outbox.segments import SEGMENT_RECORDS, segment_path
from sync.outbox.system import Space, System

RECORD = b'{"type":"scan","fill":"' + b"x" * 375 + b'"}'
LIMITS = Limits(reserve_bytes=0)
PRUNING = Limits(reserve_bytes=0, kept_bytes=0)
Act = Callable[[], object]


def suite(options: Options, tell: Callable[[str], None]) -> list[Row]:
    """All rows. quick: backlogs of 1,000 and 2,000 only."""
    backlogs = [1_000, 2_000] if options.quick else [1_000, 10_000, 100_000, 1_000_000]
    root = Path(tempfile.mkdtemp(prefix="outbox-", dir=os.environ.get("BENCH_DIR")))
    try:
        prepared = {}
        for backlog in backlogs:
            tell(f"writing a backlog of {backlog:,}")
            prepared[backlog] = prepare(root / str(backlog), backlog)
        os.sync()  # else the first flush that is measured writes the backlog
        rows = [*counted(root), *inserts(root, prepared, options, tell)]
        rows += drains(prepared[backlogs[-2]], LIMITS, options, tell)
        rows += drains(prepared[backlogs[-2]], PRUNING, options, tell)
        rows += starts(prepared[backlogs[-1]], backlogs[-1], tell)
        return rows
    finally:
        shutil.rmtree(root)


def prepare(directory: Path, backlog: int) -> Path:
    """An outbox with that many records, written at once: 1,000,000 appends would take an hour on a card."""
    with Outbox(directory, "m", LIMITS) as outbox:
        name = outbox.id
    for base in range(1, backlog + 1, SEGMENT_RECORDS):
        seed = seed_of(name, base)
        numbers = range(base, min(base + SEGMENT_RECORDS, backlog + 1))
        segment_path(directory / name, base).write_bytes(b"".join(encode(n, RECORD, seed) for n in numbers))
    return directory


class Counting(System):
    """Counts the system calls that cost something."""

    def __init__(self) -> None:
        self.flushes = self.calls = 0

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        self.calls += 1
        return super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self.calls += 1
        self.flushes += 1
        super().sync(descriptor)

    def sync_data(self, descriptor: int) -> None:
        self.calls += 1
        self.flushes += 1
        super().sync_data(descriptor)

    def space(self, directory: Path) -> Space:
        self.calls += 1
        return super().space(directory)

    def open(self, path: Path, flags: int, mode: int = 0o644) -> int:
        self.calls += 1
        return super().open(path, flags, mode)

    def close(self, descriptor: int) -> None:
        self.calls += 1
        super().close(descriptor)


def counted(root: Path) -> list[Row]:
    """Flushes and system calls of one insert, and over two whole segments."""
    system, count = Counting(), 2 * SEGMENT_RECORDS
    with Outbox(root / "counted", "m", LIMITS, system=system) as outbox:
        outbox.append(RECORD)
        system.flushes = system.calls = 0
        outbox.append(RECORD)
        one = system.flushes
        for _ in range(count):
            outbox.append(RECORD)
    return [
        Row("flushes of one insert", one, "", "exactly 1", one == 1),
        Row("flushes, mean over 2 segments", system.flushes / (count + 1), "", "1 + 1 for each 500", None),
        Row("system calls, mean over 2 segments", system.calls / (count + 1), "", "write and flush: 2", None),
    ]


def timed(act: Act) -> tuple[float, float]:
    """Seconds, and this thread's CPU seconds."""
    cpu, wall = time.thread_time(), time.perf_counter()
    act()
    return time.perf_counter() - wall, time.thread_time() - cpu


def inserts(root: Path, prepared: dict[int, Path], options: Options, tell: Callable[[str], None]) -> list[Row]:
    """p50 and p99 of an insert at each backlog against the others, interleaved."""
    rounds = 200 if options.quick else 2_000
    outboxes = {backlog: Outbox(directory, "m", LIMITS) for backlog, directory in prepared.items()}
    bare = os.open(root / "bare", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    line = encode(1, RECORD, 1)

    def append_bare() -> None:
        os.write(bare, line)
        os.fdatasync(bare)

    base = sqlite3.connect(root / "sqlite", isolation_level=None)
    base.execute("pragma journal_mode=wal")
    base.execute("pragma synchronous=full")
    base.execute("create table queue (number integer primary key, record blob)")
    acts: dict[object, Act] = {
        "bare": append_bare,
        "sqlite": lambda: base.execute("insert into queue (record) values (?)", (RECORD,)),
    }
    acts |= {backlog: partial(outbox.append, RECORD) for backlog, outbox in outboxes.items()}
    taken: dict[object, list[tuple[float, float]]] = {name: [] for name in acts}
    tell(f"inserting, {rounds} rounds")
    for _ in range(rounds):
        for name, act in acts.items():
            taken[name].append(timed(act))

    def quantile(name: object, share: float, which: int = 0) -> float:
        return sorted(each[which] for each in taken[name])[int(share * rounds)]

    smallest, largest = min(prepared), max(prepared)
    rows = []
    for backlog in prepared:
        for other in ("bare", "sqlite"):
            for share in (0.5, 0.99):
                ratio = quantile(backlog, share) / quantile(other, share)
                rows.append(Row(f"insert at {backlog:,}: p{share * 100:.0f} / {other}", ratio, "×"))
    flat = quantile(largest, 0.5) / quantile(smallest, 0.5)
    flat_cpu = quantile(largest, 0.5, 1) / quantile(smallest, 0.5, 1)
    rows.append(Row(f"insert: p50 at {largest:,} / {smallest:,}", flat, "×", "≤ 1.1 ×", flat <= 1.1))
    rows.append(Row(f"insert, CPU: p50 at {largest:,} / {smallest:,}", flat_cpu, "×", "≤ 1.1 ×", flat_cpu <= 1.1))
    rows.append(Row(f"insert, CPU: p50 at {largest:,}", quantile(largest, 0.5, 1) * 1e6, "µs"))
    rows += stock(root, taken, [1_000] if options.quick else [1_000, 10_000, 100_000], tell)
    for outbox in outboxes.values():
        outbox.close()
    base.close()
    os.close(bare)
    return rows


def stock(
    root: Path, taken: dict[object, list[tuple[float, float]]], backlogs: list[int], tell: Callable[[str], None]
) -> list[Row]:
    """TinyDB as shipped. Not at 1,000,000: an insert takes 19 s and 2.5 GB there."""
    rows = []
    for backlog in backlogs:
        tell(f"stock TinyDB at {backlog:,}")
        with TinyDB(root / f"tinydb-{backlog}.json") as database:
            database.insert_multiple({"type": "scan", "fill": "x" * 375} for _ in range(backlog))
            own = statistics.median(
                timed(lambda: database.insert({"type": "scan", "fill": "x" * 375}))[0] for _ in range(5)
            )
        ours = statistics.median(wall for wall, _ in taken[backlog])
        rows.append(Row(f"stock TinyDB's insert at {backlog:,} / ours", own / ours, "×"))
    return rows


DRAIN = """
import sys, time
from pathlib import Path
from sync.outbox import readers
reader, number, batches = readers(Path(sys.argv[1]))[-1], 1, int(sys.argv[2])
for _ in range(batches):
    started = time.perf_counter()
    number = reader.read(number, 500, 1_000_000).next
    print(number, time.perf_counter() - started, flush=True)
"""


def drains(directory: Path, limits: Limits, options: Options, tell: Callable[[str], None]) -> list[Row]:
    """The slowest insert while another process reads all and we acknowledge it, against without; a batch's cost."""
    how = "and pruning all" if limits is PRUNING else "keeping 256 MB"
    tell(f"inserting without and with a drain, {how}")
    reads: list[float] = []
    acknowledgements: list[float] = []
    idle: list[float] = []
    busy: list[float] = []
    with Outbox(directory, "m", limits) as outbox:
        command = [sys.executable, "-c", DRAIN, str(directory), str(2 if options.quick else outbox.next // 500)]

        def drain() -> None:
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
                for said in reader.stdout or ():
                    number, seconds = said.split()
                    reads.append(float(seconds))
                    acknowledgements.append(timed(partial(outbox.acknowledge, int(number)))[0])

        def insert_alone() -> None:  # half before and half after: a disk has its moods
            for _ in range(25 if options.quick else 1_000):
                idle.append(timed(lambda: outbox.append(RECORD))[0])

        insert_alone()
        draining = threading.Thread(target=drain)
        draining.start()
        while draining.is_alive():
            busy.append(timed(lambda: outbox.append(RECORD))[0])
        insert_alone()
    size = min(len(idle), len(busy))  # as many draws for both: the longer series has the slower slowest
    ratio = max(busy[-size:]) / max(idle[-size:])
    return [
        Row(f"slowest insert, draining {how} / not", ratio, "×", "≤ 3 ×", ratio <= 3),
        Row(f"insert p50, draining {how} / not", statistics.median(busy) / statistics.median(idle), "×"),
        Row(f"read a batch of 500 {how}, p50", statistics.median(reads) * 1e3, "ms"),
        Row(f"acknowledge a batch of 500 {how}, p50", statistics.median(acknowledgements) * 1e3, "ms"),
    ]


START = """
import sys, time
def resident():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1]) / 1024
before = resident()
from pathlib import Path
from sync.outbox import Limits, Outbox
started = time.perf_counter()
outbox = Outbox(Path(sys.argv[1]), "m", Limits(reserve_bytes=0))
outbox.append(b"{}")
ready = time.perf_counter() - started
for _ in range(2000): outbox.append(b"{}")
print(ready * 1e3, resident() - before, len(outbox))
"""


def starts(directory: Path, backlog: int, tell: Callable[[str], None]) -> list[Row]:
    """In a process of its own: opening until the first record is durable, and memory above the interpreter."""
    tell(f"starting at {backlog:,}")
    found = []
    for _ in range(5):
        said = subprocess.run([sys.executable, "-c", START, str(directory)], capture_output=True, text=True, check=True)
        found.append([float(word) for word in said.stdout.split()])
    ready = statistics.median(each[0] for each in found)
    memory = max(each[1] for each in found)
    return [
        Row(f"ready at {backlog:,}: open and first durable insert", ready, "ms", "< 100 ms", ready < 100),
        Row(f"resident at {backlog:,}, above the bare interpreter", memory, "MB", "< 30 MB", memory < 30),
    ]
