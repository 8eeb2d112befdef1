"""The text of a list as a file: UTF-8, GB 18030 (GBK) or UTF-16 with its mark, found out and read line by line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO

from sync.collector.errors import Mistake
from sync.collector.visitors.status.lists import MAX_LINE

MAX_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 16
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(file: BinaryIO) -> str:
    """By its mark, else the first of UTF-8 and GB 18030 that the whole of it is. Raises Mistake."""
    file.seek(0)
    start = file.read(4)
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Mistake("this is a workbook: save it as CSV first (in Excel: Save as, CSV UTF-8)")
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            _check(file, encoding)
            return encoding
    for encoding in ("utf-8", "gb18030"):
        try:
            _check(file, encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise Mistake("this is no text in UTF-8 or GBK: save the list as CSV again")


def _check(file: BinaryIO, encoding: str) -> None:
    """Raises UnicodeDecodeError, Mistake for a file that is too long or no text."""
    decoder, size = codecs.getincrementaldecoder(encoding)(), 0
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > MAX_BYTES:
            raise Mistake(f"a list has at most {MAX_BYTES >> 20} MB: cut it in two")
        if "\0" in decoder.decode(chunk):
            raise Mistake("this is no text: save the list as CSV")
    decoder.decode(b"", final=True)


def lines(file: BinaryIO) -> Iterator[str]:
    """From the beginning, each with its end; of one that is far too long only so much that this can be told.

    Raises Mistake.
    """
    try:
        encoding = encoding_of(file)
    except UnicodeDecodeError as cause:
        raise Mistake("the file is not in the encoding that its first bytes say") from cause
    file.seek(0)
    text = TextIOWrapper(file, encoding, newline=None)
    try:
        while line := text.readline(MAX_LINE + 2):
            yield line
            while line and not line.endswith("\n") and len(line) > MAX_LINE:
                line = text.readline(MAX_LINE + 2)
    finally:
        if not file.closed:  # left unfinished, this may end after its file
            text.detach()
