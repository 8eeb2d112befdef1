"""A real centre in a temporary directory, over SQLite and over PostgreSQL, and a real server before it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from sync.collector import schema
from sync.collector.app import create_app
from sync.collector.centre import Centre, initialize
from sync.collector.config import Settings, database_url
from sync.collector.config import StateDir as CentreDir
from sync.collector.database import Database
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


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    state = CentreDir(tmp_path_factory.mktemp("template"))
    database = Database(database_url(state, Settings()))
    schema.upgrade(database)
    database.close()
    return state.database


@pytest.fixture
def new_state(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[CentreDir]:
    """An empty state directory, for SQLite; or for a PostgreSQL database, where the test is run with that too."""
    state = CentreDir(tmp_path / "centre")
    if getattr(request, "param", "sqlite") == "sqlite":
        state.path.mkdir()
        shutil.copy(request.getfixturevalue("sqlite_template"), state.database)
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
            server = make_server("127.0.0.1", 0, create_app(site.centre, clock), threaded=True)
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(server.shutdown)
            return Served(site.centre, server.server_port)

        yield start


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """The centre behind a real server whose clock stands at NOW."""
    return serve()
