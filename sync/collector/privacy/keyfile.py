"""The key file of personal data: keys/personal.keys, 0600, never in the database.

It holds the generations of the field key, of which one is current, and the key of the audit's chain, which stays. It is
read anew in each transaction that needs it, so that a rotation is in force everywhere at once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from sync.collector.config import StateDir
from sync.collector.errors import CollectorError
from sync.collector.privacy.cipher import KEY_BYTES, Cipher, PersonalKey
from sync.outbox.durable import replace_file
from sync.wire import jsonform
from sync.wire.errors import WireError

NAME = "personal.keys"
_VERSION = 1
_OTHERS = 0o077
_Hex = Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]{{{2 * KEY_BYTES}}}\Z")]


class KeyFileTrouble(CollectorError):
    """The key file is lost, damaged, or open to others. Personal data cannot be read; everything else goes on."""


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """current: the newest secret, in force. earlier: those that rows may still be encrypted under."""

    audit: _Hex
    current: _Hex
    earlier: list[_Hex] = []
    v: Annotated[int, msgspec.Meta(ge=_VERSION, le=_VERSION)] = _VERSION


@dataclass(frozen=True)
class PersonalKeys:
    """What the key file holds. audit: 32 bytes, the key of the audit's chain."""

    cipher: Cipher
    audit: bytes = field(repr=False)


def path(state: StateDir) -> Path:
    """Where it is. `collector backup` takes it along unless told not to."""
    return state.keys / NAME


def create(state: StateDir) -> None:
    """Make the file where there is none. Raises OSError."""
    if not path(state).exists():
        _write(state, _Form(audit=os.urandom(KEY_BYTES).hex(), current=os.urandom(KEY_BYTES).hex()))


def load(state: StateDir) -> PersonalKeys:
    """Read it. Raises KeyFileTrouble with what to do."""
    form = _read(state)
    current = PersonalKey(bytes.fromhex(form.current))
    keys = [current, *(PersonalKey(bytes.fromhex(secret)) for secret in form.earlier)]
    return PersonalKeys(Cipher(current, {key.kid: key for key in keys}), bytes.fromhex(form.audit))


def begin_generation(state: StateDir) -> None:
    """A new key is current; those before it stay until `end_generations`. Durable when it returns."""
    form = _read(state)
    new = os.urandom(KEY_BYTES).hex()
    _write(state, msgspec.structs.replace(form, current=new, earlier=[form.current, *form.earlier]))


def end_generations(state: StateDir) -> int:
    """Forget every key but the current one; how many. Whoever calls knows that nothing is encrypted under them."""
    form = _read(state)
    if form.earlier:
        _write(state, msgspec.structs.replace(form, earlier=[]))
    return len(form.earlier)


def _read(state: StateDir) -> _Form:
    file = path(state)
    try:
        if file.stat().st_mode & _OTHERS:
            raise KeyFileTrouble(f"{file} can be read by others: chmod 600, and rotate (collector privacy rotate)")
        return jsonform.decode(file.read_bytes(), _Form, NAME)
    except OSError as cause:
        raise KeyFileTrouble(
            f"{file} cannot be read ({cause.strerror}): personal data stays closed until it is put back from a backup; "
            "gates are served all the same"
        ) from cause
    except WireError as cause:
        raise KeyFileTrouble(f"{file} is damaged ({cause}): put it back from a backup") from cause


def _write(state: StateDir, form: _Form) -> None:
    replace_file(path(state), jsonform.encode(form) + b"\n", mode=0o600)
