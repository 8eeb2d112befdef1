"""A gate that works for as long as you like while everything around it fails: `make soak MINUTES=n [SEED=n]`.

One process: the real loop, outbox, files, pins (gpiozero's mock) and decoders, with visitors and faults drawn from a
seed – cameras that go, disks that are full or slow, clocks that jump, a turnstile that is forced, and restarts without
a farewell. Checked at each edge of the relay and at the end: an opening has its record on the disk before it; nothing
opens but for a pass that may; each record is one person; a gate that was put right lets people in; memory stays flat.
"""

from __future__ import annotations

import argparse
import errno
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge import history
from edge.clock import Clock, kept_floor
from edge.commissioning import Commissioning
from edge.faults import Faults
from edge.gate import Devices, Gate
from edge.heart import Heart
from edge.ledger import Ledger
from edge.results import ResultBoard
from edge.trust import Trust
from edge.upkeep import Upkeep
from hardware.barrier import RelayBarrier
from hardware.errors import CameraError, ThermometerError
from hardware.indicator import LampIndicator, LampPins
from hardware.isolated import IsolatedReader
from hardware.passage import SimulatedPassageSensor
from hardware.pins import make_factory
from hardware.ports import Frame, Sight, Turn
from hardware.scene import Exhibit, Surface, draw
from hardware.simulated_sensors import SimulatedSwitch
from sync.outbox import Outbox, readers
from sync.outbox.system import System
from sync.wire import jsonform
from sync.wire.passes import Status
from sync.wire.record import Outcome, Record, Scan
from sync.wire.statedir import StateDir
from tests.conftest import Authority
from tests.edge.test_gate import Script, Sources

RELAY = "GPIO17"
DRAWN_EVERY = 25  # visitors: one is drawn and really read, the others' codes come as text
FLAT_KB = 12_000
UPDATES_SECONDS = 12 * 3600.0  # the gate's patience with old data is 24 h
WARM = 0.3  # of the time: caches, pools and the first segments are filled then


class Card(System):
    """A disk that is full, or slow, when told."""

    def __init__(self) -> None:
        self.full, self.seconds = False, 0.0

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(descriptor, content)

    def sync_data(self, descriptor: int) -> None:
        time.sleep(self.seconds)
        super().sync_data(descriptor)


