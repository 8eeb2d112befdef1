"""The command `gate-panel`: serves the visitor display of one gate."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click
import msgspec
from flask import Flask
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from edge.panel.alive import keep_alive
from edge.panel.app import create_app
from edge.panel.config import PanelConfig, read_config
from edge.panel.demo import Demo
from sync.notify import Supervisor
from sync.wire.statedir import StateDir
from sync.wire.tomlform import ConfigError

DIRECTORY = click.Path(file_okay=False, readable=False, path_type=Path)
DEFAULT_FILE = Path("/etc/venue-gate/gate-panel.toml")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The visitor display of a gate (场所通行), in a browser.

    Shows what the gate and gate-sync write about themselves; opens nothing and decides nothing.
    """


@main.command()
@click.option(
    "--state",
    default=Path("/var/lib/venue-gate"),
    show_default=True,
    type=DIRECTORY,
    help="The gate's state directory.",
)
@click.option(
    "--run",
    "run_directory",
    type=DIRECTORY,
    help="Where status.json is, if not in run/ inside the state directory.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes any free one.  [default: 8080]")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1, this machine only]")
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"File with host, port and names; the options here win over it.  [default: {DEFAULT_FILE} if it is there]",
)
@click.option(
    "--demo",
    "demo_directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The demo's directory: adds the switch that cuts the link, and the camera's picture.",
)
def run(
    state: Path,
    run_directory: Path | None,
    port: int | None,
    host: str | None,
    config_file: Path | None,
    demo_directory: Path | None,
) -> None:
    """Serve the display until Ctrl-C or SIGTERM.

    Starts also before the gate does: the display says that it does not answer, and recovers by itself.
    """
    config = _config(config_file, host, port)
    if not state.exists():
        click.echo(f"gate-panel: {state} does not exist (yet); waiting for a gate there.", err=True)
    demo = Demo(demo_directory) if demo_directory else None
    _serve(create_app(StateDir.at(state, run_directory), config, demo), config)


def _config(file: Path | None, host: str | None, port: int | None) -> PanelConfig:
    config = PanelConfig()
    if file is None and DEFAULT_FILE.exists():
        file = DEFAULT_FILE
    if file is not None:
        try:
            config = read_config(file.read_text(encoding="utf-8"), file.name)
        except (ConfigError, OSError, UnicodeDecodeError) as cause:
            raise click.ClickException(str(cause)) from cause
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return msgspec.structs.replace(config, **given)


def _serve(app: Flask, config: PanelConfig) -> None:
    try:
        server = create_server(
            app, host=config.host, port=config.port, threads=4, ident=None, max_request_body_size=65536
        )
    except (OSError, ValueError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else "no such address"
        raise click.ClickException(
            f"cannot listen on {config.host} port {config.port} ({reason}): "
            "stop the program that uses it, or choose another with --port or --host."
        ) from cause
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    click.echo(f"gate-panel: http://{config.host}:{_port(server)}/")
    supervisor = Supervisor()
    supervisor.ready(f"port {_port(server)}")
    keep_alive(supervisor, config.host, _port(server))
    server.run()


def _port(server: MultiSocketServer | BaseWSGIServer) -> int:
    """The port that the system chose (a name such as localhost may have several addresses, each with its own)."""
    if isinstance(server, MultiSocketServer):
        return int(server.effective_listen[0][1])
    return int(server.getsockname()[1])
