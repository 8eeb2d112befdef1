"""Intake as a share of what the database takes at all: the same rows, tables and indexes, the same transactions.

Baseline: the database's best bulk statement with its bytes made ready beforehand, one durable transaction for each
batch – executemany on SQLite, binary COPY on PostgreSQL. Intake: verify, open, inflate, parse, look up, insert, roll
up, commit, receipt. Interleaved, medians, wall time: commits wait for the disk.
"""

from __future__ import annotations

import os
import statistics
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rows import Options, Row
from sqlalchemy import select

from sync.collector import schema
from sync.collector.centre import Centre, initialize
from sync.collector.config import Settings, StateDir, database_url
from sync.collector.database import Database
from sync.collector.fleet.model import Gate
from sync.collector.fleet.service import create_gate
from sync.collector.intake import postgresql
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import RecordRow
from sync.collector.intake.opening import open_batch
from sync.collector.intake.rows import Row as Stored
from sync.collector.intake.rows import Source, sort_records
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire import jsonform
from sync.wire.batch import Batch, Report, pack
from sync.wire.keys import Purpose, SigningKey, key_id
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Place, Scan
from tests.sync.collector.cluster import Cluster, binaries

PER_BATCH = 500
GOAL = 0.6
"""Intake: at least this share of the database's own bulk insert (DESIGN 10)."""
STAGES = ("open", "parse")


def suite(options: Options, tell: Callable[[str], None]) -> list[Row]:
    """For each database: rates of intake and baseline, their ratio, and where intake's time goes."""
    batches = 6 if options.quick else 200
    rows: list[Row] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        sites = {"SQLite": (None, None)}
        if binaries() is not None:
            cluster = Cluster(durable=True)
            stack.callback(cluster.stop)
            sites["PostgreSQL"] = (cluster.create(), cluster.create())
        for name, urls in sites.items():
            bench = _Bench(directory / name, *urls)
            rows += _measure(name, bench, batches, tell)
            bench.close()
    return rows


def _measure(name: str, bench: _Bench, batches: int, tell: Callable[[str], None]) -> list[Row]:
    intake: list[float] = []
    bulk: list[float] = []
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for number in range(batches):
        if number % 20 == 0:
            tell(f"{name}, batch {number} of {batches}")
        body, rows = bench.batch(number * PER_BATCH + 1)
        ready = bench.plain.prepare(rows)
        with timed(bulk):
            bench.plain.insert(ready)
        with timed(intake):
            take_batch(bench.centre, body, time.time())
        with timed(stages["open"]):
            _, opened = open_batch(body, bench.centre.database, bench.centre.keys)
        with timed(stages["parse"]):
            sort_records(opened.numbered(), _SOURCE, 0.0)
    whole, base = statistics.median(intake), statistics.median(bulk)
    share = base / whole
    opening, parsing = (statistics.median(stages[stage]) / whole for stage in STAGES)
    return [
        Row(f"{name}: intake", PER_BATCH / whole, "records/s"),
        Row(f"{name}: bulk insert of the same rows", PER_BATCH / base, "records/s"),
        Row(f"{name}: intake / bulk insert", share, "", f"≥ {GOAL}", share >= GOAL),
        Row(f"{name}, of it: verify, open, inflate", opening, "of intake"),
        Row(f"{name}, of it: parse, make rows", parsing, "of intake"),
        Row(f"{name}, of it: look up, insert, roll up, commit, receipt", 1 - opening - parsing, "of intake"),
    ]


class _Plain:
    """An equal database that takes ready rows."""

    def __init__(self, directory: Path, url: str | None) -> None:
        self._database = Database(database_url(StateDir(directory), Settings(database=url)))
        schema.upgrade(self._database)
        names = ", ".join(Stored._fields)
        self._insert = f"INSERT INTO record ({names}) VALUES ({', '.join('?' * len(Stored._fields))})"
        self._copy = f"COPY record ({names}) FROM STDIN (FORMAT BINARY)"

    def prepare(self, rows: Sequence[Stored]) -> Any:
        """What `insert` takes: tuples, or the bytes of a binary COPY."""
        if self._database.is_sqlite:
            return rows
        encoders = [postgresql.form_of(column.type).encode for column in RecordRow.__table__.columns]
        head = struct.pack(">h", len(encoders))
        parts = [b"PGCOPY\n\xff\r\n\0", bytes(8)]
        for row in rows:
            parts.append(head)
            for value, encode in zip(row, encoders, strict=True):
                encoded = None if value is None else encode(value)
                parts.append(struct.pack(">i", -1 if encoded is None else len(encoded)) + (encoded or b""))
        return b"".join((*parts, struct.pack(">h", -1)))

    def insert(self, ready: Any) -> None:
        """One durable transaction."""
        with self._database.change() as connection:
            cursor = connection.connection.cursor()
            if self._database.is_sqlite:
                cursor.executemany(self._insert, ready)
            else:
                with cursor.copy(self._copy) as copy:
                    copy.write(ready)

    def close(self) -> None:
        """Give up the connection."""
        self._database.close()


class _Bench:
    """A centre, and beside it an equal database."""

    def __init__(self, directory: Path, url: str | None, plain_url: str | None) -> None:
        state = StateDir(directory / "centre")
        (directory / "plain").mkdir(parents=True)
        state.path.mkdir()
        if url is not None:
            state.config.write_text(f'database = "{url}"\n', encoding="utf-8")
        initialize(state, time.time())
        self.centre = Centre.open(state)
        self.key = SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE)
        with self.centre.database.write() as session:
            checkpoint = create_checkpoint(session, create_venue(session, "V").id, "C", Direction.IN)
            create_gate(session, checkpoint.id, "G", "g")
            gate = session.scalars(select(Gate)).one()
            gate.public_key, gate.kid = self.key.public, key_id(self.key.public)
        self.plain = _Plain(directory / "plain", plain_url)

    def batch(self, first: int) -> tuple[bytes, list[Stored]]:
        """A signed, sealed batch, and its rows ready for the plain database."""
        records = [record(number) for number in range(first, first + PER_BATCH)]
        report = Report((1, 10**6), PER_BATCH, "0", "b", float(first))
        raws = [msgspec.Raw(record) for record in records]
        batch = Batch("g", "0" * 32, first, first + PER_BATCH, raws, time.time(), "0" * 32, report)
        sealing_key = self.centre.keys.current().seal_public(time.time())
        return pack(batch, self.key, sealing_key), sort_records(batch.numbered(), _SOURCE, time.time()).rows

    def close(self) -> None:
        """Both databases."""
        self.centre.close()
        self.plain.close()


def record(number: int) -> bytes:
    """As a gate writes it; its serial compresses no better than randomness."""
    return jsonform.encode(
        Scan(
            when=Moment(1_790_000_000.25 + number * 3, "5b0f1d6e-4d55-4f8e-8a53-1d2e3f405162", number * 3.1, _CLOCK),
            place=Place(1, 1, Direction.IN),
            outcome=Outcome.PASS,
            reasons=["green"],
            policy="1.1",
            kind="scan_result",
            serial=os.urandom(12).hex(),
            status="green",
            status_at=1_789_990_000,
            temperature=36.5,
        )
    )


_CLOCK = ClockQuality.SYNCHRONIZED
_SOURCE = Source(outbox=1, gate=1, venues={1})


@contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    """Add how long the block took."""
    start = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - start)
