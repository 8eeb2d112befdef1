"""PURE: a receipt – the centre's signed word on what it holds. Nothing else acknowledges or sets aside (DESIGN 7)."""

from __future__ import annotations

from enum import Enum

import cbor2
import msgspec

from sync.wire import jsonform
from sync.wire.envelope import MessageType, sign, unverified_payload, verify
from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import KeyRing, SigningKey

VERSION = 1
MAX_ANSWER_BYTES = 32_000_000


class Standing(str, Enum):
    """Where the records went."""

    ACCEPTED = "accepted"
    QUARANTINED = "quarantined"  # the gate is revoked; its valid records are kept apart, not thrown away


class SetAside(msgspec.Struct, frozen=True, array_like=True):
    """A record that the centre keeps but cannot read, and why."""

    sequence: int
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """The centre holds every record of this outbox below `next`.

    epoch: rises when the centre was restored from a backup; `next` may then be lower than before.
    centre_time: seconds since 1970. nonce: repeated from the batch. conflicts: numbers of records of this batch under
    which the centre holds other bytes too; it keeps both.
    """

    gate: str
    outbox: str
    epoch: int
    next: int
    centre_time: float
    nonce: str
    standing: Standing = Standing.ACCEPTED
    set_aside: list[SetAside] = []
    conflicts: list[int] = []
    v: int = VERSION


class Answer(msgspec.Struct, frozen=True):
    """What the centre answers to a batch: the signed receipt, and the files of a newer snapshot if there is one."""

    receipt: bytes
    updates: dict[str, bytes] | None = None


def sign_receipt(receipt: Receipt, key: SigningKey) -> bytes:
    """The receipt in its envelope."""
    return sign(jsonform.encode(receipt), key, MessageType.RECEIPT)


def read_receipt(data: bytes, ring: KeyRing) -> Receipt:
    """Check and read a receipt. Raises NotGenuine or WireError."""
    opened = verify(data, ring, MessageType.RECEIPT)
    receipt = jsonform.decode(opened.payload, Receipt, "receipt")
    if receipt.v != VERSION:
        raise WireError(f"version {receipt.v} of a receipt; this gate reads version {VERSION}")
    if not opened.key.covers(receipt.centre_time):
        raise NotGenuine("key_not_valid", "the receipt's key was not valid when it was issued")
    return receipt


def peek(data: bytes) -> Receipt:
    """What a receipt says, its signature unchecked: to show it, never to act on it. Raises WireError."""
    return jsonform.decode(unverified_payload(data, MessageType.RECEIPT), Receipt, "receipt")


def encode_answer(answer: Answer) -> bytes:
    """CBOR map {"receipt": bytes, "updates": {name: bytes} or null}."""
    return cbor2.dumps({"receipt": answer.receipt, "updates": answer.updates}, canonical=True)


def decode_answer(data: bytes) -> Answer:
    """Read an answer. Raises WireError for anything else, such as a captive portal's page."""
    if len(data) > MAX_ANSWER_BYTES:
        raise WireError(f"an answer has at most {MAX_ANSWER_BYTES} bytes")
    try:
        return msgspec.convert(cbor2.loads(data), Answer, builtin_types=(bytes,))
    except (
        cbor2.CBORDecodeError,
        msgspec.ValidationError,
        ValueError,
        TypeError,
        LookupError,
        RecursionError,
    ) as cause:
        raise WireError("this is not the centre's answer: something else replied in its place") from cause
