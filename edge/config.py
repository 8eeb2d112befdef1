"""The gate's configuration: /etc/venue-gate/gate.toml. Every key has a default; docs/OPERATIONS.md explains them."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec

from edge.errors import NotSetUp
from sync.wire import tomlform
from sync.wire.statedir import StateDir

DEFAULT_FILE = Path("/etc/venue-gate/gate.toml")

_Pin = Annotated[int, msgspec.Meta(ge=0, le=27)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=60)]
_Rate = Annotated[float, msgspec.Meta(gt=0, le=120)]


class CameraSource(str, Enum):
    """Where frames come from."""

    PICAMERA2 = "picamera2"
    DIRECTORY = "directory"
    SIMULATED = "simulated"


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """directory survives reboots; run need not (None: `run` inside of it)."""

    directory: str = "/var/lib/venue-gate"
    run: str | None = None


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """directory: of pictures (source "directory") or of visitors (source "simulated")."""

    source: CameraSource = CameraSource.PICAMERA2
    directory: str | None = None
    frames_per_second: _Rate = 15.0
    repeat: bool = True


class Simulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pace of the simulated visitors, in seconds; view: where to put a JPEG of what the camera sees.

    height, width: of the drawn frames, in pixels; smaller ones cost less.
    """

    approach_seconds: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.5
    hold_seconds: _Seconds = 2.6
    gap_seconds: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.9
    height: Annotated[int, msgspec.Meta(ge=240, le=1080)] = 720
    width: Annotated[int, msgspec.Meta(ge=320, le=1920)] = 1280
    seed: int = 1
    view: str | None = None


class Pins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """BCM numbers. factory: "lgpio" on a Pi, "mock" without one. trace: a file that gets every change of a mock pin.

    "pass" is a word of the language, so its lamp is called `passing` here.
    """

    factory: str = "lgpio"
    relay: _Pin = 17
    passing: _Pin = 22
    deny: _Pin = 27
    refer: _Pin = 23
    link: _Pin = 24
    buzzer: _Pin = 25
    relay_active_high: bool = True
    lamps_active_high: bool = True
    trace: str | None = None


class Barrier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """open_seconds: how long the relay is held for one passage."""

    open_seconds: _Seconds = 1.0


class Display(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """result_seconds: how long a result stands on lamps and display."""

    result_seconds: _Seconds = 2.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """gate.toml."""

    state: State = State()
    camera: Camera = Camera()
    simulation: Simulation = Simulation()
    pins: Pins = Pins()
    barrier: Barrier = Barrier()
    display: Display = Display()

    def state_dir(self) -> StateDir:
        """The paths that follow from [state]."""
        return StateDir.at(Path(self.state.directory), Path(self.state.run) if self.state.run else None)


def load(path: Path | None) -> Config:
    """Read the configuration. path None: the default file, or the defaults where it does not exist. Raises NotSetUp."""
    file = path or DEFAULT_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as cause:
        if path is None:
            return Config()
        raise NotSetUp(f"there is no configuration file {path}") from cause
    except (OSError, UnicodeDecodeError) as cause:
        raise NotSetUp(f"{file} cannot be read as UTF-8 text: {cause}") from cause
    try:
        return tomlform.decode(text, Config, str(file))
    except tomlform.ConfigError as cause:
        raise NotSetUp(str(cause)) from cause
