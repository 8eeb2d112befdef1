"""The centre's receipts, as gate-sync left them: checked again before anything is forgotten (DESIGN 1, 7)."""

from __future__ import annotations

from collections.abc import Callable

from sync.outbox import Outbox, OutboxReplaced
from sync.outbox.errors import OutboxError
from sync.wire.errors import WireError
from sync.wire.keys import KeyRing
from sync.wire.receipt import Receipt, Standing, read_receipt
from sync.wire.statedir import StateDir

MAX_RECEIPT_BYTES = 256_000


class ReceiptWatch:
    """Applies each new receipt to the outbox that it names, once. trouble: what is wrong with one, None for nothing.

    heard: told of each genuine receipt for this gate, for the time that it proves.
    """

    def __init__(self, state: StateDir, outbox: Outbox, heard: Callable[[Receipt], None] = lambda _: None) -> None:
        self._state, self._outbox, self._heard = state, outbox, heard
        self._applied: dict[str, int] = {}
        self._epoch: int | None = None
        self._revoked_at: float | None = None
        self.trouble: str | None = None

    def is_revoked(self, trust_issued_at: float | None) -> bool:
        """Whether the centre's newest word on the outbox in use is that it trusts this gate no longer.

        trust_issued_at: of the updates in force. A revoked gate gets none: newer ones say that it is trusted again.
        """
        return self._revoked_at is not None and (trust_issued_at is None or trust_issued_at <= self._revoked_at)

    def apply(self, gate: str | None, ring: KeyRing) -> None:
        """Acknowledge what new, genuine receipts for this gate cover."""
        self.trouble = None
        try:
            present = {path.name: path.stat().st_mtime_ns for path in self._state.receipts.iterdir()}
        except OSError:
            return  # none yet
        for outbox_id, changed in present.items():
            if outbox_id.startswith(".") or self._applied.get(outbox_id) == changed:
                continue
            try:
                self._apply_one(self._read(outbox_id, gate, ring))
            except (OSError, WireError, OutboxError) as cause:
                self.trouble = f"receipt {outbox_id} is not applied: {cause}"
            else:
                self._applied[outbox_id] = changed

    def _read(self, outbox_id: str, gate: str | None, ring: KeyRing) -> Receipt:
        with self._state.receipt(outbox_id).open("rb") as file:
            receipt = read_receipt(file.read(MAX_RECEIPT_BYTES + 1), ring)
        if (receipt.gate, receipt.outbox) != (gate, outbox_id):
            raise WireError(f"it is for gate {receipt.gate}, outbox {receipt.outbox}")
        return receipt

    def _apply_one(self, receipt: Receipt) -> None:
        self._heard(receipt)
        if receipt.outbox != self._outbox.id:
            self._outbox.acknowledge_sealed(receipt.outbox, receipt.next)
            return
        self._revoked_at = receipt.centre_time if receipt.standing is Standing.QUARANTINED else None
        if self._epoch is not None and receipt.epoch > self._epoch:
            self._outbox.reclaim(receipt.next)  # a restored centre: what it lost is not pruned until it has it again
        self._epoch = receipt.epoch
        try:
            self._outbox.acknowledge(receipt.next)
        except OutboxReplaced:
            # An old image of the card was put back: these numbers are taken at the centre by other records.
            self._outbox.renew()
