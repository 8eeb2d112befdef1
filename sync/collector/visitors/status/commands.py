"""`collector status`: lists into the register, and how one visitor stands."""

from __future__ import annotations

import time
from pathlib import Path

import click

from sync.collector.config import StateDir
from sync.collector.languages import machine_time
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Act, at_terminal
from sync.collector.privacy.commands import reason_option
from sync.collector.terminal import opened, progress
from sync.collector.visitors.status import importing
from sync.collector.visitors.status.port import Subject
from sync.collector.visitors.status.sources import source_of


@click.group()
def status() -> None:
    """Who is green: the authority's word, tests, and what the platform says."""


@status.command("import")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--only-good", is_flag=True, help="Take the good lines where others are bad.")
@click.option("--dry-run", is_flag=True, help="Only say which lines are bad.")
@reason_option
@click.pass_obj
def import_list(state: StateDir, file: Path, only_good: bool, dry_run: bool, reason: str) -> None:
    """Take a list of statuses or of tests (CSV as a spreadsheet saves it; UTF-8 or GBK) into the register.

    Prints each bad line: its number, what is wrong in Chinese, and in English. While there is one, nothing is taken
    unless you say --only-good. The same file twice changes nothing; one that was cut off goes on.
    """
    with opened(state) as centre, file.open("rb") as content:
        run = importing.Import(centre, at_terminal(reason))
        checked = importing.check(content, time.time())
        for bad in checked.bad:
            click.echo(f"{bad.line}\t{bad.fault.zh}\t{bad.fault.en}")
        click.echo(f"{checked.good} lines are good, {checked.bad_count} bad.", err=True)
        if dry_run:
            return
        if checked.bad_count and not only_good:
            raise importing.BadLines("nothing was taken: mend the bad lines, or say --only-good")
        with progress() as bar:
            task = bar.add_task("lines", total=checked.good)
            for done in run.run(content, only_good=only_good):
                bar.advance(task, done)
    taken = run.taken
    click.echo(
        f"Taken: {taken.new} new, {taken.known} known already (of these {taken.taken_back} were taken back since, and "
        f"stay so); {taken.marked} people who are not registered.",
        err=True,
    )


@status.command("show")
@click.argument("visitor", metavar="VISITOR")
@reason_option
@click.pass_obj
def show(state: StateDir, visitor: str, reason: str) -> None:
    """Print how VISITOR stands now."""
    now = time.time()
    with opened(state) as centre:
        with personal(centre, at_terminal(reason), now) as access:
            access.note(Act.SHOW, visitor)
        found = source_of(centre).of(Subject(visitor), now)
    for name, value in (
        ("status", found.status.name.lower()),
        ("reason", found.reason.value),
        ("source", found.source.value),
        ("since", "" if found.since is None else machine_time(found.since)),
        ("until", "" if found.until is None else machine_time(found.until)),
        ("test", "" if found.test is None else f"{'negative' if found.test.negative else 'positive'}"),
        ("tested", "" if found.test is None else machine_time(found.test.at)),
    ):
        click.echo(f"{name}\t{value}")
