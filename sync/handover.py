"""What the program that copies to a stick and the running gate-sync tell each other: files between, one writer each.

The copying program reads and writes the stick; receipts, updates and `courier.json` are gate-sync's alone. So what the
stick brought, and which batches it took along, is handed over, and the answer stands in sync-status.json.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sync.errors import SyncError
from sync.link import Exchange
from sync.outbox.durable import replace_file
from sync.wire.batch import Hole
from sync.wire.carried import MAX_RETURN_BYTES
from sync.wire.statedir import StateDir

KEPT = 8_000
"""So many batches are remembered: 4 million records on the way. A receipt for an older one says nothing, and what it
would have acknowledged is carried again."""
_MAX_FILE_BYTES = MAX_RETURN_BYTES + 8_000_000


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """A batch that left on a stick. digest: SHA-256 of its bytes, hex, so that its file is known again."""

    outbox: str
    first: int
    next: int
    nonce: str
    digest: str
    holes: list[Hole] = []

    @property
    def exchange(self) -> Exchange:
        """As the link judges it."""
        return Exchange(self.outbox, self.first, self.next, self.nonce)


class Carried(msgspec.Struct, frozen=True):
    """courier.json. sent: the newest batches, oldest first. lacks_files: the last updates left out a file that this
    gate has lost, so that it must ask for all of them. doubted: by outbox, for which epoch of the centre all of it goes
    again, because some of its numbers had two versions.
    """

    sent: list[Sent] = []
    lacks_files: bool = False
    doubted: dict[str, int] = {}

    def plus(self, more: Iterable[Sent]) -> Carried:
        """With those; the oldest make room."""
        return msgspec.structs.replace(self, sent=[*self.sent, *more][-KEPT:])

    def without_done(self, cursors: dict[str, int]) -> Carried:
        """Without what lies below the cursors: whatever answers it says nothing new. Greetings too."""
        still = [one for one in self.sent if one.next > cursors.get(one.outbox, 0)]
        return msgspec.structs.replace(self, sent=still)


class Handover(msgspec.Struct, frozen=True):
    """id: random, repeated by the answer. receipts, updates: as the stick brought them, opened and not yet judged."""

    id: str
    receipts: list[bytes] = []
    updates: dict[str, bytes] | None = None
    sent: list[Sent] = []


class BrokenHandover(SyncError):
    """The file is not what this program writes there."""


def write_handover(state: StateDir, handover: Handover) -> None:
    """Replace the file. Raises OSError."""
    replace_file(state.handover, msgspec.msgpack.encode(handover), durable=False, mode=0o600)


def read_handover(state: StateDir) -> Handover:
    """Raises BrokenHandover, OSError."""
    with state.handover.open("rb") as file:
        content = file.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise BrokenHandover(f"{state.handover.name} has more than {_MAX_FILE_BYTES} bytes")
    try:
        return msgspec.msgpack.decode(content, type=Handover)
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise BrokenHandover(f"{state.handover.name}: {cause}") from cause
