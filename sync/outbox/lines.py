"""PURE: one line of a segment – a record under its number, and a checksum that tells whether it is whole.

    crc32 (8 hex digits) SP {"17":{…the record, verbatim…}} LF
    crc32                SP {"18":null} LF                          burnt: the append failed, the number is never used

A line is a patch of TinyDB's table. JSON within one line has no raw line feed, so that a bad line never hides the
next. The checksum starts from the outbox's id and the segment's first number: a stale block of another segment, or of
another outbox on the same card, does not pass. It finds damage; it does not find forgery.
"""

from __future__ import annotations

import zlib

import msgspec

from sync.wire.record import MAX_RECORD_BYTES

_PREFIX_BYTES = 9  # checksum and space
_NUMBER_DIGITS = 16
SHORTEST_LINE_BYTES = len(b'01234567 {"1":{}}\n')
LONGEST_LINE_BYTES = MAX_RECORD_BYTES + _PREFIX_BYTES + _NUMBER_DIGITS + len(b'{"":}\n')

_object = msgspec.json.Decoder(dict)


def check_record(record: bytes) -> None:
    """Raises ValueError for what is not one JSON object in one line of at most MAX_RECORD_BYTES: our own bug."""
    if len(record) > MAX_RECORD_BYTES:
        raise ValueError(f"a record has at most {MAX_RECORD_BYTES} bytes, not {len(record)}")
    if b"\n" in record:
        raise ValueError("a record is one line")
    if not record.startswith(b"{") or not record.endswith(b"}"):
        raise ValueError("a record is one JSON object with nothing around it")
    try:
        _object.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise ValueError(f"a record is one JSON object: {cause}") from cause


def seed_of(outbox_id: str, base: int) -> int:
    """Where the checksum of each line of the segment `base` starts from."""
    return zlib.crc32(outbox_id.encode(), base & 0xFFFFFFFF)


def encode(number: int, record: bytes | None, seed: int) -> bytes:
    """The line of `record` under `number`; None declares the number burnt."""
    patch = b'{"%d":%b}' % (number, b"null" if record is None else record)
    return b"%08x %b\n" % (zlib.crc32(patch, seed), patch)


def parse(line: bytes, seed: int) -> tuple[int, bytes | None] | None:
    """Number and record of a line without its line feed; None when it is not whole.

    The checksum is compared as it is spelt: int(…, 16) would accept other spellings of a damaged one.
    """
    patch = line[_PREFIX_BYTES:]
    if line[:_PREFIX_BYTES] != b"%08x " % zlib.crc32(patch, seed) or len(line) >= LONGEST_LINE_BYTES:
        return None
    digits, colon, record = patch[2:-1].partition(b'":')
    if not colon or not digits.isdigit() or len(digits) > _NUMBER_DIGITS:
        return None
    return int(digits), None if record == b"null" else record
