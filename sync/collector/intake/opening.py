"""From the bytes of a request to a batch of a known gate – or a Problem. Bounds everything, stores nothing."""

from __future__ import annotations

import re
from dataclasses import replace

from sync.collector.database import Database
from sync.collector.fleet.service import KnownGate, gate_of_key
from sync.collector.keys import CentreKeys
from sync.collector.problems import Kind, Problem
from sync.wire.batch import Batch, unpack
from sync.wire.envelope import MessageType, named_key, verify
from sync.wire.errors import NotGenuine, WireError
from sync.wire.keys import KeyRing, Purpose, VerificationKey, key_id

_HEX_128 = re.compile(r"[0-9a-f]{32}")
_HEX_256 = re.compile(r"[0-9a-f]{64}")
_MAX_WORD = 200
_MAX_SECONDS = 1e11  # beyond the year 5000


def open_batch(body: bytes, database: Database, keys: CentreKeys) -> tuple[KnownGate, Batch]:
    """The gate whose signature holds, and its batch. Raises Problem, DatabaseUnavailable."""
    try:
        with database.look() as connection:
            kid = named_key(body, MessageType.BATCH)
            gate = gate_of_key(connection, kid)
        if gate is None or gate.public_key is None:
            raise Problem(Kind.UNKNOWN_GATE, "no gate of this centre has the key that signed this batch")
        public = gate.public_key
        if gate.next_public_key is not None and key_id(gate.next_public_key) == kid:
            public, gate = gate.next_public_key, replace(gate, signed_with_next=True)
        ring = KeyRing([VerificationKey(public, Purpose.GATE)])
        payload = verify(body, ring, MessageType.BATCH).payload
    except NotGenuine as cause:
        kind = Kind.BAD_SIGNATURE if cause.reason == "bad_signature" else Kind.NOT_A_MESSAGE
        raise Problem(kind, str(cause)) from cause
    try:
        batch = unpack(payload, keys.sealing_key)
    except WireError as cause:
        raise Problem(Kind.MALFORMED_BATCH, str(cause), gate=gate.id) from cause
    if batch.gate != gate.id:
        raise Problem(Kind.OTHER_GATE, f"signed by {gate.id}, but another gate stands inside", gate=gate.id)
    _check_bounds(batch, gate)
    return gate, batch


def _check_bounds(batch: Batch, gate: KnownGate) -> None:
    """What the form allows and a database column or a page does not."""
    report = batch.report
    words = [report.boot, report.software, *report.faults, *(hole.reason for hole in batch.holes)]
    for holds, rule in (
        (_HEX_128.fullmatch(batch.outbox), "an outbox id is 32 hex digits"),
        (_HEX_128.fullmatch(batch.nonce), "a nonce is 32 hex digits"),
        (not report.sealing_key or _HEX_256.fullmatch(report.sealing_key), "a sealing key is 64 hex digits"),
        (len(report.faults) <= _MAX_WORD, "too many faults"),
        (all(len(word) <= _MAX_WORD and "\0" not in word for word in words), "a word of it is too long"),
        (
            all(0 <= number < 2**53 for number in (*report.have, report.backlog, report.damaged)),
            "a count of it is absurd",
        ),
        (0 <= batch.sent_at < _MAX_SECONDS and 0 <= report.mono < _MAX_SECONDS, "a time of it is absurd"),
    ):
        if not holds:
            raise Problem(Kind.MALFORMED_BATCH, f"batch: {rule}", gate=gate.id)
