"""`collector visitor`: people who registered. What is typed is asked for, never an argument that `ps` shows."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
import msgspec

from sync.collector.config import StateDir
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import at_terminal
from sync.collector.privacy.commands import reason_option
from sync.collector.terminal import created, opened, table
from sync.collector.visitors import registry
from sync.collector.visitors.identity import Document, masked, person
from sync.collector.visitors.phone import remembering
from sync.collector.visitors.registry import Registered
from sync.wire.passes import PassKind

_MIN_SERIAL_BYTES = 8


@click.group()
def visitor() -> None:
    """Visitors (进场人员) who registered: whose passes are whose. Every look at one stands in the audit."""


@visitor.command("add")
@click.option("--document", type=click.Choice([each.value for each in Document]), default="resident", show_default=True)
@click.option("--verified", is_flag=True, help="You have seen the document.")
@click.option("--reason", default="registration", show_default=True, help="Why, for the audit; never a name.")
@click.pass_obj
def add(state: StateDir, document: str, verified: bool, reason: str) -> None:
    """Register somebody and print their id. Asks for name, number and phone (empty for none)."""
    somebody = person(
        click.prompt("Name", err=True),
        Document(document),
        click.prompt("Number of the document", err=True),
        click.prompt("Phone", default="", show_default=False, err=True),
    )
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        row_id = registry.register(access, somebody).id
        if verified:
            registry.verify(access, row_id)
    created(row_id, f"Visitor {row_id}. Next: collector pass issue --visitor {row_id} --kind saved")


@visitor.command("find")
@click.option("--serial", help="Whose pass this is: its serial in hexadecimal, or the first 16 digits of it.")
@reason_option
@click.pass_obj
def find(state: StateDir, serial: str | None, reason: str) -> None:
    """Print who has a document's number or phone (asked for), or a pass: id, document, and what tells them apart."""
    wanted = None if serial is None else _serial(serial)
    text = "" if serial else click.prompt("Number of the document, or phone", err=True)
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        found = registry.find(access, text) if wanted is None else registry.find_by_serial(access, wanted)
    rows = [(each.id, *_masked(each), _verified(each)) for each in found]
    table(("visitor", "document", "name", "number", "phone", "identity"), rows, "Nobody.")


@visitor.command("show")
@click.argument("visitor_id", metavar="VISITOR")
@reason_option
@click.pass_obj
def show(state: StateDir, visitor_id: str, reason: str) -> None:
    """Print everything about one visitor's registration."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        found = registry.show(access, visitor_id)
    said = found.person
    for name, value in (
        ("visitor", found.id),
        ("name", said.name),
        ("document", said.document.value),
        ("number", said.number),
        ("phone", said.phone or ""),
        ("identity", _verified(found)),
    ):
        click.echo(f"{name}\t{value}")


@visitor.command("verify")
@click.argument("visitor_id", metavar="VISITOR")
@reason_option
@click.pass_obj
def verify(state: StateDir, visitor_id: str, reason: str) -> None:
    """You have seen VISITOR's document: the identity is verified from now on."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        registry.verify(access, visitor_id)
    click.echo(f"{visitor_id} is verified.", err=True)


@visitor.command("seen")
@reason_option
@click.pass_obj
def seen(state: StateDir, reason: str) -> None:
    """You have seen somebody's document, and their phone: asks for the number that it shows, and prints their id.

    The identity is verified, and that phone speaks for them from now on. Compare name and document first.
    """
    typed = click.prompt("Number on the phone", err=True)
    desk = remembering.read_desk(typed)
    if desk is None:
        raise click.BadParameter("a phone shows eight letters and digits")
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        visitor_id = remembering.seen(access, desk)
    click.echo(visitor_id)


@visitor.command("export")
@click.argument("visitor_id", metavar="VISITOR")
@reason_option
@click.pass_obj
def export(state: StateDir, visitor_id: str, reason: str) -> None:
    """Print all that is held of VISITOR as JSON: registration, passes, passages within their term, who looked at it."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        held = registry.export(access, visitor_id)
    click.echo(msgspec.json.format(msgspec.json.encode(held), indent=2).decode())


@visitor.command("erase")
@click.argument("visitor_id", metavar="VISITOR")
@reason_option
@click.pass_obj
def erase(state: StateDir, visitor_id: str, reason: str) -> None:
    """Forget VISITOR. Records stay until their term is over, and are nobody's; the audit says that it happened.

    Prints the serials of passes that gates still take until they expire: nobody can find them afterwards. Backups hold
    the person until they are destroyed (docs/SECURITY.md).
    """
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        erased = registry.erase(access, visitor_id)
    click.echo(f"{visitor_id} is erased. Keep this id: after a restore of an older backup, erase it again.", err=True)
    listed = [issued.serial.hex() for issued in erased.open_passes if issued.kind != PassKind.SCAN_RESULT]
    for serial in listed:
        click.echo(serial)
    if listed:
        click.echo("Gates take these passes still. To end that: collector updates withdraw SERIAL…", err=True)


def _masked(found: Registered) -> Sequence[str]:
    said = found.person
    return said.document.value, masked(said.name), masked(said.number), masked(said.phone)


def _verified(found: Registered) -> str:
    return "unverified" if found.verified_at is None else "verified"


def _serial(text: str) -> bytes:
    try:
        serial = bytes.fromhex(text)
    except ValueError:
        serial = b""
    if len(serial) < _MIN_SERIAL_BYTES:
        raise click.BadParameter(f"a serial has hexadecimal digits, {2 * _MIN_SERIAL_BYTES} at least")
    return serial
