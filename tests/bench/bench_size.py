"""Whether intake costs the same in a full database as in a small one: 10⁵ rows against 10⁷ (DESIGN 10, "flat").

Two centres on each database, one with few records and one with many, made by the database itself. The same batches go
to both in turn, so that a busy machine slows both; compared are the medians. Takes a quarter of an hour and 15 GB of
disk: `make bench` runs it by name only, `make stress` always.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from bench_intake import PER_BATCH, record, timed
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rows import Options, Row
from sqlalchemy import insert, text

from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.fleet.service import create_gate
from sync.collector.intake.api import take_batch
from sync.collector.intake.model import Outbox
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire import jsonform
from sync.wire.batch import Batch, Report, pack
from sync.wire.envelope import MessageType, unverified_payload
from sync.wire.keys import Purpose, SigningKey, key_id
from sync.wire.receipt import Receipt
from sync.wire.record import Direction
from tests.sync.collector.cluster import Cluster, binaries

GOAL = 1.3
_GATES = 40
_FIRST_AT = 1_790_000_000 - 60 * 86_400  # what is there already came in the two months before
_STEP = 200_000  # rows made in one transaction


def suite(options: Options, tell: Callable[[str], None]) -> list[Row]:
    """For each database: the median batch in the small and in the full one, and their ratio; memory at the end."""
    few, many, batches = (1_000, 5_000, 4) if options.quick else (100_000, 10_000_000, 200)
    rows: list[Row] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        sites: list[tuple[str, Callable[[], str | None]]] = [("SQLite", lambda: None)]
        if binaries() is not None:
            cluster = Cluster(durable=True)
            stack.callback(cluster.stop)
            sites.append(("PostgreSQL", cluster.create))
        for name, address in sites:
            small, full = (_Town(directory / f"{name}-{size}", address()) for size in (few, many))
            stack.callback(small.centre.close)
            stack.callback(full.centre.close)
            for town, size in ((small, few), (full, many)):
                town.fill(size, lambda done, name=name, size=size: tell(f"{name}: {done:,} of {size:,} rows made"))
            tell(f"{name}: {batches} batches into each")
            rows += _measure(name, small, full, batches, few, many)
    return rows


def _measure(name: str, small: _Town, full: _Town, batches: int, few: int, many: int) -> list[Row]:
    resident = _resident_mib()
    for number in range(batches):
        for town in (small, full):
            town.take(number)
    ratio = statistics.median(full.seconds) / statistics.median(small.seconds)
    return [
        Row(f"{name}: intake at {few:.0e} rows", PER_BATCH / statistics.median(small.seconds), "records/s"),
        Row(f"{name}: intake at {many:.0e} rows", PER_BATCH / statistics.median(full.seconds), "records/s"),
        Row(f"{name}: slowest batch in the full one", max(full.seconds) * 1e3, "ms"),
        Row(f"{name}: a batch in the full one / in the small one", ratio, "×", f"≤ {GOAL}", ratio <= GOAL),
        Row(f"{name}: a record with its indexes on the disk", full.disk_bytes() / many, "bytes"),
        Row(f"{name}: memory that {2 * batches} batches added", _resident_mib() - resident, "MB"),
    ]


@dataclass
class _Town:
    """A centre with a few dozen gates, each at a venue of its own."""

    directory: Path
    url: str | None
    centre: Centre = field(init=False)
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        state = StateDir(self.directory)
        state.path.mkdir()
        if self.url is not None:
            state.config.write_text(f'database = "{self.url}"\n', encoding="utf-8")
        initialize(state, time.time())
        self.centre = Centre.open(state)
        self._keys = [SigningKey(Ed25519PrivateKey.generate(), Purpose.GATE) for _ in range(_GATES)]
        self._next = 1
        with self.centre.database.write() as session:
            for number, key in enumerate(self._keys, start=1):
                place = create_checkpoint(session, create_venue(session, f"V{number}").id, "C", Direction.IN)
                gate = create_gate(session, place.id, "G", f"g{number}")
                gate.public_key, gate.kid = key.public, key_id(key.public)

    def fill(self, count: int, tell: Callable[[int], None]) -> None:
        """Put so many records in, spread over gates and two months, and set the cursors behind them."""
        for start in range(0, count, _STEP):
            tell(start)
            last = min(start + _STEP, count) - 1
            with self.centre.database.change() as connection:
                connection.execute(text(self._statement()), {"start": start, "last": last, "pace": 60 * 86_400 / count})
        self._next = count // _GATES + 1
        with self.centre.database.change() as connection:
            lines = [
                {
                    "number": gate,
                    "id": f"{gate:032x}",
                    "gate_number": gate,
                    "next": self._next,
                    "records": self._next - 1,
                }
                for gate in range(1, _GATES + 1)
            ]
            connection.execute(insert(Outbox), lines)
            if not self.centre.database.is_sqlite:
                connection.execute(text("SELECT setval(pg_get_serial_sequence('outbox', 'number'), 1000)"))

    def disk_bytes(self) -> int:
        """What the records take."""
        whole_file = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        table = "SELECT pg_total_relation_size('record')"
        with self.centre.database.look() as connection:
            return int(connection.scalar(text(whole_file if self.centre.database.is_sqlite else table)) or 0)

    def _statement(self) -> str:
        """One INSERT that makes its rows itself."""
        if self.centre.database.is_sqlite:
            series = "WITH RECURSIVE n(i) AS (SELECT :start UNION ALL SELECT i + 1 FROM n WHERE i < :last)"
            source, serial, raw, floor = "n", "randomblob(8)", "randomblob(320)", "CAST({} AS INTEGER)"
        else:
            series, source = "", "generate_series(CAST(:start AS bigint), CAST(:last AS bigint)) AS n(i)"
            serial, floor = "decode(substr(md5(random()::text), 1, 16), 'hex')", "floor({})::bigint"
            raw = "decode(repeat(md5(random()::text), 20), 'hex')"
        at = f"({_FIRST_AT} + i * CAST(:pace AS double precision))"
        gate = f"(i % {_GATES}) + 1"
        return f"""
            {series} INSERT INTO record (venue, outbox, sequence, checkpoint, direction, gate, inspector, type, outcome,
                reasons, kind, serial, status, temperature, count, hour, at, corrected_at, boot, mono, clock,
                received_at, raw)
            SELECT {gate}, {gate}, i / {_GATES} + 1, {gate}, 'in', {gate}, 0, 'scan', 'pass',
                'green', 'saved', {serial}, 'green', 36.5, 1, {floor.format(f"{at} / 3600")}, {at}, {at},
                '5b0f1d6e-4d55-4f8e-8a53-1d2e3f405162', i, 'synchronized', {at}, {raw}
            FROM {source}
        """

    def take(self, number: int) -> None:
        """One batch, from each gate in turn."""
        gate = number % _GATES + 1
        first = self._next + number // _GATES * PER_BATCH
        records = [
            msgspec.Raw(record(one).replace(b'"venue":1,"checkpoint":1', b'"venue":%d,"checkpoint":%d' % (gate, gate)))
            for one in range(number * PER_BATCH, (number + 1) * PER_BATCH)
        ]
        report = Report((1, 10**6), PER_BATCH, "0", "b", float(number))
        outbox = f"{gate:032x}"
        batch = Batch(f"g{gate}", outbox, first, first + PER_BATCH, records, time.time(), "0" * 32, report)
        body = pack(batch, self._keys[gate - 1], self.centre.keys.current().seal_public(time.time()))
        with timed(self.seconds):
            answer = take_batch(self.centre, body, time.time())
        told = unverified_payload(answer.receipt, MessageType.RECEIPT)
        assert jsonform.decode(told, Receipt, "receipt").next == first + PER_BATCH


def _resident_mib() -> float:
    """Of this process, which is the centre here (proc(5))."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
