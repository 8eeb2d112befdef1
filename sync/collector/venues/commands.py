"""`collector venue` and `collector checkpoint`."""

from __future__ import annotations

import time

import click

from sync.collector.config import StateDir
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import at_terminal
from sync.collector.privacy.commands import reason_option
from sync.collector.terminal import created, opened, table
from sync.collector.venues import approval, service
from sync.collector.venues.code_commands import code
from sync.collector.venues.model import VenueState
from sync.wire.record import Direction

_DECISIONS = {"approve": VenueState.ACTIVE, "refuse": VenueState.REFUSED, "close": VenueState.CLOSED}


@click.group()
def venue() -> None:
    """Venues (场所): the places that people enter."""


@venue.command("create")
@click.argument("name")
@click.pass_obj
def create_venue(state: StateDir, name: str) -> None:
    """Create a venue called NAME and print its number."""
    with opened(state) as centre, centre.database.write() as session:
        row = service.create_venue(session, name)
    created(
        row.id, f"Venue {row.id} is {row.name}. Next: collector checkpoint create --venue {row.id} --direction in NAME"
    )


@venue.command("list")
@click.pass_obj
def list_venues(state: StateDir) -> None:
    """Print every venue: number, state, region and name."""
    with opened(state) as centre, centre.database.read() as session:
        rows = [(row.id, row.state, row.region or "-", row.name) for row in service.venues(session)]
    table(("venue", "state", "region", "name"), rows, "No venue yet: collector venue create NAME")


@venue.command("decide")
@click.argument("venue_id", type=int, metavar="VENUE")
@click.argument("word", type=click.Choice(list(_DECISIONS)))
@click.option("--because", default="", help="For refuse: what its administrator will read.")
@reason_option
@click.pass_obj
def decide(state: StateDir, venue_id: int, word: str, because: str, reason: str) -> None:
    """Say the township's word on a venue: approve, refuse, close."""
    if (word == "refuse") != bool(because.strip()):
        raise click.UsageError("--because goes with refuse: the venue's administrator reads why")
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        row = service.hold_venue(access.session, venue_id)
        approval.decide(access, row, _DECISIONS[word], because.strip())
        now_is = row.state
    click.echo(f"Venue {venue_id} is {now_is}.", err=True)


venue.add_command(code)


@click.group()
def checkpoint() -> None:
    """Checkpoints (检测点): the ways into and out of a venue."""


@checkpoint.command("create")
@click.argument("name")
@click.option("--venue", "venue_id", type=int, required=True, help="The venue's number.")
@click.option(
    "--direction",
    type=click.Choice([direction.value for direction in Direction]),
    required=True,
    help="Entry (in) or exit (out).",
)
@click.pass_obj
def create_checkpoint(state: StateDir, name: str, venue_id: int, direction: str) -> None:
    """Create a checkpoint called NAME and print its number."""
    with opened(state) as centre, centre.database.write() as session:
        row = service.create_checkpoint(session, venue_id, name, Direction(direction))
    created(row.id, f"Checkpoint {row.id} is {row.name} ({direction}) of {row.venue.name}.")


@checkpoint.command("list")
@click.pass_obj
def list_checkpoints(state: StateDir) -> None:
    """Print every checkpoint: number, venue, direction and name."""
    with opened(state) as centre, centre.database.read() as session:
        rows = [
            (row.id, row.venue_id, row.direction, "closed" if row.closed_at else "open", row.name)
            for row in service.checkpoints(session)
        ]
    table(
        ("checkpoint", "venue", "direction", "state", "name"),
        rows,
        "No checkpoint yet: collector checkpoint create --help",
    )
