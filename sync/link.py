"""PURE: the sender's state machine – what to send next, given what is queued, what came back and the time.

Decides which outbox sends next, from which number, when to wait, and what a receipt is worth. Knows no socket, file,
clock or key: the caller (`sync/agent.py`) reads, signs, sends and checks signatures.

    idle ── next_action → Send ── sending() ──▶ in flight ── received() ──▶ idle, the cursor moved
      ▲                                            │
      └──────────── waits, backs off ◀── failed() ─┘

Only a signed receipt that answers this very exchange moves a cursor. Urgent records that the next batch does not carry
anyway go ahead in one of their own (`sync/lane.py`), which moves none. Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

import msgspec

from sync.backoff import Backoff, Pace
from sync.errors import PeerFault
from sync.lane import UrgentLane
from sync.wire.batch import MAX_RECORDS, MAX_URGENT
from sync.wire.receipt import Receipt
from sync.wire.status import Trouble

URGENT_EVERY_SECONDS = 1.0
"""At least so long from one urgent batch to the next: however many are refused, the others' records go on too."""
_BRISK_SECONDS, _SLOW_SECONDS = 0.25, 1.0


class ForeignReceipt(PeerFault):
    """A genuine receipt that does not answer this exchange. It acknowledges nothing."""


@dataclass(frozen=True, slots=True)
class Queued:
    """What one outbox holds now: first is the oldest kept number, next one past the newest readable one."""

    outbox: str
    first: int
    next: int


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """How far an outbox was sent: the number that comes next, and the epoch of the centre that said so."""

    next: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send the outbox's records from `first` on, at most so many. Where there are none, a greeting.

    urgent: send these numbers instead, `first` being the cursor.
    """

    outbox: str
    first: int
    max_records: int
    urgent: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """From `first` on, nobody has looked for urgent records yet."""

    outbox: str
    first: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due before `until`, unless something new is queued."""

    until: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is in flight: numbers first … next − 1 of the outbox, none for a greeting. nonce: the batch's.

    urgent: the numbers of an urgent batch; first = next is then the cursor.
    """

    outbox: str
    first: int
    next: int
    nonce: str
    urgent: tuple[int, ...] = ()

    @property
    def is_greeting(self) -> bool:
        """Whether it carries a report alone."""
        return self.first == self.next and not self.urgent


class Verdict(Enum):
    """What a receipt that answers our exchange says."""

    TAKEN = "taken"  # everything below its `next` is at the centre
    RESENT = "resent"  # the centre lacks what we thought it had: a restored centre. We send it again
    KNOWN = "known"  # the centre holds more than we have sent since we started: our receipts were lost
    BEYOND = "beyond"  # the centre expects more than this outbox ever held: an old copy of the card
    DOUBTED = "doubted"  # a restored centre, and an outbox whose numbers had two versions: perhaps it lost one of them
    OLD = "old"  # carried on a stick, and overtaken: it moves nothing

    @property
    def is_cursor(self) -> bool:
        """Whether the receipt may be kept as the outbox's cursor.

        KNOWN and DOUBTED are not: until we have sent those numbers, nobody knows that the centre's bytes are ours.
        """
        return self not in (Verdict.KNOWN, Verdict.DOUBTED, Verdict.OLD)


class _Line:
    """One outbox on its way to the centre."""

    def __init__(
        self, queued: Queued, cursor: int, epoch: int | None, max_records: int, backoff: Callable[[], Backoff]
    ) -> None:
        self.queued = queued
        self.cursor = cursor
        self.epoch = epoch
        self.backoff = backoff()
        self.lane = UrgentLane(cursor, backoff())
        self.max_records = self._most = max_records
        # Sealed outboxes are greeted for too: only so does a restored centre get to ask for what it lost of them.
        self.greet_at = float("-inf")

    @property
    def backlog(self) -> int:
        return max(0, self.queued.next - self.cursor)

    def shrink(self) -> None:
        """Smaller batches get through where a proxy or a bad line refuses large ones."""
        self.max_records = max(1, self.max_records // 2)

    def suit(self, took_seconds: float) -> None:
        """On a slow line smaller batches too: what is urgent waits for the end of the exchange under way."""
        if took_seconds > _SLOW_SECONDS:
            self.shrink()
        elif took_seconds < _BRISK_SECONDS:
            self.max_records = min(self._most, self.max_records * 2)


class Link:
    """The sender of one gate.

    gate: its name, as receipts must repeat it. greeting_seconds: the longest silence towards the centre while
    there is nothing to send. draw: randomness for the backoff, numbers in [0, 1). max_records: the most in a batch.
    """

    def __init__(
        self,
        gate: str,
        greeting_seconds: float,
        draw: Callable[[], float],
        pace: Pace = Pace(),  # noqa: B008 - frozen
        max_records: int = MAX_RECORDS,
    ) -> None:
        self._gate = gate
        self._greeting_seconds = greeting_seconds
        self._draw, self._pace, self._max_records = draw, pace, max_records
        self._lines: dict[str, _Line] = {}
        self._contested: Container[str] = frozenset()
        self._backoff = Backoff(draw, pace)
        self._exchange: Exchange | None = None
        self._sent_at = float("-inf")
        self._urgent_at = float("-inf")

    @property
    def backlog(self) -> int:
        """Numbers that the centre has not acknowledged, over all outboxes."""
        return sum(line.backlog for line in self._lines.values())

    @property
    def failures(self) -> int:
        """Failed exchanges since the last one that went well."""
        return max([self._backoff.failures, *(line.backoff.failures for line in self._lines.values())])

    def observe(
        self, queued: Iterable[Queued], cursors: Mapping[str, Cursor], contested: Container[str] = frozenset()
    ) -> None:
        """What is queued now, in the order of sending (sealed outboxes first).

        cursors: for outboxes that were not seen before. One that lies outside of what the outbox holds says nothing,
        and everything that is kept is sent again. contested: outboxes of which a receipt ever told of conflicts.
        """
        lines: dict[str, _Line] = {}
        for now in queued:
            line = self._lines.get(now.outbox)
            if line is None:
                line = self._line(now, cursors.get(now.outbox))
            line.queued = now
            lines[now.outbox] = line
        self._lines, self._contested = lines, contested

    def _line(self, queued: Queued, kept: Cursor | None) -> _Line:
        is_ours = kept is not None and queued.first <= kept.next <= queued.next
        cursor = kept.next if kept is not None and is_ours else queued.first
        epoch = None if kept is None else kept.epoch
        return _Line(queued, cursor, epoch, self._max_records, lambda: Backoff(self._draw, self._pace))

    def next_action(self, now: float) -> Send | Wait:
        """What to do. Call `sending` before the bytes leave, then `received` or `failed`."""
        if self._exchange is not None or not self._lines:
            return Wait(float("inf"))
        if now < self._backoff.until:
            return Wait(self._backoff.until)
        urgent = self._urgent(now)
        if isinstance(urgent, Send):
            return urgent
        ready = self._ready(now)
        if ready is not None:
            return self._send(ready)
        # The active outbox first: its receipt matters to the gate.
        for line in reversed(self._lines.values()):
            if now >= line.greet_at:
                return self._send(line, greeting=True)
        due = [line.greet_at for line in self._lines.values()]
        due += [line.backoff.until for line in self._lines.values() if line.backlog]
        return Wait(min([urgent.until, *due]))

    def _ready(self, now: float) -> _Line | None:
        """The outbox whose records go next."""
        waiting = (line for line in self._lines.values() if line.backlog)
        return next((line for line in waiting if now >= line.backoff.until), None)

    def _send(self, line: _Line, *, greeting: bool = False) -> Send:
        return Send(line.queued.outbox, line.cursor, 0 if greeting else line.max_records)

    def _urgent(self, now: float) -> Send | Wait:
        due = float("inf")
        for line in reversed(self._lines.values()):
            numbers = line.lane.newest(self._carried(line, now), min(MAX_URGENT, line.max_records))
            if numbers:
                due = min(due, max(self._urgent_at, line.lane.backoff.until))
                if now >= due:
                    return Send(line.queued.outbox, line.cursor, 0, numbers)
        return Wait(due)

    def _carried(self, line: _Line, now: float) -> int:
        """Numbers below it leave with the next ordinary batch: no need to send them twice."""
        return line.cursor + line.max_records if line is self._ready(now) else line.cursor

    def unread(self, now: float) -> Unread | None:
        """Where to look for urgent records next; None while all of them are known, or leave at once anyway."""
        for line in reversed(self._lines.values()):
            if max(line.lane.looked, self._carried(line, now)) < line.queued.next:
                return Unread(line.queued.outbox, line.lane.looked)
        return None

    def looked(self, unread: Unread, upto: int, urgent: Iterable[int]) -> None:
        """The caller looked up to before `upto`, and these numbers are urgent (ascending)."""
        line = self._lines.get(unread.outbox)
        if line is not None and line.lane.looked == unread.first:
            line.lane.found(upto, urgent)

    def sending(self, exchange: Exchange, now: float) -> None:
        """These numbers are about to leave."""
        self._exchange, self._sent_at = exchange, now

    def likely_next(self) -> Send | None:
        """A full batch that will be due if the exchange under way goes well: the caller may make it ready meanwhile."""
        line = self._lines.get(self._exchange.outbox) if self._exchange else None
        if line is None or self._exchange is None:
            return None
        first = max(line.cursor, self._exchange.next)
        if line.queued.next - first < line.max_records:
            return None
        return Send(line.queued.outbox, first, line.max_records)

    def judge(self, receipt: Receipt) -> Verdict:
        """What a receipt with a good signature says. Raises ForeignReceipt when it does not answer the exchange.

        Changes nothing, so that the receipt can be on disk before `received` counts anything as sent.
        """
        if self._exchange is None:
            raise ForeignReceipt("a receipt came that nobody waits for")
        return self._judge(self._exchange, receipt)

    def _judge(self, exchange: Exchange, receipt: Receipt) -> Verdict:
        if receipt.gate != self._gate:
            raise ForeignReceipt(f"the receipt is for gate {receipt.gate!r}, not for this one")
        if receipt.outbox != exchange.outbox or receipt.nonce != exchange.nonce:
            raise ForeignReceipt("the receipt answers another batch than the one just sent")
        if receipt.next < 1:
            raise ForeignReceipt(f"a receipt that asks for record {receipt.next}: numbers start at 1")
        line = self._lines.get(exchange.outbox)
        is_restored = line is not None and line.epoch is not None and receipt.epoch > line.epoch
        if is_restored and exchange.outbox in self._contested:
            return Verdict.DOUBTED
        if receipt.next < exchange.first:
            return Verdict.RESENT
        if receipt.next <= exchange.next:
            return Verdict.TAKEN
        return Verdict.KNOWN if line and receipt.next <= line.queued.next else Verdict.BEYOND

    def judge_late(self, exchange: Exchange, receipt: Receipt) -> Verdict:
        """The same of a receipt that came back on a stick, for an exchange of days ago. Raises ForeignReceipt.

        Other receipts may have come since, by network or on another stick: what is overtaken, or speaks of numbers
        behind a gap that nothing answered for, is OLD.
        """
        verdict, line = self._judge(exchange, receipt), self._lines.get(exchange.outbox)
        if line is None or (line.epoch is not None and receipt.epoch < line.epoch):
            return Verdict.OLD
        if verdict in (Verdict.BEYOND, Verdict.DOUBTED):
            return verdict
        reach = min(receipt.next, exchange.next)
        is_restored = line.epoch is not None and receipt.epoch > line.epoch
        if reach <= line.cursor:
            return verdict if is_restored else Verdict.OLD
        return verdict if exchange.first <= line.cursor else Verdict.OLD

    def received_late(self, exchange: Exchange, receipt: Receipt) -> Verdict:
        """It is kept, if it is a cursor: move ours. Raises ForeignReceipt as `judge_late` does."""
        verdict, line = self.judge_late(exchange, receipt), self._lines.get(exchange.outbox)
        if verdict is Verdict.OLD or line is None:
            return verdict
        before, line.epoch = line.cursor, receipt.epoch
        if verdict is Verdict.DOUBTED:
            line.cursor = line.queued.first
        elif verdict is not Verdict.BEYOND or exchange.first <= line.cursor < exchange.next:
            line.cursor = min(receipt.next, exchange.next)
        if line.cursor < before:
            line.lane.restart(line.cursor)
        else:
            line.lane.passed(line.cursor)
        return verdict

    def resume(self, outbox: str, epoch: int) -> None:
        """An earlier run went back to the beginning of that outbox for a restored centre (DOUBTED): it goes on there.

        Else each start would doubt again, and what comes back on sticks days later would never count.
        """
        line = self._lines.get(outbox)
        if line is not None and line.epoch is not None and line.epoch < epoch:
            line.epoch, line.cursor = epoch, line.queued.first
            line.lane.restart(line.cursor)

    def cursor(self, outbox: str) -> int | None:
        """The number that is sent next; None for an outbox that is not known."""
        line = self._lines.get(outbox)
        return None if line is None else line.cursor

    def received(self, receipt: Receipt, now: float) -> Verdict:
        """The receipt is kept: move the cursor. Raises ForeignReceipt as `judge` does."""
        verdict, exchange = self.judge(receipt), self._exchange
        assert exchange is not None
        self._exchange = None
        self._backoff.reset()
        line = self._lines.get(exchange.outbox)
        if line is None:
            return verdict
        line.greet_at = now + self._greeting_seconds
        line.epoch = receipt.epoch
        # Never past what we sent ourselves: a card's old copy may hold other records under the same numbers, and the
        # centre keeps both versions only if it gets both.
        line.cursor = line.queued.first if verdict is Verdict.DOUBTED else min(receipt.next, exchange.next)
        if exchange.urgent:
            line.lane.delivered(exchange.urgent)
            line.lane.backoff.reset()
            self._urgent_at = now + URGENT_EVERY_SECONDS
        if line.cursor > exchange.first:
            line.backoff.reset()
            line.suit(now - self._sent_at)
            line.lane.passed(line.cursor)
        elif line.cursor < exchange.first or exchange.next > exchange.first:
            # A genuine answer without progress: asked to go back, or a centre that takes nothing. No tight loop.
            line.backoff.fail(now)
        if line.cursor < exchange.first:
            line.lane.restart(line.cursor)
        return verdict

    def failed(self, trouble: Trouble, now: float, retry_after: float | None = None) -> None:
        """The exchange brought no receipt. retry_after: seconds that the peer asked for."""
        exchange, self._exchange = self._exchange, None
        line = self._lines.get(exchange.outbox) if exchange else None
        if exchange is None or line is None:
            self._backoff.fail(now, retry_after)
            return
        if trouble in (Trouble.OUR_FAULT, Trouble.NO_NETWORK) and not exchange.is_greeting:
            line.shrink()
        # What one outbox sends may be at fault, and not the way: then the others go on, and so do the greetings, which
        # bring the updates.
        if trouble is not Trouble.OUR_FAULT:
            self._backoff.fail(now, retry_after)
        elif exchange.is_greeting:
            line.greet_at = now + self._greeting_seconds
        else:
            (line.lane if exchange.urgent else line).backoff.fail(now, retry_after)
        if exchange.urgent and trouble is Trouble.CENTRE_BUSY:
            # Perhaps this very batch is what it chokes on: an ordinary one has its turn first.
            self._urgent_at = self._backoff.until + URGENT_EVERY_SECONDS

    def put_off(self, outbox: str, now: float) -> None:
        """The outbox cannot be read just now; the others go on."""
        line = self._lines.get(outbox)
        if line is not None:
            line.backoff.fail(now)
            line.lane.backoff.fail(now)

    def wake(self) -> None:
        """Somebody wants an exchange now: whatever was waited for is cut short."""
        self._backoff.cut_short()
        for line in self._lines.values():
            line.greet_at = float("-inf")
            line.backoff.cut_short()
            line.lane.backoff.cut_short()
