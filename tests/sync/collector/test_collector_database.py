"""The door to the database: what a restart of the server means to those who come through it."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import make_url, text

from sync.collector.database import Database
from sync.collector.errors import DatabaseUnavailable
from tests.sync.collector.cluster import Cluster


def _end_its_connections(url: str) -> None:
    """What a restart of the server does to them."""
    name = make_url(url).database
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn) as connection:
        assert connection.execute(query, (name,)).fetchall()


def _ask(database: Database) -> None:
    with database.look() as connection:
        connection.execute(text("SELECT 1"))


def test_a_connection_that_lay_idle_over_a_restart_is_replaced(cluster: Cluster) -> None:
    """Nobody's request fails for it."""
    url = cluster.create()
    database = Database(make_url(url), fresh_seconds=0.0)
    _ask(database)
    _end_its_connections(url)
    _ask(database)
    database.close()


def test_one_that_ends_between_two_uses_fails_once_and_in_words(cluster: Cluster) -> None:
    """503 to the gate, which sends again; the next request has a new connection."""
    url = cluster.create()
    database = Database(make_url(url), fresh_seconds=60.0)
    _ask(database)
    _end_its_connections(url)
    with pytest.raises(DatabaseUnavailable):
        _ask(database)
    _ask(database)
    database.close()
