"""Builds the gate from its configuration: the only place that knows the adapters. Nothing falls back by itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from edge import history, machine
from edge.clock import Clock, SystemSources, kept_floor
from edge.commissioning import Commissioning
from edge.config import CameraSource, Config, PassageSource, ThermometerSource
from edge.errors import NotSetUp
from edge.faults import Faults
from edge.gate import Devices, Gate
from edge.heart import Heart
from edge.ledger import Ledger
from edge.recent import MAX_USES
from edge.results import ResultBoard
from edge.trust import Trust
from edge.upkeep import Upkeep
from hardware.barrier import RelayBarrier
from hardware.camera import DirectoryCamera, Picamera2Camera
from hardware.contacts import ContactPassageSensor, ContactSwitch, PinContact
from hardware.errors import CameraError, HardwareError
from hardware.indicator import LampIndicator, LampPins
from hardware.isolated import IsolatedReader
from hardware.mlx90614 import Mlx90614, Optics, celsius, open_system_bus
from hardware.passage import NoPassageSensor
from hardware.photographs import Reading, read_photograph
from hardware.pins import PinFactory, make_factory, trace_to_file
from hardware.ports import Camera, Indicator, PassageSensor, Switch, Thermometer
from hardware.simulated import Doorway, Pace, SimulatedCamera, SimulatedThermometer
from hardware.simulated_sensors import walk_on_mock_pin
from hardware.thermometer import NoThermometer, Plausibility, SampledThermometer
from hardware.turnstile import Patience
from hardware.voice import SpokenIndicator, Voice
from sync.notify import Supervisor
from sync.outbox import Outbox
from sync.outbox.durable import make_directory

TRY_SECONDS = 5.0
DARK = 4  # of 255: a covered lens still has noise
HISTORY = 2 * MAX_USES  # records: most uses are a scan and the turnstile's word on it


@contextmanager
def gate(config: Config) -> Iterator[Gate]:
    """A gate ready to run; all that it holds is freed at the end. Raises NotSetUp, HardwareError, OutboxError."""
    state = config.state_dir()
    try:
        make_directory(state.root)
        make_directory(state.run)
    except OSError as cause:
        sentence = f"{cause.filename} cannot be created ({cause.strerror}); use --state DIR for another place"
        raise NotSetUp(sentence) from cause
    with ExitStack() as stack:
        outbox = stack.enter_context(Outbox(state.outbox, machine.name()))
        pins = config.pins
        factory = make_factory(pins.factory, trace_to_file(Path(pins.trace)) if pins.trace else None)
        barrier = RelayBarrier(factory, pins.relay, config.barrier.open_seconds, pins.relay_active_high)
        stack.callback(barrier.close)
        lamps = LampPins(pins.passing, pins.deny, pins.refer, pins.link, pins.buzzer)
        indicator: Indicator = LampIndicator(factory, lamps, pins.lamps_active_high)
        if config.voice.languages:
            indicator = SpokenIndicator(indicator, Voice([language.value for language in config.voice.languages]))
        stack.callback(indicator.close)
        fire_loop = _fire_loop(config, factory, stack)
        passage = _passage(config, factory, barrier, fire_loop, stack)
        camera, thermometer = _senses(config, stack)
        reader = IsolatedReader()
        stack.callback(reader.close)

        faults, trust, heart = Faults(), Trust(state), Heart(Supervisor())
        clock = Clock(SystemSources(), kept_floor(state))
        button = ContactSwitch(PinContact(factory, "button", pins.button))
        stack.callback(button.close)
        commissioning = Commissioning(state, button)
        ledger = Ledger(outbox, history.newest(state.outbox, HISTORY))
        results = ResultBoard(indicator, config.display.result_seconds)
        yield Gate(
            Devices(camera, reader, thermometer, barrier, passage),
            ledger,
            trust,
            clock,
            results,
            Upkeep(state, ledger, trust, clock, barrier, indicator, results, faults, heart, fire_loop, commissioning),
            faults,
            heart,
            commissioning,
        )


def _senses(config: Config, stack: ExitStack) -> tuple[Camera, Thermometer]:
    """The camera, and the thermometer that looks at the same person."""
    camera, doorway = _camera(config)
    stack.callback(camera.close)
    return camera, SimulatedThermometer(doorway) if doorway else _thermometer(config, stack)


def _camera(config: Config) -> tuple[Camera, Doorway | None]:
    """The camera, and who stands before it where both are simulated."""
    camera = config.camera
    if camera.source is CameraSource.PICAMERA2:
        return Picamera2Camera(frames_per_second=camera.frames_per_second), None
    if camera.directory is None:
        raise NotSetUp(f'camera.directory is missing: source = "{camera.source.value}" takes its pictures from there')
    directory = Path(camera.directory)
    if camera.source is CameraSource.DIRECTORY:
        pictures = DirectoryCamera(directory, camera.frames_per_second, camera.repeat)
        pictures.pictures()  # an empty directory is a mistake to tell at once, not a lost camera
        return pictures, None
    simulation = config.simulation
    pace = Pace(simulation.approach_seconds, simulation.hold_seconds, simulation.gap_seconds)
    doorway = Doorway(directory, pace, time.monotonic)
    view = Path(simulation.view) if simulation.view else None
    size = (simulation.height, simulation.width)
    return SimulatedCamera(doorway, camera.frames_per_second, simulation.seed, size, view), doorway


def _thermometer(config: Config, stack: ExitStack) -> Thermometer:
    settings = config.thermometer
    if settings.sensor is ThermometerSource.NONE:
        return NoThermometer()
    sensor = Mlx90614(partial(open_system_bus, settings.bus), settings.address)
    plausibility = Plausibility(window_seconds=settings.window_seconds)
    sampled = SampledThermometer(sensor, Optics(settings.emissivity, settings.offset_celsius), plausibility)
    stack.callback(sampled.close)
    return sampled


def _fire_loop(config: Config, factory: PinFactory, stack: ExitStack) -> Switch | None:
    """The fire loop's second contact, closed while the loop is intact; None where nobody wired it."""
    if not config.fire_loop.observed:
        return None
    switch = ContactSwitch(PinContact(factory, "fire loop", config.pins.fire_loop))
    stack.callback(switch.close)
    return switch


