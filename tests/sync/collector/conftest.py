"""A real centre in a temporary directory, and a real waitress server before it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from waitress import wasyncore

from sync.collector.app import create_app
from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir as CentreDir
from sync.collector.server import listen
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.record import Direction
from tests.sync.collector.gateside import NOW, Gate, Served, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A centre with one venue and one checkpoint."""
    state = CentreDir(tmp_path / "centre")
    initialize(state, NOW)
    centre = Centre.open(state)
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
