"""PURE: what travels on a stick, and under which names (R25). Batches go out as they are; what goes back is sealed.

Receipts and updates for one gate are one file, sealed to that gate (HPKE in base mode, RFC 9180 §5.1.1): whoever finds
the stick learns how much there is and nothing else. The seal does NOT say who made it: receipts and updates are signed
each, and are judged as if they came by network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import cbor2
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.wire.errors import WireError
from sync.wire.keys import KID_BYTES, SigningKey, key_id
from sync.wire.receipt import MAX_ANSWER_BYTES

FOLDER, MARKER, NOTE = "venue-gate", "stick.json", "README.txt"
ANSWER, BATCH_ENDING = "answer.sealed", ".batch"
VERSION = 1
MAX_RECEIPTS = 8_000
MAX_RECEIPTS_BYTES = 8_000_000
MAX_RETURN_BYTES = MAX_ANSWER_BYTES
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_INFO, _DERIVATION = b"venue-gate/answer/1", b"venue-gate/gate-seal/1"
_SEAL_BYTES = KID_BYTES + 32 + 16  # kid, encapsulated key, tag
_GATE = re.compile(r"[0-9a-f]{16}")
_BATCH = re.compile(r"([0-9a-f]{32})-([0-9]{16})-([0-9]{16})\.batch")


class Marker(msgspec.Struct, frozen=True):
    """`stick.json`: this stick is for the gates of one centre. centre: the kid of its root key, 16 hex."""

    centre: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
    v: int = VERSION


class Return(msgspec.Struct, frozen=True):
    """What goes back to a gate: signed receipts in the order of their batches, the files of newer updates or None."""

    receipts: list[bytes]
    updates: dict[str, bytes] | None = None


@dataclass(frozen=True, slots=True, order=True)
class BatchName:
    """What the name of a batch's file says; what is in it is what was signed. first = next: a greeting."""

    outbox: str
    first: int
    next: int

    def __str__(self) -> str:
        return f"{self.outbox}-{self.first:016d}-{self.next:016d}{BATCH_ENDING}"


def batch_name(name: str) -> BatchName | None:
    """None for any other name. FAT may have changed the case."""
    found = _BATCH.fullmatch(name.lower())
    return BatchName(found[1], int(found[2]), int(found[3])) if found else None


def gate_folder(kid: bytes) -> str:
    """A gate's folder is called by its device key's name, which every batch in it carries in the open anyway."""
    return kid.hex()


def kid_of_folder(name: str) -> bytes | None:
    """The key's name; None for any other folder."""
    return bytes.fromhex(name) if _GATE.fullmatch(name.lower()) else None


def device_seal(device: SigningKey) -> X25519PrivateKey:
    """The key that opens what is sealed to a gate: derived from its device key (RFC 5869), kept nowhere else."""
    seed = HKDF(SHA256(), 32, None, _DERIVATION).derive(device.private.private_bytes_raw())
    return X25519PrivateKey.from_private_bytes(seed)


def device_seal_public(device: SigningKey) -> str:
    """Its public half as `Report.sealing_key` tells it."""
    return device_seal(device).public_key().public_bytes_raw().hex()


def fitting(receipts: Sequence[bytes], updates: Mapping[str, bytes] | None) -> Return:
    """As many of the receipts as a file may hold, the first ones: the others come with the next trip."""
    room, kept = MAX_RECEIPTS_BYTES, []
    for receipt in receipts[:MAX_RECEIPTS]:
        room -= len(receipt)
        if room < 0:
            break
        kept.append(receipt)
    return Return(kept, None if updates is None else dict(updates))


def seal_return(content: Return, sealing_key: bytes) -> bytes:
    """The file for a gate. sealing_key: 32 raw bytes. Raises ValueError for what is too long, or no usable key."""
    plain = cbor2.dumps({"receipts": content.receipts, "updates": content.updates}, canonical=True)
    if len(plain) + _SEAL_BYTES > MAX_RETURN_BYTES:
        raise ValueError(f"what goes back to a gate has at most {MAX_RETURN_BYTES} bytes")
    return key_id(sealing_key) + _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(sealing_key), _INFO)


def open_return(sealed: bytes, private: X25519PrivateKey) -> Return:
    """The gate's side. Raises WireError for anything but what `seal_return` made for this gate."""
    if len(sealed) > MAX_RETURN_BYTES:
        raise WireError(f"what comes back to a gate has at most {MAX_RETURN_BYTES} bytes")
    if sealed[:KID_BYTES] != key_id(private.public_key().public_bytes_raw()):
        raise WireError("it is sealed to another gate, or to an earlier key of this one")
    try:
        plain = _SUITE.decrypt(sealed[KID_BYTES:], private, _INFO)
        return msgspec.convert(cbor2.loads(plain), Return, builtin_types=(bytes,))
    except (InvalidTag, ValueError) as cause:
        raise WireError("the seal does not open: it was damaged or cut") from cause
    except (cbor2.CBORDecodeError, msgspec.ValidationError, TypeError, LookupError, RecursionError) as cause:
        raise WireError("what is sealed in it is not the centre's") from cause
