"""PURE: from a record's bytes to a row, or to the reason why it is set aside; one never blocks the next."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from sync.wire.record import Adopted, ClockQuality, FireLoop, Folded, Passage, Record, Registered, Scan

_decode = msgspec.json.Decoder[Record](Record).decode
_SERIAL_BYTES = 8
_MAX_INTEGER = 2**53
_MAX_SECONDS = 253_402_300_800  # the year 10000
_MAX_REASON = 80  # 500 of them fit into one receipt, whatever their characters
BELIEVED = (ClockQuality.SYNCHRONIZED.value, ClockQuality.HOLDOVER.value)
"""Qualities of a clock that somebody vouched for."""
_NOBODY = 0  # the gate alone
READING, WORD = "reading", "word"
"""Kinds of registration: with a temperature in figures, and normal by the inspector's word; none for not measured."""
_new_row = tuple.__new__  # a NamedTuple's own constructor takes each field as an argument


class Row(NamedTuple):
    """A row of the record table, in the order of its columns."""

    venue: int
    outbox: int
    sequence: int
    checkpoint: int
    direction: str
    gate: int
    inspector: int
    type: str
    outcome: str | None
    reasons: str
    kind: str | None
    serial: bytes | None
    status: str | None
    temperature: float | None
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody wants of a row
    hour: int
    at: float
    corrected_at: float | None
    boot: str
    mono: float
    clock: str
    received_at: float
    raw: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """Where records come from. outbox, gate: their numbers in the database. venues: where the gate ever stood.

    boot, booted_at: the gate's boot that the report speaks of, and when it began by the centre's clock; None where the
    report did not come straight from the gate.
    """

    outbox: int
    gate: int
    venues: Container[int]
    boot: str | None = None
    booted_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Sorted:
    """rows: what can be stored. set_aside: (sequence, bytes, reason) of what cannot."""

    rows: list[Row]
    set_aside: list[tuple[int, bytes, str]]


class _Unfit(ValueError):
    """A record that has the form and cannot be stored."""


def sort_records(records: Iterable[tuple[int, bytes]], source: Source, received_at: float) -> Sorted:
    """Read each (sequence, bytes)."""
    rows: list[Row] = []
    set_aside: list[tuple[int, bytes, str]] = []
    for sequence, raw in records:
        try:
            rows.append(_row(sequence, raw, source, received_at))
        except (msgspec.DecodeError, RecursionError, _Unfit) as cause:
            set_aside.append((sequence, raw, str(cause)[:_MAX_REASON]))
    return Sorted(rows, set_aside)


def _row(sequence: int, raw: bytes, source: Source, received_at: float) -> Row:
    record = _decode(raw)
    when, place = record.when, record.place
    at, mono, venue, checkpoint, corrected_at = when.at, when.mono, place.venue, place.checkpoint, None
    if not (0 <= at < _MAX_SECONDS and 0 <= mono < _MAX_SECONDS):
        raise _Unfit("a time is out of range")
    if not 0 <= checkpoint < _MAX_INTEGER:
        raise _Unfit("a place is out of range")
    if venue not in source.venues:
        raise _Unfit("this gate never stood at the venue that the record names")
    if b"\\u0000" in raw:
        raise _Unfit("NUL in a text")  # PostgreSQL keeps none
    if when.boot == source.boot:
        # Exact whatever the wall clock said: the monotonic clock ran on since.
        corrected_at = source.booted_at + mono
        if not 0 <= corrected_at < _MAX_SECONDS:
            corrected_at = None
    # One tuple, without a call for each field: this runs for every passage of a province. `_value_` is `.value` without
    # a call in Python.
    type_, outcome, reasons, kind, serial, status, temperature, count = _told(record)
    return _new_row(
        Row,
        (
            venue,
            source.outbox,
            sequence,
            checkpoint,
            place.direction._value_,
            source.gate,
            record.inspector if type_ == "registered" else _NOBODY,
            type_,
            outcome,
            reasons,
            kind,
            serial,
            status,
            temperature,
            count,
            int((at if corrected_at is None else corrected_at) // 3600),
            at,
            corrected_at,
            when.boot,
            mono,
            when.clock._value_,
            received_at,
            raw,
        ),
    )


def _told(record: Record) -> tuple[Any, ...]:
    """type, outcome, reasons, kind, serial, status, temperature, count."""
    if type(record) is Scan:
        told, text = record.reasons, record.serial
        reasons = told[0] if len(told) == 1 else ",".join(told)
        serial = None if text is None else _serial(text)
        return "scan", record.outcome._value_, reasons, record.kind, serial, record.status, record.temperature, 1
    if isinstance(record, Folded):
        if not 1 <= record.count < _MAX_INTEGER:
            raise _Unfit("a count is out of range")
        return "folded", None, record.reason, None, None, None, None, record.count
    if isinstance(record, Passage):
        return "passage", record.result._value_, record.result._value_, None, None, None, None, 1
    if isinstance(record, Registered):
        return _registered(record)
    if isinstance(record, Adopted):
        return "adopted", None, record.policy, None, None, None, None, 1
    if isinstance(record, FireLoop):
        return "fire_loop", None, "intact" if record.intact else "open", None, None, None, None, 1
    return "started", None, "", None, None, None, None, 1


def _registered(record: Registered) -> tuple[Any, ...]:
    """One that takes another back counts its people away."""
    kind = WORD if record.said_normal else None if record.temperature is None else READING
    people = record.people if record.takes_back is None else -record.people
    outcome, reasons = record.outcome._value_, ",".join(record.reasons)
    serial = None if record.serial is None else _serial(record.serial)
    return "registered", outcome, reasons, kind, serial, None, record.temperature, people


def _serial(text: str) -> bytes:
    try:
        serial = bytes.fromhex(text)
    except ValueError as cause:
        raise _Unfit("a serial is not hex") from cause
    if len(serial) < _SERIAL_BYTES:
        raise _Unfit("a serial is too short")
    return serial[:_SERIAL_BYTES]
