"""`collector stick` and `collector import`: the round with a USB stick (R25)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from sync.collector.config import StateDir
from sync.collector.courier.service import Brought, Import, mark, take_stick
from sync.collector.errors import Mistake
from sync.collector.terminal import opened, progress, table
from sync.stick import StickFault

_directory = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, exists=True, path_type=Path))


@click.command("stick")
@_directory
@click.pass_obj
def stick(state: StateDir, directory: Path) -> None:
    """Mark the stick mounted at DIR: gates of this centre copy to it and from it by themselves when it is put in.

    Other files on it stay. Marking it again does no harm; any number of sticks may go round, each at every gate.
    """
    with opened(state) as centre:
        try:
            mark(centre, directory)
        except StickFault as fault:
            raise Mistake(str(fault)) from fault
    click.echo(
        f"{directory} is a stick of this centre. Next: put it into each gate until its lamp says that it may be "
        f"pulled, then collector import {directory}, then round again.",
        err=True,
    )


@click.command("import")
@_directory
@click.option("--all-gates", is_flag=True, help="Updates for every gate that can open them, not only those it visited.")
@click.pass_obj
def bring(state: StateDir, directory: Path, all_gates: bool) -> None:
    """Take in what the stick at DIR brought from the gates, and put receipts and updates for them onto it.

    Beside a collector that serves. What is known already is recognized: the same stick again does no harm. Exit code 1:
    something was refused or left, and the sentences say what and why.
    """
    with opened(state) as centre, progress() as bar:
        task = bar.add_task("Taking in", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        try:
            done = take_stick(centre, directory, time.time, show, all_gates=all_gates)
        except StickFault as fault:
            raise Mistake(str(fault)) from fault
    _tell(done)
    sys.exit(0 if done.is_well else 1)


_HEADS = ("gate", "files", "new", "known", "set aside", "conflicts", "quarantined", "refused", "updates")


def _tell(done: Import) -> None:
    shown = sorted(done.brought.values(), key=lambda one: (one.gate is None, one.gate or "", one.folder))
    table(_HEADS, [_row(one) for one in shown], "The stick brought nothing.")
    for one in shown:
        for sentence in one.troubles:
            click.echo(f"{one.gate or one.folder}: {sentence}", err=True)
    if done.left:
        click.echo(f"{done.left} more were left: run it again.", err=True)
    if done.fault is not None:
        click.echo(f"{done.fault} What is shown as taken is taken; put the stick in again for the rest.", err=True)


def _row(one: Brought) -> tuple[object, ...]:
    updates = "-" if one.updates is None else "{}-{}".format(*one.updates)
    counts = (one.files, one.new, one.known, one.set_aside, one.conflicts, one.quarantined, one.refused)
    return one.gate or f"unknown {one.folder}", *counts, updates
