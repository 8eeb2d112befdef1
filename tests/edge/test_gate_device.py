"""The gate and what it is bolted to: alarms, the fire loop, slow and stalled disks, missing parts (R8, R26)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import bootstrap
from edge.config import load
from edge.heart import LOOK_SECONDS, STALL_SECONDS
from hardware.passage import SimulatedPassageSensor
from hardware.ports import Turn
from hardware.simulated_sensors import SimulatedBus
from sync.outbox import Outbox, readers
from sync.outbox.system import System
from sync.wire import jsonform
from sync.wire.record import FireLoop, Passage, Passed, Record, Scan
from sync.wire.statedir import StateDir
from sync.wire.status import Fault
from tests.edge.test_gate import Bench


class Card(System):
    """A disk that takes `seconds` for a flush, and that can be held until `let_go`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.free = threading.Event()
        self.free.set()

    def sync_data(self, descriptor: int) -> None:
        self._wait()
        super().sync_data(descriptor)

    def sync(self, descriptor: int) -> None:
        self._wait()
        super().sync(descriptor)

    def _wait(self) -> None:
        time.sleep(self.seconds)
        self.free.wait(30)


@pytest.fixture
def card() -> Card:
    return Card()


@pytest.fixture
def pins() -> list[tuple[float, str, bool]]:
    return []


@pytest.fixture
def bench(authority, state, card, pins):
    authority.install(state)

    def on_pin(pin: str, level: bool) -> None:
        pins.append((time.monotonic(), pin, level))

    with Outbox(state.outbox, "board:card", system=card) as outbox:
        made = Bench(authority, state, outbox, on_pin, SimulatedPassageSensor())
        yield made
        card.seconds = 0.0
        card.free.set()
        made.heart.stop()
        made.barrier.close()
        made.indicator.close()


def look(bench: Bench, seconds: float = 1.1) -> list[Fault]:
    """A frame with nobody in it, after so long; the faults that stand then."""
    bench.sources.pass_by(seconds)
    bench.script.frames.append([])
    bench.step()
    bench.script.frames.clear()
    bench.upkeep.tend(bench.clock.now())
    return bench.status().faults


def test_a_slow_card_delays_the_opening_and_never_the_record(bench, card, pins):
    """500 ms for a flush: the relay waits for the record, and the record for nobody."""
    card.seconds = 0.5
    begun = time.monotonic()
    bench.show(bench.authority.pass_text())
    (opened,) = [at for at, pin, level in pins if pin == "GPIO17" and level]
    assert opened - begun >= 0.5
    work = bench.heart.work
    assert work.openings == 1
    assert work.stages["disk"] >= 0.5
    assert work.stages["disk"] > 5 * (work.stages["decide"] + work.stages["act"])


def test_a_stalled_disk_is_told_on_the_lamps_and_nobody_passes_until_it_is_back(bench, card):
    """The loop cannot speak; the heart does. Then the visitor who waited passes, with the record on the disk."""
    bench.heart.watch(bench.upkeep.disk_stalls)
    card.free.clear()
    visitor = threading.Thread(target=bench.gate.answer, args=(bench.authority.pass_text(), bench.clock.now()))
    visitor.start()
    deadline = time.monotonic() + STALL_SECONDS + 4 * LOOK_SECONDS + 5
    while not {"deny", "refer"} <= {name for name, lit in bench.indicator.lamps().lit.items() if lit}:
        assert time.monotonic() < deadline
    assert bench.openings == 0
    card.free.set()
    visitor.join(10)
    assert bench.openings == 1
    assert len(bench.scans()) == 1


def test_a_disk_that_stalls_between_visitors_is_told_too_and_no_reason_for_a_restart(bench, card):
    """Counts of refused codes are written while nobody is there."""
    bench.heart.watch(bench.upkeep.disk_stalls)
    bench.ledger.refused("unknown_key", bench.clock.now())
    bench.sources.pass_by(61)
    card.free.clear()
    loop = threading.Thread(target=bench.step)
    loop.start()
    deadline = time.monotonic() + STALL_SECONDS + 4 * LOOK_SECONDS + 5
    while not {"deny", "refer"} <= {name for name, lit in bench.indicator.lamps().lit.items() if lit}:
        assert time.monotonic() < deadline
    assert bench.heart.is_well(time.monotonic() + 3600)
    card.free.set()
    loop.join(10)
    bench.step()
    assert bench.results.signal.value == "ready"


def test_a_forced_turnstile_is_an_alarm_for_a_while(bench):
    """On the service lamp, the buzzer and the page; then the gate is as before."""
    bench.passage.turn(Turn.FORCED)
    assert Fault.TURNSTILE in look(bench)
    assert bench.indicator.lamps().lit["link"]
    bench.sources.pass_by(time.monotonic() + 30 - bench.sources.mono())
    assert Fault.TURNSTILE not in look(bench)


def test_a_turnstile_that_is_held_open_is_an_alarm_until_it_is_free(bench):
    """However long."""
    bench.passage.turn(Turn.HELD_OPEN)
    assert Fault.TURNSTILE in look(bench)
    assert Fault.TURNSTILE in look(bench, 3600)
    bench.passage.turn(Turn.RELEASED)
    assert Fault.TURNSTILE not in look(bench)


