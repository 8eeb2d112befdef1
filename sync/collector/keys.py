"""The centre's keys as files: made once, 0600, each for one purpose (DESIGN 4). Rolling them is not here yet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sync.collector.config import StateDir
from sync.collector.errors import NotInitialized
from sync.outbox.durable import make_directory, replace_file
from sync.wire.keys import Purpose, SigningKey, key_id
from sync.wire.updates import KeyEntry, KeyList, sign_keys

_ONLINE = (Purpose.PASS, Purpose.UPDATE, Purpose.RECEIPT)
KEY_LIST, _ROOT_PUBLIC = "keys.cose", "root.pub"


@dataclass(frozen=True, slots=True)
class CentreKeys:
    """What the running centre holds. key_list: signed by the root. root_public: 32 bytes. Never the root's own key."""

    passes: SigningKey
    updates: SigningKey
    receipts: SigningKey
    seal: X25519PrivateKey
    key_list: bytes
    root_public: bytes

    def sealing_key(self, kid: bytes) -> X25519PrivateKey | None:
        """The private sealing key of that name (`sync.wire.batch.SealingKeys`)."""
        return self.seal if kid == key_id(self.seal.public_key().public_bytes_raw()) else None


def exist(state: StateDir) -> bool:
    """Whether `create` came to its end: the signed list is written last."""
    return (state.keys / KEY_LIST).exists()


def create(state: StateDir, epoch: int, now: int) -> None:
    """Make the keys that are missing and let the root sign the list of the public ones. Raises OSError."""
    for directory in (state.keys, state.root):
        make_directory(directory)
        directory.chmod(0o700)
    root = SigningKey(Ed25519PrivateKey.from_private_bytes(_make(state.root / "root.key")), Purpose.ROOT)
    entries = []
    for purpose in _ONLINE:
        private = Ed25519PrivateKey.from_private_bytes(_make(_path(state, purpose)))
        entries.append(KeyEntry(private.public_key().public_bytes_raw(), purpose))
    seal = X25519PrivateKey.from_private_bytes(_make(_path(state, Purpose.SEAL)))
    entries.append(KeyEntry(seal.public_key().public_bytes_raw(), Purpose.SEAL))
    replace_file(state.keys / _ROOT_PUBLIC, root.public.hex().encode() + b"\n")
    key_list = sign_keys(KeyList(epoch=epoch, number=1, issued_at=now, keys=entries), root)
    replace_file(state.keys / KEY_LIST, key_list)


def load(state: StateDir) -> CentreKeys:
    """Read the keys. Raises NotInitialized naming the file that is missing or broken."""
    try:
        signing = {
            purpose: SigningKey(Ed25519PrivateKey.from_private_bytes(_read(_path(state, purpose))), purpose)
            for purpose in _ONLINE
        }
        return CentreKeys(
            passes=signing[Purpose.PASS],
            updates=signing[Purpose.UPDATE],
            receipts=signing[Purpose.RECEIPT],
            seal=X25519PrivateKey.from_private_bytes(_read(_path(state, Purpose.SEAL))),
            key_list=(state.keys / KEY_LIST).read_bytes(),
            root_public=_read(state.keys / _ROOT_PUBLIC),
        )
    except OSError as cause:
        raise NotInitialized(f"{cause.filename} cannot be read ({cause.strerror})") from cause


def _path(state: StateDir, purpose: Purpose) -> Path:
    return state.keys / f"{purpose.value}.key"


def _make(path: Path) -> bytes:
    """The key in `path`, drawn first if there is none: an interrupted `create` goes on where it stopped."""
    if not path.exists():
        replace_file(path, os.urandom(32).hex().encode() + b"\n", mode=0o600)
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError as cause:
        raise NotInitialized(f"{path} is damaged: it holds 32 bytes in hex. Restore it from a backup") from cause
    if len(key) != 32:
        raise NotInitialized(f"{path} is damaged: it holds 32 bytes in hex. Restore it from a backup")
    return key
