"""The command line `gate`. A user's mistake is one sentence and exit code 2; a traceback is our bug."""

from __future__ import annotations

import json
import logging
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from edge import check as checking
from edge import config as configuration
from edge.config import CameraSource, Config
from edge.doctor_cli import command as doctor
from edge.outbox_cli import outbox
from edge.status import SOFTWARE
from edge.terminal import config_option, plain_errors, state_option
from hardware.errors import HardwareError
from sync.wire.statedir import StateDir

if TYPE_CHECKING:
    from hardware.photographs import Reading

MAX_TEXT_BYTES = 1_000_000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(SOFTWARE, prog_name="gate")
def main() -> None:
    """The gate: reads a visitor's code, decides by itself, records it, and opens or does not.

    \b
    gate run      work as a gate
    gate read     read codes from pictures, as the gate's eyes would
    gate check    say what would be decided about a code, and why
    gate doctor   say what keeps this gate from working, and what to do
    gate outbox   show, check and export the records on the card
    gate drop     drop the relay and darken the lamps
    """


main.add_command(outbox)
main.add_command(doctor)


@main.command()
@config_option
@state_option
@click.option("--camera", help='"picamera2", or a directory of photographs to show one after the other.')
@click.option(
    "--visitors",
    type=click.Path(path_type=Path),
    help="Directory of simulated visitors (what `make demo` uses).",
)
@click.option("--pins", help='Pin factory: "lgpio" on a Pi, "mock" without one.')
@plain_errors
def run(
    config_file: Path | None, state: Path | None, camera: str | None, visitors: Path | None, pins: str | None
) -> None:
    """Work as a gate until SIGTERM or Ctrl-C."""
    from edge import bootstrap  # the adapters' libraries are not needed to say --help

    logging.basicConfig(format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    config = _overridden(configuration.load(config_file), state, camera, visitors, pins)
    with bootstrap.gate(config) as gate:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: gate.stop.set())
        gate.run()


def _overridden(
    config: Config, state: Path | None, camera: str | None, visitors: Path | None, pins: str | None
) -> Config:
    """The configuration with what the command line says instead."""
    if camera is not None and visitors is not None:
        raise click.UsageError("--camera and --visitors exclude each other")
    replace = msgspec.structs.replace
    if state is not None:
        config = replace(config, state=configuration.State(str(state)))
    if visitors is not None:
        config = replace(config, camera=replace(config.camera, source=CameraSource.SIMULATED, directory=str(visitors)))
    elif camera == CameraSource.PICAMERA2.value:
        config = replace(config, camera=replace(config.camera, source=CameraSource.PICAMERA2))
    elif camera is not None:
        config = replace(config, camera=replace(config.camera, source=CameraSource.DIRECTORY, directory=camera))
    if pins is not None:
        config = replace(config, pins=replace(config.pins, factory=pins))
    return config


@main.command()
@config_option
@plain_errors
def drop(config_file: Path | None) -> None:
    """Drop the relay and darken the lamps: systemd does it whenever the gate has ended, however it did.

    The pins of a gate that runs are left alone, with exit code 2.
    """
    from edge.drop import drop as dropping

    dropping(config_file)


@main.command()
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="A JSON line for each picture.")
@plain_errors
def read(pictures: tuple[Path, ...], as_json: bool) -> None:
    """Read the codes in PICTURES (files, or directories of them) with every reader the gate has.

    Exit code 0 when every picture was processed, with or without a code in it; 1 when one could not be.
    """
    from edge import bootstrap

    failed = False
    for path, reading in bootstrap.read_pictures(pictures):
        if isinstance(reading, HardwareError):
            failed = True
            click.echo(f"gate: {reading}", err=True)
        if as_json:
            click.echo(json.dumps(_as_json(path, reading), ensure_ascii=False))
        elif not isinstance(reading, HardwareError):
            click.echo(f"{path}: " + (" | ".join(reading.texts) or "-"))
    sys.exit(1 if failed else 0)


def _as_json(path: Path, reading: Reading | HardwareError) -> dict[str, object]:
    if isinstance(reading, HardwareError):
        return {"file": str(path), "texts": [], "reader": None, "milliseconds": None, "error": str(reading)}
    return {
        "file": str(path),
        "texts": list(reading.texts),
        "reader": reading.reader or None,
        "milliseconds": round(reading.milliseconds, 1),
    }


@main.command()
@click.argument("text")
@click.option("--at", help="Decide as at this time (ISO 8601, such as 2026-04-15T08:30:00+08:00); now unless said.")
@click.option("--temperature", type=float, help="The visitor's temperature in °C; not measured unless said.")
@click.option("--trust", type=click.Path(path_type=Path), help="A gate's state directory with its keys and policy.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@plain_errors
def check(
    text: str,
    at: str | None,
    temperature: float | None,
    trust: Path | None,
    config_file: Path | None,
    as_json: bool,
) -> None:
    """Say what this gate would decide about the code TEXT, and why. "-" reads the text from standard input.

    The memory of earlier uses is not consulted: a pass that was used already is judged as if it was not.
    """
    if text == "-":
        text = sys.stdin.buffer.read(MAX_TEXT_BYTES + 1).decode("utf-8", "replace").rstrip("\r\n")
    state = StateDir.at(trust) if trust is not None else configuration.load(config_file).state_dir()
    explained = checking.check(text, state, temperature, _moment(at))
    decision = explained.decision
    if as_json:
        told = {"outcome": decision.outcome.value, "reasons": list(decision.reasons), "kind": decision.kind}
        click.echo(json.dumps(told))
        return
    for line in explained.lines():
        click.echo(line)


def _moment(at: str | None) -> float | None:
    if at is None:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as cause:
        raise click.BadParameter(
            f"{at!r} is not a time such as 2026-04-15T08:30:00+08:00", param_hint="--at"
        ) from cause
    return moment.timestamp()
