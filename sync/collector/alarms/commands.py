"""`collector alarm`: who is told when a gate is silent or sick, and what they were told."""

from __future__ import annotations

import secrets
import time

import click
import msgspec

from sync.collector.alarms import service
from sync.collector.alarms.model import AlarmRow
from sync.collector.alarms.recipients import WEBHOOK
from sync.collector.alarms.service import Delivery
from sync.collector.config import StateDir
from sync.collector.languages import machine_time
from sync.collector.privacy.audit import at_terminal
from sync.collector.terminal import created, opened, table
from sync.collector.ways import ways


@click.group()
def alarm() -> None:
    """Alarms: a gate that is silent or sick is told once, and its recovery once (R25). See docs/CENTRE.md."""


@alarm.command("add")
@click.argument("address")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@click.pass_obj
def add(state: StateDir, address: str, language: str) -> None:
    """Tell ADDRESS of alarms: an e-mail address, a mobile number, or https:// of a webhook. Prints its id.

    A webhook's secret is shown once, now.
    """
    with opened(state) as centre:
        recipients = service.recipients_of(centre)
        with centre.database.write() as session:
            new = recipients.add(session, address, language, at_terminal("alarms").name, time.time())
    created(new.id, f"{new.shown} is told of alarms from now on. Next: collector alarm test {new.id}")
    if new.channel == WEBHOOK:
        click.echo(f"Its secret, to check signatures with; it is not shown again:\n{new.secret}", err=True)


@alarm.command("list")
@click.pass_obj
def list_recipients(state: StateDir) -> None:
    """Print who is told, and what became of the last message to each."""
    with opened(state) as centre, centre.database.read() as session:
        rows = [_told(each) for each in service.deliveries(session, service.recipients_of(centre))]
    heads = ("recipient", "by", "address", "language", "last message", "tries", "last error")
    table(heads, rows, "Nobody is told of alarms yet: collector alarm add ADDRESS")


@alarm.command("remove")
@click.argument("recipient")
@click.pass_obj
def remove(state: StateDir, recipient: str) -> None:
    """Tell RECIPIENT (its id) no more; what waits to be sent there is withdrawn."""
    with opened(state) as centre, centre.database.write() as session:
        service.recipients_of(centre).remove(session, recipient, time.time())
    click.echo(f"{recipient} is removed.", err=True)


@alarm.command("test")
@click.argument("recipient")
@click.pass_obj
def test(state: StateDir, recipient: str) -> None:
    """Send RECIPIENT (its id) a test now, and say how it went."""
    with opened(state) as centre:
        recipients = service.recipients_of(centre)
        with centre.database.read() as session:
            found = recipients.find(session, recipient)
        message = msgspec.structs.replace(service.trial(centre, found, time.time()), id=secrets.token_hex(16))
        ways(centre, recipients)[found.channel].send(message)
    click.echo(f"A test left for {found.shown}.", err=True)


@alarm.command("history")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.pass_obj
def history(state: StateDir, limit: int) -> None:
    """Print alarms, those of now first: gate, what, since when, and until when."""
    with opened(state) as centre, centre.database.read() as session:
        rows = [_shown(row) for row in (*service.present(session), *service.past(session, limit))]
    table(("gate", "what", "since", "told", "until"), rows, "No alarm so far.")


def _told(delivery: Delivery) -> tuple[object, ...]:
    recipient, newest = delivery.recipient, delivery.newest
    last = (newest.state, newest.tries, newest.last_error or "-") if newest else ("-", 0, "-")
    return (recipient.id, recipient.channel, recipient.shown, recipient.language, *last)


def _shown(row: AlarmRow) -> tuple[str, ...]:
    until = row.gone_at or row.ended_at if row.ended_at else None
    times = (row.began_at, row.told_at, until)
    return (row.gate.id, row.kind, *(machine_time(at) if at else "-" for at in times))
