"""PURE: from a record's bytes to a row, or to the reason why it is set aside; one never blocks the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from sync.wire.record import Adopted, Folded, Passage, Record, Scan

_decode = msgspec.json.Decoder[Record](Record).decode
_SERIAL_BYTES = 8
_MAX_INTEGER = 2**53
_MAX_SECONDS = 253_402_300_800  # the year 10000
_COUNT = 13  # where it stands in a row
_MAX_REASON = 80  # 500 of them fit into one receipt, whatever their characters

Row = tuple[Any, ...]
HourKey = tuple[int, int, str, int, str, str, str]


@dataclass(frozen=True, slots=True)
class Sorted:
    """rows: in the order of the record table's columns. set_aside: (sequence, bytes, reason).

    hours: what the rows add to the roll-up.
    """

    rows: list[Row]
    set_aside: list[tuple[int, bytes, str]]
    hours: Counter[HourKey]


class _Unfit(ValueError):
    """A record that has the form and cannot be stored."""


def sort_records(records: Iterable[tuple[int, bytes]], outbox: int, gate: int, received_at: float) -> Sorted:
    """Read each (sequence, bytes). outbox, gate: their numbers in the database."""
    rows: list[Row] = []
    set_aside: list[tuple[int, bytes, str]] = []
    for sequence, raw in records:
        try:
            rows.append(_row(sequence, raw, outbox, gate, received_at))
        except (msgspec.DecodeError, RecursionError, _Unfit) as cause:
            set_aside.append((sequence, raw, str(cause)[:_MAX_REASON]))
    return Sorted(rows, set_aside, _hours(rows))


def _hours(rows: list[Row]) -> Counter[HourKey]:
    hours = Counter(map(_hour_key, rows))
    for row in rows:
        if row[_COUNT] > 1:
            hours[_hour_key(row)] += row[_COUNT] - 1
    return hours


def _row(sequence: int, raw: bytes, outbox: int, gate: int, received_at: float) -> Row:
    record = _decode(raw)
    when, place = record.when, record.place
    at, mono, venue, checkpoint = when.at, when.mono, place.venue, place.checkpoint
    if not (0 <= at < _MAX_SECONDS and 0 <= mono < _MAX_SECONDS):
        raise _Unfit("a time is out of range")
    if not (0 <= venue < _MAX_INTEGER and 0 <= checkpoint < _MAX_INTEGER):
        raise _Unfit("a place is out of range")
    if b"\\u0000" in raw:
        raise _Unfit("NUL in a text")  # PostgreSQL keeps none
    # `_value_` is `.value` without a call in Python for each record.
    head = (outbox, sequence, venue, checkpoint, place.direction._value_, gate)
    return (*head, *_middle(record), at, when.boot, mono, when.clock._value_, received_at, raw)


def _middle(record: Record) -> Row:
    """type, outcome, reasons, kind, serial, status, temperature, count."""
    if isinstance(record, Scan):
        serial = None if record.serial is None else _serial(record.serial)
        reasons, outcome = ",".join(record.reasons), record.outcome._value_
        return "scan", outcome, reasons, record.kind, serial, record.status, record.temperature, 1
    if isinstance(record, Folded):
        if not 1 <= record.count < _MAX_INTEGER:
            raise _Unfit("a count is out of range")
        return "folded", None, record.reason, None, None, None, None, record.count
    if isinstance(record, Passage):
        return "passage", None, record.result.value, None, None, None, None, 1
    if isinstance(record, Adopted):
        return "adopted", None, record.policy, None, None, None, None, 1
    return "started", None, "", None, None, None, None, 1


def _serial(text: str) -> bytes:
    try:
        serial = bytes.fromhex(text)
    except ValueError as cause:
        raise _Unfit("a serial is not hex") from cause
    if len(serial) < _SERIAL_BYTES:
        raise _Unfit("a serial is too short")
    return serial[:_SERIAL_BYTES]


def _hour_key(row: Row) -> HourKey:
    hour = int(row[14] // 3600)
    return row[2], row[3], row[4], hour, row[6], row[7] or "", row[9] or ""
