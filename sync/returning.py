"""Takes what a stick brought back: updates, then receipts – judged by the same rules as if they had come by network.

What differs is time. A receipt on a stick is late: others may have overtaken it (`Link.judge_late`), and it never
repeats the gate's own nonce, so that it can raise the clock's floor and do nothing else to the clock (DESIGN 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from sync import mailbox
from sync.errors import PeerFault
from sync.handover import Handover, Sent
from sync.installer import Incomplete, NotNewer, install
from sync.link import Cursor, Exchange, ForeignReceipt, Link, Verdict
from sync.mailbox import Provision
from sync.teller import Teller, verdict_in_words
from sync.watch import OutboxWatch
from sync.wire.batch import Hole
from sync.wire.receipt import Receipt, Standing, read_receipt
from sync.wire.statedir import StateDir
from sync.wire.status import Handed, StickPhase, StickStatus, StickTrouble
from sync.wire.updates import Snapshot

SILENT_SECONDS = 10.0
"""The copying program speaks every second: after so long it is gone."""
_TROUBLES = 8
Note = Callable[[Receipt, Verdict, Exchange, Sequence[Hole]], None]


def as_it_is(state: StateDir, now: float) -> StickStatus | None:
    """The newest visit of a stick: what the copying program said, and what it cannot say any more itself."""
    told = mailbox.read_stick_status(state)
    if told is None:
        return None
    unplugged, said = mailbox.changed_at(state.unplugged), mailbox.changed_at(state.stick)
    return seen(told, now, is_out=unplugged is not None and said is not None and unplugged >= said)


def seen(told: StickStatus, now: float, *, is_out: bool) -> StickStatus:
    """PURE. is_out: the stick was unmounted since. now: monotonic seconds."""
    if told.phase is StickPhase.COPYING and now - told.mono > SILENT_SECONDS:
        gone = "the copying ended before its time: put the stick in again"
        return msgspec.structs.replace(told, phase=StickPhase.FAILED, trouble=StickTrouble.PULLED, detail=gone)
    if told.phase is StickPhase.WRITTEN and (is_out or not told.waits):
        return msgspec.structs.replace(told, phase=StickPhase.COPIED)
    return told


@dataclass(slots=True)
class Returning:
    """One handover's taking. note: keeps incidents; raises OSError. snapshot: what came into force."""

    state: StateDir
    provision: Provision
    link: Link
    watch: OutboxWatch
    note: Note
    teller: Teller
    snapshot: Snapshot | None = None
    troubles: list[str] = field(default_factory=list)
    _doubted: dict[str, int] = field(default_factory=dict)

    def take(self, handover: Handover) -> Handed:
        """Never raises for what the stick brought or the card refuses: that is told."""
        carried = mailbox.read_carried(self.state)
        self._doubted = dict(carried.doubted)
        for outbox, epoch in carried.doubted.items():
            self.link.resume(outbox, epoch)
        before = self.link.backlog
        # Before the receipts, which may be signed by a key that only these updates name.
        lacks = self._install(handover.updates) if handover.updates else carried.lacks_files
        news = sum(self._receipt(signed, {one.nonce: one for one in carried.sent}) for signed in handover.receipts)
        cursors = {outbox: cursor for outbox in self.watch.sources if (cursor := self.link.cursor(outbox)) is not None}
        kept = msgspec.structs.replace(carried.without_done(cursors), lacks_files=lacks, doubted=self._doubted)
        after = kept.plus(handover.sent)
        try:
            if after != carried:
                mailbox.write_carried(self.state, after)
        except OSError as failure:
            self.troubles.append(f"what left on the stick cannot be noted, and goes again: {failure.strerror}")
        return Handed(
            id=handover.id,
            acknowledged=max(0, before - self.link.backlog),
            receipts=news,
            old=len(handover.receipts) - news,
            updates=None if self.snapshot is None else self.snapshot.order,
            cursors=cursors,
            troubles=self.troubles[:_TROUBLES],
        )

    def _install(self, files: dict[str, bytes]) -> bool:
        """Whether the next trip must bring all files."""
        try:
            held = self.provision.snapshot
            self.snapshot = install(self.state, files, self.provision.root, held.order, held.keys_issued_at)
        except NotNewer:
            return False
        except (PeerFault, OSError) as refused:
            self.troubles.append(f"new updates were not installed: {refused}")
            return isinstance(refused, Incomplete)
        self.provision = replace(self.provision, snapshot=self.snapshot)
        return False

    def _receipt(self, signed: bytes, sent: dict[str, Sent]) -> bool:
        """Whether it said something new."""
        try:
            receipt = read_receipt(signed, self.provision.snapshot.ring)
            one = sent.get(receipt.nonce)
            if receipt.gate != self.provision.identity.gate:
                raise ForeignReceipt(f"a receipt on the stick is for gate {receipt.gate!r}, not for this one")
            return one is not None and self._judged(receipt, signed, one)
        except PeerFault as fault:
            self.troubles.append(str(fault))
        except OSError as failure:
            self.troubles.append(f"a receipt cannot be kept: {failure.strerror}")
        return False

    def _judged(self, receipt: Receipt, signed: bytes, one: Sent) -> bool:
        """As `Agent._take` does: on the disk before anything counts as sent. Raises ForeignReceipt, OSError."""
        exchange = one.exchange
        verdict = self.link.judge_late(exchange, receipt)
        self.note(receipt, verdict, exchange, one.holes)
        if verdict.is_cursor:
            self.watch.keep(receipt, signed, even_if_nothing_new=False)
        self.link.received_late(exchange, receipt)
        self.teller.carried(receipt)
        if verdict is Verdict.DOUBTED:
            self._doubted[receipt.outbox] = receipt.epoch
        if verdict is Verdict.BEYOND:
            reached = self.link.cursor(receipt.outbox)
            if reached is not None:
                self.watch.delivered(receipt.outbox, Cursor(reached, receipt.epoch))
        if verdict is not Verdict.OLD or receipt.standing is Standing.QUARANTINED:
            sentence = verdict_in_words(receipt, verdict)[1]
            if sentence is not None and sentence not in self.troubles:
                self.troubles.append(sentence)
        return verdict is not Verdict.OLD