def _passage(
    config: Config, factory: PinFactory, barrier: RelayBarrier, fire_loop: Switch | None, stack: ExitStack
) -> PassageSensor:
    settings, pin = config.passage, config.pins.passage
    if settings.sensor is PassageSource.NONE:
        return NoPassageSensor()
    contact = PinContact(factory, "passage sensor", pin, closed_is_active=not settings.closed_at_rest)
    if config.camera.source is CameraSource.SIMULATED and config.pins.factory == "mock":
        stack.callback(walk_on_mock_pin(factory, pin, lambda: barrier.is_open, settings.closed_at_rest).close)
    sensor = ContactPassageSensor(
        contact,
        lambda: barrier.is_open,
        Patience(settings.pass_seconds, settings.held_seconds),
        lambda: fire_loop is not None and not fire_loop.active,
    )
    stack.callback(sensor.close)
    return sensor


def try_camera(config: Config) -> str:
    """Take one picture, as `gate doctor` does where no gate runs. Raises CameraError, NotSetUp."""
    camera, _ = _camera(config)
    try:
        frame = None
        deadline = time.monotonic() + TRY_SECONDS
        while frame is None and time.monotonic() < deadline:
            frame = camera.capture(1.0)
    finally:
        camera.close()
    if frame is None:
        raise CameraError("the camera opens, and sends no picture")
    height, width = frame.luma.shape
    light = float(frame.luma.mean())
    return f"{width}×{height}" + (", all dark: is there a cap on the lens?" if light < DARK else "")


def try_thermometer(config: Config) -> str | None:
    """Read the thermometer once, None where there is none. Raises ThermometerError."""
    settings = config.thermometer
    if settings.sensor is ThermometerSource.NONE:
        return None
    sensor = Mlx90614(partial(open_system_bus, settings.bus), settings.address)
    try:
        seen = celsius(sensor.read(), Optics(settings.emissivity, settings.offset_celsius))
    finally:
        sensor.close()
    return f"it sees {seen:.1f} °C before it"


def read_pictures(paths: Iterable[Path]) -> Iterator[tuple[Path, Reading | HardwareError]]:
    """Each picture (those of a directory in the order of their names) with what it says, or why it cannot be read.

    Raises HardwareError for a directory without pictures.
    """
    for path in paths:
        for picture in DirectoryCamera(path).pictures() if path.is_dir() else [path]:
            try:
                yield picture, read_photograph(picture)
            except HardwareError as cause:
                yield picture, cause
