"""One file from which the centre comes back: its database, keys and settings, taken while it runs.

Without the root key, which has copies of its own. A restored centre begins a higher epoch, so that gates see that it
forgot something, send it again from what they keep, and take its updates for newer (DESIGN 7).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tarfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select
from sqlalchemy.engine import URL

from sync.collector import keys as key_files
from sync.collector import schema
from sync.collector.centre import Centre
from sync.collector.config import StateDir, database_url, load_settings
from sync.collector.database import Database
from sync.collector.errors import CollectorError, Mistake
from sync.collector.fleet.model import Epoch
from sync.collector.privacy import keyfile as personal_keys
from sync.outbox.durable import make_directory, replace_file, sync_directory

_SQLITE, _POSTGRESQL = "database.sqlite", "database.dump"
_CONFIG, _KEYS = "collector.toml", "keys"
_SMALL_BYTES = 1_000_000
_MINUTE = 60


def back_up(centre: Centre, target: Path, *, with_personal_key: bool = True) -> None:
    """Write a backup, whole or not at all. Raises CollectorError, OSError."""
    with TemporaryDirectory(prefix=".backup-", dir=target.absolute().parent) as directory:
        name = _SQLITE if centre.database.is_sqlite else _POSTGRESQL
        dumped = Path(directory) / name
        (_dump_sqlite if centre.database.is_sqlite else _dump_postgresql)(centre.database.url, dumped)
        draft = Path(directory) / "backup.tar"
        draft.touch(mode=0o600)
        with tarfile.open(draft, "w") as archive:
            if centre.state.config.exists():
                archive.add(centre.state.config, _CONFIG)
            for file in sorted(centre.state.keys.iterdir()):
                if with_personal_key or file.name != personal_keys.NAME:
                    archive.add(file, f"{_KEYS}/{file.name}")
            archive.add(dumped, name)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(target)
    sync_directory(target.absolute().parent)


def restore(state: StateDir, source: Path, now: float) -> int:
    """Make `state` a collector from a backup; returns its new epoch. Raises CollectorError, OSError.

    A collector.toml that is there already is kept: it may name another database, which must be empty.
    """
    if state.database.exists() or state.keys.exists():
        raise Mistake(f"{state.path} holds a collector already: choose an empty directory")
    make_directory(state.path)
    state.path.chmod(0o700)
    try:
        with tarfile.open(source) as archive:
            members = {member.name: member for member in archive if member.isfile()}
            if _CONFIG in members and not state.config.exists():
                replace_file(state.config, _read(archive, members[_CONFIG]))
            epoch = _restore_database(state, archive, members, now)
            make_directory(state.keys)
            state.keys.chmod(0o700)
            # The signed list is the mark of the end, as for `init`.
            for name in sorted(members, key=lambda name: name == f"{_KEYS}/{key_files.KEY_LIST}"):
                if name.startswith(f"{_KEYS}/") and name.count("/") == 1:
                    replace_file(state.keys / Path(name).name, _read(archive, members[name]), mode=0o600)
    except (tarfile.TarError, EOFError) as cause:
        raise Mistake(f"{source} is no backup of a collector, or it is cut: {cause}") from cause
    Centre.open(state).close()
    return epoch


def _restore_database(
    state: StateDir, archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], now: float
) -> int:
    url = database_url(state, load_settings(state))
    wanted = _SQLITE if url.get_backend_name() == "sqlite" else _POSTGRESQL
    if wanted not in members:
        raise Mistake("the backup is of the other kind of database, or no backup; see `database` in collector.toml")
    with TemporaryDirectory(prefix=".restore-", dir=state.path) as directory:
        dumped = Path(directory) / wanted
        with archive.extractfile(members[wanted]) as packed, dumped.open("wb") as file:  # type: ignore[union-attr]
            shutil.copyfileobj(packed, file)
            os.fsync(file.fileno())
        if wanted == _SQLITE:
            epoch = _begin_epoch(URL.create("sqlite", database=str(dumped)), now)
            with closing(sqlite3.connect(dumped)) as connection:
                connection.execute("PRAGMA journal_mode=DELETE")  # all in the one file before it is moved
            dumped.replace(state.database)
            sync_directory(state.path)
            return epoch
        _load_postgresql(url, dumped)
    return _begin_epoch(url, now)


def _begin_epoch(url: URL, now: float) -> int:
    """Higher than any before, also when the same backup is restored twice: an epoch tells minutes since the first."""
    database = Database(url)
    try:
        schema.upgrade(database)
        with database.write() as session:
            last, began_at = session.execute(select(func.max(Epoch.number), func.min(Epoch.began_at))).one()
            number = max(last + 1, int(now - began_at) // _MINUTE)
            session.add(Epoch(number=number, began_at=now))
        return number
    finally:
        database.close()


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None or member.size > _SMALL_BYTES:
        raise Mistake(f"{member.name} in the backup is not what a backup holds")
    return file.read()


def _dump_sqlite(url: URL, target: Path) -> None:
    """A consistent copy in one step; in WAL mode writers go on meanwhile."""
    source = sqlite3.connect(f"file:{url.database}?mode=ro", uri=True)
    with closing(source), closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _dump_postgresql(url: URL, target: Path) -> None:
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}"], _libpq(url))


def _load_postgresql(url: URL, source: Path) -> None:
    database = Database(url)
    with database.look() as connection:
        is_empty = schema.state(connection) is schema.SchemaState.EMPTY
    database.close()
    if not is_empty:
        raise Mistake("the PostgreSQL database has tables already: name an empty one in collector.toml")
    options = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    _run(["pg_restore", *options, f"--dbname={url.database}", str(source)], _libpq(url))


def _libpq(url: URL) -> dict[str, str]:
    """The environment of PostgreSQL's own programs: a password in an argument could be read by everybody."""
    parts = {"PGHOST": url.host or url.query.get("host"), "PGPORT": url.port, "PGUSER": url.username}
    parts |= {"PGPASSWORD": url.password, "PGDATABASE": url.database, "PGSSLMODE": url.query.get("sslmode")}
    return {**os.environ, **{name: str(value) for name, value in parts.items() if value}}


def _run(command: list[str], environment: dict[str, str]) -> None:
    try:
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    except FileNotFoundError as cause:
        raise CollectorError(f"{command[0]} is missing: install Debian's package postgresql-client") from cause
    except subprocess.CalledProcessError as cause:
        raise CollectorError(f"{command[0]}: {cause.stderr.strip() or cause.returncode}") from cause
