"""`collector keys`: each ceremony is one command that says what it does, what to have at hand, and what comes next."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from sync.collector.centre import Centre
from sync.collector.ceremonies import lists, rolls, roots
from sync.collector.config import StateDir
from sync.collector.keys import ONLINE, ROOT_KEY
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Act, at_terminal
from sync.collector.privacy.commands import reason_option
from sync.collector.terminal import opened, table
from sync.wire.keys import Purpose

_DAY = 86_400
_STICK = click.Path(file_okay=False, path_type=Path)
_root_option = click.option("--root", type=_STICK, help="Where root.key is: the stick.  [default: root/ in --state]")
_yes_option = click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
_RUNNING = "A running collector signs with it by itself, without a restart."


@click.group("keys")
def keys() -> None:
    """The centre's keys: the root on its stick, and those for passes, updates, receipts and sealing.

    \b
    show       which keys there are, which is in use, and the root key that gates are installed with
    next       publish the key that follows, days before it is used
    withdraw   believe a key no longer: it was stolen
    renew      sign the list anew, after a restore
    root       the root key itself: words, copies, off this machine
    """


@keys.command()
@click.pass_obj
def show(state: StateDir) -> None:
    """Print the root's public key, and every key of the list: purpose, name, from, until, how it is."""
    now = time.time()
    with opened(state) as centre:
        held = centre.keys.current()
        click.echo(f"root key\t{held.root_public.hex()}")
        click.echo("Devices are installed with it: sudo systemd/install-gate --root-key KEY", err=True)
        is_here = (state.root / ROOT_KEY).exists()
        where = (
            f"{state.root / ROOT_KEY}; take it off this machine: collector keys root --help" if is_here else "elsewhere"
        )
        click.echo(f"Its private half: {where}", err=True)
        rows = [
            (
                each.entry.purpose.value,
                each.kid,
                _moment(each.entry.not_before) or "always",
                _moment(each.entry.not_after) or "-",
                each.state.value + ("" if held.holds(each.entry) else ", its private half is not here"),
            )
            for each in lists.standings(held.listed.keys, now)
        ]
    table(("purpose", "key", "from", "until", "state"), rows, "")


@keys.command("next")
@click.argument("purpose", type=click.Choice([purpose.value for purpose in ONLINE]))
@click.option("--days", type=click.IntRange(0, 366), default=7, show_default=True, help="In how many days it is used.")
@_root_option
@_yes_option
@reason_option
@click.pass_obj
def next_key(state: StateDir, purpose: str, days: int, root: Path | None, yes: bool, reason: str) -> None:
    """Make the key that follows for PURPOSE (pass, update, receipt or seal), known to gates before it is used."""
    now = int(time.time())
    _explain(
        yes,
        f"A new {purpose} key is made here and put into the list of keys. Gates learn of it at their next update; "
        f"it is used in {days} days, and the one of today is good until then. A gate without an update for {days} "
        "days meets the new key unprepared: what it signs is refused there until the update comes.",
        "the stick with the root key, which signs the list",
        "take the stick out again; collector keys show",
    )
    with opened(state) as centre:
        made = rolls.next_key(centre, Purpose(purpose), root or state.root, now + days * _DAY, at_terminal(reason), now)
    click.echo(f"Key {made.kid} is published. In use from {_moment(made.entry.not_before)}. {_RUNNING}", err=True)
    click.echo(made.kid)


@keys.command("withdraw")
@click.argument("kid")
@click.option("--issued-until", help="Go on believing what it signed until then (ISO 8601): it was lost, not stolen.")
@_root_option
@_yes_option
@reason_option
@click.pass_obj
def withdraw(state: StateDir, kid: str, issued_until: str | None, root: Path | None, yes: bool, reason: str) -> None:
    """Believe key KID no longer: at each gate from its next update on. A new one takes its place."""
    now = int(time.time())
    until = int(_time(issued_until)) if issued_until else lists.WITHDRAWN
    _explain(
        yes,
        "Everything that this key signed is refused from now on"
        + (
            f", but for what was issued until {issued_until}"
            if issued_until
            else " – whenever it says that it was issued"
        )
        + ". Withdrawn passes must be fetched anew by their holders; withdrawn receipts and updates, gates get by "
        "themselves. It cannot be taken back.",
        "the stick with the root key, which signs the list",
        "collector fleet, until every gate has updates of today; a gate without network gets them by stick",
    )
    with opened(state) as centre:
        made = rolls.withdraw(centre, kid, root or state.root, at_terminal(reason), now, until)
    click.echo(f"Key {kid} is withdrawn." + (f" In its place: {made}. {_RUNNING}" if made else ""), err=True)


