"""The gate's story: scan → decide → record → act.

One frame after the other; whatever happens, a record is on disk before anything opens (R2), and whoever shows a code
gets one answer. It knows no adapter, opens no connection, and believes no file that it did not verify.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from threading import Event

from edge import credentials
from edge.clock import Clock
from edge.commissioning import Commissioning, Taken
from edge.decide import Decision, Situation, decide
from edge.faults import Faults
from edge.heart import Heart, Stage
from edge.ledger import Ledger
from edge.presence import Presence
from edge.results import ResultBoard
from edge.trust import Trust
from edge.turnstile import Opening, Turnstile
from edge.upkeep import Upkeep
from edge.verify import Genuine, Verification, verify
from hardware.errors import CameraError, PinsError, ReaderError, ThermometerError
from hardware.ports import Barrier, Camera, Frame, PassageSensor, Sight, Signal, SymbolReader, Thermometer
from sync.outbox.errors import AppendFailed
from sync.wire.policy import Policy
from sync.wire.record import Moment, Outcome
from sync.wire.status import Fault
from sync.wire.updates import Snapshot

CAPTURE_SECONDS = 0.5
RETRY_SECONDS = 0.5
BUSY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Devices:
    """What is bolted to the turnstile."""

    camera: Camera
    reader: SymbolReader
    thermometer: Thermometer
    barrier: Barrier
    passage: PassageSensor


class Gate:
    """Decides alone. `step` is one frame; `run` repeats it until `stop` is set."""

    def __init__(
        self,
        devices: Devices,
        ledger: Ledger,
        trust: Trust,
        clock: Clock,
        results: ResultBoard,
        upkeep: Upkeep,
        faults: Faults,
        heart: Heart,
        commissioning: Commissioning,
    ) -> None:
        self._devices, self._ledger, self._trust, self._clock = devices, ledger, trust, clock
        self._results, self._upkeep, self._faults, self._heart = results, upkeep, faults, heart
        self._commissioning = commissioning
        self._presence, self._turnstile = Presence(), Turnstile(devices.barrier, devices.passage)
        self.stop = Event()

    def run(self) -> None:
        """Work until told to stop."""
        self._upkeep.start(self._clock.now())
        self._heart.watch(self._upkeep.disk_stalls)
        while not self.stop.is_set():
            self.step()
        self._heart.stop()
        self._upkeep.finish(self._clock.now())

    def step(self) -> None:
        """Take one frame and answer what is newly shown in it."""
        self._upkeep.tend(self._clock.now())
        self._hear_the_turnstile(self._clock.now())
        self._temperature()  # a thermometer that is lost is told now, not when a visitor needs it (R26)
        if self._turnstile.is_busy or Fault.FIRE_LOOP in self._faults.standing:
            self.stop.wait(BUSY_SECONDS)  # one opening, one person; and nobody comes in while there is a fire alarm
            return
        frame = self._capture()
        if frame is None:
            return
        sight, now = self._look_at(frame), self._clock.now()
        self._results.advise(sight, now.mono)
        texts = credentials.most_telling(symbol.text for symbol in sight.symbols)
        shown = self._presence.newly_shown(texts, now.mono, doubtful=sight.unread)
        if len(shown) == 1 and not self._is_set_up_by(shown[0], now) and self._upkeep.serves_visitors:
            self.answer(shown[0], now)
        elif len(shown) > 1 and self._upkeep.serves_visitors:
            self._ask_for_one(now)

    def _is_set_up_by(self, text: str, now: Moment) -> bool:
        """Whether it was a setting-up code, at a time when one may be read. It is handed over, and opens nothing."""
        taken = self._commissioning.take(text, now)
        if taken is Taken.NOT_OURS:
            return False
        self._announce(Signal.CODE_TAKEN if taken is Taken.HANDED_OVER else Signal.SETUP_FAILED, None, now)
        return True

    def answer(self, text: str, now: Moment) -> None:
        """Decide about one code, put it on disk, then act – in this order and no other."""
        trust = self._trust.in_force
        with self._heart.at(Stage.DECIDE):
            credential = credentials.read(text)
            verification = verify(credential, trust, now)
            decision = decide(verification, self._policy(), self._situation(verification, trust, now))
        try:
            with self._heart.at(Stage.DISK):
                number = self._ledger.keep(decision, trust)
        except AppendFailed:
            self._announce(Signal.OUT_OF_ORDER, "not_recorded", now)
        else:
            self._act(decision, number, now)
        if decision.claims is not None:  # a genuine pass also proves that its time of issue has come
            self._clock.saw(decision.claims, now)

    def _act(self, decision: Decision, number: int | None, now: Moment) -> None:
        if decision.outcome is Outcome.PASS and number is not None:
            with self._heart.at(Stage.ACT), self._faults.watch(Fault.BARRIER, PinsError):
                self._turnstile.open(Opening(number, decision.more_may_follow))
                self._heart.opened()
        with self._faults.watch(Fault.PINS, PinsError):
            self._results.show(decision, now.mono, self._policy().tell_the_queue)

    def _situation(self, verification: Verification, trust: Snapshot | None, now: Moment) -> Situation:
        """What is weighed beside the pass."""
        if not isinstance(verification, Genuine) or trust is None:
            return Situation(now, self._temperature())
        use = self._ledger.recent.of(verification.claims.serial, now)
        return Situation(now, self._temperature(), use, trust.issued_at, trust.venue.direction)

    def _hear_the_turnstile(self, now: Moment) -> None:
        """A use that did not happen may happen once more; companions follow on the same pass."""
        for told in self._turnstile.told():
            if told.result is not None:
                scan = told.opening.scan if told.opening else None
                # The ledger keeps the trouble of a failure; unrecorded, the use counts.
                with suppress(AppendFailed), self._heart.at(Stage.DISK):
                    self._ledger.passed(told.result, scan, self._trust.in_force, now)
            if told.invites_again:
                self._presence.release(now.mono)
        self._faults.note(Fault.PASSAGE, self._turnstile.trouble)
        self._faults.note(Fault.TURNSTILE, self._turnstile.alarm(now.mono))

    def _ask_for_one(self, now: Moment) -> None:
        """Two passes in view are two people: never choose between them."""
        self._ledger.refused("two_codes", now)
        self._announce(Signal.ONE_AT_A_TIME, "two_codes", now)

    def _policy(self) -> Policy:
        return self._trust.in_force.policy if self._trust.in_force else Policy()

    def _announce(self, signal: Signal, code: str | None, now: Moment) -> None:
        with self._faults.watch(Fault.PINS, PinsError):
            self._results.announce(signal, (code,) if code else (), now.mono)

    def _capture(self) -> Frame | None:
        frame = None
        with self._heart.at(Stage.CAMERA), self._faults.watch(Fault.CAMERA, CameraError):
            frame = self._devices.camera.capture(CAPTURE_SECONDS)
            if frame is not None:
                self._heart.frame(frame.captured_at)
        if frame is None and Fault.CAMERA in self._faults.standing:
            self.stop.wait(RETRY_SECONDS)
        return frame

    def _look_at(self, frame: Frame) -> Sight:
        sight = Sight()
        with self._heart.at(Stage.READ), self._faults.watch(Fault.READER, ReaderError):
            sight = self._devices.reader.read(frame)
        if sight.symbols:
            self._heart.read()
        return sight

    def _temperature(self) -> float | None:
        celsius = None
        with self._faults.watch(Fault.THERMOMETER, ThermometerError):
            celsius = self._devices.thermometer.measure()
        return celsius
