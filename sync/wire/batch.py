"""PURE: a batch – a range of records on their way to the centre, the same bytes by HTTPS or on a stick.

Made as: JSON → deflate (RFC 1950) → sealed to the centre (HPKE, RFC 9180) → signed by the gate. Opened in the
opposite order, every size bounded before the next step. A batch that opens is whole and from that gate; it does
NOT follow that it is new: the same batch may come three times.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from sync.wire import jsonform
from sync.wire.envelope import MessageType, sign
from sync.wire.errors import WireError
from sync.wire.keys import KID_BYTES, SigningKey, key_id
from sync.wire.record import MAX_RECORD_BYTES

VERSION = 1
MAX_RECORDS = 500
MAX_URGENT = 100
MAX_HOLES = 1_000
MAX_BYTES = 1_000_000  # compressed and inflated (DESIGN 7)
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_INFO = MessageType.BATCH.label


class Hole(msgspec.Struct, frozen=True, array_like=True):
    """Sequence numbers first … last that hold no record: "burnt" (an append failed), "damaged" or "pruned"."""

    first: int
    last: int
    reason: str


class Report(msgspec.Struct, frozen=True):
    """How the gate is. have: (epoch, number) of its updates, (0, 0) for none. disk_used: share of 1.

    wants_updates: False asks for a receipt alone, because the last updates were refused or the line was too slow for
    them: downloading never holds up uploading (DESIGN 4). sealing_key: X25519, 64 hex, to which whatever goes back to
    this gate on a stick is sealed (`sync.wire.carried`); unset by gates that know no sticks.
    """

    have: tuple[int, int]
    backlog: int
    software: str
    boot: str
    mono: float
    disk_used: float | None = None
    board_celsius: float | None = None
    damaged: int = 0
    faults: list[str] = []
    wants_updates: bool = True
    sealing_key: str | msgspec.UnsetType = msgspec.UNSET


class Batch(msgspec.Struct, frozen=True):
    """Records `first` … `next` − 1 of one outbox, but for the declared holes, in order.

    records: the bytes as they stand in the outbox. An empty batch (first = next) is a greeting: it carries the
    report up and asks for updates. sent_at: the gate's clock, seconds since 1970. nonce: 16 random bytes in hex,
    which the receipt repeats. urgent: the numbers of the records in an urgent batch (R7), which is a greeting as far as
    the range goes: it moves no cursor, and its records come again in their order.
    """

    gate: str
    outbox: str
    first: int
    next: int
    records: list[msgspec.Raw]
    sent_at: float
    nonce: str
    report: Report
    holes: list[Hole] = []
    urgent: list[int] = []
    v: int = VERSION

    def numbered(self) -> list[tuple[int, bytes]]:
        """Each record with its sequence number. Raises WireError when records and holes do not fill the range."""
        _check_range(self)
        records = map(bytes, self.records)
        if self.urgent:
            return list(zip(self.urgent, records, strict=True))
        return list(numbered(self.first, self.next, records, self.holes))


def numbered(first: int, upto: int, records: Iterable[bytes], holes: Iterable[Hole]) -> Iterator[tuple[int, bytes]]:
    """Each record with its number, where records and holes together fill first … upto − 1."""
    start, rest = first, iter(records)
    # From hole to hole, never number by number: a hole may be as long as a hostile gate likes.
    for hole in [*holes, Hole(upto, upto, "end")]:
        yield from zip(range(start, hole.first), rest, strict=False)
        start = hole.last + 1


class SealingKeys(Protocol):
    """The centre's private sealing keys by name."""

    def __call__(self, kid: bytes) -> X25519PrivateKey | None:
        """The key, or None when it is not (or no longer) known."""
        ...


class _Load(msgspec.Struct, frozen=True):
    """What of a batch is known before the moment in which it leaves."""

    gate: str
    outbox: str
    first: int
    next: int
    records: Sequence[msgspec.Raw]
    holes: Sequence[Hole]
    urgent: Sequence[int]
    v: int


class _Stamp(msgspec.Struct, frozen=True):
    """What is known only then."""

    sent_at: float
    nonce: str
    report: Report


