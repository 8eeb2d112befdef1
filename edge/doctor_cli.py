"""The command `gate doctor`: what `edge.doctor` found, in plain words."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from edge import config as configuration
from edge import doctor, machine
from edge.clock import Clock, SystemSources, kept_floor
from edge.config import CameraSource, Config
from edge.doctor import Finding, Verdict
from edge.errors import EdgeError
from edge.panel.freshness import Silence
from edge.panel.reading import read_both, read_now
from edge.terminal import config_option, state_option
from hardware.errors import HardwareError
from sync.wire.statedir import StateDir

_GPIO_CHIPS = (Path("/dev/gpiochip0"), Path("/dev/gpiochip4"))


@click.command("doctor")
@config_option
@state_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each finding.")
def command(config_file: Path | None, state: Path | None, as_json: bool) -> None:
    """Examine this gate and say what to do: camera, pins, card, clock, thermometer, libraries, services, connection.

    Exit code 0: all is well. 1: it works, something is worth a look. 3: something is broken.
    """
    findings = list(examine(config_file, state))
    for finding in findings:
        if as_json:
            told = {"part": finding.part, "verdict": finding.verdict.value, "found": finding.found}
            click.echo(json.dumps(told | {"advice": finding.advice}, ensure_ascii=False))
        else:
            click.echo(f"{finding.verdict.value:7}{finding.part:13}{finding.found}")
            if finding.advice:
                click.echo(f"{'':20}→ {finding.advice}")
    sys.exit(doctor.exit_code(findings))


def examine(config_file: Path | None, state_directory: Path | None) -> Iterator[Finding]:
    """Everything, one after the other; what fails to be examined is a finding too."""
    from edge import bootstrap  # the adapters' libraries are not needed to say --help

    config = Config()
    try:
        config = configuration.load(config_file)
    except EdgeError as cause:
        yield Finding("settings", Verdict.BROKEN, str(cause), "Mend that line; docs/OPERATIONS.md has every key")
    state = StateDir.at(state_directory) if state_directory else config.state_dir()
    now = read_now()
    readings = read_both(state, now)
    yield from doctor.gate(readings)
    running = not isinstance(readings.gate, Silence)
    yield from doctor.libraries(_modules(config))
    if not running:
        yield _tried("camera", lambda: bootstrap.try_camera(config))
    yield doctor.pins(config.pins.factory, _GPIO_CHIPS)
    yield _tried("thermometer", lambda: bootstrap.try_thermometer(config))
    if state.root.is_dir():
        yield from doctor.disk(state, machine.disk_used(state.root))
    else:
        yield Finding("disk", Verdict.BROKEN, f"{state.root} is not there", "sudo systemd/install-gate makes it")
    moment = Clock(SystemSources(), kept_floor(state)).now()
    yield doctor.clock(moment.clock, moment.at)
    if Path("/run/systemd/system").is_dir():
        yield from doctor.units(doctor.systemctl)
    yield doctor.link(readings, state, now)


def _modules(config: Config) -> list[str]:
    modules = ["zxingcpp", "pyzbar", "numpy", "smbus2"]
    if config.camera.source is CameraSource.PICAMERA2:
        modules.append("picamera2")
    if config.pins.factory == "lgpio":
        modules.append("lgpio")
    return modules


def _tried(part: str, attempt: Callable[[], str | None]) -> Finding:
    """attempt: what it found, None where there is nothing of that kind; raises HardwareError."""
    try:
        found = attempt()
    except (HardwareError, EdgeError) as cause:
        return Finding(part, Verdict.BROKEN, str(cause))
    return Finding(part, Verdict.WELL, found or "none is configured")
