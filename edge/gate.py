"""The gate's story: scan → decide → record → act.

One frame after the other; whatever happens, a record is on disk before anything opens (R2), and whoever shows a code
gets one answer. It knows no adapter, opens no connection, and believes no file that it did not verify.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event

from edge import credentials
from edge.clock import SystemClock
from edge.decide import Decision, decide
from edge.faults import Faults
from edge.ledger import Ledger
from edge.presence import Presence
from edge.results import ResultBoard
from edge.trust import Trust
from edge.upkeep import Upkeep
from edge.verify import verify
from hardware.errors import CameraError, PinsError, ReaderError, ThermometerError
from hardware.ports import Barrier, Camera, Frame, Signal, SymbolReader, Thermometer
from sync.outbox.errors import AppendFailed
from sync.wire.policy import Policy
from sync.wire.record import Moment, Outcome
from sync.wire.status import Fault

CAPTURE_SECONDS = 0.5
RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Devices:
    """What is bolted to the turnstile."""

    camera: Camera
    reader: SymbolReader
    thermometer: Thermometer
    barrier: Barrier


class Gate:
    """Decides alone. `step` is one frame; `run` repeats it until `stop` is set."""

    def __init__(
        self,
        devices: Devices,
        ledger: Ledger,
        trust: Trust,
        clock: SystemClock,
        results: ResultBoard,
        upkeep: Upkeep,
        faults: Faults,
    ) -> None:
        self._devices, self._ledger, self._trust, self._clock = devices, ledger, trust, clock
        self._results, self._upkeep, self._faults = results, upkeep, faults
        self._presence = Presence()
        self.stop = Event()

    def run(self) -> None:
        """Work until told to stop."""
        self._upkeep.start(self._clock.now())
        while not self.stop.is_set():
            self.step()
        self._upkeep.finish(self._clock.now())

    def step(self) -> None:
        """Take one frame and answer what is newly shown in it."""
        self._upkeep.tend(self._clock.now())
        frame = self._capture()
        if frame is None or self._devices.barrier.is_open:
            return  # one opening, one person: the next is read when this one is through
        texts = credentials.most_telling(self._read(frame))
        shown = self._presence.newly_shown(texts, self._clock.now().mono)
        if len(shown) == 1:
            self.answer(shown[0])
        elif shown:
            self._ask_for_one()

    def answer(self, text: str) -> None:
        """Decide about one code, put it on disk, then act – in this order and no other."""
        now = self._clock.now()
        trust = self._trust.in_force
        credential = credentials.read(text)
        verification = verify(credential, trust, now)
        decision = decide(
            verification,
            self._temperature(),
            trust.policy if trust else Policy(),
            self._ledger.recent,
            now,
            trust.issued_at if trust else None,
        )
        if self._record(decision, now):
            self._act(decision, now)

    def _record(self, decision: Decision, now: Moment) -> bool:
        try:
            self._ledger.keep(decision, self._trust.in_force, now)
        except AppendFailed:
            self._announce(Signal.OUT_OF_ORDER, "not_recorded", now)
            return False
        return True

    def _act(self, decision: Decision, now: Moment) -> None:
        if decision.outcome is Outcome.PASS:
            with self._faults.watch(Fault.BARRIER, PinsError):
                self._devices.barrier.open()
        with self._faults.watch(Fault.PINS, PinsError):
            self._results.show(decision, now.mono)

    def _ask_for_one(self) -> None:
        """Two passes in view are two people: never choose between them."""
        now = self._clock.now()
        self._ledger.refused("two_codes", now)
        self._announce(Signal.ONE_AT_A_TIME, "two_codes", now)

    def _announce(self, signal: Signal, code: str, now: Moment) -> None:
        with self._faults.watch(Fault.PINS, PinsError):
            self._results.announce(signal, (code,), now.mono)

    def _capture(self) -> Frame | None:
        frame = None
        with self._faults.watch(Fault.CAMERA, CameraError):
            frame = self._devices.camera.capture(CAPTURE_SECONDS)
        if frame is None and Fault.CAMERA in self._faults.standing:
            self.stop.wait(RETRY_SECONDS)
        return frame

    def _read(self, frame: Frame) -> list[str]:
        texts: list[str] = []
        with self._faults.watch(Fault.READER, ReaderError):
            texts = [symbol.text for symbol in self._devices.reader.read(frame)]
        return texts

    def _temperature(self) -> float | None:
        celsius = None
        with self._faults.watch(Fault.THERMOMETER, ThermometerError):
            celsius = self._devices.thermometer.measure()
        return celsius
