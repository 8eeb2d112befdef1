"""The demo's town: its directory, its ports, and the command line of each of its programs.

Everything is done as the town's IT person would do it, by the programs' own command lines; the demo knows no shortcut.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from edge.demo.link import CUT
from edge.errors import NotSetUp
from sync.outbox.durable import make_directory, replace_file

VENUE, CHECKPOINT, GATE_NAME, GATE = "西南镇农贸市场", "南门", "南门一号闸机", "south-1"


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback TCP ports. link: the relay between gate-sync and the collector."""

    collector: int = 8000
    panel: int = 8080
    link: int = 8001


@dataclass(frozen=True, slots=True)
class Town:
    """One venue with one gate. frames_per_second and visit: the pace of its visitors."""

    directory: Path
    ports: Ports = Ports()
    frames_per_second: float = 15.0
    approach_seconds: float = 0.5
    hold_seconds: float = 2.6
    gap_seconds: float = 0.9
    open_seconds: float = 1.0
    result_seconds: float = 2.0
    greeting_seconds: float = 2.0
    longest_wait_seconds: float = 5.0
    frame_size: tuple[int, int] = (720, 1280)
    trace: bool = False
    visitors_options: tuple[str, ...] = field(default=())

    @property
    def gate_state(self) -> Path:
        """The gate's state directory."""
        return self.directory / "gate"

    @property
    def collector_state(self) -> Path:
        """The collector's state directory."""
        return self.directory / "collector"

    @property
    def visitors(self) -> Path:
        """The queue of simulated visitors."""
        return self.directory / "visitors"

    @property
    def stage(self) -> Path:
        """What only the demo's page shows: the switch of the link, and the camera's view."""
        return self.directory / "stage"

    @property
    def pin_trace(self) -> Path:
        """Every change of a pin, where `trace` is set."""
        return self.directory / "pins.log"

    @property
    def logs(self) -> Path:
        """One file for each program."""
        return self.directory / "logs"

    def prepare(self) -> None:
        """Create what is missing; what exists goes on as it is. Raises NotSetUp."""
        for directory in (self.directory, self.visitors, self.stage, self.logs):
            make_directory(directory)
        if not self._founded.exists():
            self._found()
        replace_file(self.collector_state / "collector.toml", self._collector_toml().encode())
        self._collector("init")  # an upgrade since the last demo brings the database up to date
        self._collector("gate", "provision", str(self.gate_state), "--gate", GATE, "--collector-url", self._address())
        replace_file(self.directory / "gate.toml", self._gate_toml().encode())
        replace_file(self.directory / "gate-sync.toml", self._sync_toml().encode())

    @property
    def _founded(self) -> Path:
        """Holds the checkpoint's number once venue, checkpoint and gate are there."""
        return self.directory / "checkpoint"

    def _found(self) -> None:
        """Create the venue and its gate. What an interrupted try left behind has recorded nothing yet: away with it."""
        for leftover in (self.collector_state, self.gate_state):
            shutil.rmtree(leftover, ignore_errors=True)
        self._collector("init")
        venue = self._collector("venue", "create", VENUE)
        checkpoint = self._collector("checkpoint", "create", CHECKPOINT, "--venue", venue, "--direction", "in")
        self._collector("gate", "create", GATE_NAME, "--checkpoint", checkpoint, "--id", GATE)
        replace_file(self._founded, checkpoint.encode())

    def cut(self, cut: bool) -> None:
        """Cut or mend the link, before the programs run (then the page does)."""
        replace_file(self.stage / "link", CUT.encode() if cut else b"up", durable=False)

    def programs(self) -> dict[str, list[str]]:
        """Name → command line, in the order in which they start."""
        checkpoint = self._founded.read_text(encoding="ascii").strip()
        gate_state, stage = str(self.gate_state), str(self.stage)
        collector = [program("collector"), "--state", str(self.collector_state)]
        return {
            "collector": [*collector, "serve", "--port", str(self.ports.collector)],
            "link": [
                *(sys.executable, "-m", "edge.demo.link"),
                *(str(self.ports.link), str(self.ports.collector), str(self.stage / "link")),
            ],
            "visitors": [
                *(*collector, "demo-visitors", str(self.visitors), "--checkpoint", checkpoint),
                *self.visitors_options,
            ],
            "gate-sync": [
                *(
                    program("gate-sync"),
                    "run",
                    "--state",
                    gate_state,
                    "--config",
                    str(self.directory / "gate-sync.toml"),
                )
            ],
            "gate": [program("gate"), "run", "--config", str(self.directory / "gate.toml")],
            "gate-panel": [
                *(program("gate-panel"), "run", "--state", gate_state, "--port", str(self.ports.panel)),
                *("--demo", stage),
            ],
        }

    def _address(self) -> str:
        return f"http://127.0.0.1:{self.ports.link}"

    def _collector(self, *arguments: str) -> str:
        """Run one command of the collector; returns its last line."""
        command = [program("collector"), "--state", str(self.collector_state), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotSetUp(f"`collector {' '.join(arguments)}` failed: {done.stderr.strip()}")
        return (done.stdout.strip().splitlines() or [""])[-1]

    def way_in(self) -> str:
        """A fresh one-time link that signs in to the collector's pages as the town's IT."""
        return self._collector("account", "link", "it", "--enter", "--reason", "demo")

    def _collector_toml(self) -> str:
        return f"""\
# Written by the demo at each start: its pages answer this machine only, and ask for no second factor.
port = {self.ports.collector}
second_factor = false
"""

    def _gate_toml(self) -> str:
        # JSON's strings are TOML's: a path with a quote or a backslash stays one.
        return f"""\
# Written by the demo at each start. docs/OPERATIONS.md explains every key.
[state]
directory = {json.dumps(str(self.gate_state))}

[camera]
source = "simulated"
directory = {json.dumps(str(self.visitors))}
frames_per_second = {self.frames_per_second}

[simulation]
approach_seconds = {self.approach_seconds}
hold_seconds = {self.hold_seconds}
gap_seconds = {self.gap_seconds}
height = {self.frame_size[0]}
width = {self.frame_size[1]}
view = {json.dumps(str(self.stage / "view.jpg"))}

[pins]
factory = "mock"
{f"trace = {json.dumps(str(self.pin_trace))}" if self.trace else ""}

[barrier]
open_seconds = {self.open_seconds}

[display]
result_seconds = {self.result_seconds}
"""

    def _sync_toml(self) -> str:
        return f"""\
# Written by the demo at each start: a demo shows in seconds what a gate does in minutes.
greeting_seconds = {self.greeting_seconds}
longest_wait_seconds = {self.longest_wait_seconds}
"""


def program(name: str) -> str:
    """The path of one of our own programs, beside the running Python."""
    return os.path.join(os.path.dirname(sys.executable), name)
