"""Becoming a gate: requests made and answers taken, by network or on a stick – bytes out, bytes in (R25).

The root's public key came with the installation and is never taken from a code, an answer or a stick; without one
nothing is begun. An answer is carried out step by step from a journal: whatever interrupts it, it goes on.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync import mailbox
from sync.address import check_address
from sync.errors import SyncError
from sync.installer import install
from sync.journal import Adoption, Attempt, Journal, JournalFile
from sync.keywords import key_words
from sync.mailbox import NotProvisioned
from sync.outbox.durable import make_directory, replace_file
from sync.wire import jsonform
from sync.wire.enrolment import NONCE_BYTES, Opened, Request, State, open_answer, read_code, sign_request
from sync.wire.errors import WireError
from sync.wire.keys import Purpose, SigningKey
from sync.wire.statedir import StateDir
from sync.wire.status import Identity


class NoRoot(SyncError):
    """This device was installed without its town's root key: it enrols nowhere."""

    def __init__(self) -> None:
        super().__init__(
            "this device has no root key, so that it could not tell its town's centre from any other: "
            "sudo systemd/install-gate --root-key KEY (collector keys show)"
        )


class NothingAsked(SyncError):
    """An answer came, and nothing was asked for."""


def begin(state: StateDir, code: str | None) -> Attempt:
    """Make a new device key that asks with this code, None for a stick. Raises NoRoot, WireError, OSError."""
    _root(state)
    if code is not None:
        check_address(read_code(code).collector)
    attempt = Attempt(os.urandom(32), secrets.token_hex(NONCE_BYTES), code)
    file = JournalFile(state)
    with file.lock() as journal:
        file.write(msgspec.structs.replace(journal, asking=attempt))
    return attempt


def request(state: StateDir, attempt: Attempt) -> bytes:
    """The signed request of an attempt."""
    identity = _identity(state)
    key = _signing_key(attempt.private)
    token = read_code(attempt.code).token if attempt.code else b""
    have, _ = _in_force(state)
    was = identity.gate if identity else None
    told = Request(key.public, token, attempt.nonce, have, was, version("venue-gate"))
    return sign_request(told, key)


def stick_request(state: StateDir) -> bytes:
    """The request for a stick: that of the attempt under way, or a new one. Raises NoRoot, OSError."""
    journal = JournalFile(state).read()
    under_way = next((each for each in (journal.asking, journal.waiting) if each and each.code is None), None)
    return request(state, under_way or begin(state, None))


def take(state: StateDir, attempt: Attempt, answer: bytes) -> Opened:
    """What the centre said to an attempt; once it says "enrolled" this device is that gate when this returns.

    Raises NoRoot; WireError for an answer that is not genuine or not for this attempt, OSError. Then nothing changed.
    """
    root = _root(state)
    opened = open_answer(answer, root, _signing_key(attempt.private).public, attempt.nonce)
    check_address(opened.verdict.collector)
    file = JournalFile(state)
    if opened.verdict.state is State.WAITING:
        with file.lock() as journal:
            asking = None if journal.asking == attempt else journal.asking
            file.write(msgspec.structs.replace(journal, asking=asking, waiting=attempt))
        return opened
    identity = _identity(state)
    if identity is not None and identity.gate != opened.verdict.gate:
        raise WireError(f"this device is {identity.gate}, and cannot become {opened.verdict.gate} while it is")
    _install(state, opened, root)
    ca = state.town_ca.name if state.town_ca.is_file() else None
    adoption = Adoption(attempt.private, Identity(opened.verdict.gate, opened.verdict.collector, ca))
    with file.lock():
        journal = Journal(adopting=adoption)
        file.write(journal)
        _carry_out(state, file, journal)
    return opened


def stick_answer(state: StateDir, answer: bytes) -> Opened:
    """Take an answer that was carried here. Raises NothingAsked, NoRoot, WireError, OSError."""
    journal = JournalFile(state).read()
    refused: WireError | None = None
    for attempt in _attempts(journal):
        try:
            return take(state, attempt, answer)
        except WireError as cause:
            refused = cause
    if refused is not None:
        raise refused
    raise NothingAsked("nothing was asked for: gate-sync enrolment request FILE comes first")


def go_on(state: StateDir) -> None:
    """Carry out what a power cut interrupted. Raises OSError."""
    file = JournalFile(state)
    if file.read().adopting is None:
        return
    with file.lock() as journal:
        _carry_out(state, file, journal)


def drop(state: StateDir, attempt: Attempt) -> None:
    """The centre refused it, or nobody answered. Raises OSError."""
    file = JournalFile(state)
    with file.lock() as journal:
        kept = {name: getattr(journal, name) for name in ("asking", "waiting")}
        gone = {name: None for name, each in kept.items() if each == attempt}
        file.write(msgspec.structs.replace(journal, **gone))


def words(attempt: Attempt) -> tuple[str, str]:
    """The key words of an attempt's key, English and Chinese."""
    return key_words(_signing_key(attempt.private).public)


def _carry_out(state: StateDir, file: JournalFile, journal: Journal) -> None:
    adopted = journal.adopting
    if adopted is None:
        return
    replace_file(state.device_key, adopted.private.hex().encode() + b"\n", mode=0o600)
    replace_file(state.identity, jsonform.encode(adopted.identity) + b"\n")
    file.write(msgspec.structs.replace(journal, adopting=None))


def _install(state: StateDir, opened: Opened, root: bytes) -> None:
    assert opened.snapshot is not None
    in_force, keys_since = _in_force(state)
    if opened.snapshot.order != in_force:  # the same: an answer that came twice
        make_directory(state.updates)
        install(state, opened.updates, root, in_force, keys_since)


def _root(state: StateDir) -> bytes:
    try:
        return mailbox.read_root(state)
    except NotProvisioned as cause:
        raise NoRoot from cause


def _in_force(state: StateDir) -> tuple[tuple[int, int], int]:
    """Order of the updates here, and when their key list was signed."""
    try:
        snapshot = mailbox.newest_snapshot(state, mailbox.read_root(state))
    except NotProvisioned:
        return (0, 0), 0
    return snapshot.order, snapshot.keys_issued_at


def _identity(state: StateDir) -> Identity | None:
    with suppress(NotProvisioned):
        return mailbox.read_identity(state)
    return None


def _signing_key(private: bytes) -> SigningKey:
    return SigningKey(Ed25519PrivateKey.from_private_bytes(private), Purpose.GATE)


def _attempts(journal: Journal) -> Iterable[Attempt]:
    return [each for each in (journal.asking, journal.waiting) if each is not None]
