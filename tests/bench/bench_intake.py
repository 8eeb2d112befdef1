"""Intake as a share of what the database takes at all: the same rows, the same schema, the same transactions.

Baseline: plain executemany of ready rows in durable transactions of one batch each, nothing else. Intake: verify,
open, inflate, parse, look up, insert, roll up, commit, receipt. Interleaved, medians, wall time:
commits wait for the disk.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rows import Options, Row
from sqlalchemy import select
from sqlalchemy.engine import URL

from sync.collector import schema
from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.database import Database
from sync.collector.fleet.model import Gate
from sync.collector.fleet.service import create_gate
from sync.collector.intake.api import take_batch
from sync.collector.intake.opening import open_batch
from sync.collector.intake.rows import Row as Stored
from sync.collector.intake.rows import Source, sort_records
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire import jsonform
from sync.wire.batch import Batch, Report, pack
from sync.wire.keys import Purpose, SigningKey, key_id
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Place, Scan

PER_BATCH = 500
GOAL = 0.6
"""Intake, SQLite: at least this share of the database's own bulk insert (DESIGN 10)."""


def suite(options: Options, tell: Callable[[str], None]) -> list[Row]:
    """Rates of intake and baseline, their ratio, and where intake's time goes."""
    batches = 6 if options.quick else 200
    with TemporaryDirectory() as directory:
        bench = _Bench(Path(directory))
        intake, bulk, stages = [], [], {"open": [], "parse": []}
        for number in range(batches):
            if number % 20 == 0:
                tell(f"batch {number} of {batches}")
            body, rows = bench.batch(number * PER_BATCH + 1)
            with _timed(bulk):
                bench.insert(rows)
            with _timed(intake):
                take_batch(bench.centre, body, time.time())
            with _timed(stages["open"]):
                _, opened = open_batch(body, bench.centre.database, bench.centre.keys)
            with _timed(stages["parse"]):
                sort_records(opened.numbered(), _SOURCE, 0.0)
        bench.close()
    whole, base = statistics.median(intake), statistics.median(bulk)
    share = base / whole
    opening, parsing = (statistics.median(stages[name]) / whole for name in ("open", "parse"))
    return [
        Row("intake", PER_BATCH / whole, "records/s"),
        Row("bulk insert of the same rows", PER_BATCH / base, "records/s"),
        Row("intake / bulk insert", share, "", f"≥ {GOAL}", share >= GOAL),
        Row("of it: verify, open, inflate", opening, "of intake"),
        Row("of it: parse, make rows", parsing, "of intake"),
        Row("of it: look up, insert, roll up, commit, receipt", 1 - opening - parsing, "of intake"),
    ]


class _Bench:
    """A centre, and beside it an equal database that takes ready rows."""

    def __init__(self, directory: Path) -> None:
        state = StateDir(directory / "centre")
        initialize(state, time.time())
        self.centre = Centre.open(state)
        self.key = SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE)
        with self.centre.database.write() as session:
            checkpoint = create_checkpoint(session, create_venue(session, "V").id, "C", Direction.IN)
            create_gate(session, checkpoint.id, "G", "g")
            gate = session.scalars(select(Gate)).one()
            gate.public_key, gate.kid = self.key.public, key_id(self.key.public)
        self.plain = Database(URL.create("sqlite", database=str(directory / "plain.db")))
        schema.upgrade(self.plain)
        names, marks = ", ".join(Stored._fields), ", ".join("?" * len(Stored._fields))
        self._insert = f"INSERT INTO record ({names}) VALUES ({marks})"

    def batch(self, first: int) -> tuple[bytes, list[tuple[object, ...]]]:
        """A signed, sealed batch, and its rows ready for the plain database."""
        records = [_record(number) for number in range(first, first + PER_BATCH)]
        report = Report((1, 10**6), PER_BATCH, "0", "b", float(first))
        raws = [msgspec.Raw(record) for record in records]
        batch = Batch("g", "0" * 32, first, first + PER_BATCH, raws, time.time(), "0" * 32, report)
        sealing_key = self.centre.keys.seal.public_key().public_bytes_raw()
        return pack(batch, self.key, sealing_key), sort_records(batch.numbered(), _SOURCE, time.time()).rows

    def insert(self, rows: list[tuple[object, ...]]) -> None:
        """One durable transaction."""
        with self.plain.write() as session:
            cursor = session.connection().connection.cursor()
            cursor.executemany(self._insert, rows)

    def close(self) -> None:
        """Both databases."""
        self.centre.close()
        self.plain.close()


def _record(number: int) -> bytes:
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
def _timed(seconds: list[float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - start)
