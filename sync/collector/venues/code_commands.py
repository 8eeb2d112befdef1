"""`collector venue code`: the code on the wall, into files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from sync.collector import languages
from sync.collector.config import StateDir
from sync.collector.terminal import opened
from sync.collector.venues import codes
from sync.collector.venues.service import find_venue

_file = click.Path(dir_okay=False, path_type=Path)


@click.command("code")
@click.argument("venue_id", metavar="VENUE", type=int)
@click.option("--checkpoint", "checkpoint_id", type=int, help="Its number; without it, the code of the whole venue.")
@click.option("--poster", type=_file, help="Write an A4 poster for printing, PDF.")
@click.option("--png", type=_file, help="Write the code alone as pixels.")
@click.option("--svg", type=_file, help="Write the code alone as lines.")
@click.pass_obj
def code(
    state: StateDir,
    venue_id: int,
    checkpoint_id: int | None,
    poster: Path | None,
    png: Path | None,
    svg: Path | None,
) -> None:
    """Print the address in the code (场所码) of VENUE, and write it into files. It is the same each time."""
    from sync.collector.venues import poster as posters
    from sync.collector.venues import symbol
    from sync.collector.venues.press import Press

    now = time.time()
    with opened(state) as centre:
        with centre.database.write() as session:
            venue = find_venue(session, venue_id)
            codes.issue_missing(session, venue, now)
            found = codes.of_place(session, venue, checkpoint_id)
        is_demo = centre.settings.address is None
        address = symbol.address(centre.address, found.token)
        drawings: list[tuple[Path | None, Callable[[], bytes]]] = [
            (poster, lambda: posters.draw(Press(state.fonts), found, centre.address, now, is_demo=is_demo)),
            (png, lambda: symbol.png(address)),
            (svg, lambda: symbol.svg(address)),
        ]
        with languages.spoken("zh"):
            for file, draw in drawings:
                if file is not None:
                    file.write_bytes(draw())
                    click.echo(f"{file}: {file.stat().st_size} bytes.", err=True)
    if is_demo:
        click.echo("This opens on this machine only: collector.toml has no address. Do not post it.", err=True)
    click.echo(address)
