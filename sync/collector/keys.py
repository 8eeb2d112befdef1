"""The centre's keys as files, 0600, each for one purpose; several of one purpose while they roll over (DESIGN 4).

`keys.cose`, signed by the root, is the truth about which key is good for what and when; a private key that it does not
name signs nothing. It is written last, so that whatever interrupts a ceremony leaves the old list or the new one.
`sync/collector/ceremonies` makes, rolls and withdraws them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sync.collector.config import StateDir
from sync.collector.errors import CollectorError, NotInitialized
from sync.outbox.durable import make_directory, replace_file
from sync.wire.errors import WireError
from sync.wire.keys import Purpose, SigningKey, VerificationKey, key_id
from sync.wire.updates import KeyEntry, KeyList, open_keys, sign_keys

SIGNING = (Purpose.PASS, Purpose.UPDATE, Purpose.RECEIPT)
ONLINE = (*SIGNING, Purpose.SEAL)
KEY_LIST, ROOT_PUBLIC, ROOT_KEY = "keys.cose", "root.pub", "root.key"
_log = logging.getLogger(__name__)


class NoKey(CollectorError):
    """No key of that purpose is good now, or its private half is not here."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """What a centre holds at one moment. listed: what `key_list` says. root_public: 32 bytes; never the root's own key.

    signing, sealing: private keys by name; those for sealing are kept as long as a gate may still have an old list.
    """

    key_list: bytes
    listed: KeyList
    root_public: bytes
    signing: Mapping[bytes, SigningKey] = field(repr=False)
    sealing: Mapping[bytes, X25519PrivateKey] = field(repr=False)

    def signer(self, purpose: Purpose, at: float) -> SigningKey:
        """The key that signs at that time (seconds since 1970): of those that are good then, the last one listed.

        Raises NoKey.
        """
        for entry in reversed(self.listed.keys):
            key = self.signing.get(key_id(entry.public))
            if key is not None and entry.purpose is purpose and verification_key(entry).covers(at):
                return key
        raise NoKey(
            f"no {purpose.value} key is good now: `collector keys show` says why, `collector keys next` makes one"
        )

    def seal_public(self, at: float) -> bytes:
        """The public key, 32 bytes, that gates with updates of that time seal to. Raises NoKey."""
        for entry in reversed(self.listed.keys):
            if entry.purpose is Purpose.SEAL and verification_key(entry).covers(at):
                return entry.public
        raise NoKey("no sealing key is good now: `collector keys next seal` makes one")

    def holds(self, entry: KeyEntry) -> bool:
        """Whether the private half of a listed key is here."""
        kid = key_id(entry.public)
        return kid in (self.sealing if entry.purpose is Purpose.SEAL else self.signing)


class CentreKeys:
    """The keys of a running centre: read anew when a ceremony has put another list in their place."""

    def __init__(self, state: StateDir) -> None:
        """Raises NotInitialized."""
        self._state = state
        self._stamp = _stamp(state)
        self._held = read(state)

    def current(self) -> KeySet:
        """What holds now. A list that cannot be read changes nothing, and is told in the log."""
        stamp = _stamp(self._state)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._held = read(self._state)
            except NotInitialized as cause:
                _log.error("the keys that were read before stay in force: %s", cause)
        return self._held

    def sealing_key(self, kid: bytes) -> X25519PrivateKey | None:
        """The private sealing key of that name (`sync.wire.batch.SealingKeys`)."""
        return self.current().sealing.get(kid)


def exist(state: StateDir) -> bool:
    """Whether `create` came to its end: the signed list is written last."""
    return (state.keys / KEY_LIST).exists()


def create(state: StateDir, epoch: int, now: int) -> None:
    """Make the keys that are missing and let the root sign the list of the public ones. Raises OSError."""
    for directory in (state.keys, state.root):
        make_directory(directory)
        directory.chmod(0o700)
    root = SigningKey(Ed25519PrivateKey.from_private_bytes(_make(state.root / ROOT_KEY)), Purpose.ROOT)
    entries = [KeyEntry(public_of(purpose, _make(_first(state, purpose))), purpose) for purpose in ONLINE]
    replace_file(state.keys / ROOT_PUBLIC, root.public.hex().encode() + b"\n")
    key_list = sign_keys(KeyList(epoch=epoch, number=1, issued_at=now, keys=entries), root)
    replace_file(state.keys / KEY_LIST, key_list)


def draw(state: StateDir, purpose: Purpose) -> bytes:
    """A new private key on the disk; its public half. It signs nothing before a list names it. Raises OSError."""
    private = os.urandom(32)
    public = public_of(purpose, private)
    path = state.keys / f"{purpose.value}-{key_id(public).hex()}.key"
    replace_file(path, private.hex().encode() + b"\n", mode=0o600)
    return public


def read(state: StateDir) -> KeySet:
    """Read the keys. Raises NotInitialized naming the file that is missing or broken."""
    try:
        key_list = (state.keys / KEY_LIST).read_bytes()
        root_public = read_key(state.keys / ROOT_PUBLIC)
        signing = {key.kid: key for key in _signing_keys(state)}
        sealing = {key_id(_public(key)): key for key in _sealing_keys(state)}
        listed = open_keys(key_list, root_public)
    except OSError as cause:
        raise NotInitialized(f"{cause.filename} cannot be read ({cause.strerror})") from cause
    except WireError as cause:
        raise NotInitialized(f"{state.keys / KEY_LIST} is damaged: {cause}. Restore it from a backup") from cause
    held = KeySet(key_list, listed, root_public, signing, sealing)
    for purpose in ONLINE:
        if not any(entry.purpose is purpose and held.holds(entry) for entry in listed.keys):
            raise NotInitialized(f"{_first(state, purpose)} cannot be read (no {purpose.value} key is here)")
    return held


def read_key(path: Path) -> bytes:
    """32 bytes in hex. Raises NotInitialized, OSError."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError as cause:
        raise NotInitialized(f"{path} is damaged: it holds 32 bytes in hex. Restore it from a backup") from cause
    if len(key) != 32:
        raise NotInitialized(f"{path} is damaged: it holds 32 bytes in hex. Restore it from a backup")
    return key


