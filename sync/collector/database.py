"""The one door to the database: engine, transactions, and the declarative base of every model.

SQLite in WAL mode with no set-up; the models keep to what PostgreSQL has too. A write transaction begins with
BEGIN IMMEDIATE, so that what it reads is what it changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Session

from sync.collector.errors import DatabaseUnavailable

_BUSY_SECONDS = 20
_AUTOCHECKPOINT_PAGES = 4_000  # 16 MB of log: fewer checkpoints than the default 1,000, measured
_CACHE_KIB = 65_536
_INSERT: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}


class Base(DeclarativeBase):
    """Base of every model. The models live beside the concern that owns them."""


class Database:
    """Transactions on one database. Safe to share between threads."""

    def __init__(self, url: URL | str) -> None:
        # As many connections as threads ask for: the server bounds those.
        self.engine: Engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, max_overflow=-1)
        self._writing = Lock()
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)
        self._write_engine = self.engine.execution_options(begin="IMMEDIATE")

    @classmethod
    def at(cls, path: Path) -> Database:
        """SQLite in the file at `path`."""
        return cls(URL.create("sqlite", database=str(path)))

    def create_all(self) -> None:
        """Make the tables that are missing, of every model that was imported (`sync.collector.centre` imports all)."""
        with self._told_apart():
            Base.metadata.create_all(self.engine)

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A consistent view. Raises DatabaseUnavailable."""
        with self._told_apart(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """One transaction, durable when the block ends, rolled back when it raises. Raises DatabaseUnavailable.

        The lock makes the threads of this process queue in order; SQLite's own waiting sleeps and is unfair.
        """
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
            raise DatabaseUnavailable(f"the database did not take it: {cause.orig}") from cause


def insert_rows(connection: Connection, model: type[Base], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ready rows, whose values stand in the order of the table's columns.

    On SQLite past SQLAlchemy's parameters of each row, which cost twice what the insert itself does (measured).
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insert_sql(model), list(rows))
    else:
        names = [column.name for column in model.__table__.columns]
        connection.execute(insert(model), [dict(zip(names, row, strict=True)) for row in rows])


def insert_new(connection: Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; one whose primary key is there already changes nothing."""
    if rows:
        connection.execute(upsert(model, connection.dialect.name).on_conflict_do_nothing(), rows)


def insert_or_add(connection: Connection, model: type[Base], column: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; where the primary key is there already, add the row's `column` to what stands there."""
    if rows:
        connection.execute(_insert_or_add(model, column, connection.dialect.name), rows)


def upsert(model: type[Base], dialect: str) -> Any:
    """An INSERT of that dialect, which has on_conflict_do_nothing and on_conflict_do_update."""
    return _INSERT[dialect](model.__table__)


@cache
def _insert_sql(model: type[Base]) -> str:
    return str(insert(model).compile(dialect=sqlite.dialect(paramstyle="qmark")))


@cache
def _insert_or_add(model: type[Base], column: str, dialect: str) -> Any:
    statement, table = upsert(model, dialect), model.__table__
    total = {column: table.c[column] + statement.excluded[column]}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=total)


def _configure(connection: Any, _record: Any) -> None:
    """SQLite as a server's database: WAL, every commit on disk, and transactions begun by us alone."""
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={_AUTOCHECKPOINT_PAGES}",
        f"cache_size=-{_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")