class WrongClock(Sources):
    """A machine's clock that may be `offset` seconds off; the centre's never is."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = 0.0

    def wall(self) -> float:
        return self.at + self.offset


class Eyes(Script):
    """The script of the tests, and a drawn picture now and then that the real decoders read."""

    def __init__(self, reader: IsolatedReader) -> None:
        super().__init__()
        self._reader = reader

    def capture(self, timeout_seconds: float) -> Frame | None:
        if self.frames and isinstance(self.frames[0], np.ndarray):
            return Frame(self.frames[0], 1, time.monotonic())
        return super().capture(timeout_seconds)

    def read(self, frame: Frame) -> Sight:
        if isinstance(self.frames[0], np.ndarray):
            self.frames.popleft()
            return self._reader.read(frame)
        return super().read(frame)


@dataclass
class Tally:
    """What happened, and what must not have."""

    visitors: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    openings: int = 0
    wrong: list[str] = field(default_factory=list)
    resident_kb: list[tuple[float, int]] = field(default_factory=list)

    def grown_kb(self) -> int:
        """From the end of the warm-up to the end: the least of each tenth, so that a peak is no growth."""
        warm = [kb for share, kb in self.resident_kb if WARM <= share < WARM + 0.1]
        last = [kb for share, kb in self.resident_kb if share >= 0.9]
        return min(last) - min(warm) if warm and last else 0


class Soak:
    """One gate and its surroundings."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.rng, self.tally = random.Random(seed), Tally()
        self._drawn = np.random.default_rng(seed)
        self.authority, self.state = Authority(), StateDir.at(directory)
        self.state.run.mkdir(parents=True)
        self.authority.install(self.state)
        self.card, self.sources, self.reader = Card(), WrongClock(), IsolatedReader()
        self._updates, self._updates_at = 1, self.sources.at
        self.may_open: set[str] = set()  # serials of passes that one person may enter with now
        self._last = "nothing yet"
        self._opened = ""
        self._start()

    def _start(self) -> None:
        self.eyes, self.passage, self.fire_loop = Eyes(self.reader), SimulatedPassageSensor(), SimulatedSwitch(True)
        self.outbox = Outbox(self.state.outbox, "board:card", system=self.card)
        factory = make_factory("mock", self._pin_moved)
        self.barrier = RelayBarrier(factory, 17, open_seconds=60)
        self.indicator = LampIndicator(factory, LampPins(22, 27, 23, 24, 25))
        faults, trust, heart = Faults(), Trust(self.state), Heart()
        clock = Clock(self.sources, kept_floor(self.state))
        ledger = Ledger(self.outbox, history.newest(self.state.outbox, 20_000))
        results = ResultBoard(self.indicator, 2.0)
        parts = (self.barrier, self.indicator, results, faults, heart, self.fire_loop)
        commissioning = Commissioning(self.state, SimulatedSwitch())
        upkeep = Upkeep(self.state, ledger, trust, clock, *parts, commissioning)
        devices = Devices(self.eyes, self.eyes, self.eyes, self.barrier, self.passage)
        self.gate = Gate(devices, ledger, trust, clock, results, upkeep, faults, heart, commissioning)
        upkeep.start(clock.now())

    def end(self) -> None:
        """Without a farewell: what a kill leaves is what the next start finds."""
        self.indicator.close()
        self.barrier.close()
        self.outbox.close()

    def close(self) -> None:
        """The last one."""
        self.end()
        self.reader.close()

    def _pin_moved(self, pin: str, level: bool) -> None:
        if pin != RELAY or not level:
            return
        self.tally.openings += 1
        newest = self._newest_scan()
        if newest is None or newest.outcome is not Outcome.PASS or newest.serial not in self.may_open:
            self.tally.wrong.append(f"opening {self.tally.openings} without a record of a pass that may: {newest}")
        else:
            self._opened = newest.serial
            self.may_open.discard(newest.serial)

    def _newest_scan(self) -> Scan | None:
        reader = readers(self.state.outbox)[-1]
        last = reader.next() - 1
        (record,) = (jsonform.decode(data, Record, "record") for data in reader.read(last, 1, 10_000).records)
        return record if isinstance(record, Scan) else None

    def visit(self, kind: str | None = None) -> None:
        """One person before the gate, good or bad unless said."""
        kind = kind or self.rng.choices(["green", "again", "red", "old", "forged", "noise"], [10, 2, 2, 2, 2, 2])[0]
        self.tally.visitors[kind] += 1
        text = self._shown(kind)
        if self.tally.visitors.total() % DRAWN_EVERY == 0:
            self.eyes.frames.append(draw([Exhibit(text, Surface.PHONE)], self._drawn))
        else:
            self.eyes.frames.append([text])
        self.gate.step()
        if self.barrier.is_open:
            self.barrier._drop()
            turn = self.rng.choices([Turn.PASSED, Turn.NOT_PASSED], [9, 1])[0]
            self.passage.turn(turn)
            if turn is Turn.NOT_PASSED:
                self.may_open.add(self._opened)
        self.eyes.frames.clear()
        self.sources.pass_by(self.rng.uniform(0.5, 3.0))
        self.gate.step()

    def _shown(self, kind: str) -> str:
        now = int(self.sources.at)
        claims = self.authority.claims(issued_at=now, expires_at=now + 120, status_at=now)
        fields = {name: getattr(claims, name) for name in ("issued_at", "expires_at", "status_at", "serial")}
        if kind == "green":
            self.may_open.add(claims.serial.hex())
            self._last = self.authority.pass_text(**fields)
            return self._last
        if kind == "again":
            return self._last
        if kind == "red":
            return self.authority.pass_text(**fields | {"status": Status.RED})
        if kind == "old":
            return self.authority.pass_text(**fields | {"issued_at": now - 9_000, "expires_at": now - 8_000})
        if kind == "forged":
            return Authority().pass_text(**fields)
        return f"noise {self.rng.random()}"

    def mend(self) -> None:
        """Somebody comes and puts everything right, and people pass again."""
        self.card.full, self.card.seconds, self.fire_loop.active, self.eyes.celsius = False, 0.0, True, 36.5
        self.sources.offset, self.sources.error = 0.0, 0.01
        self.passage.turn(Turn.RELEASED)
        if self.sources.at - self._updates_at > UPDATES_SECONDS:
            self._updates, self._updates_at = self._updates + 1, self.sources.at
            self.authority.install(self.state, number=self._updates, issued_at=int(self.sources.at))
        before = self.tally.openings
        for _ in range(3):  # the first finds what was broken; a drawn picture may need a second look
            self.sources.pass_by(2.0)
            self.visit("green")
        if self.tally.openings == before:
            self.tally.wrong.append(f"a gate that was put right lets nobody in: {self._newest_scan()}")

    def fail(self) -> None:
        """Something around the gate breaks, or is mended."""
        kind = self.rng.choice(["camera", "thermometer", "full", "slow", "clock", "turnstile", "fire", "restart"])
        self.tally.faults[kind] += 1
        if kind == "camera":
            self.eyes.frames.append(CameraError("unplugged"))
            self.gate.step()
            self.eyes.frames.clear()
        elif kind == "thermometer":
            self.eyes.celsius = self.rng.choice([36.5, None, ThermometerError("errno 121")])
        elif kind == "full":
            self.card.full = not self.card.full
        elif kind == "slow":
            self.card.seconds = self.rng.choice([0.0, 0.0, 0.02])
        elif kind == "clock":
            self.sources.offset = self.rng.choice([-86_400.0, -5.0, 5.0, 3_600.0])
            self.sources.error = self.rng.choice([None, 0.01])
        elif kind == "turnstile":
            self.passage.turn(self.rng.choice([Turn.FORCED, Turn.HELD_OPEN, Turn.RELEASED]))
        elif kind == "fire":
            self.fire_loop.active = not self.fire_loop.active
        else:
            self.card.full = False  # a card that takes nothing keeps an outbox from opening: told, not survived
            self.end()
            self._start()

    def check_records(self) -> None:
        """At the end: each opening's record is there once, and no number is missing without a declared hole."""
        passes: Counter[str] = Counter()
        reader = readers(self.state.outbox)[-1]
        first = reader.first()
        while first < reader.next():
            extract = reader.read(first, 500, 1_000_000)
            declared = sum(hole.last - hole.first + 1 for hole in extract.holes) if extract.holes else 0
            if len(extract.records) + declared != extract.next - first:
                self.tally.wrong.append(f"numbers are missing between {first} and {extract.next}")
            for data in extract.records:
                record = jsonform.decode(data, Record, "record")
                if isinstance(record, Scan) and record.outcome is Outcome.PASS:
                    passes[record.serial or ""] += 1
            first = extract.next
        if passes.total() != self.tally.openings:
            self.tally.wrong.append(f"{self.tally.openings} openings, {passes.total()} records of passes")


