"""PURE: signing and verification keys, their purposes, and rings of them.

Decides which key may verify what: a key of one purpose never verifies a message of another, and a key
never verifies what names another key. It does not decide whether a message is fresh.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KID_BYTES = 8


class Purpose(str, Enum):
    """What a key is for. Root signs the key list and nothing else."""

    ROOT = "root"
    PASS = "pass"  # noqa: S105 - a purpose
    UPDATE = "update"
    RECEIPT = "receipt"
    SEAL = "seal"
    GATE = "gate"


def key_id(public: bytes) -> bytes:
    """The 8-byte name of a raw public key (32 bytes): the head of its SHA-256, used as COSE `kid`."""
    return sha256(public).digest()[:KID_BYTES]


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key in force.

    public: 32 raw bytes (Ed25519, or X25519 for SEAL). not_before, not_after, reject_issued_after: seconds since
    1970, None for open. A message issued outside of them is refused, whatever the time is now (DESIGN 4).
    """

    public: bytes
    purpose: Purpose
    not_before: int | None = None
    not_after: int | None = None
    reject_issued_after: int | None = None

    @property
    def kid(self) -> bytes:
        """The key's 8-byte name."""
        return key_id(self.public)

    def covers(self, issued_at: float) -> bool:
        """Whether a message issued at that time (seconds since 1970) may be signed by this key."""
        return (
            (self.not_before is None or issued_at >= self.not_before)
            and (self.not_after is None or issued_at <= self.not_after)
            and (self.reject_issued_after is None or issued_at <= self.reject_issued_after)
        )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key and what it may sign."""

    private: Ed25519PrivateKey
    purpose: Purpose

    @property
    def public(self) -> bytes:
        """The 32 raw bytes of the public key."""
        return self.private.public_key().public_bytes_raw()

    @property
    def kid(self) -> bytes:
        """The key's 8-byte name."""
        return key_id(self.public)

    def verification_key(self) -> VerificationKey:
        """The public half, valid without limit."""
        return VerificationKey(self.public, self.purpose)


class KeyRing:
    """Verification keys by name. Several purposes may share a ring; purposes never mix in use."""

    def __init__(self, keys: Iterable[VerificationKey] = ()) -> None:
        self._keys = {
            key.kid: (key, Ed25519PublicKey.from_public_bytes(key.public))
            for key in keys
            if key.purpose is not Purpose.SEAL
        }

    def find(self, kid: bytes) -> tuple[VerificationKey, Ed25519PublicKey] | None:
        """The key of that name, ready to verify with, or None."""
        return self._keys.get(kid)
