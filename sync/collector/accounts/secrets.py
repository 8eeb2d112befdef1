"""The key of the accounts: keys/accounts.key, 0600, never in the database.

From it come the key that signs browser cookies, the one that seals staff's addresses and second factors, the one of
hashes that nobody without it can guess at, and the secrets of inspectors' badges. Without the file nobody signs in;
gates are served all the same. A lost one is made anew: everybody signs in again, second factors and addresses must be
given again, and badges printed again.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.collector.config import StateDir
from sync.collector.errors import CollectorError
from sync.outbox.durable import make_directory, replace_file

NAME = "accounts.key"
_KEY_BYTES, _NONCE_BYTES, _HASH_BYTES, _BADGE_BYTES = 32, 12, 16, 16
_OTHERS = 0o077


class AccountKeyTrouble(CollectorError):
    """The accounts' key is lost, damaged or open to others, or does not open what was sealed with it."""


@dataclass(frozen=True)
class AccountKey:
    """What is derived from the file's 32 bytes."""

    secret: bytes = field(repr=False)

    @cached_property
    def cookies(self) -> bytes:
        """Signs browser cookies."""
        return self._derived("cookies")

    def seal(self, clear: bytes, bound: str) -> bytes:
        """Encrypt; it opens only with the same `bound` (where it stands: table, column and row)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, clear, bound.encode())  # AES-256-GCM, NIST SP 800-38D

    def open(self, sealed: bytes, bound: str) -> bytes:
        """Raises AccountKeyTrouble."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound.encode())
        except (InvalidTag, ValueError) as cause:
            raise AccountKeyTrouble(
                f"{bound} does not open with keys/{NAME}: put that file back from a backup, or enter it anew"
            ) from cause

    def hash(self, *parts: str) -> bytes:
        """16 bytes in place of what nobody needs to read."""
        return hmac.digest(self._hashing, "\0".join(parts).encode(), hashlib.sha256)[:_HASH_BYTES]

    def badge_secret(self, inspector: int, generation: int) -> bytes:
        """16 bytes: what makes that inspector's badge theirs. generation: which of their badges."""
        said = inspector.to_bytes(8, "big") + generation.to_bytes(8, "big")
        return hmac.digest(self._badges, said, hashlib.sha256)[:_BADGE_BYTES]

    @cached_property
    def _badges(self) -> bytes:
        return self._derived("badges")

    @cached_property
    def _aead(self) -> AESGCM:
        return AESGCM(self._derived("seal"))

    @cached_property
    def _hashing(self) -> bytes:
        return self._derived("hash")

    def _derived(self, use: str) -> bytes:
        label = f"venue-gate/accounts/1/{use}".encode()
        return HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=label).derive(self.secret)  # RFC 5869


def load(state: StateDir) -> AccountKey:
    """Read the key; the first call makes it. Raises AccountKeyTrouble, OSError."""
    file = state.keys / NAME
    if not file.exists():
        make_directory(state.keys)
        replace_file(file, os.urandom(_KEY_BYTES).hex().encode() + b"\n", mode=0o600)
    if file.stat().st_mode & _OTHERS:
        raise AccountKeyTrouble(f"{file} can be read by others: chmod 600; whoever saw it can pretend to be anybody")
    try:
        secret = bytes.fromhex(file.read_text(encoding="ascii"))
    except ValueError:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise AccountKeyTrouble(f"{file} is damaged: put it back from a backup, or remove it and start again")
    return AccountKey(secret)
