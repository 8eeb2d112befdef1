"""Which outboxes there are in a directory, and which one goes on: the file `identity` in each (DESIGN 7).

An outbox's id is random and bound to the machine that writes it. A card that was cloned or moved meets another machine,
and the outbox that it brought is sealed: still readable, still sent, never written again. It does NOT follow
that two outboxes differ in content: a clone's sealed outbox repeats the original's records, byte for byte.
"""

from __future__ import annotations

import re
import secrets
import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import msgspec

from sync.outbox.durable import make_directory, read_small_file, replace_file, sync_directory
from sync.outbox.segments import bases_in, is_ours, segment_path
from sync.outbox.system import System

VERSION = 1
IDENTITY_FILE = "identity"
LOCK_FILE = "LOCK"
RESERVE_FILE = "reserve"
_ID = re.compile("[0-9a-f]{32}")


class Identity(msgspec.Struct, frozen=True):
    """machine: board serial and card CID. sealed: why nothing is written here any more, None while it goes on."""

    machine: str = ""
    sealed: str | None = None
    v: int = VERSION


@dataclass(frozen=True, slots=True)
class Found:
    """An outbox on the disk. identity: None when its file is missing or damaged, which seals it as well."""

    id: str
    directory: Path
    identity: Identity | None

    @property
    def known_form(self) -> bool:
        """Whether this version can read it: another version's is left alone and counted."""
        return self.identity is None or self.identity.v == VERSION

    @property
    def sealed(self) -> str | None:
        """Why it is sealed, None for the one that goes on."""
        return self.identity.sealed if self.identity else "identity_damaged"


def find(directory: Path, system: System) -> list[Found]:
    """The outboxes in `directory`, sealed ones first. Foreign names are passed over. Raises OSError."""
    try:
        names = sorted(name for name in system.names(directory) if _ID.fullmatch(name))
    except FileNotFoundError:
        return []
    found = [Found(name, directory / name, _read(directory / name, system)) for name in names]
    return sorted(found, key=lambda outbox: outbox.sealed is None)


def _read(directory: Path, system: System) -> Identity | None:
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        checksum, _, content = read_small_file(directory / IDENTITY_FILE, 4096, system=system).partition(b" ")
        if checksum == _checksum(content):
            return msgspec.json.decode(content, type=Identity)
    return None


def _write(directory: Path, identity: Identity, system: System) -> None:
    """With a checksum before it, as a segment's lines have: a flipped bit must not make it another version's."""
    content = msgspec.json.encode(identity) + b"\n"
    replace_file(directory / IDENTITY_FILE, _checksum(content) + b" " + content, system=system)


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)


def settle(directory: Path, machine: str, system: System, new_id: str) -> Found:
    """The outbox that this machine goes on writing: its own, or a new one; all others are sealed. Raises OSError."""
    own: Found | None = None
    for outbox in find(directory, system):
        if outbox.identity is None or not outbox.known_form or outbox.sealed:
            continue
        if outbox.identity.machine != machine:
            seal(outbox, "other_machine", system)
        elif own:
            seal(outbox, "second", system)
        elif not bases_in(system.names(outbox.directory)):
            seal(outbox, "segments_missing", system)  # its numbers may have been given already
        else:
            own = outbox
    return own or create(directory, machine, system, new_id)


def seal(outbox: Found, reason: str, system: System) -> None:
    """Nothing is written to it any more, also after a power cut. Raises OSError."""
    _write(outbox.directory, Identity(outbox.identity.machine if outbox.identity else "", reason), system)


def create(directory: Path, machine: str, system: System, new_id: str) -> Found:
    """A new outbox with an empty first segment, there as a whole or not at all. Raises OSError."""
    make_directory(directory, system=system)
    draft, final = directory / f".{new_id}.tmp", directory / new_id
    identity = Identity(machine)
    with suppress(FileExistsError):
        system.make_directory(draft)
    replace_file(segment_path(draft, 1), b"", system=system)
    _write(draft, identity, system)
    system.rename(draft, final)
    sync_directory(directory, system=system)
    return Found(new_id, final, identity)


def random_id() -> str:
    """128 random bits in hex."""
    return secrets.token_hex(16)


def foreign_names(directory: Path, system: System) -> int:
    """How many names in `directory` and its outboxes are none of ours, or of another version. Raises OSError."""
    outboxes = [outbox for outbox in find(directory, system) if outbox.known_form]
    ours = {LOCK_FILE, RESERVE_FILE, IDENTITY_FILE, *(outbox.id for outbox in outboxes)}
    names = chain(system.names(directory), *(system.names(outbox.directory) for outbox in outboxes))
    return sum(not (name in ours or name.startswith(".") or is_ours(name)) for name in names)
