"""Makes data/divisions.txt.xz: `python -m sync.collector.venues.division_table FILE`; data/README.md says where from.

FILE: JSON, `divisions` a list of [level 1 to 4, code of 6 or 9 digits, parent's code, name].
"""

from __future__ import annotations

import lzma
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sync.collector.errors import Mistake
from sync.collector.venues.divisions import TABLE

Row = tuple[int, str, str, str]
TAIWAN = (1, "710000", "", "台湾省")  # GB/T 2260; the ministry's table has no code for it
# Whoever reads the file needs the dictionary's memory too.
_FILTER = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 2**20}


class Source(msgspec.Struct, frozen=True):
    """The part of FILE that counts."""

    divisions: list[Row]


def cut(code: str) -> str:
    """Without the zeros that stand for "all of it"."""
    return code if len(code) != 6 else code.removesuffix("00").removesuffix("00")


def table(rows: Iterable[Row]) -> bytes:
    """The file's content. Raises Mistake where codes do not nest as the rows say."""
    sources = [*rows, TAIWAN]
    names = {cut(code): name for _level, code, _parent, name in sources}
    if len(names) != len(sources):
        raise Mistake("a code stands twice")
    for _level, code, parent, name in sources:
        short = cut(code)
        nearest = next((short[:digits] for digits in (6, 4, 2) if digits < len(short) and short[:digits] in names), "")
        if not code.isdigit() or nearest != cut(parent) or name.split() != [name]:
            raise Mistake(f"{code} {name} does not lie directly in {parent}")
    text = "".join(f"{line}\n" for line in sorted(f"{code} {name}" for code, name in names.items()))
    return lzma.compress(text.encode(), filters=[_FILTER])


if __name__ == "__main__":
    TABLE.write_bytes(table(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Source).divisions))