def run(seconds: float, seed: int, directory: Path) -> Tally:
    """Soak for so long. The tally's `wrong` is empty when every invariant held."""
    soak = Soak(directory, seed)
    for number in range(40):  # fills the artist's own store of drawn symbols, which is none of the gate's memory
        draw([Exhibit(f"warming up {number}", Surface.PHONE)], np.random.default_rng(seed))
    begun = time.monotonic()
    try:
        while (elapsed := time.monotonic() - begun) < seconds:
            for _ in range(20):
                soak.visit()
            if soak.rng.random() < 0.5:
                soak.mend()
            with suppress(CameraError):
                soak.fail()
            soak.tally.resident_kb.append((elapsed / seconds, _resident_kb()))
        soak.check_records()
    finally:
        soak.close()
    if soak.tally.grown_kb() > FLAT_KB:
        soak.tally.wrong.append(f"memory grew by {soak.tally.grown_kb()} kB")
    return soak.tally


def _resident_kb() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise OSError("no VmRSS")


def main() -> int:
    """The command: prints what happened; 1 when something must not have."""
    parser = argparse.ArgumentParser(description="Run a simulated gate while everything around it fails.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tally = run(options.minutes * 60, options.seed, Path(directory) / "gate")
    print(f"seed {options.seed}: {tally.visitors.total()} visitors {dict(tally.visitors)}")
    print(f"faults {dict(tally.faults)}; {tally.openings} openings; memory grew by {tally.grown_kb()} kB")
    for sentence in tally.wrong[:20]:
        print(f"WRONG: {sentence}")
    print("WRONG" if tally.wrong else "every invariant held")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
