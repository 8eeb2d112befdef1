"""`collector pass` and `collector demo-visitors`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from sync.collector.config import StateDir
from sync.collector.terminal import opened
from sync.collector.visitors import demo
from sync.collector.visitors.service import Wanted, issue_pass
from sync.wire.passes import PassKind, Status

_KINDS = {kind.name.lower().replace("_", "-"): kind for kind in PassKind}
_STATUSES = {status.name.lower(): status for status in Status}


@click.group("pass")
def passes() -> None:
    """Passes (通行码) that visitors show."""


@passes.command("issue")
@click.option("--kind", type=click.Choice(list(_KINDS)), default="scan-result", show_default=True)
@click.option("--status", type=click.Choice(list(_STATUSES)), default="green", show_default=True, help="码色.")
@click.option("--venue", type=int, help="The only venue where it holds.  [default: any]")
@click.option("--checkpoint", type=int, help="The only checkpoint where it holds; a scan result always names one.")
@click.option("--valid-seconds", type=int, help="[default: 120 scan-result, 7 days saved, 180 days paper]")
@click.option("--tested-hours-ago", type=float, help="Age of the last test.  [default: no test]")
@click.option("--positive", is_flag=True, help="That test was positive.")
@click.option("--companions", type=int, default=0, show_default=True, help="People on the same pass.")
@click.option("--visitor", help="Whose it is: the id of a registered visitor.  [default: nobody's]")
@click.pass_obj
def issue(
    state: StateDir,
    kind: str,
    status: str,
    venue: int | None,
    checkpoint: int | None,
    valid_seconds: int | None,
    tested_hours_ago: float | None,
    positive: bool,
    companions: int,
    visitor: str | None,
) -> None:
    """Issue a pass and print its text, ready for a QR symbol in alphanumeric mode."""
    wanted = Wanted(
        kind=_KINDS[kind],
        status=_STATUSES[status],
        venue=venue,
        checkpoint=checkpoint,
        valid_seconds=valid_seconds,
        tested_hours_ago=tested_hours_ago,
        test_negative=not positive,
        companions=companions,
        holder=visitor,
    )
    with opened(state) as centre, centre.database.write() as session:
        text = issue_pass(centre, session, wanted, time.time())
    click.echo(text)


@click.command("demo-visitors")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--venue", type=int, help="The venue.  [default: the checkpoint's]")
@click.option("--checkpoint", type=int, required=True, help="The checkpoint whose gate the visitors come to.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after that many visitors.  [default: never]")
@click.option(
    "--only", help=f"Labels in turn, separated by commas, of: {', '.join(demo.LABELS)}.  [default: all, mostly green]"
)
@click.pass_obj
def demo_visitors(
    state: StateDir, directory: Path, venue: int | None, checkpoint: int, count: int | None, only: str | None
) -> None:
    """Keep visitors ready in DIR for a demo gate's simulated camera, which removes each when it has left.

    Green, saved, paper, yellow, red, expired, forged, fever, an unknown code, two codes at once, an empty doorway.
    """
    order = demo.checked_labels(only.split(",")) if only else demo.MIXTURE
    with opened(state) as centre:
        queue = demo.Queue(centre, directory, venue, checkpoint, order)
        try:
            queue.run(count)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
