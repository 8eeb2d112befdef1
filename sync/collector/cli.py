"""`collector`: the centre from a terminal. Each concern brings its own commands; here are init and serve."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import click

from sync.collector import backup
from sync.collector.accounts.commands import account, link_text, organization
from sync.collector.accounts.first import first_account
from sync.collector.centre import Centre
from sync.collector.config import DEFAULT_STATE, StateDir
from sync.collector.fleet import enrolment_commands  # noqa: F401 - adds to `gate`
from sync.collector.fleet.commands import gate, policy
from sync.collector.fleet.fleet_commands import fleet
from sync.collector.policy.commands import updates
from sync.collector.privacy.commands import privacy
from sync.collector.storage import db
from sync.collector.terminal import Sentences, opened
from sync.collector.venues.commands import checkpoint, venue
from sync.collector.visitors.commands import demo_visitors, passes
from sync.collector.visitors.registry_commands import visitor


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_STATE,
    show_default=True,
    envvar="COLLECTOR_STATE",
    show_envvar=True,
    help="The directory with the collector's database, keys and collector.toml.",
)
@click.version_option(package_name="venue-gate")
@click.pass_context
def main(context: click.Context, state: Path) -> None:
    """The centre of Venue Gate (场所通行): takes in what the gates record, and gives them keys and policy.

    \b
    First steps:
      collector init
      collector venue create 东门市场
      collector checkpoint create --venue 1 --direction in 南门
      collector gate create --checkpoint 1 南门1号
      collector gate enrol gate-1 --collector-url https://centre.example
      collector serve
    """
    context.obj = StateDir(state)


@main.command()
@click.option("--simulation", is_flag=True, help="For `collector simulate --url`; never for a real gate.")
@click.option("--it", "login", default="it", show_default=True, help="The login of the first account, the town's IT.")
@click.pass_obj
def init(state: StateDir, simulation: bool, login: str) -> None:
    """Create the state directory: database, keys, first epoch and policy. What exists already is left alone.

    Prints the one-time link by which the town's IT chooses a password; there is no default one.
    """
    if simulation:
        from sync.collector.simulation.grounds import mark as make
    else:
        from sync.collector.centre import initialize as make
    is_new = make(state, time.time())
    with opened(state) as centre:
        token = first_account(centre, login, time.time())
        link = link_text(centre, token) if token else None
    if not is_new and link is None:
        click.echo(f"{state.path} holds a collector already; nothing was changed.", err=True)
        return
    if link is not None:
        click.echo(f"The account {login} is the town's IT. To choose its password, within 24 hours:", err=True)
        click.echo(link)
        click.echo(f"(A new one later: collector account link {login} --reason …)", err=True)
    if not is_new:
        return
    click.echo(
        f"Created {state.path}. The root key in {state.root} signs the key list only and is not needed to run. Put "
        "it on two sticks and on paper, and take it off this machine: collector keys root --help",
        err=True,
    )


@main.command()
@click.option("--host", help="Address to listen on.  [default: collector.toml, else 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="[default: collector.toml, else 8000; 0: any free one]")
@click.pass_obj
def serve(state: StateDir, host: str | None, port: int | None) -> None:
    """Take in batches at /v1/batches and show the pages at /, until Ctrl-C or SIGTERM.

    On an address that is not loopback, batches are taken from everywhere; the pages answer this machine, and by TLS
    through the proxy under the `address` of collector.toml.
    """
    from sync.collector import jobs, server  # Flask and gunicorn, half a second: no other command waits for them
    from sync.collector.app import create_app
    from sync.collector.attendant import Attendant, serve_jobs

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with opened(state) as centre:  # what is wrong is said now, not by each worker
        settings, is_sqlite = centre.settings, centre.database.is_sqlite
    if state.simulation.exists():
        click.echo(
            "This centre is for simulations: what it holds never happened. No real gate belongs to it.", err=True
        )
    listener = server.listen(host or settings.host, settings.port if port is None else port)
    where = server.address(listener)
    server.Server(
        make_app=lambda tally: create_app(Centre.open(state), tally=tally),
        listener=listener,
        workers=settings.workers or server.fitting_workers(is_sqlite=is_sqlite),
        threads=settings.threads,
        ready=lambda: click.echo(f"Collector: {where} (Ctrl-C stops it)"),
        attendant=Attendant(serve_jobs(lambda: Centre.open(state), jobs.standing)),
    ).run()


@main.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--without-personal-key", is_flag=True, help="Personal data in it is then closed; keep that key apart.")
@click.pass_obj
def back_up(state: StateDir, file: Path, without_personal_key: bool) -> None:
    """Write database, keys and settings into FILE, while the collector runs. Keep it as safe as the keys in it.

    The root key is not in it: that has its own copies. Without keys/personal.keys nobody reads a name from it, and once
    the key was rotated (collector privacy rotate) nobody ever will.
    """
    with opened(state) as centre:
        backup.back_up(centre, file, with_personal_key=not without_personal_key)
    click.echo(f"{file}: {file.stat().st_size} bytes.", err=True)


@main.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.pass_obj
def restore(state: StateDir, file: Path) -> None:
    """Make the state directory a collector again from the backup in FILE. It must not hold one.

    The epoch rises: gates send again what the backup does not know, as far as they keep it. Gates, venues and passes
    that were made after the backup are not in it.
    """
    epoch = backup.restore(state, file, time.time())
    click.echo(f"{state.path} is restored, epoch {epoch}. Next: collector db check, then collector serve", err=True)


for command in (
    *(venue, checkpoint, gate, fleet, visitor, passes, policy, updates, account, organization),
    *(privacy, db, demo_visitors),
):
    main.add_command(command)
main.add_late("keys", "sync.collector.ceremonies.commands")
main.add_late("alarm", "sync.collector.alarms.commands")
main.add_late("import", "sync.collector.courier.commands", "bring")
main.add_late("stick", "sync.collector.courier.commands")
main.add_late("message", "sync.collector.messages.commands")
main.add_late("status", "sync.collector.visitors.status.commands")
main.add_late("simulate", "sync.collector.simulation.commands")
