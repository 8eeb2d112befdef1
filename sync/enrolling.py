"""The enrolment as gate-sync does it beside everything else: asks the centre, waits for IT, tells how far it is.

Knows when to ask; `sync/adoption.py` knows what. A code that leads nowhere – another centre, an attacker's – costs a
few connections and is forgotten; what this device is, and what waits for IT, stays as it is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sync import adoption, mailbox
from sync.address import UnsafeAddress
from sync.adoption import NoRoot
from sync.backoff import Backoff, Pace
from sync.errand import Errand, Transport
from sync.journal import Attempt, JournalFile
from sync.transport import ExchangeFailed
from sync.wire import jsonform
from sync.wire.enrolment import State, read_code
from sync.wire.errors import WireError
from sync.wire.statedir import StateDir
from sync.wire.status import Handover, Setup, Step, Trouble

_log = logging.getLogger("gate-sync")

ASK_EVERY_SECONDS = 3.0
GIVE_UP_SECONDS = 900.0
HANDOVER_SECONDS = 600.0
_MAX_HANDOVER_BYTES = 4_000
_FINAL = (Trouble.REFUSED, Trouble.OUR_FAULT)

Connect = Callable[[str], Transport]
"""Makes the carrier to the centre at that address, for requests of enrolment. Raises UnsafeAddress."""


class Enrolling:
    """Called by gate-sync's loop. setup: how far it is, None while nothing was begun since the start.

    boot: of this machine. draw: randomness for the backoff. finished: set when an answer is there.
    """

    def __init__(
        self,
        state: StateDir,
        connect: Connect,
        boot: str,
        draw: Callable[[], float],
        finished: threading.Event,
        pace: Pace,
        ask_every_seconds: float = ASK_EVERY_SECONDS,
    ) -> None:
        self._state, self._connect, self._boot, self._draw, self._finished = state, connect, boot, draw, finished
        self._pace, self._every = pace, ask_every_seconds
        self._file = JournalFile(state)
        self._handover_seen = mailbox.changed_at(state.enrolment)
        self._journal_seen: object = ()
        self._errand: tuple[Attempt, Transport, Errand] | None = None
        self._due: dict[str, float] = {}
        self._backoffs: dict[str, Backoff] = {}
        self._begun: dict[str, float] = {}
        self._number = 0
        self.setup: Setup | None = None

    def step(self, now: float) -> None:
        """One look. now: this boot's monotonic seconds. What goes wrong is told and never raised."""
        try:
            self._look_at_handover(now)
            self._look_at_journal()
            self._look_at_errand(now)
            self._ask(now)
        except OSError as failure:
            self._tell(Step.REFUSED, f"the enrolment cannot be kept on this device: {failure.strerror}")

    def close(self) -> None:
        """Nothing is asked any more."""
        if self._errand is not None:
            self._errand[2].abandon(0.5)
            self._errand[1].close()

    def _look_at_handover(self, now: float) -> None:
        changed = mailbox.changed_at(self._state.enrolment)
        if changed == self._handover_seen:
            return
        self._handover_seen = changed
        if changed is None:
            return
        try:
            with self._state.enrolment.open("rb") as file:
                told = jsonform.decode(file.read(_MAX_HANDOVER_BYTES), Handover, self._state.enrolment.name)
            if told.boot != self._boot or not 0 <= now - told.mono < HANDOVER_SECONDS:
                return
            adoption.begin(self._state, told.text)
        except (WireError, UnsafeAddress, NoRoot) as refused:
            self._tell(Step.REFUSED, str(refused))

    def _look_at_journal(self) -> None:
        """What is under way, also by a command or since before a restart."""
        stamp = mailbox.stamp(self._state.enrolling)
        if stamp == self._journal_seen:
            return
        self._journal_seen = stamp
        adoption.go_on(self._state)
        journal = self._file.read()
        if journal.waiting is not None:
            self._tell(Step.CONFIRM, "IT compares the key words", journal.waiting)
        elif journal.asking is not None:
            code = journal.asking.code
            where = read_code(code).collector if code else "a stick"
            self._tell(Step.CONFIRM if code is None else Step.ASKING, f"asks by {where}", journal.asking)
        elif self.setup is not None and self.setup.step in (Step.CONFIRM, Step.ASKING):
            is_gate = self._state.identity.exists() and self._state.device_key.exists()
            self._tell(Step.ENROLLED if is_gate else Step.REFUSED, "")

    def _ask(self, now: float) -> None:
        if self._errand is not None:
            return
        if self._journal_seen is None:
            return
        journal = self._file.read()
        for attempt in (journal.asking, journal.waiting):
            if attempt is None or attempt.code is None:
                continue
            if attempt is not journal.waiting and now - self._begun.setdefault(attempt.nonce, now) > GIVE_UP_SECONDS:
                self._give_up(attempt, "the centre of that code was not reached: show the code again")
                return
            if now >= max(self._due.get(attempt.nonce, now), self._backoff(attempt).until):
                self._send(attempt, now)
                return

    def _send(self, attempt: Attempt, now: float) -> None:
        assert attempt.code is not None
        try:
            transport = self._connect(read_code(attempt.code).collector)
        except UnsafeAddress as refused:
            self._give_up(attempt, str(refused))
            return
        self._due[attempt.nonce] = now + self._every
        body = adoption.request(self._state, attempt)
        self._errand = attempt, transport, Errand(transport, body, self._finished)

    def _look_at_errand(self, now: float) -> None:
        if self._errand is None or not self._errand[2].is_done:
            return
        (attempt, transport, errand), self._errand = self._errand, None
        try:
            self._take(attempt, errand.answer())
        except ExchangeFailed as failure:
            self._failed(attempt, failure, now)
        except (WireError, UnsafeAddress, NoRoot) as refused:
            self._not_ours(attempt, str(refused), now)
        finally:
            transport.close()

    def _take(self, attempt: Attempt, answer: bytes) -> None:
        opened = adoption.take(self._state, attempt, answer)
        self._backoff(attempt).reset()
        if opened.verdict.state is State.ENROLLED:
            _log.info("this device is %s from now on", opened.verdict.gate)
            self._forget()
            self._tell(Step.ENROLLED, f"this device is {opened.verdict.gate}")
        else:
            self._tell(Step.CONFIRM, f"IT compares the key words of {opened.verdict.gate}", attempt)
        self._journal_seen = mailbox.stamp(self._state.enrolling)

    def _failed(self, attempt: Attempt, failure: ExchangeFailed, now: float) -> None:
        if failure.trouble in _FINAL:
            self._give_up(attempt, str(failure))
            return
        self._backoff(attempt).fail(now, failure.retry_after)
        if self._file.read().waiting != attempt:
            self._tell(Step.ASKING, str(failure), attempt)

    def _not_ours(self, attempt: Attempt, why: str, now: float) -> None:
        """A centre that answered before keeps its turn when something else replies in its place once."""
        if self._file.read().waiting == attempt:
            self._backoff(attempt).fail(now)
            _log.warning("an answer to the enrolment is not believed: %s", why)
        else:
            self._give_up(attempt, f"the answer is not this town's centre's: {why}")

    def _give_up(self, attempt: Attempt, why: str) -> None:
        adoption.drop(self._state, attempt)
        self._journal_seen = mailbox.stamp(self._state.enrolling)
        waiting = self._file.read().waiting
        self._tell(Step.REFUSED, why)
        if waiting is not None:  # what waited before waits on
            self._tell(Step.CONFIRM, f"IT compares the key words; another code was refused: {why}", waiting)

    def _backoff(self, attempt: Attempt) -> Backoff:
        return self._backoffs.setdefault(attempt.nonce, Backoff(self._draw, self._pace))

    def _forget(self) -> None:
        self._due.clear()
        self._backoffs.clear()
        self._begun.clear()

    def _tell(self, step: Step, detail: str, attempt: Attempt | None = None) -> None:
        english, chinese = adoption.words(attempt) if attempt is not None and step is Step.CONFIRM else ("", "")
        told = Setup(self._number, step, english, chinese, detail[:300])
        if told == self.setup:
            return
        self._number += 1
        self.setup = Setup(self._number, step, english, chinese, detail[:300])
        _log.info("enrolment: %s%s", step.value, f", {detail[:300]}" if detail else "")
