"""Builds the gate from its configuration: the only place that knows the adapters. Nothing falls back by itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge import history, machine
from edge.clock import Clock, SystemSources, kept_floor
from edge.config import CameraSource, Config
from edge.errors import NotSetUp
from edge.faults import Faults
from edge.gate import Devices, Gate
from edge.ledger import Ledger
from edge.recent import MAX_USES
from edge.results import ResultBoard
from edge.trust import Trust
from edge.upkeep import Upkeep
from hardware.barrier import RelayBarrier
from hardware.camera import DirectoryCamera, Picamera2Camera
from hardware.errors import HardwareError
from hardware.indicator import LampIndicator, LampPins
from hardware.passage import NoPassageSensor
from hardware.photographs import Reading, read_photograph
from hardware.pins import make_factory, trace_to_file
from hardware.ports import Camera, Thermometer
from hardware.simulated import Doorway, Pace, SimulatedCamera, SimulatedThermometer
from hardware.isolated import IsolatedReader
from hardware.thermometer import NoThermometer
from sync.outbox import Outbox
from sync.outbox.durable import make_directory

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
        indicator = LampIndicator(factory, lamps, pins.lamps_active_high)
        stack.callback(indicator.close)
        camera, thermometer = _senses(config)
        stack.callback(camera.close)
        reader = IsolatedReader()
        stack.callback(reader.close)

        faults, trust = Faults(), Trust(state)
        clock = Clock(SystemSources(), kept_floor(state))
        ledger = Ledger(outbox, history.newest(state.outbox, HISTORY))
        results = ResultBoard(indicator, config.display.result_seconds)
        yield Gate(
            Devices(camera, reader, thermometer, barrier, NoPassageSensor()),
            ledger,
            trust,
            clock,
            results,
            Upkeep(state, ledger, trust, clock, barrier, indicator, results, faults),
            faults,
        )


def _senses(config: Config) -> tuple[Camera, Thermometer]:
    """The camera, and the thermometer that looks at the same person."""
    camera = config.camera
    if camera.source is CameraSource.PICAMERA2:
        return Picamera2Camera(frames_per_second=camera.frames_per_second), NoThermometer()
    if camera.directory is None:
        raise NotSetUp(f'camera.directory is missing: source = "{camera.source.value}" takes its pictures from there')
    directory = Path(camera.directory)
    if camera.source is CameraSource.DIRECTORY:
        pictures = DirectoryCamera(directory, camera.frames_per_second, camera.repeat)
        pictures.pictures()  # an empty directory is a mistake to tell at once, not a lost camera
        return pictures, NoThermometer()
    simulation = config.simulation
    pace = Pace(simulation.approach_seconds, simulation.hold_seconds, simulation.gap_seconds)
    doorway = Doorway(directory, pace, time.monotonic)
    view = Path(simulation.view) if simulation.view else None
    size = (simulation.height, simulation.width)
    simulated = SimulatedCamera(doorway, camera.frames_per_second, simulation.seed, size, view)
    return simulated, SimulatedThermometer(doorway)


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
