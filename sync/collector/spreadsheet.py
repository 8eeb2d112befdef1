"""PURE: CSV that a spreadsheet opens with its Chinese whole (RFC 4180)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

_BOM = b"\xef\xbb\xbf"  # without it Excel reads UTF-8 as the machine's own code page
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # East Asian ones read full-width signs too (OWASP)


def as_csv(heads: Sequence[str], lines: Iterable[Iterable[object]]) -> bytes:
    """UTF-8 with a byte order mark."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in line] for line in lines)
    return _BOM + text.getvalue().encode()


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula stands behind an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
