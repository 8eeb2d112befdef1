"""The one door to the database: engine, transactions, and the declarative base of every model.

SQLite in WAL mode with no set-up, PostgreSQL by its address. On SQLite a write transaction begins with BEGIN
IMMEDIATE, so that what it reads is what it changes; on PostgreSQL whoever needs that says `queue_up`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, IntegrityError, ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from sync.collector.errors import DatabaseUnavailable

_BUSY_SECONDS = 20
_AUTOCHECKPOINT_PAGES = 4_000  # 16 MB of log: fewer checkpoints than the default 1,000, measured
_CACHE_KIB = 65_536
_INSERT: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}
_SQLITE = {"connect_args": {"timeout": _BUSY_SECONDS}}
_POSTGRESQL = {
    # An hour of the roll-up never depends on a session's time zone.
    "connect_args": {"options": "-c timezone=UTC", "connect_timeout": 10},
}
_FRESH_SECONDS = (
    5.0  # used so short a while ago, a connection is not asked whether it still is one: it costs a round trip
)
_QUEUES = 0x5647  # tells our advisory locks from others'


def distributed_by(column: str) -> dict[str, str]:
    """A table's `info`: where one server is not enough, its rows are spread by that column (`schema.distribute`)."""
    return {"distributed_by": column}


BY_VENUE = distributed_by("venue")
REFERENCE = {"reference": True}
"""A table's `info`: small, seldom changed, and whole on every server."""


class Base(DeclarativeBase):
    """Base of every model. The models live beside the concern that owns them."""


class Database:
    """Transactions on one database. Safe to share between threads.

    fresh_seconds: after so long without use a connection to a server is asked whether it still is one.
    """

    def __init__(self, url: URL, fresh_seconds: float = _FRESH_SECONDS) -> None:
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        # As many connections as threads ask for: the server bounds those.
        options: dict[str, Any] = _SQLITE if self.is_sqlite else _POSTGRESQL
        # A log never holds what a record says: errors show no parameters.
        self.engine: Engine = create_engine(url, max_overflow=-1, hide_parameters=True, **options)
        self._writing = Lock()
        self._look_engine = self._write_engine = self.engine
        if self.is_sqlite:
            event.listen(self.engine, "connect", _configure)
            event.listen(self.engine, "begin", _begin)
            self._write_engine = self.engine.execution_options(begin="IMMEDIATE")
        else:
            _ask_idle_connections(self.engine, fresh_seconds)
            self._look_engine = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A consistent view. Raises DatabaseUnavailable."""
        with self._told_apart(), self._look_engine.begin() as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """One transaction, durable when the block ends, rolled back when it raises. Raises DatabaseUnavailable.

        The lock makes the threads of this process queue in order; SQLite's own waiting sleeps and is unfair.
        """
        if not self.is_sqlite:
            with self._told_apart(), self._write_engine.begin() as connection:
                yield connection
            return
        if not self._writing.acquire(timeout=_BUSY_SECONDS):
            raise DatabaseUnavailable(f"the database was busy for {_BUSY_SECONDS} seconds")
        try:
            with self._told_apart(), self._write_engine.begin() as connection:
                yield connection
        finally:
            self._writing.release()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """`look`, with the models as objects."""
        with self.look() as connection, Session(connection, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """`change`, with the models as objects."""
        with self.change() as connection, Session(connection, expire_on_commit=False) as session:
            yield session
            session.flush()

    def close(self) -> None:
        """Give up every connection."""
        self.engine.dispose()

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, ProgrammingError, DataError):
            raise  # our own bug, not the database's state
        except DBAPIError as cause:
            raise DatabaseUnavailable(f"the database did not take it: {cause.orig}".rstrip()) from cause


def queue_up(connection: Connection, number: int) -> None:
    """Wait for other transactions that said the same number, until this one ends: one at a time for each gate."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:queues, :number)"), {"queues": _QUEUES, "number": number}
        )


def share(connection: Connection, number: int) -> None:
    """Like `queue_up`, side by side with others that share; whoever queues up for that number waits for all of them."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock_shared(:queues, :number)"), {"queues": _QUEUES, "number": number}
        )


def insert_new(connection: Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; one whose primary key is there already changes nothing."""
    if rows:
        connection.execute(upsert(model, connection.dialect.name).on_conflict_do_nothing(), rows)


def insert_or_add(
    connection: Connection, model: type[Base], columns: Sequence[str], rows: Sequence[dict[str, Any]]
) -> None:
    """Insert rows; where the primary key is there already, add the row's `columns` to what stands there."""
    if rows:
        connection.execute(_insert_or_add(model, tuple(columns), connection.dialect.name), rows)


def upsert(model: type[Base], dialect: str) -> Any:
    """An INSERT of that dialect, which has on_conflict_do_nothing and on_conflict_do_update."""
    return _INSERT[dialect](model.__table__)


@cache
def _insert_or_add(model: type[Base], columns: tuple[str, ...], dialect: str) -> Any:
    statement, table = upsert(model, dialect), model.__table__
    totals = {column: table.c[column] + statement.excluded[column] for column in columns}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=totals)


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    """SQLite as a server's database: WAL, every commit on disk, and transactions begun by us alone."""
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={_AUTOCHECKPOINT_PAGES}",
        f"cache_size=-{_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _ask_idle_connections(engine: Engine, fresh_seconds: float) -> None:
    """A connection that lay idle while the server restarted is replaced before anybody meets it.

    Asking costs a round trip, so that one which was used a moment ago is not asked.
    """

    failed: type[Exception] = engine.dialect.loaded_dbapi.Error

    def note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    def ask(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used", float("inf")) < fresh_seconds:
            return
        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except failed as cause:
            raise DisconnectionError from cause

    event.listen(engine, "checkin", note_use)
    event.listen(engine, "checkout", ask)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")
