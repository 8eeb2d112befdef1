"""Which of several attendants works: one on a database, whatever number of machines serve it.

SQLite is one machine's: a lock on a file beside it. PostgreSQL: an advisory lock of a session, which the server takes
back when that machine dies or its line is cut. What this does NOT establish: that the one before has stopped already
when its line is cut; jobs must bear a moment of two.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from sync.collector.database import Database
from sync.collector.errors import DatabaseUnavailable

_ATTENDANTS, _THE_ONE = 0x5648, 1  # beside the queues of `database`


class Alone(Protocol):
    """A place that one holds at a time."""

    def holds(self) -> bool:
        """Whether it is ours; taken where it is free. Raises DatabaseUnavailable, OSError."""
        ...

    def close(self) -> None:
        """Let the next one have it."""
        ...


def place(database: Database, file: Path) -> Alone:
    """file: for SQLite."""
    return _LockedFile(file) if database.is_sqlite else _LockedSession(database)


class _LockedFile:
    def __init__(self, file: Path) -> None:
        self._file, self._descriptor = file, -1

    def holds(self) -> bool:
        if self._descriptor >= 0:
            return True
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _LockedSession:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._session: Connection | None = None

    def holds(self) -> bool:
        try:
            if self._session is not None:
                self._session.execute(text("SELECT 1"))  # a session that is gone holds nothing
                return True
            session = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            taken = session.scalar(
                text("SELECT pg_try_advisory_lock(:all, :one)"), {"all": _ATTENDANTS, "one": _THE_ONE}
            )
        except DBAPIError as cause:
            self.close()
            raise DatabaseUnavailable(f"the database did not answer: {cause.orig}".rstrip()) from cause
        if taken:
            self._session = session
        else:
            session.close()
        return bool(taken)

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.invalidate()  # back in the pool it would keep the lock
            with suppress(DBAPIError):
                session.close()
