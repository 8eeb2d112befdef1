"""The root key as a file on a stick, as 24 words on paper, and off this machine (R25).

It signs the key list and nothing else, and every gate was installed with its public half. Nothing here sends it
anywhere; what is written is read back and compared before anybody is told that it is there.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mnemonic import Mnemonic

from sync.collector.config import StateDir
from sync.collector.errors import Mistake, NotInitialized
from sync.collector.keys import ROOT_KEY, read_key
from sync.outbox.durable import make_directory, replace_file, sync_directory
from sync.wire.keys import Purpose, SigningKey

WORDS = 24


def load(directory: Path, public: bytes) -> SigningKey:
    """The root key in that directory. public: of this centre's root, 32 bytes. Raises Mistake."""
    path = directory / ROOT_KEY
    try:
        private = read_key(path)
    except FileNotFoundError as cause:
        raise Mistake(
            f"the root key is not at {path}: put its stick in and say --root DIR, where DIR holds {ROOT_KEY}; "
            "without the stick: collector keys root restore DIR, from the recovery words"
        ) from cause
    except (OSError, NotInitialized) as cause:
        raise Mistake(f"the root key cannot be read: {cause}") from cause
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(private), Purpose.ROOT)
    if key.public != public:
        raise Mistake(f"{path} is another root's key: this centre's begins with {public.hex()[:8]}")
    return key


def words(root: SigningKey) -> str:
    """The 24 recovery words: 256 bits and a checksum of 8 (BIP-39)."""
    return str(Mnemonic("english").to_mnemonic(root.private.private_bytes_raw()))


def from_words(text: str, public: bytes) -> bytes:
    """The 32 bytes that the words stand for. Raises Mistake: which word is wrong, or that they are another key's."""
    given = text.lower().split()
    known = Mnemonic("english")
    if len(given) != WORDS:
        raise Mistake(f"the root key has {WORDS} words; these are {len(given)}")
    for place, word in enumerate(given, 1):
        if word not in known.wordlist:
            raise Mistake(f"word {place} is none of the list: look at it again")
    try:
        private = bytes(known.to_entropy(given))
    except ValueError as cause:
        raise Mistake("a word is wrong, or two are exchanged: their checksum does not hold") from cause
    if Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw() != public:
        raise Mistake("these are the words of another key than this centre's root")
    return private


def write(directory: Path, private: bytes) -> Path:
    """Put the key into a directory, as `init` made it byte for byte, and read it back. Raises Mistake, OSError."""
    path = directory / ROOT_KEY
    content = private.hex().encode() + b"\n"
    if path.exists() and path.read_bytes() != content:
        raise Mistake(f"{path} holds something else already: choose an empty directory")
    make_directory(directory)
    replace_file(path, content, mode=0o600)
    _drop_cache(path)
    if path.read_bytes() != content:
        raise Mistake(f"{path} does not hold what was written: the stick is bad, take another one")
    return path


def remove(state: StateDir, copy: Path, public: bytes) -> None:
    """Take the key off this machine, once a copy elsewhere was read and is the same. Raises Mistake, OSError."""
    here = load(state.root, public)
    if copy.resolve() == state.root.resolve():
        raise Mistake("that is the very directory that would be removed: say where the copy is")
    if load(copy, public).private.private_bytes_raw() != here.private.private_bytes_raw():
        raise Mistake(f"{copy} holds another key")
    path = state.root / ROOT_KEY
    with path.open("r+b") as file:  # what a file system with copies keeps of it, nobody can promise
        file.write(b"0" * path.stat().st_size)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_directory(state.root)


def _drop_cache(path: Path) -> None:
    """So that it is read from the stick, and not from what this machine remembers of it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
