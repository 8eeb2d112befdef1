"""PURE: personal fields – names, numbers, phones – sealed to the centre before they touch the gate's disk (DESIGN 7).

HPKE in base mode (RFC 9180 §5.1.1) to the centre's sealing key: whoever takes the card or a stick has no key that opens
them, the gate itself included. The random id of the record and the field's name are bound in `info`, so that a sealed
field never opens in another record or as another field. What it does NOT hide: that there is a field, and its length
to the next 32 bytes.
"""

from __future__ import annotations

import secrets
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from sync.wire.batch import SealingKeys
from sync.wire.errors import WireError
from sync.wire.keys import KID_BYTES, key_id

MAX_FIELD_BYTES = 512
_INFO = b"venue-gate/field/1"
_STEP_BYTES = 32
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


class Sealed(msgspec.Struct, frozen=True):
    """Fields of one person as a record holds them. id: random, 32 hex.

    fields: name → the kid of the sealing key (8 bytes), the encapsulated key (32), the ciphertext; Base64 in JSON.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    fields: dict[str, bytes]


def seal(fields: dict[str, str], sealing_key: bytes) -> Sealed:
    """Seal each field to `sealing_key` (32 raw bytes, X25519). Raises ValueError for a field that is too long."""
    record_id = secrets.token_hex(16)
    public = X25519PublicKey.from_public_bytes(sealing_key)
    kid = key_id(sealing_key)
    return Sealed(
        record_id,
        {name: kid + _SUITE.encrypt(_padded(text), public, _info(record_id, name)) for name, text in fields.items()},
    )


def open_sealed(sealed: Sealed, sealing_keys: SealingKeys) -> dict[str, str]:
    """The centre's side. Raises WireError when a field does not open here, in this record, under this name."""
    return {name: _opened(sealed.id, name, content, sealing_keys) for name, content in sealed.fields.items()}


def _opened(record_id: str, name: str, content: bytes, sealing_keys: SealingKeys) -> str:
    private = sealing_keys(content[:KID_BYTES])
    if private is None:
        raise WireError(f"{name}: sealed to key {content[:KID_BYTES].hex()}, which the centre does not have")
    try:
        padded = _SUITE.decrypt(content[KID_BYTES:], private, _info(record_id, name))
        return padded.rstrip(b"\0").decode("utf-8")
    except (InvalidTag, ValueError) as cause:
        raise WireError(f"{name}: the seal does not open") from cause


def _padded(text: str) -> bytes:
    """Filled up to whole steps: the length alone would tell many names apart."""
    plain = text.encode("utf-8")
    if len(plain) > MAX_FIELD_BYTES or "\0" in text:
        raise ValueError(f"a personal field has at most {MAX_FIELD_BYTES} bytes and no NUL")
    return plain + b"\0" * (-len(plain) % _STEP_BYTES)


def _info(record_id: str, name: str) -> bytes:
    # A record's id has one length, so that id and name never run into each other.
    return _INFO + bytes.fromhex(record_id) + name.encode("utf-8")
