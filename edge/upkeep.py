"""What the gate does between visitors: newer updates, receipts, the link lamp, the idle state, status.json.

Nothing here decides about anybody, and nothing here may keep the gate from working: what fails becomes a fault.
"""

from __future__ import annotations

from contextlib import suppress

from edge.clock import Clock, FloorKeeper
from edge.commissioning import Commissioning
from edge.conditions import conditions
from edge.faults import Faults
from edge.heart import Heart, Stage
from edge.ledger import Ledger
from edge.receipts import ReceiptWatch
from edge.results import ResultBoard
from edge.setting_up import SettingUp
from edge.status import SOFTWARE, Facts, StatusBoard, read_sync_status
from edge.trust import Trust
from hardware.errors import PinsError
from hardware.ports import Barrier, Condition, Indicator, Signal, Switch
from hardware.states import worst
from sync.outbox.errors import AppendFailed
from sync.wire.record import Moment
from sync.wire.statedir import StateDir
from sync.wire.status import Fault, QueueStatus, SyncStatus

LOOK_SECONDS = 1.0
BLIND_SECONDS = 5.0  # one odd frame is no trouble; decoders that fail on every frame are
_CLOSED = frozenset({Fault.CAMERA, Fault.OUTBOX, Fault.BARRIER, Fault.FIRE_LOOP})  # with which nobody can pass


