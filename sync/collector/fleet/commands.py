"""`collector gate` and `collector policy`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO

import click
import msgspec
from sqlalchemy.orm import Session

from sync.collector.config import StateDir
from sync.collector.fleet import acts, enrolment, provisioning, service
from sync.collector.fleet.model import Gate
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import at_terminal
from sync.collector.privacy.commands import reason_option
from sync.collector.terminal import created, opened, table
from sync.wire.status import Identity

why_option = click.option("--reason", default="at the terminal", show_default=True, help="Why, for the audit.")


@click.group()
def gate() -> None:
    """Gates: the devices at the checkpoints."""


@gate.command("create")
@click.argument("name")
@click.option(
    "--checkpoint", "checkpoint_id", type=int, required=True, help="The number of the checkpoint it stands at."
)
@click.option("--id", "gate_id", help="Its id on the wire, such as south-1.  [default: gate-<number>]")
@why_option
@click.pass_obj
def create_gate(state: StateDir, name: str, checkpoint_id: int, gate_id: str | None, reason: str) -> None:
    """Create a gate called NAME and print its id. Then enrol a device as it."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        row = acts.create(access, checkpoint_id, name, gate_id)
    created(row.id, f"Gate {row.id} is {row.name}. Next: collector gate enrol {row.id}")


@gate.command("list")
@click.pass_obj
def list_gates(state: StateDir) -> None:
    """Print every gate: id, venue, checkpoint, whether it has a device (or is revoked, retired, waits), and name."""
    with opened(state) as centre, centre.database.read() as session:
        rows = [
            (row.id, row.checkpoint.venue_id, row.checkpoint_id, _provisioned(session, row), row.name)
            for row in service.gates(session)
        ]
    table(("gate", "venue", "checkpoint", "provisioned", "name"), rows, "No gate yet: collector gate create --help")


def _provisioned(session: Session, row: Gate) -> str:
    if enrolment.waiting(session, row.id) is not None:
        return "key words"
    if row.retired_at is not None:
        return "retired"
    if row.revoked_at is not None:
        return "revoked"
    return "yes" if row.public_key else "no"


@gate.command("provision")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--gate", "gate_id", required=True, help="The gate's id, see `collector gate list`.")
@click.option("--collector-url", required=True, help="Where the gate reaches this collector: https://centre.example")
@click.option("--ca", type=click.Path(path_type=Path), help="PEM file, as the gate sees it, of the CA that it trusts.")
@click.option("--replace", is_flag=True, help="The gate gets a new device; the earlier one is shut out.")
@why_option
@click.pass_obj
def provision_gate(
    state: StateDir, directory: Path, gate_id: str, collector_url: str, ca: Path | None, replace: bool, reason: str
) -> None:
    """Write a gate's key, identity and first updates into DIR, its state directory.

    Running it again for the same gate and DIR keeps the key. The files of another gate are never overwritten.
    """
    identity = Identity(gate=gate_id, collector=collector_url.rstrip("/"), ca=str(ca) if ca else None)
    with opened(state) as centre:
        actor = at_terminal(reason)
        provisioning.provision(centre, directory, identity, time.time(), replace=replace, actor=actor)
    click.echo(f"{directory} is now the state directory of {gate_id}.", err=True)


@gate.command("move")
@click.argument("gate_id", metavar="GATE")
@click.option("--checkpoint", "checkpoint_id", type=int, required=True, help="The number of its new checkpoint.")
@why_option
@click.pass_obj
def move_gate(state: StateDir, gate_id: str, checkpoint_id: int, reason: str) -> None:
    """GATE stands at another checkpoint from now on. It learns so at its next contact; its records stay as they are."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        row = acts.move(access, gate_id, checkpoint_id)
        place = f"{row.checkpoint.name}, {row.checkpoint.venue.name}"
    click.echo(f"{gate_id} stands at {place}.", err=True)


@gate.command("revoke")
@click.argument("gate_id", metavar="GATE")
@reason_option
@click.pass_obj
def revoke_gate(state: StateDir, gate_id: str, reason: str) -> None:
    """Trust GATE no longer: stolen, or tampered with. What it still sends is kept apart and counts nowhere.

    To put a new device in its place: collector gate provision DIR --gate GATE --replace …
    """
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        acts.revoke(access, gate_id)
    click.echo(f"{gate_id} is revoked. What it sends from now on goes to quarantine.", err=True)


@gate.command("retire")
@click.argument("gate_id", metavar="GATE")
@reason_option
@click.pass_obj
def retire_gate(state: StateDir, gate_id: str, reason: str) -> None:
    """GATE is taken down for good: out of the fleet, its key trusted no longer. Its records and its name stay."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        acts.retire(access, gate_id)
    click.echo(f"{gate_id} is retired. What it may still send goes to quarantine.", err=True)


@click.group()
def policy() -> None:
    """The policy (R9): what the measures of the day require at every gate."""


@policy.command("show")
@click.pass_obj
def show_policy(state: StateDir) -> None:
    """Print the policy in force as JSON, ready to edit and set."""
    with opened(state) as centre, centre.database.read() as session:
        document = service.current_policy(session).document
    click.echo(msgspec.json.format(document, indent=2).decode())


@policy.command("set")
@click.argument("file", type=click.File("rb"))
@click.pass_obj
def set_policy(state: StateDir, file: BinaryIO) -> None:
    """Put the policy in FILE (JSON, - for standard input) in force; gates get it at their next contact."""
    document = file.read()
    with opened(state) as centre, centre.database.write() as session:
        row = service.set_policy(session, document, time.time())
    click.echo(f"Policy {row.number} is in force.", err=True)
