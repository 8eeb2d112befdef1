"""`collector db`: the database's version, its invariants, and its spread over servers."""

from __future__ import annotations

import click

from sync.collector import invariants, schema
from sync.collector.centre import ensure_personal_key
from sync.collector.config import StateDir, database_url, load_settings
from sync.collector.database import Database
from sync.collector.errors import CollectorError
from sync.collector.privacy.commands import audit_key
from sync.collector.terminal import opened


@click.group()
def db() -> None:
    """The database: SQLite in the state directory, or PostgreSQL by `database` in collector.toml."""


@db.command()
@click.pass_obj
def upgrade(state: StateDir) -> None:
    """Bring an older database up to this version, in one transaction. Make a backup first."""
    database = Database(database_url(state, load_settings(state)))
    try:
        changed = schema.upgrade(database)
        ensure_personal_key(state, database)
    finally:
        database.close()
    click.echo("The database is of this version now." if changed else "Nothing to do.", err=True)


@db.command()
@click.pass_obj
def check(state: StateDir) -> None:
    """Look for anything that must never be; exit code 1 when something is found. Reads every record once."""
    with opened(state) as centre:
        found = invariants.broken(centre.database, audit_key(state))
    for sentence in found:
        click.echo(sentence)
    if found:
        raise CollectorError("the database is not as it must be: keep a backup of it, and tell whoever supports you")
    click.echo("Everything holds.", err=True)


@db.command()
@click.pass_obj
def distribute(state: StateDir) -> None:
    """Spread the tables over the servers of a Citus cluster (docs/OPERATIONS.md). Can be repeated."""
    with opened(state) as centre:
        count = schema.distribute(centre.database)
    click.echo(f"{count} tables were distributed.", err=True)
