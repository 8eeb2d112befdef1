"""PURE: a gate rolls its key – the old key signs the new one, the new one proves that it is held (R25).

Decides whether a roll is whole: signed by the key in use, with a proof by the key that comes. What it does NOT
establish: that the old key is in the gate's hands alone; whoever has stolen it can roll it as well. That is what
revoking is for.
"""

from __future__ import annotations

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sync.wire import jsonform
from sync.wire.enrolment import NONCE_BYTES, Answer, State, Verdict, decode_answer, encode_answer
from sync.wire.envelope import MessageType, sign, verify
from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import KeyRing, SigningKey, key_id
from sync.wire.updates import key_ring

VERSION = 1
_LABEL = b"venue-gate/roll-proof/1"


class Roll(msgspec.Struct, frozen=True):
    """public: the key that comes, 32 bytes; proof: its signature, 64 bytes; nonce: 16 random bytes in hex."""

    public: bytes
    proof: bytes
    nonce: str
    v: int = VERSION


def sign_roll(new: SigningKey, nonce: str, old: SigningKey) -> bytes:
    """The envelope."""
    proof = new.private.sign(_to_be_proved(old.kid, nonce))
    return sign(jsonform.encode(Roll(new.public, proof, nonce)), old, MessageType.ROLL)


def open_roll(data: bytes, ring: KeyRing) -> tuple[bytes, Roll]:
    """The old key's kid and the roll, both signatures checked. Raises NotGenuine or WireError."""
    opened = verify(data, ring, MessageType.ROLL)
    roll = jsonform.decode(opened.payload, Roll, "key roll")
    if roll.v != VERSION:
        raise WireError(f"version {roll.v} of a key roll; this centre reads version {VERSION}")
    if len(roll.public) != 32 or len(roll.nonce) != 2 * NONCE_BYTES:
        raise WireError("a key roll brings a key of 32 bytes and a nonce of 32 hex digits")
    try:
        key = Ed25519PublicKey.from_public_bytes(roll.public)
        key.verify(roll.proof, _to_be_proved(opened.key.kid, roll.nonce))
    except (InvalidSignature, ValueError) as cause:
        raise NotGenuine("bad_signature", "the key that comes does not prove that it is held") from cause
    return opened.key.kid, roll


def answer(keys: bytes, verdict: Verdict, key: SigningKey) -> bytes:
    """The centre's word that it takes the new key. keys: `keys.cose`; key: an update key."""
    signed = sign(jsonform.encode(verdict), key, MessageType.ROLLED)
    return encode_answer(Answer(keys, signed))


def open_answer(data: bytes, root: bytes, new: bytes, nonce: str) -> Verdict:
    """Check it from the root down, and that it is for this key. Raises NotGenuine or WireError."""
    told = decode_answer(data)
    opened = verify(told.verdict, key_ring(told.keys, root), MessageType.ROLLED)
    verdict = jsonform.decode(opened.payload, Verdict, "answer to a key roll")
    if not opened.key.covers(verdict.issued_at):
        raise NotGenuine("key_not_valid", "the answer's key was not valid when it was issued")
    if (verdict.kid, verdict.nonce, verdict.state) != (key_id(new).hex(), nonce, State.ENROLLED):
        raise WireError("the answer is for another key or another request")
    return verdict


def _to_be_proved(old_kid: bytes, nonce: str) -> bytes:
    try:
        return _LABEL + old_kid + bytes.fromhex(nonce)
    except ValueError as cause:
        raise WireError("a nonce is 32 hex digits") from cause
