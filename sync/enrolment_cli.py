"""`gate-sync enrolment`: the same by stick – a request out, an answer in – and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import click

from sync import adoption, rolling
from sync.desk import as_owner
from sync.errors import SyncError
from sync.journal import JournalFile
from sync.wire.carried import MAX_SEALED_ANSWER_BYTES
from sync.wire.statedir import StateDir

_ROLL_SECONDS = 60.0


def commands(options: Callable[[Any], Any], settings: Callable[..., tuple[Any, StateDir]]) -> click.Group:
    """The group. options: --state, --run and --config; settings: reads them."""

    @click.group()
    def enrolment() -> None:
        """Make this device a gate without network: a request out, the centre's answer in.

        With network the gate's camera reads the code of `collector gate enrol`, and nobody types anything here.
        """

    @enrolment.command()
    @options
    @click.argument("file", type=click.File("wb"))
    def request(file: BinaryIO, **places: Any) -> None:
        """Write this device's request into FILE (- for standard output), for a stick.

        At the centre: collector gate enrol GATE --request FILE --answer ANSWER. Show whoever sits there the key words.
        """
        _, state = settings(**places)
        with as_owner(state.root), _sentences():
            body = adoption.stick_request(state)
            asked = next(each for each in _under_way(state) if each.code is None)
            english, chinese = adoption.words(asked)
        file.write(body)
        click.echo(
            f"The key words of this device, to be compared at the centre:\n\n    {english}\n    {chinese}\n", err=True
        )

    @enrolment.command()
    @options
    @click.argument("file", type=click.File("rb"))
    def adopt(file: BinaryIO, **places: Any) -> None:
        """Take the centre's answer in FILE (- for standard input): this device is then the gate that it names."""
        _, state = settings(**places)
        answer = file.read(MAX_SEALED_ANSWER_BYTES + 1)
        with as_owner(state.root), _sentences():
            opened = adoption.stick_answer(state, answer)
        if opened.snapshot is None:
            click.echo("The centre has not confirmed the key words yet: nothing changed.", err=True)
            return
        click.echo(f"This device is {opened.verdict.gate}. The running services take it over by themselves.", err=True)

    return enrolment


def roll_key(options: Callable[[Any], Any], settings: Callable[..., tuple[Any, StateDir]]) -> click.Command:
    """The command `gate-sync roll-key`."""

    @click.command("roll-key")
    @options
    def roll(**places: Any) -> None:
        """Give this gate a new device key: the old one signs it, the centre agrees, and it takes over.

        The running service does it; exit code 0: done. 1: not within a minute, it goes on by itself.
        """
        _, state = settings(**places)
        with as_owner(state.root), _sentences():
            rolling.ask_for(state)
            deadline = time.monotonic() + _ROLL_SECONDS
            while rolling.is_asked_for(state):
                if time.monotonic() > deadline:
                    raise click.ClickException("the centre has not answered yet: gate-sync goes on asking by itself")
                time.sleep(0.2)
        click.echo("It is done: see `journalctl -u gate-sync` for what the centre said.", err=True)

    return roll


def _under_way(state: StateDir) -> list[Any]:
    journal = JournalFile(state).read()
    return [each for each in (journal.asking, journal.waiting) if each is not None]


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except SyncError as cause:
        raise click.ClickException(str(cause)) from cause
    except OSError as cause:
        raise click.ClickException(f"{cause.filename}: {cause.strerror}; try with sudo") from cause
