"""A town in memory for tests of the link: its keys, a gate's files, a centre that keeps the rules, an outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sync.outbox.durable import make_directory, replace_file
from sync.wire import jsonform
from sync.wire.batch import Batch, Hole, unpack
from sync.wire.envelope import MessageType, verify
from sync.wire.keys import KeyRing, Purpose, SigningKey, key_id
from sync.wire.policy import Policy
from sync.wire.receipt import Answer, Receipt, SetAside, Standing, encode_answer, sign_receipt
from sync.wire.record import Direction
from sync.wire.staff import Staff
from sync.wire.statedir import StateDir
from sync.wire.status import Identity
from sync.wire.statuslist import Withdrawn
from sync.wire.updates import KeyEntry, KeyList, VenueCard, build, sign_keys

GATE = "gate-7"
ISSUED_AT = 1_650_000_000


def _signing(purpose: Purpose, seed: int) -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32), purpose)


class Town:
    """Fixed keys, each for its purpose. root: another root key than the town's own."""

    def __init__(self, root: SigningKey | None = None) -> None:
        self.root = root or _signing(Purpose.ROOT, 1)
        self.updates = _signing(Purpose.UPDATE, 2)
        self.receipts = _signing(Purpose.RECEIPT, 3)
        self.passes = _signing(Purpose.PASS, 4)
        self.gate = _signing(Purpose.GATE, 5)
        self.seal = X25519PrivateKey.from_private_bytes(bytes([6]) * 32)

    @property
    def seal_public(self) -> bytes:
        return self.seal.public_key().public_bytes_raw()

    def sealing_keys(self, kid: bytes) -> X25519PrivateKey | None:
        return self.seal if kid == key_id(self.seal_public) else None

    def key_list(self, number: int = 1, receipts: SigningKey | None = None) -> bytes:
        keys = [self.updates, receipts or self.receipts, self.passes]
        entries = [KeyEntry(key.public, key.purpose) for key in keys] + [KeyEntry(self.seal_public, Purpose.SEAL)]
        return sign_keys(KeyList(1, number, ISSUED_AT, entries), self.root)

    def snapshot(
        self,
        order: tuple[int, int] = (1, 1),
        issued_at: int = ISSUED_AT,
        receipts: SigningKey | None = None,
        withdrawn: Withdrawn | None = None,
        staff: Staff | None = None,
    ) -> dict[str, bytes]:
        card = VenueCard(GATE, "South gate 1", 11, "Market", 21, "South gate", Direction.IN)
        keys = self.key_list(order[1], receipts)
        return build(keys, Policy(), card, order, issued_at, self.updates, withdrawn, staff)

    def provision(self, state: StateDir, collector: str, ca: str | None = None) -> None:
        """The files that a gate gets from its centre."""
        make_directory(state.root)
        replace_file(state.root_key, self.root.public.hex().encode())
        make_directory(state.private)
        replace_file(state.device_key, self.gate.private.private_bytes_raw().hex().encode(), mode=0o600)
        replace_file(state.identity, jsonform.encode(Identity(GATE, collector, ca)))
        put_snapshot(state, self.snapshot(), "1-1")


def put_snapshot(state: StateDir, files: Mapping[str, bytes], name: str) -> None:
    directory = state.updates / name
    directory.mkdir(parents=True)
    for file, content in files.items():
        (directory / file).write_bytes(content)
    state.current_updates.unlink(missing_ok=True)
    state.current_updates.symlink_to(name)


@dataclass
class Shelf:
    """What the centre holds of one outbox: number → the different bytes that came under it."""

    next: int = 1
    records: dict[int, list[bytes]] = field(default_factory=dict)
    holes: dict[int, str] = field(default_factory=dict)

    def is_contested(self, number: int) -> bool:
        return len(self.records.get(number, [])) > 1 or number in self.holes

    def copy(self) -> Shelf:
        return Shelf(self.next, {number: list(kept) for number, kept in self.records.items()}, dict(self.holes))


class ModelCentre:
    """The centre's rules (DESIGN 7) without a database: what it signed is what it holds."""

    def __init__(self, town: Town, clock: float = 1_700_000_000.0) -> None:
        self.town = town
        self.epoch = 1
        self.clock = clock
        self.shelves: dict[str, Shelf] = {}
        self.seen: list[Batch] = []
        self.updates: dict[str, bytes] | None = None
        self.standing = Standing.ACCEPTED
        self.set_aside: list[SetAside] = []
        self.receipts = town.receipts

    def read(self, body: bytes) -> Batch:
        """Raises WireError for what is not a batch of this town's gate."""
        opened = verify(body, KeyRing([self.town.gate.verification_key()]), MessageType.BATCH)
        return unpack(opened.payload, self.town.sealing_keys)

    def answer(self, body: bytes) -> bytes:
        """Raises WireError as `read` does."""
        batch = self.read(body)
        self.seen.append(batch)
        shelf = self.shelves.setdefault(batch.outbox, Shelf())
        if batch.first <= shelf.next or batch.urgent:
            for number, record in batch.numbered():
                kept = shelf.records.setdefault(number, [])
                if record not in kept:
                    kept.append(record)
            for hole in batch.holes:
                for number in range(hole.first, hole.last + 1):
                    shelf.holes.setdefault(number, hole.reason)
            if not batch.urgent:
                shelf.next = max(shelf.next, batch.next)
        receipt = Receipt(
            gate=batch.gate,
            outbox=batch.outbox,
            epoch=self.epoch,
            next=shelf.next,
            centre_time=self.clock,
            nonce=batch.nonce,
            standing=self.standing,
            set_aside=[aside for aside in self.set_aside if batch.first <= aside.sequence < batch.next],
            conflicts=[number for number, _ in batch.numbered() if shelf.is_contested(number)],
        )
        updates = self.updates if batch.report.wants_updates else None
        return encode_answer(Answer(sign_receipt(receipt, self.receipts), updates))

    def backup(self) -> dict[str, Shelf]:
        return {outbox: shelf.copy() for outbox, shelf in self.shelves.items()}

    def restore(self, backup: Mapping[str, Shelf]) -> None:
        """From a backup: what came since is gone, and the epoch says so."""
        self.shelves = {outbox: shelf.copy() for outbox, shelf in backup.items()}
        self.epoch += 1


@dataclass(frozen=True)
class MemoryPiece:
    first: int
    next: int
    records: tuple[bytes, ...]
    holes: tuple[Hole, ...]


class MemoryOutbox:
    """What a reader sees of an outbox. None stands for a burnt number."""

    def __init__(self, name: str = "0" * 32) -> None:
        self.id = name
        self.lines: list[bytes | None] = []
        self.oldest = 1

    def append(self, record: bytes | None) -> int:
        self.lines.append(record)
        return len(self.lines)

    def next(self) -> int:
        return len(self.lines) + 1

    def first(self) -> int:
        return self.oldest

    def read(self, first: int, max_records: int, max_bytes: int) -> MemoryPiece:
        records: list[bytes] = []
        holes: list[Hole] = []
        number = first
        if first < self.oldest:
            holes.append(Hole(first, self.oldest - 1, "pruned"))
            number = self.oldest
        size = 0
        while number < self.next() and len(records) < max_records:
            line = self.lines[number - 1]
            if line is None:
                holes.append(Hole(number, number, "burnt"))
            else:
                size += len(line)
                if size > max_bytes:
                    break
                records.append(line)
            number += 1
        return MemoryPiece(first, number, tuple(records), tuple(holes))
