"""A private PostgreSQL from Debian's packages: a Unix socket in a directory of its own, gone when the tests end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

DATABASES = ("sqlite", "postgresql")
_START_SECONDS = 60


def binaries() -> Path | None:
    """Where the newest installed server's programs are; None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Cluster:
    """One server. The server refuses to run as root: then it runs as `nobody`."""

    def __init__(self, *, durable: bool = False) -> None:
        programs = binaries()
        assert programs is not None, "PostgreSQL is missing: .ci/setup test installs Debian's package postgresql"
        self._programs, self._numbers = programs, count(1)
        self._user = "nobody" if os.getuid() == 0 else None
        # Not below pytest's directory, which nobody else may enter; and a socket's path is short.
        self.directory = Path(tempfile.mkdtemp(prefix="venue-gate-pg-"))
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        data = self.directory / "data"
        options = ("-U", "collector", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        subprocess.run(
            [programs / "initdb", "-D", data, *options],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
            user=self._user,
        )
        settings = [f"unix_socket_directories={self.directory}", "listen_addresses=", "max_connections=60"]
        settings += [] if durable else ["fsync=off", "full_page_writes=off"]
        with (self.directory / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [programs / "postgres", "-D", data, *(part for each in settings for part in ("-c", each))],
                stdout=log,
                stderr=log,
                cwd=self.directory,
                user=self._user,
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self._dsn("postgres")).close()
            except psycopg.OperationalError:
                assert self._server.poll() is None, (self.directory / "log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.05)
            else:
                return

    def _dsn(self, database: str) -> str:
        return f"host={self.directory} user=collector dbname={database}"

    def create(self, template: str | None = None) -> str:
        """The address of a new database, empty or a copy of `template`'s."""
        name = f"centre_{next(self._numbers)}"
        copied = "" if template is None else f" TEMPLATE {make_url(template).database}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{copied}")  # type: ignore[call-overload]
        return f"postgresql://collector@/{name}?host={self.directory}"

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")  # type: ignore[call-overload]

    def stop(self) -> None:
        """End the server and remove its files."""
        self._server.send_signal(signal.SIGQUIT)  # at once: nobody reads this data again
        self._server.wait(30)
        shutil.rmtree(self.directory)
