"""Draining a backlog: the real gate-sync to the real collector on SQLite, against the plain ways of doing it.

Each round drains an outbox of its own, posts some of the same records one by one over one keep-alive connection, and
inserts the same rows in bulk into a copy of the collector's database as it was before the drain; all rates are wall
time of that round, so that a busy machine slows all three.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rows import Options, Row

from sync.dispatch import dispatch, load, report
from sync.link import Send
from sync.mailbox import boot_id, read_provision
from sync.outbox.outbox import Outbox
from sync.outbox.reader import OutboxReader, readers
from sync.outbox.system import System
from sync.transport import HttpsTransport
from sync.wire import jsonform
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Place, Scan
from sync.wire.statedir import StateDir

BIN = Path(sys.executable).parent
_BATCH = 500


class _Unhurried(System):
    """Fills an outbox without a flush for each record: the filling is not measured."""

    def sync_data(self, descriptor: int) -> None:
        """Nothing."""


@dataclass(frozen=True)
class _Round:
    """Records a second by each way; seconds of processor time and kilobytes of gate-sync for its drain."""

    drained: float
    posted: float
    inserted: float
    cpu_seconds: float
    resident_kib: int


def suite(options: Options, tell: Callable[[str], None]) -> list[Row]:
    """The rows of DESIGN 10, "drain"."""
    count, posts, rounds = (2_000, 60, 1) if options.quick else (100_000, 400, 3)
    with tempfile.TemporaryDirectory() as scratch:
        town = _Town(Path(scratch))
        with town.collector():
            measured = []
            for number in range(rounds):
                tell(f"round {number + 1} of {rounds}: filling an outbox with {count:,} records")
                outbox = town.fill(count, random.Random(options.seed + number))
                tell(f"round {number + 1} of {rounds}: draining")
                measured.append(town.measure(outbox, count, posts))
            wire_bytes, json_bytes = town.sizes(outbox)
    over_posts = median(each.drained / each.posted for each in measured)
    under_bulk = median(each.inserted / each.drained for each in measured)
    return [
        Row("drain", median(each.drained for each in measured), "records/s"),
        Row("drain / one POST a record", over_posts, "x", "≥ 20 x", over_posts >= 20),
        Row("bulk insert / drain", under_bulk, "x", "≤ 3 x", under_bulk <= 3),
        Row("gate-sync, processor", median(each.cpu_seconds for each in measured) / count * 1e6, "µs/record"),
        Row("gate-sync, most memory", max(each.resident_kib for each in measured) / 1024, "MB"),
        Row("on the wire", wire_bytes, "bytes/record"),
        Row("on the wire / its JSON", wire_bytes / json_bytes, "x"),
    ]


class _Town:
    """A collector and a gate in a directory; each round starts with an outbox of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._centre = directory / "centre"
        self._state = StateDir.at(directory / "gate")
        self._address = ""

    @contextmanager
    def collector(self) -> Iterator[None]:
        self._collector("init")
        self._collector("venue", "create", "东门市场")
        self._collector("checkpoint", "create", "--venue", "1", "--direction", "in", "南门")
        self._collector("gate", "create", "--checkpoint", "1", "南门1号")
        command = [BIN / "collector", "--state", self._centre, "serve", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            said = process.stdout.readline().decode()
            self._address = next(word for word in said.split() if word.startswith("http"))
            self._collector(
                "gate", "provision", str(self._state.root), "--gate", "gate-1", "--collector-url", self._address
            )
            try:
                yield
            finally:
                process.terminate()

    def _collector(self, *arguments: str) -> None:
        subprocess.run([BIN / "collector", "--state", self._centre, *arguments], check=True, capture_output=True)

    def fill(self, count: int, rng: random.Random) -> str:
        """A fresh outbox with that many passages; returns its id."""
        shutil.rmtree(self._state.outbox, ignore_errors=True)
        shutil.rmtree(self._state.receipts, ignore_errors=True)
        with Outbox(self._state.outbox, "bench:bench", system=_Unhurried()) as outbox:
            for number in range(count):
                outbox.append(_passage(number, rng))
            os.sync()
            return outbox.id

    def measure(self, outbox: str, count: int, posts: int) -> _Round:
        before = self._copy_database()
        with self._sync() as process:
            while self._stored(outbox) < count:
                assert process.poll() is None, "gate-sync ended"
                time.sleep(0.05)
            cpu_seconds, resident_kib = _used(process.pid)
        # From the first batch's arrival to the last's: the start of the program is not the drain.
        first, last = self._arrivals(outbox)
        return _Round(
            drained=(count - _BATCH) / (last - first),
            posted=posts / self._post_one_by_one(posts),
            inserted=count / self._insert_in_bulk(outbox, before),
            cpu_seconds=cpu_seconds,
            resident_kib=resident_kib,
        )

    @contextmanager
    def _sync(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [BIN / "gate-sync", "run", "--state", self._state.root]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.terminate()

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._centre / 'collector.db'}?mode=ro", uri=True)

    def _stored(self, outbox: str) -> int:
        with closing(self._database()) as database:
            row = database.execute("SELECT next - 1 FROM outbox WHERE id = ?", (outbox,)).fetchone()
        return row[0] if row else 0

    def _arrivals(self, outbox: str) -> tuple[float, float]:
        with closing(self._database()) as database:
            query = (
                "SELECT min(received_at), max(received_at) FROM record JOIN outbox ON record.outbox = outbox.number "
                "WHERE outbox.id = ?"
            )
            first, last = database.execute(query, (outbox,)).fetchone()
        return first, last

    def _reader(self) -> OutboxReader:
        return readers(self._state.outbox)[-1]

    def _post_one_by_one(self, posts: int) -> float:
        """Seconds for that many exchanges of one record, over one connection: what a simple client does.

        The centre knows these records already and stores nothing: the comparison is kind to the simple client.
        """
        provision, source = read_provision(self._state), self._reader()
        transport = HttpsTransport(provision.identity.collector)
        told = report(
            None, provision.snapshot.order, 0, software="bench", boot=boot_id(), mono=0.0, wants_updates=False
        )
        started = time.perf_counter()
        for number in range(1, posts + 1):
            send = Send(source.id, number, 1)
            transport.exchange(
                dispatch(
                    load(source, send, provision.identity.gate), provision, told, nonce=f"{number:032x}", sent_at=0.0
                ).body
            )
        seconds = time.perf_counter() - started
        transport.close()
        return seconds

    def _copy_database(self) -> Path:
        copy = self._directory / "bulk.db"
        copy.unlink(missing_ok=True)
        with closing(self._database()) as database, closing(sqlite3.connect(copy)) as target:
            database.backup(target)
        return copy

    def _insert_in_bulk(self, outbox: str, copy: Path) -> float:
        """Seconds for the same rows, from memory, into the database as it was, a durable commit for each batch."""
        with closing(self._database()) as database:
            rows = database.execute(
                "SELECT record.* FROM record JOIN outbox ON record.outbox = outbox.number WHERE outbox.id = ? "
                "ORDER BY sequence",
                (outbox,),
            ).fetchall()
        with closing(sqlite3.connect(copy, isolation_level=None)) as database:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", "cache_size=-65536"):
                database.execute(f"PRAGMA {pragma}")
            insert = f"INSERT INTO record VALUES ({','.join('?' * len(rows[0]))})"
            started = time.perf_counter()
            for start in range(0, len(rows), _BATCH):
                database.execute("BEGIN IMMEDIATE")
                database.executemany(insert, rows[start : start + _BATCH])
                database.execute("COMMIT")
            return time.perf_counter() - started

    def sizes(self, outbox: str) -> tuple[float, float]:
        """Bytes a record in a full batch as it leaves, and as JSON in the outbox."""
        provision, source = read_provision(self._state), self._reader()
        told = report(
            None, provision.snapshot.order, 0, software="bench", boot=boot_id(), mono=0.0, wants_updates=False
        )
        ready = dispatch(
            load(source, Send(outbox, 1, _BATCH), provision.identity.gate),
            provision,
            told,
            nonce="0" * 32,
            sent_at=time.time(),
        )
        plain = source.read(1, _BATCH, 10**6).records
        return len(ready.body) / len(plain), sum(map(len, plain)) / len(plain)


def _passage(number: int, rng: random.Random) -> bytes:
    """As a gate records it: most people pass, their serials compress no better than randomness."""
    outcome, reason = rng.choice([(Outcome.PASS, "green")] * 20 + [(Outcome.DENY, "fever"), (Outcome.REFER, "yellow")])
    at = 1_650_000_000 + number * 3
    return jsonform.encode(
        Scan(
            when=Moment(
                at + rng.random(), "8a6f3c1e-5d27-4b90-9c3e-7f1a2b3c4d5e", number * 3.0, ClockQuality.SYNCHRONIZED
            ),
            place=Place(1, 1, Direction.IN),
            outcome=outcome,
            reasons=[reason],
            policy="1.1",
            kind="scan_result",
            serial=rng.randbytes(12).hex(),
            status="green",
            status_at=at - rng.randrange(86_400),
            temperature=round(rng.gauss(36.5, 0.3), 1),
        )
    )


def _used(pid: int) -> tuple[float, int]:
    """Processor seconds and the greatest resident set in KiB of a running process (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(status.partition("VmHWM:")[2].split()[0])
    return ticks / os.sysconf("SC_CLK_TCK"), resident