class Pressed:
    """A batch whose records are encoded and compressed ahead of their time: the arguments are those of `Batch`.

    `pack` may be called again with another stamp. Raises ValueError over a limit.
    """

    def __init__(
        self,
        gate: str,
        outbox: str,
        first: int,
        next: int,
        records: Sequence[msgspec.Raw],
        holes: Sequence[Hole] = (),
        urgent: Sequence[int] = (),
        v: int = VERSION,
    ) -> None:
        # One JSON object in two pieces, the second of which is a few hundred bytes.
        head = jsonform.encode(_Load(gate, outbox, first, next, records, holes, urgent, v))[:-1]
        if len(records) > MAX_RECORDS or len(holes) > MAX_HOLES:
            raise ValueError(f"a batch has at most {MAX_RECORDS} records and {MAX_HOLES} holes")
        self._inflated_bytes = len(head)
        self._deflater = zlib.compressobj(6)
        self._deflated = self._deflater.compress(head)

    def pack(self, sent_at: float, nonce: str, report: Report, signing_key: SigningKey, sealing_key: bytes) -> bytes:
        """Add the stamp, seal to `sealing_key` (32 raw bytes, X25519) and sign. Raises ValueError over a limit."""
        tail = b"," + jsonform.encode(_Stamp(sent_at, nonce, report))[1:]
        if self._inflated_bytes + len(tail) > MAX_BYTES:
            raise ValueError(f"a batch has at most {MAX_BYTES} bytes")
        deflater = self._deflater.copy()
        compressed = self._deflated + deflater.compress(tail) + deflater.flush()
        sealed = _SUITE.encrypt(compressed, X25519PublicKey.from_public_bytes(sealing_key), _INFO)
        return sign(key_id(sealing_key) + sealed, signing_key, MessageType.BATCH)


def pack(batch: Batch, signing_key: SigningKey, sealing_key: bytes) -> bytes:
    """Encode, compress, seal to `sealing_key` and sign in one go. Raises ValueError over a limit."""
    range_ = (batch.first, batch.next)
    pressed = Pressed(batch.gate, batch.outbox, *range_, batch.records, batch.holes, batch.urgent, batch.v)
    return pressed.pack(batch.sent_at, batch.nonce, batch.report, signing_key, sealing_key)


def unpack(payload: bytes, sealing_keys: SealingKeys) -> Batch:
    """Open what `envelope.verify` gave back. Raises WireError for anything that `pack` does not make."""
    private = sealing_keys(payload[:KID_BYTES])
    if private is None:
        raise WireError(f"sealed to key {payload[:KID_BYTES].hex()}, which the centre does not have")
    try:
        compressed = _SUITE.decrypt(payload[KID_BYTES:], private, _INFO)
    except (InvalidTag, ValueError) as cause:
        raise WireError("the seal does not open") from cause
    batch = jsonform.decode(_inflate(compressed), Batch, "batch")
    _check_range(batch)
    return batch


def _inflate(compressed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(compressed, MAX_BYTES + 1)
    except zlib.error as cause:
        raise WireError("the compressed part is damaged") from cause
    if len(inflated) > MAX_BYTES:
        raise WireError(f"inflates to more than {MAX_BYTES} bytes")
    if not inflater.eof or inflater.unused_data:
        raise WireError("the compressed part is cut or has something behind it")
    return inflated


def _check_range(batch: Batch) -> None:
    if batch.v != VERSION:
        raise WireError(f"version {batch.v} of a batch; this centre reads version {VERSION}")
    if not 1 <= batch.first <= batch.next <= 2**53:
        raise WireError("the range of a batch runs forward from 1")
    if batch.records and max(map(len, map(bytes, batch.records))) > MAX_RECORD_BYTES:
        raise WireError(f"a record has at most {MAX_RECORD_BYTES} bytes")
    if batch.urgent:
        _check_urgent(batch)
        return
    if len(batch.holes) > MAX_HOLES:
        raise WireError(f"a batch declares at most {MAX_HOLES} holes")
    expected = batch.first
    for hole in batch.holes:
        if not expected <= hole.first <= hole.last < batch.next:
            raise WireError("holes are in order and inside the range")
        expected = hole.last + 1
    missing = sum(hole.last - hole.first + 1 for hole in batch.holes)
    if len(batch.records) > MAX_RECORDS or batch.next - batch.first - missing != len(batch.records):
        raise WireError("records and holes do not fill the range")


def _check_urgent(batch: Batch) -> None:
    if batch.first != batch.next or batch.holes or not len(batch.records) == len(batch.urgent) <= MAX_URGENT:
        raise WireError(f"an urgent batch has an empty range, no holes, and a number for each of at most {MAX_URGENT}")
    if any(one >= other for one, other in pairwise([0, *batch.urgent, 2**53])):
        raise WireError("urgent numbers are in order and from 1 on")
