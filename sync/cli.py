"""`gate-sync`: run the service, or ask how it is. Wires the adapters; decides nothing."""

from __future__ import annotations

import json
import logging
import random
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from sync import enrolment_cli
from sync.agent import Agent
from sync.carrying import ERRANDS, IN, OUT, Errands, carry
from sync.chores import Chores
from sync.config import SyncConfig, load
from sync.enrolling import Enrolling
from sync.guard import AlreadyRunning, only_one
from sync.joining import Joining
from sync.mailbox import Provision, boot_id, read_gate_status
from sync.network_manager import NetworkManager
from sync.notify import Supervisor
from sync.outbox.reader import readers
from sync.picture import gather
from sync.progress import ask_now, foresee
from sync.rolling import Rolling
from sync.telling import exit_code, in_words
from sync.transport import DEVICE_KEYS, ENROLMENTS, HttpsTransport
from sync.transport import PATH as BATCHES
from sync.wire.record import ClockQuality
from sync.wire.statedir import StateDir
from sync.wire.tomlform import ConfigError

_CONFIG_HELP = "TOML file with the settings.  [default: /etc/venue-gate/sync.toml if it is there]"

_state = click.option(
    "--state", "state_dir", type=click.Path(path_type=Path, file_okay=False), help="The gate's state directory."
)
_run = click.option(
    "--run",
    "run_dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the status files.  [default: as configured, or run/ in --state]",
)
_lang = click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", envvar="VENUE_GATE_LANG", show_default=True
)
_config = click.option("--config", "config_file", type=click.Path(path_type=Path, dir_okay=False), help=_CONFIG_HELP)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="venue-gate")
def main() -> None:
    """Sends a gate's records to the centre and brings its updates, whenever there is a network.

    The gate works without it, for weeks; whatever waits is sent when the network returns.
    """


@main.command()
@_state
@_run
@_config
def run(state_dir: Path | None, run_dir: Path | None, config_file: Path | None) -> None:
    """Run until stopped (systemd does this). Waits for whatever is missing; SIGTERM or Ctrl-C ends it."""
    config, state = _settings(state_dir, run_dir, config_file)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        with only_one(state):
            connect = partial(_connect, state=state, config=config)
            chores = partial(_chores, state, config)
            agent = Agent(state, config, readers, connect, random.random, supervisor=Supervisor(), chores=chores)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: agent.stop())
            agent.run()
    except AlreadyRunning as busy:
        raise click.ClickException(str(busy)) from busy
    except OSError as failure:
        raise click.ClickException(f"{failure.filename or state.root}: {failure.strerror}") from failure


@main.command()
@_state
@_run
@_config
@_lang
@click.option("--dry-run", is_flag=True, help="Say what waits and where it would go; ask for nothing.")
def now(state_dir: Path | None, run_dir: Path | None, config_file: Path | None, lang: str, dry_run: bool) -> None:
    """Ask the running service to send what waits now, and watch it go.

    The service does the work: Ctrl-C ends only the watching. Exit code 0: everything is at the centre. 1: in trouble.
    3: the service is not running.
    """
    _, state = _settings(state_dir, run_dir, config_file)
    try:
        sys.exit(foresee(state, lang) if dry_run else ask_now(state, lang))
    except OSError as failure:
        raise click.ClickException(f"{failure.filename or state.run}: {failure.strerror}; try with sudo") from failure


@main.command()
@_state
@_run
@_config
@_lang
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
def status(state_dir: Path | None, run_dir: Path | None, config_file: Path | None, lang: str, as_json: bool) -> None:
    """Say in plain words how the link to the centre is.

    Exit code 0: connected. 1: running, but in trouble. 3: not running.
    """
    _, state = _settings(state_dir, run_dir, config_file)
    picture = gather(state)
    if as_json:
        click.echo(json.dumps(picture.as_json(), ensure_ascii=False))
    else:
        click.echo(in_words(picture, lang))
    sys.exit(exit_code(picture))


_directory = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, exists=True, path_type=Path))


