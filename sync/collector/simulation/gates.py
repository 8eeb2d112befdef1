"""One simulated gate: an honest outbox, and the batches that gate-sync would make of it. No sockets, no clock.

It breaks no rule of the protocol: what it sends twice it sends as a gate does whose answer was lost.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync.collector.errors import CollectorError
from sync.collector.simulation.traffic import Doorway, Entry, burnt
from sync.wire.batch import MAX_RECORDS, MAX_URGENT, Batch, Report, pack
from sync.wire.errors import WireError
from sync.wire.keys import Purpose, SigningKey
from sync.wire.receipt import Receipt, Standing, decode_answer, read_receipt
from sync.wire.statedir import StateDir
from sync.wire.updates import FILES, open_snapshot

_MOST_OVERLAP = 50  # records of the batch before that come once more with the next


class Dishonoured(CollectorError):
    """The centre answered, and its answer is not what the protocol promises."""


@dataclass(slots=True)
class Tally:
    """What one gate sent and was told. sent: records that a receipt answered, each time. urgent: those that went ahead.

    records, held: what the centre must hold of it, each once, and by (type, outcome) as the roll-up counts it. digest:
    of their numbers and bytes, in order.
    """

    sent: int = 0
    urgent: int = 0
    records: int = 0
    conflicts: int = 0
    set_aside: int = 0
    passages: int = 0
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    digest: Any = field(default_factory=sha256)


@dataclass(frozen=True, slots=True)
class Letter:
    """One exchange: the bytes, and what the receipt must say of them."""

    body: bytes
    nonce: str
    upto: int
    records: int


class SimulatedGate:
    """A gate by its provisioned directory. resend: share of batches that are sent again."""

    def __init__(self, gate: str, files: StateDir, doorway: Doorway, resend: float, seed: int) -> None:
        self.id, self.doorway = gate, doorway
        private = bytes.fromhex(files.device_key.read_text(encoding="ascii"))
        self._key = SigningKey(Ed25519PrivateKey.from_private_bytes(private), Purpose.GATE)
        updates = {name: (files.current_updates / name).read_bytes() for name in FILES}
        self._snapshot = open_snapshot(updates, bytes.fromhex(files.root_key.read_text(encoding="ascii")))
        self._rng = random.Random(f"{seed}/{gate}")  # noqa: S311 - which batches come twice
        self._resend = resend
        self._coming = doorway.entries()
        self._next_one: Entry | None = None
        self._waiting: list[Entry] = []  # from number `cursor` on
        self._before: list[Entry] = []  # the last ones of the batch before
        self._ahead: set[int] = set()  # numbers that went urgently
        self.cursor = 1
        self.tally = Tally()

    def record_until(self, at: float) -> None:
        """Take into the outbox what happens until then (seconds since 1970)."""
        while True:
            entry = self._next_one or next(self._coming, None)
            if entry is None or entry.at > at:
                self._next_one = entry
                return
            self._next_one = None
            self._waiting.append(entry)

    def letters(self, now: float) -> Iterator[Letter]:
        """What to send at one contact, one after the other; between two of them `receive` was called.

        now: seconds since 1970, when it is sent. A contact with nothing to send is a greeting.
        """
        if urgent := self._urgent():
            yield self._letter(now, [], urgent)
        is_first = True
        while is_first or self._waiting:
            is_first = False
            overlap = self._before if self._rng.random() < self._resend / 2 else []
            entries = overlap + self._waiting[: MAX_RECORDS - len(overlap)]
            letter = self._letter(now, entries, [], first=self.cursor - len(overlap))
            yield letter
            if entries and self._rng.random() < self._resend / 2:
                yield letter  # the same bytes: the answer was lost on its way

    def _urgent(self) -> list[int]:
        """Refusals that the next batch does not carry, the newest first; in order, as a batch has them."""
        late = range(len(self._waiting) - 1, MAX_RECORDS - 1, -1)
        numbers = (self.cursor + at for at in late if self._waiting[at].is_urgent)
        return sorted(islice((number for number in numbers if number not in self._ahead), MAX_URGENT))

    def _letter(self, now: float, entries: list[Entry], urgent: list[int], first: int | None = None) -> Letter:
        first = first or self.cursor
        records = [entry.raw for entry in entries if entry.raw is not None]
        if urgent:
            records = [raw for number in urgent if (raw := self._waiting[number - self.cursor].raw) is not None]
            self.tally.urgent += len(urgent)
            self._ahead.update(urgent)
        nonce = secrets.token_hex(16)
        mono = now - self.doorway.booted_at
        batch = Batch(
            gate=self.id,
            outbox=self.doorway.outbox,
            first=first,
            next=first + len(entries),
            records=[msgspec.Raw(raw) for raw in records],
            sent_at=now,
            nonce=nonce,
            report=Report(self._snapshot.order, len(self._waiting), "simulated", self.doorway.boot, mono, 0.1, 45.0),
            holes=burnt(entries, first),
            urgent=urgent,
        )
        upto = self.cursor if urgent else max(self.cursor, first + len(entries))
        return Letter(pack(batch, self._key, self._snapshot.sealing_key), nonce, upto, len(records))

    def receive(self, letter: Letter, answer: bytes) -> None:
        """The centre's answer to it. Raises Dishonoured when it is no receipt for what was sent."""
        try:
            receipt = read_receipt(decode_answer(answer).receipt, self._snapshot.ring)
        except WireError as cause:
            raise Dishonoured(f"{self.id}: {cause}") from cause
        self._check(receipt, letter)
        self.tally.sent += letter.records
        self.tally.conflicts += len(receipt.conflicts)
        self.tally.set_aside += len(receipt.set_aside)
        moved = receipt.next - self.cursor
        for number, entry in enumerate(self._waiting[:moved], self.cursor):
            if entry.raw is not None:
                self.tally.records += 1
                self.tally.held[entry.type, entry.outcome] += entry.count
                self.tally.digest.update(number.to_bytes(8, "big") + entry.raw)
                self.tally.passages += entry.type in ("scan", "folded")
        if moved:
            self._before = self._waiting[max(0, moved - _MOST_OVERLAP) : moved]
            del self._waiting[:moved]
            self.cursor = receipt.next
            self._ahead = {number for number in self._ahead if number >= self.cursor}

    def _check(self, receipt: Receipt, letter: Letter) -> None:
        for holds, what in (
            (receipt.gate == self.id and receipt.outbox == self.doorway.outbox, "is another gate's"),
            (receipt.nonce == letter.nonce, "is for another batch"),
            (receipt.standing is Standing.ACCEPTED, "puts its records into quarantine"),
            (receipt.next == max(letter.upto, self.cursor), f"asks for {receipt.next}, not {letter.upto}"),
        ):
            if not holds:
                raise Dishonoured(f"{self.id}: a genuine receipt {what}")

    @property
    def is_through(self) -> bool:
        """Whether everything that was ever to be recorded is acknowledged. Call `record_until` with the end before."""
        return not self._waiting and self._next_one is None