def test_a_lost_passage_sensor_is_told_and_comes_back(bench):
    """No restart."""
    bench.passage.lost = True
    assert Fault.PASSAGE in look(bench)
    bench.passage.lost = False
    assert Fault.PASSAGE not in look(bench)


def test_an_open_fire_loop_is_recorded_shown_and_lets_nobody_in(bench):
    """R8: the lock has no power by itself; the gate says so instead of "please pass", and goes on when it is closed."""
    bench.fire_loop.active = False
    assert Fault.FIRE_LOOP in look(bench)
    assert bench.status().signal == "out_of_order"
    bench.show(bench.authority.pass_text())
    assert bench.openings == 0
    bench.script.frames.clear()
    bench.fire_loop.active = True
    assert Fault.FIRE_LOOP not in look(bench)
    bench.show(bench.authority.pass_text())
    assert bench.openings == 1
    assert [record.intact for record in bench.records() if isinstance(record, FireLoop)] == [False, True]


def test_a_pass_that_was_used_has_a_signal_of_its_own(bench):
    """Told apart from a refusal by rhythm, sound and word."""
    text = bench.authority.pass_text()
    bench.show(text)
    bench.sources.pass_by(10)
    bench.show(text)
    bench.upkeep.tend(bench.clock.now())
    assert bench.status().signal == "already_used"


def test_what_the_loop_does_is_counted(bench):
    """Frames, codes read, openings, and where the time went."""
    bench.show(bench.authority.pass_text())
    for _ in range(2):
        look(bench)
    work = bench.status().work
    assert (work.frames, work.read, work.openings) == (2, 1, 1)
    assert set(work.stages) == {"rest", "camera", "read", "decide", "disk", "act"}


GATE = Path(sys.executable).with_name("gate")


def until(get: Callable, holds: Callable, seconds: float = 30.0):
    deadline = time.monotonic() + seconds
    while not holds(got := get()):
        assert time.monotonic() < deadline, got
        time.sleep(0.05)
    return got


def test_a_gate_with_nothing_starts_tells_systemd_and_says_what_is_missing(tmp_path):
    """R26: no camera, thermometer, network or keys: READY, then a state for each. SIGTERM ends it."""
    name = str(tmp_path / "notify")
    settings = tmp_path / "gate.toml"
    settings.write_text('[pins]\nfactory = "mock"\n[thermometer]\nsensor = "mlx90614"\nbus = 87\n')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(30)
        command = [GATE, "run", "--config", settings, "--state", tmp_path / "state"]
        environment = {**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000000"}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as gate:
            try:
                assert manager.recv(100) == b"READY=1"
                assert list((tmp_path / "state" / "outbox").iterdir())
                assert manager.recv(100) == b"WATCHDOG=1"
                missing = {"camera", "thermometer"}  # the thermometer too, before any visitor needs it
                status = until(lambda: _status(tmp_path / "state"), lambda told: missing <= set(told.get("faults", ())))
                assert status["signal"] == "out_of_order"
                assert status["enrolled"] is False
                gate.send_signal(signal.SIGTERM)
                _, complaints = gate.communicate(timeout=20)
            finally:
                gate.kill()
    assert gate.returncode == 0
    assert "Traceback" not in complaints
    assert "camera: " in complaints


def _status(state: Path) -> dict:
    try:
        return json.loads((state / "run" / "status.json").read_bytes())
    except (OSError, ValueError):
        return {}


def test_the_simulated_bus_is_what_smbus2_would_be():
    """The stand-in of these tests has the calls that the adapter makes."""
    from smbus2 import SMBus

    for call in ("read_i2c_block_data", "close"):
        assert hasattr(SMBus, call)
        assert hasattr(SimulatedBus, call)


def test_a_visitor_goes_through_a_turnstile_that_tells(authority, tmp_path):
    """Everything but the hands is real: drawn code, decoders, outbox, relay and contact on mock pins (R8)."""
    visitors = tmp_path / "visitors"
    visitors.mkdir()
    now = int(time.time())
    authority.install(StateDir.at(tmp_path / "state"), issued_at=now)
    text = authority.pass_text(issued_at=now, expires_at=now + 120, status_at=now)
    shown = {"exhibits": [{"text": text, "surface": "phone"}], "celsius": 36.4}
    (visitors / "1.json").write_text(json.dumps(shown))
    settings = tmp_path / "gate.toml"
    settings.write_text(
        f'[state]\ndirectory = "{tmp_path}/state"\n[camera]\nsource = "simulated"\ndirectory = "{visitors}"\n'
        '[pins]\nfactory = "mock"\n[barrier]\nopen_seconds = 0.5\n[passage]\nsensor = "contact"\n'
    )
    with bootstrap.gate(load(settings)) as gate:
        working = threading.Thread(target=gate.run)
        working.start()
        told = until(lambda: _records(tmp_path / "state"), lambda records: any(isinstance(r, Passage) for r in records))
        gate.stop.set()
        working.join(20)
    (scan,) = [number for number, record in enumerate(told, start=1) if isinstance(record, Scan)]
    (passage,) = [record for record in told if isinstance(record, Passage)]
    assert (passage.result, passage.scan) == (Passed.PASSED, scan)


def _records(state: Path) -> list[Record]:
    return [
        jsonform.decode(data, Record, "record")
        for reader in readers(StateDir.at(state).outbox)
        for data in reader.read(reader.first(), 100, 1_000_000).records
    ]
