"""The tables' version: made, adopted and brought up to date by migrations, and spread over servers by Citus."""

from __future__ import annotations

from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, inspect, text

from sync.collector.database import Base, Database
from sync.collector.errors import Mistake

if TYPE_CHECKING:  # Alembic is imported where it migrates: it would double the start of every command
    from alembic.config import Config

_FIRST = "0001"
_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"


class SchemaState(Enum):
    """How the tables stand to what this version needs."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    UNKNOWN = "unknown"  # a newer version's, or not ours


def state(connection: Connection) -> SchemaState:
    """Look, change nothing."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return SchemaState.EMPTY
    if _VERSION_TABLE not in tables:
        return SchemaState.OLDER if _is_first_version(connection) else SchemaState.UNKNOWN
    revision = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608 - a constant
    known = _revisions()
    if revision == known[-1]:
        return SchemaState.CURRENT
    return SchemaState.OLDER if revision in known else SchemaState.UNKNOWN


@cache
def _revisions() -> tuple[str, ...]:
    """Oldest first, by the files' names alone: every request for /readyz asks."""
    return tuple(sorted(path.stem[1:5] for path in _MIGRATIONS.glob("versions/v*.py")))


def require_current(connection: Connection) -> None:
    """Raises Mistake with what to do unless the tables are of this version."""
    match state(connection):
        case SchemaState.EMPTY:
            raise Mistake("the database is empty: run `collector init`")
        case SchemaState.OLDER:
            raise Mistake("the database is of an older version: run `collector backup`, then `collector db upgrade`")
        case SchemaState.UNKNOWN:
            raise Mistake(
                "the database is of a newer version, or not the collector's: install the version that made it"
            )


def upgrade(database: Database, revision: str = "head") -> bool:
    """Bring the tables to this version, in one transaction; False when they were already. Raises Mistake.

    A database of the first version, which knew no migrations, is adopted: recognized column by column, never guessed.
    """
    from alembic import command

    with database.change() as connection:
        match state(connection):
            case SchemaState.CURRENT if revision == "head":
                return False
            case SchemaState.UNKNOWN:
                require_current(connection)
        config = _config(connection)
        if inspect(connection).get_table_names() and not inspect(connection).has_table(_VERSION_TABLE):
            command.stamp(config, _FIRST)
        command.upgrade(config, revision)
    return True


def downgrade(database: Database, revision: str) -> None:
    """Back to an older version, "base" for nothing; for tests, and for whoever must go back with the data."""
    from alembic import command

    with database.change() as connection:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _is_first_version(connection: Connection) -> bool:
    from alembic import command

    with create_engine("sqlite://").begin() as pattern:
        command.upgrade(_config(pattern), _FIRST)
        shape = _shape(pattern)
    del shape[_VERSION_TABLE]
    return _shape(connection) == shape


def _shape(connection: Connection) -> dict[str, Any]:
    """Tables with their columns, types and keys."""
    seen = inspect(connection)
    return {
        table: (
            {(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(table)},
            seen.get_pk_constraint(table)["constrained_columns"],
        )
        for table in seen.get_table_names()
    }


def distribution() -> list[str]:
    """What makes the tables Citus's, in order: reference tables first, for the others may point at them."""
    tables = Base.metadata.sorted_tables
    reference = [f"SELECT create_reference_table('{table.name}')" for table in tables if table.info.get("reference")]
    spread = []
    companions: dict[str, str] = {}  # rows of one value stand together on one server
    for table in tables:
        column = table.info.get("distributed_by")
        if column is not None:
            beside = companions.setdefault(column, table.name)
            colocation = "none" if beside == table.name else beside
            spread.append(
                f"SELECT create_distributed_table('{table.name}', '{column}', colocate_with => '{colocation}')"
            )
    return reference + spread


def distribute(database: Database) -> int:
    """Spread the tables over a Citus cluster; returns how many were not yet. Raises Mistake where there is no Citus."""
    if database.is_sqlite:
        raise Mistake("SQLite is one file: only a PostgreSQL database with Citus is distributed")
    with database.change() as connection:
        require_current(connection)
        if not connection.scalar(text("SELECT count(*) FROM pg_extension WHERE extname = 'citus'")):
            raise Mistake("this PostgreSQL has no Citus: CREATE EXTENSION citus on every server, then again")
        done = set(connection.scalars(text("SELECT logicalrelid::regclass::text FROM pg_dist_partition")))
        statements = [statement for statement in distribution() if statement.split("'")[1] not in done]
        for statement in statements:
            connection.execute(text(statement))
    return len(statements)