def public_of(purpose: Purpose, private: bytes) -> bytes:
    """The public half of a private key of that purpose, 32 bytes."""
    if purpose is Purpose.SEAL:
        return _public(X25519PrivateKey.from_private_bytes(private))
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def verification_key(entry: KeyEntry) -> VerificationKey:
    """A listed key as one that verifies."""
    return VerificationKey(entry.public, entry.purpose, entry.not_before, entry.not_after, entry.reject_issued_after)


def _public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _signing_keys(state: StateDir) -> Iterator[SigningKey]:
    for purpose in SIGNING:
        for path in _files(state, purpose):
            yield SigningKey(Ed25519PrivateKey.from_private_bytes(read_key(path)), purpose)


def _sealing_keys(state: StateDir) -> Iterator[X25519PrivateKey]:
    for path in _files(state, Purpose.SEAL):
        yield X25519PrivateKey.from_private_bytes(read_key(path))


def _files(state: StateDir, purpose: Purpose) -> list[Path]:
    return sorted([*state.keys.glob(f"{purpose.value}.key"), *state.keys.glob(f"{purpose.value}-*.key")])


def _first(state: StateDir, purpose: Purpose) -> Path:
    return state.keys / f"{purpose.value}.key"


def _make(path: Path) -> bytes:
    """The key in `path`, drawn first if there is none: an interrupted `create` goes on where it stopped."""
    if not path.exists():
        replace_file(path, os.urandom(32).hex().encode() + b"\n", mode=0o600)
    return read_key(path)


def _stamp(state: StateDir) -> tuple[int, int, int] | None:
    try:
        found = (state.keys / KEY_LIST).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
