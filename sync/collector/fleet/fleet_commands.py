"""`collector fleet`: how the gates are, in a terminal and for scripts."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.live import Live

from sync.collector import languages
from sync.collector.centre import Centre
from sync.collector.config import StateDir
from sync.collector.errors import Mistake
from sync.collector.fleet import acts, contacts, export, shown
from sync.collector.fleet.conditions import Severity
from sync.collector.fleet.kept_commands import kept
from sync.collector.fleet.overview import GateState, gate_states
from sync.collector.fleet.service import find_gate
from sync.collector.terminal import opened

BROKEN_CODE, ATTENTION_CODE = 3, 4
"""Exit codes: a gate is broken; none is, and one needs attention. 1 and 2 are errors of the command itself."""
_WEEK_SECONDS = 7 * 86_400
_WATCH_SECONDS = 5.0

language_option = click.option(
    "--lang", type=click.Choice(list(languages.LANGUAGES)), default="en", envvar="COLLECTOR_LANG", show_default=True
)


@click.group(invoke_without_command=True)
@click.option("--all", "with_fine", is_flag=True, help="Show the gates that are fine too.")
@click.option("--retired", "with_retired", is_flag=True, help="And those that are out of the fleet.")
@click.option("--json", "as_json", is_flag=True, help="Every gate with its figures and conditions, as JSON.")
@click.option("--watch", is_flag=True, help="Look again every 5 seconds, until Ctrl-C.")
@language_option
@click.pass_context
def fleet(context: click.Context, with_fine: bool, with_retired: bool, as_json: bool, watch: bool, lang: str) -> None:
    """The gates, problems first, each with what to do.

    Exit code 3 when a gate is broken, 4 when one needs attention, 0 when all are fine. In a pipe: one line for each
    problem – severity, gate, name, what, what to do – separated by tabs.
    """
    if context.invoked_subcommand is not None:
        return
    state: StateDir = context.obj
    if watch and as_json:
        raise click.UsageError("--watch is for people, --json for scripts: leave one out")
    with opened(state) as centre, languages.spoken(lang):
        if watch:
            _watch(centre, with_fine=with_fine, with_retired=with_retired)
            return
        now = time.time()
        states = _states(centre, now, with_retired=with_retired)
        _print(states, now, with_fine=with_fine, as_json=as_json)
    context.exit(_code(states))


@fleet.command("show")
@click.argument("gate_id", metavar="GATE")
@language_option
@click.pass_obj
def show_gate(state: StateDir, gate_id: str, lang: str) -> None:
    """Everything that the centre knows of GATE: figures, what is the matter, silences of the week, what was done."""
    with opened(state) as centre, languages.spoken(lang), centre.database.read() as session:
        now, number = time.time(), find_gate(session, gate_id).number
        (seen,) = gate_states(session, now, centre.settings, with_retired=True, only=gate_id)
        samples = contacts.samples(session, now - _WEEK_SECONDS, number).get(number, [])
        shown.console().print(shown.gate(seen, samples, acts.of_gate(session, gate_id), now))


@fleet.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["csv", "json"]), help="[default: by FILE's name, else csv]")
@language_option
@click.pass_obj
def export_fleet(state: StateDir, file: Path, form: str | None, lang: str) -> None:
    """Write the fleet into FILE (- for standard output): CSV for a spreadsheet, or JSON."""
    chosen = form or ("json" if file.suffix == ".json" else "csv")
    with opened(state) as centre, languages.spoken(lang):
        now = time.time()
        states = _states(centre, now, with_retired=True)
        content = export.as_json(states, now) if chosen == "json" else export.as_csv(states)
    if str(file) == "-":
        sys.stdout.buffer.write(content)
        return
    file.write_bytes(content)
    click.echo(f"{file}: {len(states)} gates.", err=True)


def _states(centre: Centre, now: float, *, with_retired: bool) -> list[GateState]:
    with centre.database.read() as session:
        return gate_states(session, now, centre.settings, with_retired=with_retired)


def _print(states: list[GateState], now: float, *, with_fine: bool, as_json: bool) -> None:
    out = shown.console()
    if as_json:
        sys.stdout.buffer.write(export.as_json(states, now))
    elif out.is_terminal:
        out.print(shown.fleet(states, now, with_fine=with_fine, width=out.width))
    else:
        for line in shown.lines(states, with_fine=with_fine):
            click.echo(line)
        if not states:
            click.echo("No gate yet: collector gate create --help", err=True)


def _watch(centre: Centre, *, with_fine: bool, with_retired: bool) -> None:
    out = shown.console()
    if not out.is_terminal:
        raise Mistake("--watch needs a terminal; a script asks again by itself")
    try:
        with Live(console=out, screen=True, auto_refresh=False) as live:
            while True:
                now = time.time()
                states = _states(centre, now, with_retired=with_retired)
                live.update(shown.fleet(states, now, with_fine=with_fine, width=out.width), refresh=True)
                time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return


def _code(states: list[GateState]) -> int:
    found = {gate.severity for gate in states}
    if Severity.BROKEN in found:
        return BROKEN_CODE
    return ATTENTION_CODE if Severity.ATTENTION in found else 0


fleet.add_command(kept)