@main.command("export")
@_state
@_run
@_config
@_directory
def export(state_dir: Path | None, run_dir: Path | None, config_file: Path | None, directory: Path) -> None:
    """Write what waits into DIR, such as a stick: sealed to the centre, signed, as it would go by network.

    A DIR that is no marked stick yet becomes one for this gate's centre. Nothing is acknowledged by it: take DIR to the
    centre (`collector import DIR`) and back here (`gate-sync import DIR`). Exit code 1: something is left, and why.
    """
    _carry(state_dir, run_dir, config_file, directory, OUT, mark=True)


@main.command("import")
@_state
@_run
@_config
@_directory
def bring(state_dir: Path | None, run_dir: Path | None, config_file: Path | None, directory: Path) -> None:
    """Take from DIR what the centre put there for this gate: receipts and updates.

    A gate-sync that runs does the writing; without one this command does. The same DIR twice does no harm.
    """
    _carry(state_dir, run_dir, config_file, directory, IN)


@main.command("stick")
@_state
@_run
@_config
@click.option("--mounted", is_flag=True, help="A unit mounted it and unmounts it: then it may be pulled.")
@_directory
def stick(
    state_dir: Path | None, run_dir: Path | None, config_file: Path | None, mounted: bool, directory: Path
) -> None:
    """Both, import and export, with the marked stick at DIR: what happens when one is put into the gate.

    A device that is no gate yet writes its request, and becomes the gate that the centre's answer to it names.
    """
    _carry(state_dir, run_dir, config_file, directory, ERRANDS, mounted=mounted)


def _carry(
    state_dir: Path | None,
    run_dir: Path | None,
    config_file: Path | None,
    directory: Path,
    errands: Errands,
    *,
    mark: bool = False,
    mounted: bool = False,
) -> None:
    config, state = _settings(state_dir, run_dir, config_file)
    try:
        sys.exit(carry(state, config, directory.absolute(), errands=errands, mark=mark, mounted=mounted))
    except AlreadyRunning as busy:
        raise click.ClickException(str(busy)) from busy
    except OSError as failure:
        where = failure.filename or state.root
        raise click.ClickException(f"{where}: {failure.strerror}; try with sudo") from failure


def _options(command: Any) -> Any:
    return _state(_run(_config(command)))


def _settings(state_dir: Path | None, run_dir: Path | None, config_file: Path | None) -> tuple[SyncConfig, StateDir]:
    """The configuration, with what stands on the command line before what stands in the file."""
    try:
        config = load(config_file)
    except ConfigError as mistake:
        raise click.UsageError(str(mistake)) from mistake
    if run_dir is None and config.run_dir and state_dir is None:
        run_dir = Path(config.run_dir)
    root = (state_dir or Path(config.state_dir)).absolute()
    if not root.is_dir():
        raise click.UsageError(f"{root} is not there: give the gate's state directory with --state")
    return config, StateDir.at(root, run_dir and run_dir.absolute())


main.add_command(enrolment_cli.commands(_options, _settings))
main.add_command(enrolment_cli.roll_key(_options, _settings))


def _chores(state: StateDir, config: SyncConfig, bell: threading.Event) -> Chores:
    enrol = partial(_connect_to_enrol, state=state, config=config)
    roll = partial(_connect, state=state, config=config, path=DEVICE_KEYS)
    boot = boot_id()
    return Chores(
        Enrolling(state, enrol, boot, random.random, bell, config.pace),
        Rolling(state, roll, random.random, bell, config.pace),
        Joining(state, NetworkManager(), boot, bell),
    )


def _connect_to_enrol(collector: str, state: StateDir, config: SyncConfig) -> HttpsTransport:
    ca = state.town_ca if state.town_ca.is_file() else None
    vouched = partial(_clock_is_vouched_for, state)
    return HttpsTransport(collector, ca, config.patience, path=ENROLMENTS, clock_is_vouched_for=vouched)


def _connect(provision: Provision, state: StateDir, config: SyncConfig, path: str = BATCHES) -> HttpsTransport:
    identity, vouched = provision.identity, partial(_clock_is_vouched_for, state)
    return HttpsTransport(identity.collector, provision.ca, config.patience, path=path, clock_is_vouched_for=vouched)


def _clock_is_vouched_for(state: StateDir) -> bool:
    """Whether the machine's own clock is synchronized, as the gate sees it; so it counts where no gate tells."""
    told = read_gate_status(state, boot_id(), time.monotonic())
    return told is None or told.clock is ClockQuality.SYNCHRONIZED
