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

    passage and fire_loop are taken only where their own sections say that there is one. button: inside the enclosure.
    "pass" is a word of the language, so its lamp is called `passing` here.
    """

    factory: str = "lgpio"
    relay: _Pin = 17
    passing: _Pin = 22
    deny: _Pin = 27
    refer: _Pin = 23
    link: _Pin = 24
    buzzer: _Pin = 25
    passage: _Pin = 5
    fire_loop: _Pin = 6
    button: _Pin = 16
    relay_active_high: bool = True
    lamps_active_high: bool = True
    trace: str | None = None

    @property
    def outputs(self) -> dict[int, bool]:
        """Relay, lamps and buzzer: number → whether it is active high."""
        lamps = (self.passing, self.deny, self.refer, self.link, self.buzzer)
        return {self.relay: self.relay_active_high, **dict.fromkeys(lamps, self.lamps_active_high)}


class Barrier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """open_seconds: how long the relay is held for one passage."""

    open_seconds: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 1.0


class PassageSource(str, Enum):
    """What tells whether somebody went through."""

    NONE = "none"
    CONTACT = "contact"


class Passage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contact of the turnstile's arm, or of a light beam behind it.

    closed_at_rest: whether it is closed while nobody passes; then a cut wire is an alarm and not a gate that sees
    nobody. pass_seconds: how long an opening stands; held_seconds: how long the passage may be occupied.
    """

    sensor: PassageSource = PassageSource.NONE
    closed_at_rest: bool = True
    pass_seconds: _Seconds = 5.0
    held_seconds: _Seconds = 10.0


class FireLoop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """observed: whether the fire loop's second contact is wired to pins.fire_loop. The loop itself is hardware."""

    observed: bool = False


class ThermometerSource(str, Enum):
    """What measures the visitor's temperature."""

    NONE = "none"
    MLX90614 = "mlx90614"


class Thermometer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """bus: of /dev/i2c-<bus>. emissivity, offset_celsius, window_seconds: see `hardware.mlx90614` and `.thermometer`.

    Simulated visitors bring their own temperature; none of this is asked then.
    """

    sensor: ThermometerSource = ThermometerSource.NONE
    bus: Annotated[int, msgspec.Meta(ge=0, le=99)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x08, le=0x77)] = 0x5A
    emissivity: Annotated[float, msgspec.Meta(ge=0.5, le=1)] = 0.98
    offset_celsius: Annotated[float, msgspec.Meta(ge=-5, le=5)] = 0.0
    window_seconds: Annotated[float, msgspec.Meta(ge=0.2, le=5)] = 0.8


class Display(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """result_seconds: how long a result stands on lamps and display."""

    result_seconds: _Seconds = 2.0


class Language(str, Enum):
    """A language that results can be spoken in."""

    ZH = "zh"
    EN = "en"


class Voice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """languages: in which results are spoken, in this order, by espeak-ng; () for none."""

    languages: tuple[Language, ...] = ()


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """gate.toml."""

    state: State = State()
    camera: Camera = Camera()
    simulation: Simulation = Simulation()
    pins: Pins = Pins()
    barrier: Barrier = Barrier()
    passage: Passage = Passage()
    fire_loop: FireLoop = FireLoop()
    thermometer: Thermometer = Thermometer()
    display: Display = Display()
    voice: Voice = Voice()

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
