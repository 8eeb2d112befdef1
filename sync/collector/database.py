"""The one door to the database: engine, transactions, and the declarative base of every model.

SQLite in WAL mode with no set-up; the models keep to what PostgreSQL has too. A write transaction begins with
BEGIN IMMEDIATE, so that what it reads is what it changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
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
    """Sessions on one database. Safe to share between threads."""

    def __init__(self, url: URL | str) -> None:
        self.engine: Engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
        self._writing = Lock()
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)
        self._write_engine = self.engine.execution_options(begin="IMMEDIATE")

    @classmethod
    def at(cls, path: Path) -> Database:
        """SQLite in the file at `path`."""
        return cls(URL.create("sqlite", database=str(path)))

    def create_all(self) -> None:
        """Make the tables that are missing. Importing `sync.collector.models` first is the caller's."""
        with self._told_apart():
            Base.metadata.create_all(self.engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view. Raises DatabaseUnavailable."""
        with self._told_apart(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction, durable when the block ends, rolled back when it raises. Raises DatabaseUnavailable.

        The lock makes the threads of this process queue in order; SQLite's own waiting sleeps and is unfair.
        """
        with (
            self._writing,
            self._told_apart(),
            Session(self._write_engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

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


def insert_or_add(connection: Connection, model: type[Base], column: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows; where the primary key is there already, add the row's `column` to what stands there."""
    table: Any = model.__table__
    insert = _INSERT[connection.dialect.name](table)
    total = {column: table.c[column] + insert.excluded[column]}
    connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=total), rows)


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
