"""PURE: which records are urgent – somebody did not meet the requirements and was refused (R7).

Read from the record's own bytes, so that gate-sync needs no word from the gate. A pass that has merely expired, belongs
elsewhere or was used before says nothing about the person's health: such a refusal waits its turn. Neither does a code
that is not genuine.
"""

from __future__ import annotations

import msgspec

from sync.wire.record import Outcome

REPORTED = frozenset({"red", "yellow", "fever", "test_positive", "test_missing", "test_old", "withdrawn"})
"""Reasons about the person (`edge/reasons.py`) that the local authority is told of at once, unless the gate opened."""


class _Refusal(msgspec.Struct, tag_field="type", tag="scan"):
    outcome: Outcome
    reasons: list[str]


class _RefusedByHand(msgspec.Struct, tag_field="type", tag="registered"):
    outcome: Outcome
    reasons: list[str]


_decode = msgspec.json.Decoder(_Refusal | _RefusedByHand).decode


def is_urgent(record: bytes) -> bool:
    """Whether the record goes first. One that cannot be read is not: it waits its turn and is set aside then."""
    # Most records are people who passed: one look at the bytes spares them the reading.
    if b'"outcome":"pass"' in record:
        return False
    try:
        found = _decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return found.outcome is not Outcome.PASS and not REPORTED.isdisjoint(found.reasons)
