"""What the gate takes of a Pi: memory, the card, the time of a decision – with the emulation's own factor beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.emulated_pi.ground import PINS, Ground, Seen
from tests.emulated_pi.pins import until
from tests.emulated_pi.town import BENCH, GREEN

MEGABYTE = 1e6
PROGRAMS = ("gate", "gate-sync", "gate-panel")
_PYTHON = "/opt/venue-gate/current/bin/python"
_LABOUR = f"/{BENCH}/labour.py"


def run(ground: Ground) -> None:
    """Figures, none of which fails anything but the memory that DESIGN 10 promises."""
    findings, town = ground.findings, ground.town()
    labour = (Path(__file__).parents[1] / "guest" / "labour.py").read_text()

    def put(root: Path) -> None:
        town.provision(root)
        (root / _LABOUR.lstrip("/")).write_text(labour)
        (root / BENCH / "pass").write_text(town.pass_text())

    findings.measure("the card: everything on it", ground.image.tree_bytes / MEGABYTE, "MB")
    findings.measure("the card: the gate's programs and libraries", ground.image.gate_bytes / MEGABYTE, "MB")
    with ground.pi(ground.card(town, put)) as gate:
        findings.measure("power on → the gate answers", gate.ready(), "s, emulated")
        gate.let_in(GREEN)
        gate.settle()
        for program in PROGRAMS:
            _memory(ground, gate, program)
        _start(ground, gate)
        _labours(ground, gate)


def _memory(ground: Ground, gate: Seen, program: str) -> None:
    """Of each process of the unit: resident, and its share of what several have."""
    listed = gate.pi.bench.run("cat", f"/sys/fs/cgroup/system.slice/{program}.service/cgroup.procs").split()
    resident, share = 0.0, 0.0
    for number in listed:
        for line in gate.pi.bench.run("cat", f"/proc/{number}/smaps_rollup", check=False).splitlines():
            name, _, amount = line.partition(":")
            resident += int(amount.split()[0]) / 1e3 if name == "Rss" else 0
            share += int(amount.split()[0]) / 1e3 if name == "Pss" else 0
    if program == "gate":
        ground.findings.note("gate: resident memory", resident <= 120, resident, "MB", "≤ 120 MB (DESIGN 10)")
    else:
        ground.findings.measure(f"{program}: resident memory", resident, "MB")
    ground.findings.measure(f"{program}: its share of what is in memory", share, f"MB in {len(listed)} processes")


def _start(ground: Ground, gate: Seen) -> None:
    """The program anew, with somebody already there."""
    gate.pi.bench.run("systemctl", "stop", "gate")
    gate.pi.bench.show("green-2.png")
    begun = time.monotonic()
    gate.pi.bench.run("systemctl", "--no-block", "start", "gate")
    opened = gate.pi.pins.wait(PINS.relay, True, begun, 120.0)
    ground.findings.measure("start → first decision", opened - begun, "s, emulated")
    until(lambda: gate.status() is not None, 30.0, "its status")


def _labours(ground: Ground, gate: Seen) -> None:
    """The same work here and there, in one run."""
    gate.pi.bench.run("systemctl", "stop", "gate", "gate-sync", "gate-panel")
    there = json.loads(
        gate.pi.bench.run(
            _PYTHON, _LABOUR, f"/{BENCH}/pass", f"/{BENCH}/pictures/{GREEN}", "/var/lib/venue-gate", seconds=300.0
        )
    )
    local = ground.directory / "labour"
    local.mkdir()
    (local / "pass").write_bytes(gate.pi.bench.read(f"/{BENCH}/pass"))
    (local / GREEN).write_bytes(gate.pi.bench.read(f"/{BENCH}/pictures/{GREEN}"))
    script = Path(__file__).parents[1] / "guest" / "labour.py"
    command = [
        sys.executable,
        str(script),
        str(local / "pass"),
        str(local / GREEN),
        str(ground.directory / "town" / "provisioned"),
    ]
    here = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for name, seconds in there.items():
        ground.findings.measure(f"{name}: here", here[name] * 1e3, "ms")
        ground.findings.measure(f"{name}: emulated / here", seconds / here[name], "times")