@keys.command("renew")
@_root_option
@_yes_option
@reason_option
@click.pass_obj
def renew(state: StateDir, root: Path | None, yes: bool, reason: str) -> None:
    """Sign the list of keys anew, as it is."""
    _explain(
        yes,
        "The list of keys gets a new date. After a restore gates may have a later list than the backup, and "
        "refuse updates with an older one, so that nobody brings a withdrawn key back. Look first whether a key that "
        "was withdrawn since the backup stands in it again, and withdraw it.",
        "the stick with the root key; collector keys show",
        "collector fleet: the gates take updates again",
    )
    with opened(state) as centre:
        rolls.renew(centre, root or state.root, at_terminal(reason), int(time.time()))
    click.echo("The list of keys is signed anew.", err=True)


@keys.group("root")
def root_key() -> None:
    """The root key: it signs the list of keys and nothing else. Its place is on two sticks and on paper, not here.

    \b
    words      print its 24 recovery words, to be written down
    copy       put it on a stick
    restore    make a stick from the words
    remove     take it off this machine
    """


@root_key.command("words")
@_root_option
@_yes_option
@reason_option
@click.pass_obj
def print_words(state: StateDir, root: Path | None, yes: bool, reason: str) -> None:
    """Print the 24 recovery words of the root key."""
    _explain(
        yes,
        "24 words are printed that are the root key: whoever has them can make keys that every gate believes.",
        "pen and paper, nobody behind you, no screen recording; no printer",
        "write them down twice, keep them in two places, and clear this screen. Try: collector keys root restore DIR",
    )
    with opened(state) as centre:
        key = roots.load(root or state.root, centre.keys.current().root_public)
        _note(centre, Act.ROOT_WORDS, reason)
        for place, word in enumerate(roots.words(key).split(), 1):
            click.echo(f"{place:2}  {word}")


@root_key.command("copy")
@click.argument("directory", metavar="DIR", type=_STICK)
@_root_option
@_yes_option
@reason_option
@click.pass_obj
def copy(state: StateDir, directory: Path, root: Path | None, yes: bool, reason: str) -> None:
    """Put the root key into DIR, a directory on a stick, and read it back from there."""
    _explain(
        yes,
        f"{directory / ROOT_KEY} becomes a copy of the root key, and is compared.",
        "an empty stick that is used for nothing else",
        "unmount it, keep it locked away; a second copy elsewhere; then: collector keys root remove --copy DIR",
    )
    with opened(state) as centre:
        key = roots.load(root or state.root, centre.keys.current().root_public)
        _note(centre, Act.ROOT_COPY, reason)
        path = roots.write(directory, key.private.private_bytes_raw())
    click.echo(f"{path} is the root key, read back and the same.", err=True)


@root_key.command("restore")
@click.argument("directory", metavar="DIR", type=_STICK)
@reason_option
@click.pass_obj
def restore(state: StateDir, directory: Path, reason: str) -> None:
    """Ask for the 24 recovery words and put the root key into DIR, byte for byte as it was.

    In DIR = a directory that is there for this alone, the words are tried out without a lost stick.
    """
    with opened(state) as centre:
        public = centre.keys.current().root_public
        text = click.prompt("The 24 words, with a space between them", hide_input=True, err=True)
        private = roots.from_words(text, public)
        _note(centre, Act.ROOT_RESTORE, reason)
        path = roots.write(directory, private)
    click.echo(f"{path} is this centre's root key.", err=True)


@root_key.command("remove")
@click.option("--copy", "copy_directory", type=_STICK, required=True, help="A stick with a copy, which is read first.")
@_yes_option
@reason_option
@click.pass_obj
def remove(state: StateDir, copy_directory: Path, yes: bool, reason: str) -> None:
    """Take the root key off this machine. The centre runs without it."""
    _explain(
        yes,
        f"{state.root / ROOT_KEY} is overwritten and removed, once the copy was read and is the same.",
        "a stick with a copy; a second one, or the recovery words, in another place",
        "the stick back where it is locked away; the next ceremony: --root DIR",
    )
    with opened(state) as centre:
        public = centre.keys.current().root_public
        roots.load(copy_directory, public)
        _note(centre, Act.ROOT_REMOVE, reason)
        roots.remove(state, copy_directory, public)
    click.echo("The root key is off this machine.", err=True)


def _note(centre: Centre, act: Act, reason: str) -> None:
    with personal(centre, at_terminal(reason), time.time()) as access:
        access.note(act)


def _explain(yes: bool, what: str, at_hand: str, then: str) -> None:
    click.echo(f"What this does:  {what}\nHave at hand:    {at_hand}.\nAfterwards:      {then}.\n", err=True)
    if not yes:
        click.confirm("Go on?", abort=True, err=True)


def _moment(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as cause:
        raise click.BadParameter(f"{text} is no time such as 2026-04-15T08:30:00+08:00") from cause
