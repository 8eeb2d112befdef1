"""`collector gate enrol`, `confirm` and `refuse`: a device becomes a gate, at the terminal."""

from __future__ import annotations

import time
from pathlib import Path

import click
import segno

from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.errors import Mistake
from sync.collector.fleet import enrolment
from sync.collector.fleet.commands import gate, why_option
from sync.collector.fleet.enrolment import Asked
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import at_terminal
from sync.collector.terminal import opened
from sync.outbox.durable import replace_file
from sync.wire.enrolment import State, encode_answer, write_code
from sync.wire.envelope import MessageType

_words_option = click.option("--words", help="The key words on the gate's display; asked for unless said.")
_FILE = click.Path(dir_okay=False, path_type=Path)


@gate.command("enrol")
@click.argument("gate_id", metavar="GATE")
@click.option("--collector-url", help="Where gates reach this collector.  [default: address in collector.toml]")
@click.option(
    "--minutes", type=click.IntRange(1, 43_200), default=60, show_default=True, help="How long the code lives."
)
@click.option("--replace", is_flag=True, help="The gate gets a new device; the earlier one is shut out.")
@click.option("--out", type=_FILE, help="Also draw the code into FILE, a .png or .svg to print or to show on a phone.")
@click.option("--request", "request_file", type=_FILE, help="By stick: the request that the gate wrote.")
@click.option("--answer", "answer_file", type=_FILE, help="By stick: where to write the answer for the gate.")
@_words_option
@why_option
@click.pass_obj
def enrol_gate(
    state: StateDir,
    gate_id: str,
    collector_url: str | None,
    minutes: int,
    replace: bool,
    out: Path | None,
    request_file: Path | None,
    answer_file: Path | None,
    words: str | None,
    reason: str,
) -> None:
    """Make the enrolment code of GATE and print it: hold it before the camera of the device.

    The device then shows five key words, and so does `collector gate confirm GATE`: it becomes the gate when you have
    said that they are the same. Without network: --request FILE --answer FILE, with the files of a stick.
    """
    if (request_file is None) != (answer_file is None):
        raise click.UsageError("--request and --answer belong together")
    with opened(state) as centre:
        collector = collector_url or centre.settings.address
        if collector is None:
            raise Mistake(
                "say --collector-url https://…, where gates reach this collector (or address in collector.toml)"
            )
        if request_file is not None and answer_file is not None:
            _by_stick(centre, gate_id, collector, request_file, answer_file, replace, words, reason)
            return
        with personal(centre, at_terminal(reason), time.time()) as access:
            text = write_code(enrolment.offer(access, gate_id, collector, minutes * 60, replace))
    code = segno.make_qr(text, error="m")
    if out is not None:
        _draw(code, out)
    click.echo(f"The enrolment code of {gate_id}, for one device and {minutes} minutes:", err=True)
    code.terminal(compact=True)
    click.echo(
        f"1. Hold it before the gate's camera (a gate that is enrolled: press the button in its enclosure first).\n"
        f"2. The gate's display shows five key words. Compare them: collector gate confirm {gate_id}",
        err=True,
    )


def _draw(code: segno.QRCode, out: Path) -> None:
    if out.suffix not in (".png", ".svg"):
        raise Mistake(f"{out} ends neither in .png nor in .svg")
    code.save(str(out), scale=8, border=4)
    out.chmod(0o600)
    click.echo(f"Drawn into {out}. Whoever has it can ask to be this gate: remove it afterwards.", err=True)


def _by_stick(
    centre: Centre,
    gate_id: str,
    collector: str,
    request_file: Path,
    answer_file: Path,
    replace: bool,
    words: str | None,
    reason: str,
) -> None:
    with request_file.open("rb") as file:
        body = file.read(MessageType.ENROL.max_bytes + 1)
    with personal(centre, at_terminal(reason), time.time()) as access:
        request, asked = enrolment.by_stick(access, gate_id, collector, body, replace)
    _decide(centre, asked, words, reason)
    answer = enrolment.answer(centre, gate_id, request, collector.rstrip("/"), State.ENROLLED, time.time())
    replace_file(answer_file, encode_answer(answer))
    click.echo(f"{answer_file} makes the device {gate_id}: carry it back to that gate.", err=True)


@gate.command("confirm")
@click.argument("gate_id", metavar="GATE")
@_words_option
@why_option
@click.pass_obj
def confirm_gate(state: StateDir, gate_id: str, words: str | None, reason: str) -> None:
    """The device that shows these key words is GATE from now on. Ask whoever stands before it to read them to you."""
    with opened(state) as centre:
        with centre.database.read() as session:
            asked = enrolment.waiting(session, gate_id)
        if asked is None:
            raise enrolment.NothingWaits(f"no device waits to become {gate_id}")
        _decide(centre, asked, words, reason)
    click.echo(f"{gate_id} is enrolled: it gets its keys and its policy within seconds.", err=True)


@gate.command("refuse")
@click.argument("gate_id", metavar="GATE")
@why_option
@click.pass_obj
def refuse_gate(state: StateDir, gate_id: str, reason: str) -> None:
    """The words are not the same, or the code got into the wrong hands: code and request of GATE are void."""
    with opened(state) as centre, personal(centre, at_terminal(reason), time.time()) as access:
        enrolment.refuse(access, gate_id)
    click.echo(f"The enrolment of {gate_id} is refused. A new code: collector gate enrol {gate_id}", err=True)


def _decide(centre: Centre, asked: Asked, words: str | None, reason: str) -> None:
    """Confirm, or refuse what does not match. Raises Mistake where it was not confirmed."""
    said = _same(words, asked) if words is not None else _ask(asked)
    with personal(centre, at_terminal(reason), time.time()) as access:
        if said:
            enrolment.confirm(access, asked.gate, asked.kid)
        else:
            enrolment.refuse(access, asked.gate)
    if not said:
        raise Mistake("the key words are not the same: the enrolment is refused, its code is void, make a new one")


def _same(words: str, asked: Asked) -> bool:
    given = " ".join(words.lower().split())
    return given in (asked.words, asked.words_zh)


def _ask(asked: Asked) -> bool:
    click.echo(
        f"A device waits to become {asked.gate}. Its key words:\n\n    {asked.words}\n    {asked.words_zh}\n", err=True
    )
    if asked.others:
        click.echo(f"Beware: {asked.others} tries by other devices with the same code.", err=True)
    return click.confirm("Does the gate's display show exactly these?", err=True)
