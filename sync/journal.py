"""What gate-sync has begun and not ended: an enrolment, or a roll of the device's key. Private keys stand in it.

One file, replaced by rename, so that a power cut leaves the step before or the step after. `gate-sync run` and the
commands of `gate-sync enrolment` change it under one lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from sync.outbox.durable import make_directory, replace_file
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.statedir import StateDir
from sync.wire.status import Identity

_MAX_BYTES = 64_000


class Attempt(msgspec.Struct, frozen=True):
    """A device key that asks to become a gate's. private: 32 bytes; code: the text that was read, None for a stick."""

    private: bytes
    nonce: str
    code: str | None = None


class Adoption(msgspec.Struct, frozen=True):
    """Decided, and from here on only to be carried out: this key and this identity are the device's."""

    private: bytes
    identity: Identity


class Journal(msgspec.Struct, frozen=True):
    """asking: the newest code's, not answered yet; waiting: the centre answered, IT has not.

    An enrolment that waits is given up only for one that the centre answers too: a strange code takes nothing away.
    rolling: the private half of the key that this gate rolls to.
    """

    asking: Attempt | None = None
    waiting: Attempt | None = None
    adopting: Adoption | None = None
    rolling: bytes | None = None


class JournalFile:
    """The journal on the disk."""

    def __init__(self, state: StateDir) -> None:
        self._state = state

    def read(self) -> Journal:
        """What was begun; nothing where the file is missing or damaged: then the code is shown once more."""
        try:
            with self._state.enrolling.open("rb") as file:
                return jsonform.decode(file.read(_MAX_BYTES), Journal, self._state.enrolling.name)
        except (OSError, WireError):
            return Journal()

    def write(self, journal: Journal) -> None:
        """Within `lock`. Raises OSError."""
        if journal == Journal():
            with suppress(FileNotFoundError):
                self._state.enrolling.unlink()
            return
        replace_file(self._state.enrolling, jsonform.encode(journal), mode=0o600)

    @contextmanager
    def lock(self) -> Iterator[Journal]:
        """One program at a time; gives what stands there. Raises OSError."""
        make_directory(self._state.private)
        self._state.private.chmod(0o700)
        descriptor = os.open(self._state.private / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield self.read()
        finally:
            os.close(descriptor)
