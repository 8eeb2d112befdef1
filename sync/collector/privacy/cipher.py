"""PURE but for nonces: personal fields encrypted one by one, and the keyed hashes by which they are found.

AES-256-GCM (NIST SP 800-38D) with a random nonce. Table, column and row are bound as associated data, so that a
ciphertext opens nowhere but where it was written. One key is for at most 2^32 fields (§8.3); a rotation begins anew.
What it does NOT hide: that there is a field, its length to the next 32 bytes, and that two rows have the same hash.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.collector.errors import CollectorError

KEY_BYTES, KID_BYTES, HASH_BYTES = 32, 8, 16
MAX_FIELD_BYTES = 512
_FORM = b"\x01"
_NONCE_BYTES, _STEP_BYTES = 12, 32
_CONTEXT = "venue-gate/personal/1"


class Unreadable(CollectorError):
    """A personal field does not open: its key is not there, or it was changed or moved."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a field stands. row: the row's key as text."""

    table: str
    column: str
    row: str

    @property
    def bound(self) -> bytes:
        """The associated data. No part holds NUL, so that parts never run into each other."""
        return "\0".join((_CONTEXT, self.table, self.column, self.row)).encode()


@dataclass(frozen=True)
class PersonalKey:
    """One generation: what is encrypted and searched under one secret of 32 bytes."""

    secret: bytes = field(repr=False)

    @cached_property
    def kid(self) -> bytes:
        """Its name, 8 bytes."""
        return self._derived("name")[:KID_BYTES]

    @cached_property
    def aead(self) -> AESGCM:
        """What encrypts."""
        return AESGCM(self._derived("encrypt"))

    @cached_property
    def search(self) -> bytes:
        """The key of the hashes, which is not the one that encrypts."""
        return self._derived("search")

    def _derived(self, use: str) -> bytes:
        label = f"{_CONTEXT}/{use}".encode()
        return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=label).derive(self.secret)  # RFC 5869


@dataclass(frozen=True)
class Cipher:
    """Encrypts under the current key, decrypts under any of `keys` (by their names)."""

    current: PersonalKey
    keys: Mapping[bytes, PersonalKey]

    def encrypt(self, text: str, cell: Cell) -> bytes:
        """Raises ValueError for a text that is too long or has NUL."""
        plain = text.encode()
        if len(plain) > MAX_FIELD_BYTES or "\0" in text:
            raise ValueError(f"a personal field has at most {MAX_FIELD_BYTES} bytes and no NUL")
        plain += b"\0" * (-len(plain) % _STEP_BYTES)  # the length alone would tell many names apart
        nonce = os.urandom(_NONCE_BYTES)
        return _FORM + self.current.kid + nonce + self.current.aead.encrypt(nonce, plain, cell.bound)

    def decrypt(self, content: bytes, cell: Cell) -> str:
        """Raises Unreadable."""
        form, kid, nonce, rest = _parts(content)
        key = self.keys.get(kid)
        if form != _FORM:
            raise Unreadable(f"{cell.table} {cell.row}: {cell.column} is no encrypted field of this version")
        if key is None:
            raise Unreadable(
                f"{cell.table} {cell.row} is encrypted under the key {kid.hex()}, which the key file does not hold: "
                "put back the key file that was in force then"
            )
        try:
            return key.aead.decrypt(nonce, rest, cell.bound).rstrip(b"\0").decode()
        except (InvalidTag, ValueError) as cause:
            raise Unreadable(f"{cell.table} {cell.row}: {cell.column} was changed, or is another row's") from cause

    def hash(self, kind: str, normalized: str) -> bytes:
        """What stands beside a field to find it by. kind: "phone" and so on; two kinds never meet."""
        return _hashed(self.current, kind, normalized)

    def hashes(self, kind: str, normalized: str) -> list[bytes]:
        """The same under every key: what to look for while a rotation is under way."""
        return [_hashed(key, kind, normalized) for key in self.keys.values()]


def _hashed(key: PersonalKey, kind: str, normalized: str) -> bytes:
    # HMAC-SHA-256 (RFC 2104), cut to 128 bits (§5): as many as no two people of a country meet in.
    return hmac.digest(key.search, f"{kind}\0{normalized}".encode(), hashlib.sha256)[:HASH_BYTES]


def _parts(content: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    head = len(_FORM) + KID_BYTES
    return content[:1], content[1:head], content[head : head + _NONCE_BYTES], content[head + _NONCE_BYTES :]
