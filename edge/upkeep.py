"""What the gate does between visitors: newer updates, receipts, the link lamp, the idle state, status.json.

Nothing here decides about anybody, and nothing here may keep the gate from working: what fails becomes a fault.
"""

from __future__ import annotations

from contextlib import suppress

from edge.clock import Clock, FloorKeeper
from edge.conditions import conditions
from edge.faults import Faults
from edge.heart import Heart, Stage
from edge.ledger import Ledger
from edge.receipts import ReceiptWatch
from edge.results import ResultBoard
from edge.status import SOFTWARE, Facts, StatusBoard, told_by_sync
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
    ) -> None:
        """fire_loop: its second contact, active while the loop is intact; None where it is not wired."""
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
        with suppress(AppendFailed):  # the ledger keeps the trouble
            self._ledger.started(self._trust.in_force, now, SOFTWARE)
        self._look(now)

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
            link_is_up = self._sync is not None and self._sync.connected
            stick = self._sync.stick if self._sync else None
            holding = conditions(self._faults.standing, now, trust, link_is_up, stick)
            self._indicator.show_condition(worst(holding))
        self._board.publish(self._facts(), trust, now, self._heart.work)

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
        self._adopt(now)
        self._faults.note(Fault.TRUST, self._trust.trouble)
        self._look_at_the_disk()
        trust = self._trust.in_force
        self._receipts.apply(trust.venue.gate if trust else None, self._trust.ring)
        with suppress(AppendFailed):
            self._ledger.fold(trust, now)
        self._sync = told_by_sync(self._state, now)
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
        return Signal.OUT_OF_ORDER if blind or _CLOSED.intersection(self._faults.standing) else Signal.READY

    def _facts(self) -> Facts:
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
        )
