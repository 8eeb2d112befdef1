"""A real centre in a temporary directory, over SQLite and over PostgreSQL, and a real server before it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from waitress import wasyncore

from sync.collector import schema
from sync.collector.app import create_app
from sync.collector.centre import Centre, initialize
from sync.collector.config import Settings, database_url
from sync.collector.config import StateDir as CentreDir
from sync.collector.database import Database
from sync.collector.server import listen
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.record import Direction
from tests.sync.collector.cluster import Cluster
from tests.sync.collector.gateside import NOW, Gate, Served, Site


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for all tests that ask for one."""
    server = Cluster()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the tables of this version and nothing else, to copy."""
    url = cluster.create()
    database = Database(database_url(CentreDir(tmp_path_factory.mktemp("template")), Settings(database=url)))
    schema.upgrade(database)
    database.close()
    return url


@pytest.fixture
def new_state(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[CentreDir]:
    """An empty state directory, for SQLite; or for a PostgreSQL database, where the test is run with that too."""
    state = CentreDir(tmp_path / "centre")
    if getattr(request, "param", "sqlite") == "sqlite":
        yield state
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    url = cluster.create(request.getfixturevalue("template"))
    state.path.mkdir()
    state.config.write_text(f'database = "{url}"\n')
    yield state
    cluster.drop(url)


@pytest.fixture
def site(new_state: CentreDir, tmp_path: Path) -> Iterator[Site]:
    """A centre with one venue and one checkpoint."""
    initialize(new_state, NOW)
    centre = Centre.open(new_state)
    with centre.database.write() as session:
        create_checkpoint(session, create_venue(session, "东门市场").id, "南门", Direction.IN)
    yield Site(centre, tmp_path)
    centre.close()


@pytest.fixture
def gate(site: Site) -> Gate:
    """A provisioned gate."""
    return site.gate()


@pytest.fixture
def serve(site: Site) -> Iterator[Callable[..., Served]]:
    """Starts servers over the centre; stops them afterwards. Takes `clock`."""
    with ExitStack() as stack:

        def start(clock: Callable[[], float] = lambda: NOW) -> Served:
            listener = listen(create_app(site.centre, clock), "127.0.0.1", 0, 4)
            thread = threading.Thread(target=listener.run, daemon=True)
            thread.start()
            stack.callback(_stop, listener.server, thread)
            return Served(site.centre, urlsplit(listener.address).port or 0)

        yield start


def _stop(server: Any, thread: threading.Thread) -> None:
    """Close everything within waitress's own loop, which then ends."""
    server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map, ignore_all=True))
    thread.join(timeout=10)
    server.task_dispatcher.shutdown()
    assert not thread.is_alive()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """The centre behind a real server whose clock stands at NOW."""
    return serve()
