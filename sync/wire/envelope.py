"""PURE: the one signed envelope, COSE_Sign1 (RFC 9052 §4.2) with Ed25519, in its strictest reading.

What it establishes: these bytes were signed by the key that they name, for this type of message. What it
does NOT establish: that they are fresh, meant for the reader, or sent by whoever carries them.

Strict means: tag 18; protected header exactly {1: -8 (EdDSA), 4: kid of 8 bytes}; empty unprotected header;
payload present; nothing trailing; the canonical re-encoding (RFC 8949 §4.2.1) equals the input; the type of
message is the external_aad (RFC 9052 §4.4), so that a receipt can never be taken for an update.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import cbor2
from cryptography.exceptions import InvalidSignature

from sync.wire.errors import NotGenuine
from sync.wire.keys import KID_BYTES, KeyRing, Purpose, SigningKey, VerificationKey

_ALG, _KID, _EDDSA = 1, 4, -8
_SIGN1_TAG = 18
_SIGNATURE_BYTES = 64
_KID_AT = 8  # d2 84 4d a2 01 27 04 48: tag, array, the protected header as bytes, {1: -8, 4: 8 bytes
_EMPTY_AT = _KID_AT + KID_BYTES  # the unprotected header, {}
_PAYLOAD_HEADS = ((5, 0x1_0000), (3, 0x100), (2, 24), (1, 0))  # bytes before a byte string, and its least length
_MAX_EXPLAINED_BYTES = 1_024


class MessageType(Enum):
    """What is signed, and the purpose of the only keys that may sign it."""

    PASS = (b"venue-gate/pass/1", Purpose.PASS, 1_024)
    KEYS = (b"venue-gate/keys/1", Purpose.ROOT, 256_000)
    UPDATE = (b"venue-gate/update/1", Purpose.UPDATE, 256_000)
    RECEIPT = (b"venue-gate/receipt/1", Purpose.RECEIPT, 256_000)
    BATCH = (b"venue-gate/batch/1", Purpose.GATE, 1_100_000)
    ENROL = (b"venue-gate/enrol/1", Purpose.GATE, 2_000)
    ENROLLED = (b"venue-gate/enrolled/1", Purpose.UPDATE, 2_000)
    ROLL = (b"venue-gate/roll/1", Purpose.GATE, 2_000)
    ROLLED = (b"venue-gate/rolled/1", Purpose.UPDATE, 2_000)

    def __init__(self, label: bytes, purpose: Purpose, max_bytes: int) -> None:
        self.label = label
        self.purpose = purpose
        self.max_bytes = max_bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A payload whose signature held, and the key that made it."""

    payload: bytes
    key: VerificationKey


def sign(payload: bytes, key: SigningKey, message_type: MessageType) -> bytes:
    """Wrap `payload` in a signed envelope. Raises ValueError if the key is for another purpose (our bug)."""
    if key.purpose is not message_type.purpose:
        raise ValueError(f"a {key.purpose.value} key never signs a {message_type.name} message")
    protected = _protected(key.kid)
    signature = key.private.sign(_to_be_signed(protected, payload, message_type))
    return _assemble(protected, payload, signature)


def verify(data: bytes, ring: KeyRing, message_type: MessageType) -> Opened:
    """Open an envelope. Raises NotGenuine for anything but the one canonical, genuine form."""
    kid, payload, signature = _take_apart(data, message_type)
    found = ring.find(kid)
    if found is None:
        raise NotGenuine("unknown_key", f"signed by key {kid.hex()}, which is not known here")
    key, public = found
    if key.purpose is not message_type.purpose:
        raise NotGenuine(
            "wrong_purpose",
            f"key {kid.hex()} is for {key.purpose.value} and cannot sign a {message_type.name} message",
        )
    try:
        public.verify(signature, _to_be_signed(_protected(kid), payload, message_type))
    except InvalidSignature as cause:
        raise NotGenuine("bad_signature", f"the signature of key {kid.hex()} does not hold") from cause
    return Opened(payload, key)


def named_key(data: bytes, message_type: MessageType) -> bytes:
    """The kid that an envelope of canonical form names, before its signature is checked: for looking the key up."""
    return _take_apart(data, message_type)[0]


def unverified_payload(data: bytes, message_type: MessageType) -> bytes:
    """The payload of an envelope of canonical form, whoever signed it: to show it, never to act on it."""
    return _take_apart(data, message_type)[1]


def _take_apart(data: bytes, message_type: MessageType) -> tuple[bytes, bytes, bytes]:
    if len(data) > message_type.max_bytes:
        raise NotGenuine("malformed", f"{len(data)} bytes; at most {message_type.max_bytes} are read")
    parts = _in_canonical_form(data)
    if parts is None:
        raise _why_not(data)
    return parts


def _in_canonical_form(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """kid, payload and signature, cut out where they must stand.

    Building the only allowed form anew and comparing is shorter than a list of what is not allowed. No CBOR is decoded:
    300 kB of a map whose keys share one hash would cost a decoder seconds, before any signature was looked at.
    """
    kid, signature = data[_KID_AT:_EMPTY_AT], data[-_SIGNATURE_BYTES:]
    inside = len(data) - _EMPTY_AT - 1 - _SIGNATURE_BYTES - 2  # the payload with its head
    for head_bytes, least in _PAYLOAD_HEADS:
        if inside - head_bytes >= least:
            payload = data[_EMPTY_AT + 1 + head_bytes : -_SIGNATURE_BYTES - 2]
            return (kid, payload, signature) if _assemble(_protected(kid), payload, signature) == data else None
    return None


def _why_not(data: bytes) -> NotGenuine:
    """What to call bytes that are not in the one form. Only little is looked into: the answer serves people alone."""
    if len(data) > _MAX_EXPLAINED_BYTES:
        return NotGenuine("malformed", "not a COSE_Sign1 message in the one form of this protocol")
    try:
        tagged = cbor2.loads(data)
        protected, _unprotected, payload, signature = tagged.value
        header = cbor2.loads(protected)
        kid = header[_KID]
    except (
        cbor2.CBORDecodeError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        RecursionError,
    ):
        return NotGenuine("malformed", "not a COSE_Sign1 message")
    well_typed = (
        tagged.tag == _SIGN1_TAG
        and all(isinstance(part, bytes) for part in (protected, payload, signature, kid))
        and len(kid) == KID_BYTES
        and len(signature) == _SIGNATURE_BYTES
    )
    if not well_typed:
        return NotGenuine("malformed", "not a COSE_Sign1 message of this protocol")
    return NotGenuine("not_canonical", "not the canonical form of its content")


_PROTECTED = cbor2.dumps({_ALG: _EDDSA, _KID: bytes(KID_BYTES)}, canonical=True)[:-KID_BYTES]


def _protected(kid: bytes) -> bytes:
    return _PROTECTED + kid


def _assemble(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(_SIGN1_TAG, [protected, {}, payload, signature]), canonical=True)


def _to_be_signed(protected: bytes, payload: bytes, message_type: MessageType) -> bytes:
    """Sig_structure of RFC 9052 §4.4."""
    return cbor2.dumps(["Signature1", protected, message_type.label, payload], canonical=True)
