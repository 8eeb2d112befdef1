"""`collector updates`: what every gate lives by offline."""

from __future__ import annotations

import time

import click

from sync.collector.config import StateDir
from sync.collector.policy import withdrawals
from sync.collector.terminal import opened
from sync.wire.passes import SERIAL_BYTES
from sync.wire.statuslist import StatusList


@click.group()
def updates() -> None:
    """Updates: the status list; keys, policy and venue card go out by themselves."""


@updates.command("build")
@click.option("--fresh", is_flag=True, help="With a new snapshot, not only a delta against the last one.")
@click.pass_obj
def build(state: StateDir, fresh: bool) -> None:
    """Build the status list of withdrawn passes and print its number; gates get it at their next contact.

    Nothing new is numbered when nothing changed.
    """
    with opened(state) as centre, centre.database.write() as session:
        row = withdrawals.build_list(session, time.time(), fresh)
    snapshot, delta = StatusList(row.snapshot), StatusList(row.delta)
    click.echo(
        f"Status list {row.number}: {snapshot.listed} passes in the snapshot ({len(row.snapshot)} bytes), "
        f"{delta.listed} listed and {delta.cleared} cleared by the delta ({len(row.delta)} bytes).",
        err=True,
    )
    click.echo(row.number)


@updates.command("withdraw")
@click.argument("serials", nargs=-1, required=True, metavar="SERIAL…")
@click.pass_obj
def withdraw(state: StateDir, serials: tuple[str, ...]) -> None:
    """Withdraw the saved or paper passes with these serials (hexadecimal): their holders are no longer green.

    Then: collector updates build.
    """
    wanted = [_serial(text) for text in serials]
    with opened(state) as centre, centre.database.write() as session:
        for serial in wanted:
            withdrawals.withdraw(session, serial, time.time())
    click.echo(f"Withdrawn: {len(serials)}. Next: collector updates build", err=True)


@updates.command("reinstate")
@click.argument("serials", nargs=-1, required=True, metavar="SERIAL…")
@click.pass_obj
def reinstate(state: StateDir, serials: tuple[str, ...]) -> None:
    """Take passes off the list again. Then: collector updates build."""
    wanted = [_serial(text) for text in serials]
    with opened(state) as centre, centre.database.write() as session:
        for serial in wanted:
            withdrawals.reinstate(session, serial)
    click.echo(f"Reinstated: {len(serials)}. Next: collector updates build", err=True)


def _serial(text: str) -> bytes:
    try:
        serial = bytes.fromhex(text)
    except ValueError:
        serial = b""
    if len(serial) != SERIAL_BYTES:
        raise click.BadParameter(f"{text!r} is no serial: it has {2 * SERIAL_BYTES} hexadecimal digits")
    return serial
