"""The records that this gate still has, read back: for the memory of uses, and to explain a decision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from sync.outbox import OutboxReader, readers
from sync.wire.record import Record

Kept = tuple[str, int, Record]
"""Outbox id, sequence number, record."""

_RECORDS_AT_ONCE = 500
_BYTES_AT_ONCE = 1_000_000
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def newest(outboxes: Path, count: int) -> Iterator[Kept]:
    """The newest `count` numbers' records, of sealed outboxes too, oldest first. Raises OutboxError."""
    spans = []
    for reader in reversed(readers(outboxes)):
        end = reader.next()
        start = max(reader.first(), end - count)
        spans.append((reader, start, end))
        count -= end - start
    for reader, start, end in reversed(spans):
        yield from between(reader, start, end)


def between(reader: OutboxReader, start: int, end: int) -> Iterator[Kept]:
    """Records start … end − 1 of one outbox; what is damaged or of a later version is left out. Raises OutboxError."""
    while start < end:
        extract = reader.read(start, min(_RECORDS_AT_ONCE, end - start), _BYTES_AT_ONCE)
        for number, content in extract.entries():
            if isinstance(content, bytes):
                try:
                    yield reader.id, number, _decoder.decode(content)
                except (msgspec.DecodeError, RecursionError):
                    continue
        if extract.next == start:
            return
        start = extract.next
