"""`collector fleet kept`: records that intake kept for people to look at, and what they decide about them."""

from __future__ import annotations

import time
from typing import BinaryIO

import click

from sync.collector.config import StateDir
from sync.collector.fleet import kept as records
from sync.collector.fleet import resolving
from sync.collector.fleet.differences import visible
from sync.collector.fleet.kept import Detail, Kept, Name
from sync.collector.fleet.resolving import Decided
from sync.collector.languages import machine_time
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import at_terminal
from sync.collector.privacy.commands import reason_option
from sync.collector.terminal import opened, table

_MAX_TYPED_BYTES = 16_384


@click.group()
def kept() -> None:
    """Records that could not be read, or came under a number that is taken: look at them, and decide."""


@kept.command("list")
@click.option("--gate", "gate_id", help="Of that gate only.")
@click.option("--resolved", is_flag=True, help="Those that are decided, not those that wait.")
@click.pass_obj
def list_kept(state: StateDir, gate_id: str | None, resolved: bool) -> None:
    """Print the newest: name, gate, when it came, why it was kept; of resolved ones what was decided."""
    with opened(state) as centre, centre.database.read() as session:
        found, total = records.listed(session, gate_id, resolved=resolved)
    rows = [(each.name, each.gate_id, machine_time(each.received_at), _why(each)) for each in found]
    table(
        ("name", "gate", "received", "why"), rows, "Nothing is kept apart." if not resolved else "Nothing was decided."
    )
    if total > len(found):
        click.echo(f"{total - len(found)} more: resolve some, or name a --gate.", err=True)


def _why(each: Kept) -> str:
    return each.resolution or (visible(each.reason.encode()) if each.reason else "its number has other bytes")


@kept.command("show")
@click.argument("name")
@click.pass_obj
def show_kept(state: StateDir, name: str) -> None:
    """Show NAME: its bytes, the version that has its number, and where they differ (≠)."""
    with opened(state) as centre, centre.database.read() as session:
        detail = records.detail(session, Name.parse(name))
    for line in _told(detail):
        click.echo(line)


def _told(detail: Detail) -> list[str]:
    each = detail.kept
    lines = [f"{each.name}  {each.gate_id}  {each.outbox_id}/{each.name.sequence}", f"why: {_why(each)}"]
    if detail.line is not None:
        lines.append(f"decided by {detail.line.actor}: {detail.line.reason}")
    lines += [f"record: {name}" for name in detail.corrections]
    for field in detail.fields or ():
        values = [value if value is not None else "–" for value in field.values]
        lines.append(
            f"{' ' if field.is_same else '≠'} {field.field}: {values[0] if field.is_same else ' → '.join(values)}"
        )
    if detail.first is not None:
        lines.append(f"first ({detail.first_is}): {visible(detail.first)}")
    return [*lines, f"kept: {visible(each.raw)}"]


@kept.command("accept")
@click.argument("name")
@reason_option
@click.pass_obj
def accept(state: StateDir, name: str, reason: str) -> None:
    """NAME counts as it came: what could not be read under its own number, a conflicting version beside the first."""
    _decide(state, name, reason)


@kept.command("correct")
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@reason_option
@click.pass_obj
def correct(state: StateDir, name: str, file: BinaryIO, reason: str) -> None:
    """The record in FILE (JSON, - for standard input) counts in place of NAME: a new one that names the old."""
    _decide(state, name, reason, file.read(_MAX_TYPED_BYTES))


@kept.command("discard")
@click.argument("name")
@reason_option
@click.pass_obj
def discard(state: StateDir, name: str, reason: str) -> None:
    """NAME counts nowhere. Its bytes stay until their term is over."""
    _decide(state, name, reason, discards=True)


def _decide(state: StateDir, name: str, reason: str, typed: bytes | None = None, *, discards: bool = False) -> None:
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        parsed = Name.parse(name)
        if discards:
            done: Decided = resolving.discard(access, parsed)
        else:
            done = resolving.accept(access, parsed) if typed is None else resolving.correct(access, parsed, typed)
    what = f"; it counts as {done.record}" if done.record else ""
    click.echo(f"{name} is {done.resolution.value}{what}. Line {done.audit} of the audit.", err=True)
