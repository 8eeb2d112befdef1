"""What every command shares: the centre it works on, and one clear sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.errors import CollectorError


class Sentences(click.Group):
    """A group whose commands tell a user's mistake in one sentence, exit code 1 (2: click's own, for the usage)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._late: dict[str, tuple[str, str]] = {}

    def add_late(self, name: str, module: str, function: str | None = None) -> None:
        """A command, a function of that name unless said, whose module is imported only when it is asked for."""
        self._late[name] = module, function or name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As click's, with the late ones."""
        return sorted({*super().list_commands(ctx), *self._late})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """As click's, with the late ones."""
        if cmd_name in self._late:
            module, function = self._late[cmd_name]
            self.add_command(getattr(import_module(module), function))
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's, but for our errors and the system's."""
        try:
            return super().invoke(ctx)
        except CollectorError as cause:
            raise click.ClickException(str(cause)) from cause
        except BrokenPipeError:
            raise
        except OSError as cause:
            where = f"{cause.filename}: " if cause.filename else ""
            raise click.ClickException(f"{where}{cause.strerror or cause}") from cause


@contextmanager
def opened(state: StateDir) -> Iterator[Centre]:
    """The centre for the length of one command."""
    centre = Centre.open(state)
    try:
        yield centre
    finally:
        centre.close()


def created(identifier: object, sentence: str) -> None:
    """The id alone on standard output for scripts, the sentence beside it for people."""
    click.echo(sentence, err=True)
    click.echo(identifier)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Rows as tab-separated lines under a head; `empty` (to standard error) when there is none."""
    if not rows:
        click.echo(empty, err=True)
        return
    for row in (heads, *rows):
        click.echo("\t".join(str(cell) for cell in row))


def progress() -> Progress:
    """A bar on standard error; nothing where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
