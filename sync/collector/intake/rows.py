"""PURE: from a record's bytes to a row, or to the reason why it is set aside; one never blocks the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from sync.wire.record import Folded, Record, Scan, Started

_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_SERIAL_BYTES = 8
_MAX_INTEGER = 2**53
_MAX_SECONDS = 253_402_300_800  # the year 10000
_MAX_REASON = 80  # 500 of them fit into one receipt, whatever their characters

Row = tuple[Any, ...]
HourKey = tuple[int, int, str, int, str, str, str]

COLUMNS = (
    "outbox", "sequence", "venue", "checkpoint", "direction", "gate", "type", "outcome", "reasons", "kind", "serial",
    "status", "temperature", "count", "at", "boot", "mono", "clock", "received_at", "raw",
)  # fmt: skip
"""The order of a row's values."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """rows: in the order of COLUMNS. set_aside: (sequence, bytes, reason). hours: what the rows add to the roll-up."""

    rows: list[Row]
    set_aside: list[tuple[int, bytes, str]]
    hours: Counter[HourKey]


class _Unfit(ValueError):
    """A record that has the form and cannot be stored."""


def sort_records(records: Iterable[tuple[int, bytes]], outbox: int, gate: int, received_at: float) -> Sorted:
    """Read each (sequence, bytes). outbox, gate: their numbers in the database."""
    rows: list[Row] = []
    set_aside: list[tuple[int, bytes, str]] = []
    hours: Counter[HourKey] = Counter()
    for sequence, raw in records:
        try:
            row = _row(sequence, raw, outbox, gate, received_at)
        except (msgspec.DecodeError, RecursionError, _Unfit) as cause:
            set_aside.append((sequence, raw, str(cause)[:_MAX_REASON]))
            continue
        rows.append(row)
        hours[_hour_key(row)] += row[13]
    return Sorted(rows, set_aside, hours)


def _row(sequence: int, raw: bytes, outbox: int, gate: int, received_at: float) -> Row:
    record = _decoder.decode(raw)
    when, place = record.when, record.place
    if not (0 <= when.at < _MAX_SECONDS and 0 <= when.mono < _MAX_SECONDS):
        raise _Unfit("a time is out of range")
    if not (0 <= place.venue < _MAX_INTEGER and 0 <= place.checkpoint < _MAX_INTEGER):
        raise _Unfit("a place is out of range")
    if b"\\u0000" in raw:
        raise _Unfit("NUL in a text")  # PostgreSQL keeps none
    head = (outbox, sequence, place.venue, place.checkpoint, place.direction.value, gate)
    tail = (when.at, when.boot, when.mono, when.clock.value, received_at, raw)
    return head + _middle(record) + tail


def _middle(record: Scan | Folded | Started) -> Row:
    """type, outcome, reasons, kind, serial, status, temperature, count."""
    if isinstance(record, Scan):
        return (
            "scan",
            record.outcome.value,
            ",".join(record.reasons),
            record.kind,
            _serial(record.serial),
            record.status,
            record.temperature,
            1,
        )
    if isinstance(record, Folded):
        if not 1 <= record.count < _MAX_INTEGER:
            raise _Unfit("a count is out of range")
        return ("folded", None, record.reason, None, None, None, None, record.count)
    return ("started", None, "", None, None, None, None, 1)


def _serial(text: str | None) -> bytes | None:
    if text is None:
        return None
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
