"""`collector privacy`: terms, purge, keys, and who looked at whom."""

from __future__ import annotations

import time

import click
import msgspec

from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.errors import CollectorError
from sync.collector.languages import machine_time
from sync.collector.privacy import audit, keyfile, terms
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Act, Actor, at_terminal
from sync.collector.privacy.keyfile import KeyFileTrouble
from sync.collector.privacy.pace import Pace
from sync.collector.privacy.purge import Purge, Purged
from sync.collector.privacy.rotation import Rotation
from sync.collector.terminal import opened, progress, table
from sync.collector.visitors import registry

reason_option = click.option(
    "--reason", required=True, help="Why: the case or the request. It stands in the audit; never write a name into it."
)


@click.group()
def privacy() -> None:
    """Personal data: how long it is kept, its key, and who looked at whom."""


@privacy.command("terms")
@click.option("--records", type=click.IntRange(1, 3_660), help="Days that a passage is kept.")
@click.option("--apart", type=click.IntRange(1, 3_660), help="Days for what was set aside, conflicts and quarantine.")
@click.option("--visitors", type=click.IntRange(1, 3_660), help="Days of a registration after its newest pass.")
@click.option("--health", type=click.IntRange(1, 3_660), help="Days for how people stood, tests and declarations.")
@click.option("--reason", help="Why, for the audit; needed to change one.")
@click.pass_obj
def show_terms(
    state: StateDir,
    records: int | None,
    apart: int | None,
    visitors: int | None,
    health: int | None,
    reason: str | None,
) -> None:
    """Print how many days what is kept; with options, change it from the next purge on."""
    asked = {"records": records, "apart": apart, "visitors": visitors, "health": health}
    changes = {name: days for name, days in asked.items() if days is not None}
    if changes and reason is None:
        raise click.UsageError("a change needs --reason")
    with opened(state) as centre:
        with centre.database.look() as connection:
            in_force = terms.in_force(connection)
        if changes:
            in_force = msgspec.structs.replace(in_force, **changes)
            now = time.time()
            with personal(centre, at_terminal(reason or ""), now) as access:
                access.note(Act.TERMS, detail=" ".join(f"{name}={days}" for name, days in changes.items()))
                terms.put(access.session.connection(), in_force, now)
    for name, days in msgspec.structs.asdict(in_force).items():
        click.echo(f"{name}\t{days}")


@privacy.command()
@click.option("--dry-run", is_flag=True, help="Only count the records whose term is over.")
@click.pass_obj
def purge(state: StateDir, dry_run: bool) -> None:
    """Delete what its term is over for, in steps that hold nobody up. Roll-ups stay. Can be repeated, and cut off.

    collector-retention.timer runs it every night.
    """
    with opened(state) as centre:
        now = time.time()
        with centre.database.look() as connection:
            counts_days = centre.settings.status.counts_days
            run = Purge(centre.database, terms.in_force(connection), now, counts_days=counts_days)
        if dry_run:
            click.echo(f"{run.overdue()} records are over their term of {run.terms.records} days.")
            return
        with progress() as bar:
            task = bar.add_task("outboxes", total=len(run.outboxes()))
            for _done in run.run():
                bar.advance(task)
        done = run.done
        told = (
            f"records={done.records} apart={done.apart} passes={done.passes} visits={done.visits} health={done.health}"
        )
        # Records go on time, whatever became of the key file; only then is its loss a failure.
        erased = _erase_over(centre, now, told if done != Purged() else "")
    click.echo(
        f"Deleted: {done.records} records, {done.apart} kept apart, {done.passes} passes, "
        f"{done.visits} visits, {done.health} on people's status, {erased} visitors.",
        err=True,
    )


def _erase_over(centre: Centre, now: float, told: str) -> int:
    actor, pace, erased = Actor("retention", "the term is over"), Pace(), 0
    if told:
        with personal(centre, actor, now) as access:
            access.note(Act.PURGE, detail=told)
    more = True
    while more:
        with pace.step(), personal(centre, actor, now) as access:
            pace.begun()
            visitors = registry.over(access.session.connection(), now, pace.size)
            for visitor in visitors:
                registry.erase(access, visitor)
            erased += len(visitors)
            more = bool(visitors)
    return erased


@privacy.command()
@click.option("--reason", default="a new key", show_default=True, help="Why, for the audit.")
@click.pass_obj
def rotate(state: StateDir, reason: str) -> None:
    """Make a new key for personal data and encrypt everything anew under it, while the collector runs.

    Cut off at any moment, it goes on at the next call. The old key is removed when nothing is under it any more: a
    backup that was made without the key (collector backup --without-personal-key) is then unreadable for good.
    """
    with opened(state) as centre:
        run = Rotation(centre, at_terminal(reason), time.time())
        if not run.begin():
            click.echo("An earlier rotation was not finished; going on with it.", err=True)
        with progress() as bar:
            task = bar.add_task("visitors", total=run.waiting())
            for done in run.run():
                bar.advance(task, done)
        if run.unreadable:
            raise CollectorError(
                f"{len(run.unreadable)} visitors cannot be read ({', '.join(run.unreadable[:5])}): the earlier keys "
                "stay. Erase them, or put back what was lost, then rotate again"
            )
        ended = run.end()
    click.echo(
        "The new key is in force, the earlier ones are gone." if ended else "Another rotation goes on.", err=True
    )


@privacy.command("audit")
@click.option("--visitor", help="Only what was done with this visitor.")
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, help="How many lines.")
@click.pass_obj
def show_audit(state: StateDir, visitor: str | None, last: int) -> None:
    """Print who did what with whom, when and why, oldest first. Keep the newest number elsewhere to compare."""
    with opened(state) as centre, centre.database.look() as connection:
        rows = [
            (line.number, machine_time(line.at), line.actor, line.act, line.visitor or "", line.reason, line.detail)
            for line in audit.lines(connection, visitor, last)
        ]
    table(("line", "at", "who", "what", "whom", "why", "detail"), rows, "Nobody looked at anybody yet.")


def audit_key(state: StateDir) -> bytes | None:
    """The key of the audit's chain, None (and a word about it) where the key file cannot be read."""
    try:
        return keyfile.load(state).audit
    except KeyFileTrouble as cause:
        click.echo(f"The audit's digests are not checked: {cause}", err=True)
        return None
