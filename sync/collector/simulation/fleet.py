"""The fleet at work: which gate is in contact when, in several threads over the gates' own transport.

Passage time runs as fast as the centre takes it, or `speed` times as fast as the clock. A gate is in contact once an
`interval` of passage time; one without a link is silent for hours, and then drains.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sync.backoff import Backoff, Pace
from sync.collector.simulation.gates import Dishonoured, SimulatedGate
from sync.collector.simulation.traffic import Period
from sync.transport import ExchangeFailed
from sync.wire.status import Trouble

_PACE = Pace(base_seconds=0.2, longest_seconds=5.0)
_MOST_FAILURES = 12  # in a row: half a minute without the centre
_HOPELESS = frozenset({Trouble.REFUSED, Trouble.OUR_FAULT, Trouble.NOT_THE_CENTRE})
_LONGEST_SILENCE_HOURS = 6.0
_LOOK_SECONDS = 0.2


class Transport(Protocol):
    """`sync.transport.HttpsTransport`."""

    def exchange(self, body: bytes) -> bytes:
        """Raises ExchangeFailed."""
        ...

    def close(self) -> None:
        """Free the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Ways:
    """How the fleet behaves. offline: share of gates that lose their link for hours. speed: 0 for no brake."""

    interval_seconds: float
    offline: float
    speed: float
    senders: int
    seed: int


@dataclass(slots=True)
class Progress:
    """How far it is; read while it runs. given_up: a sentence for each gate that stopped."""

    passages: int = 0
    sent: int = 0
    exchanges: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    given_up: list[str] = field(default_factory=list)
    seconds: array[float] = field(default_factory=lambda: array("f"))


@dataclass(slots=True)
class _Member:
    """A gate and its silence, in passage time; and how its exchanges go."""

    gate: SimulatedGate
    silent_from: float
    silent_until: float
    backoff: Backoff

    def after(self, at: float, interval: float, ends: float) -> float:
        """Its contact after the one at `at`."""
        coming = at + interval
        if self.silent_from <= coming < self.silent_until:
            coming = self.silent_until
        return min(coming, ends)


class Fleet:
    """`start`, look at `progress` until `is_done`; `stop` ends it after the exchanges under way."""

    def __init__(
        self, gates: Sequence[SimulatedGate], period: Period, ways: Ways, connect: Callable[[], Transport]
    ) -> None:
        self._period, self._ways, self._connect = period, ways, connect
        self._rng = random.Random(f"{ways.seed}/fleet")  # noqa: S311 - whose link fails when
        # (passage time, not before that monotonic time, number): the order in which contacts come.
        members = [self._member(gate) for gate in gates]
        self._members = members
        self._due = [(self._first(), 0.0, number) for number in range(len(members))]
        heapq.heapify(self._due)
        self._under_way, self._changed = 0, threading.Condition()
        self._stopping = threading.Event()
        self.progress = Progress()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(ways.senders)]

    def _member(self, gate: SimulatedGate) -> _Member:
        silent_from = silent_until = self._period.ends
        if self._rng.random() < self._ways.offline:
            hours = min(self._period.hours, self._rng.uniform(1, _LONGEST_SILENCE_HOURS))
            silent_from = self._period.began + self._rng.random() * (self._period.hours - hours) * 3600
            silent_until = silent_from + hours * 3600
        return _Member(gate, silent_from, silent_until, Backoff(self._rng.random, _PACE))

    def _first(self) -> float:
        """Gates do not speak in step."""
        return min(self._period.ends, self._period.began + self._rng.random() * self._ways.interval_seconds)

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No contact begins any more."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it came to its end, by itself or stopped, within so long."""
        deadline = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def is_through(self) -> bool:
        """Whether every gate's every record is acknowledged."""
        return all(member.gate.is_through for member in self._members)

    def _work(self) -> None:
        transport = self._connect()
        try:
            while (taken := self._take()) is not None:
                at, number = taken
                following = self._contact(self._members[number], at, transport)
                with self._changed:
                    self._under_way -= 1
                    if following is not None:
                        heapq.heappush(self._due, (*following, number))
                    self._changed.notify_all()
        finally:
            transport.close()

    def _take(self) -> tuple[float, int] | None:
        """The next contact that is due; None when there is none any more."""
        with self._changed:
            while not self._stopping.is_set():
                if self._due:
                    at, not_before, number = self._due[0]
                    wait = max(not_before, self._real(at)) - time.monotonic()
                    if wait <= 0:
                        heapq.heappop(self._due)
                        self._under_way += 1
                        return at, number
                    self._changed.wait(min(wait, _LOOK_SECONDS))
                elif self._under_way:
                    self._changed.wait(_LOOK_SECONDS)
                else:
                    return None
            return None

    def _real(self, at: float) -> float:
        """When that passage time is, on the monotonic clock."""
        if not self._ways.speed:
            return 0.0
        return self._began + (at - self._period.began) / self._ways.speed

    def _contact(self, member: _Member, at: float, transport: Transport) -> tuple[float, float] | None:
        """Everything that the gate has, then its next contact; None when there is no next."""
        gate = member.gate
        try:
            gate.record_until(at)
            for letter in gate.letters(time.time()):
                before = gate.tally.passages
                began = time.perf_counter()
                answer = transport.exchange(letter.body)
                took = time.perf_counter() - began
                gate.receive(letter, answer)
                with self._changed:
                    self.progress.seconds.append(took)
                    self.progress.exchanges += 1
                    self.progress.sent += letter.records
                    self.progress.passages += gate.tally.passages - before
                if self._stopping.is_set():
                    return None
        except ExchangeFailed as failure:
            return self._failed(member, at, failure)
        except Dishonoured as cause:
            with self._changed:
                self.progress.given_up.append(str(cause))
            return None
        member.backoff.reset()
        if at >= self._period.ends:
            return None
        return member.after(at, self._ways.interval_seconds, self._period.ends), 0.0

    def _failed(self, member: _Member, at: float, failure: ExchangeFailed) -> tuple[float, float] | None:
        member.backoff.fail(time.monotonic(), failure.retry_after)
        with self._changed:
            self.progress.failures[failure.trouble.value] += 1
            if failure.trouble in _HOPELESS or member.backoff.failures >= _MOST_FAILURES:
                self.progress.given_up.append(f"{member.gate.id}: {failure}")
                return None
        return at, member.backoff.until