class Upkeep:
    """Called once a frame; looks at the shared directory once a second."""

    def __init__(
        self,
        state: StateDir,
        ledger: Ledger,
        trust: Trust,
        clock: Clock,
        barrier: Barrier,
        indicator: Indicator,
        results: ResultBoard,
        faults: Faults,
        heart: Heart,
        fire_loop: Switch | None = None,
        commissioning: Commissioning | None = None,
    ) -> None:
        """fire_loop: its second contact, active while the loop is intact; None where it is not wired."""
        self._commissioning = commissioning or Commissioning(state)
        self._setting_up = SettingUp()
        self._has_started = False
        self._state, self._ledger, self._trust = state, ledger, trust
        self._barrier, self._indicator, self._results, self._faults = barrier, indicator, results, faults
        self._heart, self._fire_loop, self._loop_was_intact = heart, fire_loop, True
        self._clock, self._floor = clock, FloorKeeper(state, clock)
        self._receipts = ReceiptWatch(state, ledger.outbox, clock.heard)
        self._board = StatusBoard(state)
        self._look_due = float("-inf")
        self._read_at = float("inf")  # the newest moment at which the decoders did not fail
        self._queue = QueueStatus()
        self._sync: SyncStatus | None = None
        self._adopted: tuple[int, int] | None = None

    def start(self, now: Moment) -> None:
        """Load what is there, and record that the gate started."""
        self._trust.refresh()
        self._commissioning.look(self._trust.in_force is not None, now.mono)
        self._record_start(now)
        self._look(now)

    @property
    def serves_visitors(self) -> bool:
        """Whether anybody is answered: not by a device that is nobody's gate, nor by a gate that is revoked."""
        return self._commissioning.is_enrolled and Fault.REVOKED not in self._faults.standing

    def _record_start(self, now: Moment) -> None:
        """Once there is a gate whose record it is: what a device did before it was one belongs to no place."""
        if self._has_started or not self._commissioning.is_enrolled:
            return
        self._has_started = True
        with suppress(AppendFailed):  # the ledger keeps the trouble
            self._ledger.started(self._trust.in_force, now, SOFTWARE)

    def tend(self, now: Moment) -> None:
        """One round."""
        if now.mono >= self._look_due:
            self._look_due = now.mono + LOOK_SECONDS
            with self._heart.at(Stage.DISK):  # files, all of it: a card that stalls here is a state too, no restart
                self._look(now)
        self._faults.note(Fault.OUTBOX, self._ledger.trouble)
        trust = self._trust.in_force
        with self._faults.watch(Fault.PINS, PinsError):
            self._results.settle(self._idle(now), now.mono)
            self._announce_setup(now)
            link_is_up = self._sync is not None and self._sync.connected
            stick = self._sync.stick if self._sync else None
            holding = conditions(self._faults.standing, now, trust, link_is_up, stick)
            if self._commissioning.seconds_left(now.mono):
                holding.add(Condition.SETUP_OPEN)
            self._indicator.show_condition(worst(holding))
        self._board.publish(self._facts(now), trust, now, self._heart.work)

    def disk_stalls(self) -> None:
        """Tell it on the lamps while the loop waits for the disk and cannot. Called from another thread."""
        with suppress(PinsError):
            self._indicator.show(Signal.OUT_OF_ORDER)
            self._indicator.show_condition(Condition.DISK_NEARLY_FULL)

    def finish(self, now: Moment) -> None:
        """Record what is still being counted, and say that the gate stops."""
        with suppress(AppendFailed):
            self._ledger.fold(self._trust.in_force, now, everything=True)
        self._floor.keep()
        self._state.status.unlink(missing_ok=True)

    def _look(self, now: Moment) -> None:
        self._trust.refresh()
        self._commissioning.look(self._trust.in_force is not None, now.mono)
        self._record_start(now)
        self._adopt(now)
        self._faults.note(Fault.TRUST, self._trust.trouble if self._commissioning.is_enrolled else None)
        self._look_at_the_disk()
        trust = self._trust.in_force
        self._receipts.apply(trust.venue.gate if trust else None, self._trust.ring)
        is_revoked = self._receipts.is_revoked(trust.issued_at if trust else None)
        self._faults.note(Fault.REVOKED, "the centre trusts this gate no longer" if is_revoked else None)
        with suppress(AppendFailed):
            self._ledger.fold(trust, now)
        self._sync = read_sync_status(self._state, now)
        self._look_at_the_fire_loop(now)
        self._clock.tend()
        self._floor.tend(now.mono)

    def _look_at_the_fire_loop(self, now: Moment) -> None:
        """Record when it opens and closes; the lock loses its power by the loop itself, not by us (R8, DESIGN 9)."""
        if self._fire_loop is None:
            return
        try:
            intact = self._fire_loop.active
        except PinsError as cause:
            self._faults.set(Fault.FIRE_LOOP, str(cause))
            return
        self._faults.note(Fault.FIRE_LOOP, None if intact else "the fire loop is open")
        if intact is not self._loop_was_intact:
            with suppress(AppendFailed):
                self._ledger.fire_loop(intact, self._trust.in_force, now)
                self._loop_was_intact = intact

    def _adopt(self, now: Moment) -> None:
        """Record updates that came into force; they also prove that their time of issue has come."""
        trust = self._trust.in_force
        if trust is None or trust.order == self._adopted:
            return
        self._clock.proved(trust.issued_at)
        with suppress(AppendFailed):
            self._ledger.adopted(trust, now)
            self._adopted = trust.order

    def _look_at_the_disk(self) -> None:
        health = self._ledger.outbox.health
        self._queue = QueueStatus(
            damaged=health.damaged,
            burnt=health.burnt,
            segments=health.segments,
            bytes_used=health.bytes_used,
            foreign=health.foreign,
            reserve_bytes=health.reserve_bytes,
            full=health.full,
            read_only=health.read_only,
        )
        used = (
            f"the disk is {health.disk_used:.0%} full" if health.disk_used is not None else "the disk does not answer"
        )
        self._faults.note(Fault.DISK, used if health.warn or health.full else None)

    def _idle(self, now: Moment) -> Signal:
        if Fault.READER not in self._faults.standing:
            self._read_at = now.mono
        blind = now.mono - self._read_at > BLIND_SECONDS
        if blind or _CLOSED.intersection(self._faults.standing):
            return Signal.OUT_OF_ORDER
        if self._commissioning.is_enrolled:
            return Signal.REVOKED if Fault.REVOKED in self._faults.standing else Signal.READY
        return self._setting_up.idle(self._sync)

    def _announce_setup(self, now: Moment) -> None:
        """What gate-sync made of a setting-up code is shown like a visitor's result, once."""
        signal = self._setting_up.news(self._sync)
        if signal is not None:
            self._results.announce(signal, (), now.mono)

    def _facts(self, now: Moment) -> Facts:
        outbox = self._ledger.outbox
        return Facts(
            signal=self._results.signal.value,
            outbox=outbox.id,
            next_sequence=outbox.next,
            acknowledged=outbox.acknowledged,
            queue=self._queue,
            lamps=self._indicator.lamps().lit | {"relay": self._barrier.is_open},
            counts=self._results.counts,
            faults=self._faults.standing,
            shown=self._results.shown,
            hint=self._results.hint.value if self._results.hint else None,
            nonce=self._clock.nonce,
            enrolled=self._commissioning.is_enrolled,
            setup_seconds=round(self._commissioning.seconds_left(now.mono)) or None,
        )
