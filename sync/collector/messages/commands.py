"""`collector message`: whether mail and SMS leave this centre, and what became of those that should have."""

from __future__ import annotations

import secrets

import click

from sync.collector.config import StateDir
from sync.collector.languages import machine_time
from sync.collector.messages import queue
from sync.collector.messages.addresses import masked, normalized
from sync.collector.messages.port import Message
from sync.collector.messages.sending import messengers
from sync.collector.terminal import opened, table

_SUBJECT = "场所通行：试发 · Venue Gate: a test"
_TEXT = "这是采集中心的一条试发消息，无需处理。\nThis is a test from the centre. Nothing needs to be done."


@click.group()
def message() -> None:
    """Messages to people: e-mail and SMS, as [mail], [sms] and [messages] in collector.toml say."""


@message.command("test")
@click.argument("address")
@click.pass_obj
def send_test(state: StateDir, address: str) -> None:
    """Send one message to ADDRESS now – an e-mail address or a mobile number – and say how it went."""
    to = normalized(address)
    with opened(state) as centre:
        ways = messengers(centre.settings.mail, centre.settings.sms, centre.settings.messages)
    ways[to.partition(":")[0]].send(Message(to, _SUBJECT, _TEXT, id=secrets.token_hex(16)))
    click.echo(f"It left for {masked(to)}. Whether it arrived, only its reader knows.", err=True)


@message.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.pass_obj
def list_messages(state: StateDir, limit: int) -> None:
    """Print the newest messages: what they are about, where they are, attempts, last error. Never text or address."""
    with opened(state) as centre, centre.database.read() as session:
        rows = [
            (
                *(row.id, machine_time(row.posted_at), row.channel, row.about or "-", row.recipient or "-"),
                *(row.state, row.tries, row.last_error or "-"),
            )
            for row in queue.newest(session, limit)
        ]
    heads = ("message", "posted", "by", "about", "recipient", "state", "tries", "last error")
    table(heads, rows, "No message was posted in the last 30 days.")
