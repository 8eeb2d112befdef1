"""`make demo`: a small town on this machine. Ctrl-C stops all of it; the data stays for the next time."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import click

from edge.demo.supervisor import Supervisor
from edge.demo.town import Ports, Town
from edge.errors import EdgeError, NotSetUp
from sync.outbox.durable import make_directory

READY_SECONDS = 30.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--directory", type=click.Path(path_type=Path), default=Path("demo-state"), show_default=True)
@click.option("--collector-port", default=8000, show_default=True)
@click.option("--panel-port", default=8080, show_default=True)
@click.option("--link-port", default=8001, show_default=True, help="The link between gate and collector.")
@click.option("--offline", is_flag=True, help="Start with the link cut.")
@click.option("--reset", is_flag=True, help="Forget everything the demo recorded, and end.")
def main(directory: Path, collector_port: int, panel_port: int, link_port: int, offline: bool, reset: bool) -> None:
    """Run the demo: collector, one gate with its panel and gate-sync, and simulated visitors."""
    town = Town(directory.absolute(), Ports(collector_port, panel_port, link_port))
    try:
        with _alone(town.directory):
            if reset:
                shutil.rmtree(town.directory, ignore_errors=True)
                click.echo("The demo's data is gone; `make demo` starts afresh.")
                return
            _run(town, offline)
    except EdgeError as cause:
        click.echo(f"demo: {cause}", err=True)
        sys.exit(2)


def _run(town: Town, offline: bool) -> None:
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    for name, port in (("collector", town.ports.collector), ("panel", town.ports.panel), ("link", town.ports.link)):
        _check_free(port, name)
    click.echo("Preparing the town …")
    town.prepare()
    town.cut(offline)
    supervisor = Supervisor(town.programs(), town.logs, click.echo)
    with supervisor.running():
        if _answering(town, stop):
            click.echo(_welcome(town, offline))
        supervisor.keep(stop)
        click.echo("\nStopping …")
    click.echo("Stopped. `make demo` goes on with the same data, `make demo-reset` starts afresh.")


def _welcome(town: Town, offline: bool) -> str:
    link = "CUT: people pass all the same; mend it on the gate's page" if offline else "up; cut it on the gate's page"
    return f"""
  场所通行 Venue Gate – {town.directory.name}

  闸机 Gate       http://127.0.0.1:{town.ports.panel}/    what visitor and inspector see, and the switch for the link
  中心 Collector  {town.way_in()}
                  the town's IT signs in with it, once; the next start prints another
  Link            {link}
  Logs            {town.logs}

  Ctrl-C stops all of it."""


def _answering(town: Town, stop: Event) -> bool:
    """Wait until both pages answer. Returns False when told to stop meanwhile; raises NotSetUp after READY_SECONDS."""
    deadline = time.monotonic() + READY_SECONDS
    for port in (town.ports.collector, town.ports.panel):
        while not _listens(port):
            if stop.wait(0.1):
                return False
            if time.monotonic() > deadline:
                raise NotSetUp(f"nothing answers on port {port} after {READY_SECONDS:.0f} s; see {town.logs}")
    return True


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _check_free(port: int, name: str) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as cause:
        raise NotSetUp(
            f"port {port} is taken by another program; stop it, or choose another: "
            f".venv/bin/python -m edge.demo --{name}-port {port + 100}"
        ) from cause


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One demo for each directory."""
    make_directory(directory.parent)
    lock = os.open(directory.with_name(f".{directory.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as cause:
        raise NotSetUp(f"a demo runs already in {directory}; stop it with Ctrl-C there first") from cause
    finally:
        os.close(lock)


if __name__ == "__main__":
    main()
