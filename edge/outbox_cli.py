"""`gate outbox`: what waits on the card – read from outside, while the gate works."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import Progress

from edge import config as configuration
from edge import explain, machine
from edge.terminal import config_option, plain_errors, state_option
from sync.outbox.inspection import OutboxSummary, export, summary, verify
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.receipt import peek
from sync.wire.record import Record
from sync.wire.statedir import StateDir


@click.group("outbox", invoke_without_command=True)
@config_option
@state_option
@click.pass_context
@plain_errors
def outbox(context: click.Context, config_file: Path | None, state: Path | None) -> None:
    """Show the records on this gate's card: how many, from when to when, how healthy.

    \b
    gate outbox            a summary
    gate outbox verify     check every record
    gate outbox export     all of them, as JSON lines
    gate outbox explain N  why record N is as it is, decided again
    """
    context.obj = None if config_file is state is None else _directory(config_file, state)
    if context.invoked_subcommand is None:
        _show(_directory(config_file, state))


def _directory(config_file: Path | None, state: Path | None) -> StateDir:
    return StateDir.at(state) if state is not None else configuration.load(config_file).state_dir()


def _show(state: StateDir) -> None:
    found = summary(state.outbox)
    if not found:
        click.echo(f"There is no outbox in {state.outbox} yet: the gate has not run.")
        return
    for one in found:
        _show_one(one, state)
    click.echo(f"disk        {machine.disk_used(state.outbox):.0%} used")


def _show_one(one: OutboxSummary, state: StateDir) -> None:
    acknowledged = max(one.first, _acknowledged(state, one.id))
    click.echo(f"outbox      {one.id}" + (f" (sealed: {one.sealed})" if one.sealed else ""))
    click.echo(f"waiting     {max(0, one.next - acknowledged)} (numbers {acknowledged} … {one.next - 1})")
    click.echo(f"kept        {one.next - one.first} (numbers {one.first} … {one.next - 1})")
    click.echo(f"oldest      {_told(one.oldest)}")
    click.echo(f"newest      {_told(one.newest)}")
    click.echo(f"segments    {one.segments} ({one.segment_bytes / 1e6:.1f} MB)")
    where = " beside the segments, in .bad files" if one.bad_lines else ""
    click.echo(f"damaged     {one.bad_lines} lines set aside{where}")


def _acknowledged(state: StateDir, outbox_id: str) -> int:
    """What the newest receipt says; not verified here, the gate does that before it forgets anything."""
    try:
        return peek(state.receipt(outbox_id).read_bytes()).next
    except (OSError, WireError):
        return 1


def _told(data: bytes | None) -> str:
    if data is None:
        return "-"
    try:
        record: Record = jsonform.decode(data, Record, "record")  # type: ignore[arg-type]
    except WireError:
        return "(of a later version)"
    at = datetime.fromtimestamp(record.when.at).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S %z}  {type(record).__name__.lower()}"


@outbox.command("verify")
@config_option
@state_option
@click.pass_obj
@plain_errors
def verify_command(chosen: StateDir | None, config_file: Path | None, state: Path | None) -> None:
    """Check the checksum of every record and account for every number.

    Exit code 0 when each kept number is a whole record or a declared hole, 1 when a record is damaged.
    """
    directory = chosen or _directory(config_file, state)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("checking", total=None)
        results = verify(directory.outbox, lambda done, total: progress.update(task, completed=done, total=total))
    for result in results:
        click.echo(f"{result.id}: {result.records} records whole, numbers {result.first} … {result.next - 1}")
        for hole in result.holes:
            click.echo(f"  {hole.first} … {hole.last}: {hole.reason}")
    sys.exit(1 if any(result.damaged for result in results) else 0)


@outbox.command("export")
@click.option("--output", type=click.File("wb"), default="-", help="File to write; standard output unless said.")
@config_option
@state_option
@click.pass_obj
@plain_errors
def export_command(chosen: StateDir | None, output: BinaryIO, config_file: Path | None, state: Path | None) -> None:
    """Write every kept record as a JSON line: {"outbox", "sequence", "record"}."""
    for line in export((chosen or _directory(config_file, state)).outbox):
        output.write(line)


@outbox.command("explain")
@click.argument("sequence", type=click.IntRange(min=1))
@click.option("--outbox", "outbox_id", help="Id of a sealed outbox; the one that goes on unless said.")
@config_option
@state_option
@click.pass_obj
@plain_errors
def explain_command(
    chosen: StateDir | None, sequence: int, outbox_id: str | None, config_file: Path | None, state: Path | None
) -> None:
    """Decide again what record SEQUENCE decided, from the records alone, and say why.

    Exit code 0 when the record says the same, 1 when it does not.
    """
    directory = chosen or _directory(config_file, state)
    result = explain.decided_again(directory.outbox, sequence, outbox_id)
    for line in result.explained.lines():
        click.echo(line)
    if result.agrees:
        click.echo("The record says the same.")
        return
    click.echo(f"The record says otherwise: {result.scan.outcome.value}, {', '.join(result.scan.reasons)}")
    sys.exit(1)
