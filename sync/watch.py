"""Keeps an eye on the outboxes: which there are, what is new in each, and where each one's kept receipt stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sync import mailbox
from sync.dispatch import Source
from sync.link import Cursor, Queued
from sync.outbox.errors import OutboxError
from sync.wire.keys import KeyRing
from sync.wire.receipt import Receipt
from sync.wire.statedir import StateDir

_AGAIN_SECONDS = 10.0

OpenOutboxes = Callable[[Path], Sequence[Source]]


class OutboxWatch:
    """The outboxes of one gate, sealed ones first. open_outboxes: `sync.outbox.reader.readers`.

    sources: by id. receipts: the newest kept one of each outbox. trouble: a sentence while something cannot be read.
    """

    def __init__(self, state: StateDir, open_outboxes: OpenOutboxes, ring: KeyRing) -> None:
        self._state, self._open, self._ring = state, open_outboxes, ring
        self._first: dict[str, int] = {}
        self._seen: object = None
        self._again = float("-inf")
        self.sources: dict[str, Source] = {}
        self.receipts: dict[str, Receipt] = {}
        self._delivered = mailbox.read_delivered(state)
        self.trouble: str | None = None

    def look(self, now: float) -> list[Queued] | None:
        """What is queued; None when the directory cannot be read, so that nothing new is known. Never raises."""
        try:
            self._find(now)
        except (OutboxError, OSError) as failure:
            self.trouble = f"the outbox cannot be opened: {failure}"
            return None
        self.trouble = None if self.sources else "there is no outbox yet: the gate has not started here"
        queued = []
        for source in self.sources.values():
            try:
                queued.append(Queued(source.id, self._first[source.id], source.next()))
            except (OutboxError, OSError) as failure:
                self.trouble = f"outbox {source.id} cannot be read: {failure}"
        return queued

    def cursors(self) -> dict[str, Cursor]:
        """Where each outbox stands according to its kept receipt, or to what was sent where that is no cursor."""
        cursors = {outbox: Cursor(receipt.next, receipt.epoch) for outbox, receipt in self.receipts.items()}
        return cursors | {outbox: at for outbox, at in self._delivered.items() if self._is_beyond(outbox, at.epoch)}

    def delivered(self, outbox: str, cursor: Cursor) -> None:
        """The centre answered for what was sent below the cursor. Raises OSError.

        Only noted where its receipt is no cursor – an old copy of the card –, or each start would send all again.
        """
        if self._is_beyond(outbox, cursor.epoch) and self._delivered.get(outbox) != cursor:
            mine = {name: at for name, at in self._delivered.items() if name in self.sources}
            mailbox.write_delivered(self._state, mine | {outbox: cursor})
            self._delivered = mine | {outbox: cursor}

    def _is_beyond(self, outbox: str, epoch: int) -> bool:
        receipt = self.receipts.get(outbox)
        try:
            return receipt is not None and receipt.epoch == epoch and receipt.next > self.sources[outbox].next()
        except OutboxError:
            return False

    def keep(self, receipt: Receipt, signed: bytes, *, even_if_nothing_new: bool) -> None:
        """Put a receipt on the disk before anything counts as sent; without news it costs no write. Raises OSError."""
        kept = self.receipts.get(receipt.outbox)
        if kept is None or _saying(kept) != _saying(receipt) or even_if_nothing_new:
            mailbox.keep_receipt(self._state, receipt.outbox, signed)
            self.receipts[receipt.outbox] = receipt

    def _find(self, now: float) -> None:
        seen = mailbox.changed_at(self._state.outbox)
        if seen == self._seen and now < self._again:
            return
        self._again = now + _AGAIN_SECONDS
        found = {source.id: source for source in self._open(self._state.outbox)}
        # Each time: what is pruned meanwhile and sent "from the first on" would be declared missing.
        self._first = {source.id: source.first() for source in found.values()}
        if list(found) != list(self.sources):
            self.sources = found
            self._read_receipts()
        self._seen = seen

    def _read_receipts(self) -> None:
        kept = {outbox: mailbox.kept_receipt(self._state, outbox, self._ring) for outbox in self.sources}
        self.receipts = {outbox: receipt for outbox, receipt in kept.items() if receipt is not None}


def _saying(receipt: Receipt) -> tuple[int, int, str, int]:
    return receipt.epoch, receipt.next, receipt.standing.value, len(receipt.set_aside)
