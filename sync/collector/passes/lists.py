"""PURE: a list of people as a clerk pastes or uploads it, to people – or to what is wrong with each of its lines.

CSV of a spreadsheet, comma, tab or semicolon between the columns; UTF-8, or GB 18030 as older spreadsheets write it. A
first line with names of columns may put them in any order; without one they are name, number of the resident's card,
phone. It does NOT establish that somebody has seen the documents.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from enum import Enum

from sync.collector.errors import Mistake
from sync.collector.passes.model import MAX_MEMBERS
from sync.collector.visitors.identity import Document, Person, document_number, person

MAX_LIST_BYTES = 200_000
_MAX_CELL = 200
_MAX_LINE = 2_000
_COLUMNS = {
    "name": ("姓名", "名字", "name"),
    "document": ("证件类型", "证件", "document", "document type"),
    "number": ("证件号码", "证件号", "身份证号", "身份证号码", "身份证", "number", "document number"),
    "phone": ("电话", "手机", "手机号", "手机号码", "联系电话", "phone"),
}
_UNNAMED = ("name", "number", "phone")
_DOCUMENTS = {
    Document.RESIDENT: ("居民身份证", "身份证", "港澳台居民居住证", "居住证", "resident", ""),
    Document.HK_MACAU: ("港澳居民来往内地通行证", "港澳通行证", "回乡证", "hk-macau"),
    Document.TAIWAN: ("台湾居民来往大陆通行证", "台胞证", "taiwan"),
    Document.PASSPORT: ("护照", "passport"),
    Document.FOREIGNER: ("外国人永久居留身份证", "外国人永久居留证", "foreigner"),
    Document.OTHER: ("其他", "other"),
}
_DOCUMENT_OF = {word: document for document, words in _DOCUMENTS.items() for word in words}
_ROUNDED = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")


class Fault(str, Enum):
    """What is wrong with a line."""

    COLUMNS = "columns"
    NAME = "name"
    NUMBER = "number"
    RESIDENT = "resident"
    ROUNDED = "rounded"  # a spreadsheet took the number for a quantity
    PHONE = "phone"
    DOCUMENT = "document"
    TWICE = "twice"
    OTHER_NAME = "other_name"  # registered under another name


class Whole(str, Enum):
    """What is wrong with a list as a whole."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    NO_TEXT = "no_text"
    HEAD = "head"


class Unreadable(Mistake):
    """No list."""

    def __init__(self, why: Whole) -> None:
        super().__init__(f"the list cannot be read: {why.value}")
        self.why = why


@dataclass(frozen=True, slots=True)
class BadLine:
    """line: counted from 1, as an editor shows it. The report never repeats what stands there."""

    line: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that was read: lines with people, and bad ones."""

    people: list[tuple[int, Person]] = field(repr=False)
    bad: list[BadLine]


def decoded(content: bytes) -> str:
    """A file's text. Raises Unreadable."""
    if len(content) > MAX_LIST_BYTES:
        raise Unreadable(Whole.TOO_LONG)
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable(Whole.NO_TEXT)


def read(text: str) -> Listed:
    """Raises Unreadable."""
    if len(text) > MAX_LIST_BYTES:
        raise Unreadable(Whole.TOO_LONG)
    if "\0" in text:  # a workbook, not its CSV
        raise Unreadable(Whole.NO_TEXT)
    rows = _rows(text)
    if rows and (columns := _head(rows[0][1])):
        rows = rows[1:]
    else:
        columns = dict(enumerate(_UNNAMED))
    if not rows:
        raise Unreadable(Whole.EMPTY)
    if len(rows) > MAX_MEMBERS:
        raise Unreadable(Whole.TOO_LONG)
    return _read(rows, columns)


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Each line that says something, with its number. A cell holds no line end: a quote that is not closed is wrong."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((line for line in lines if line.strip()), "")
    delimiter = max("\t,;，", key=first.count)
    found = []
    for number, line in enumerate(lines, 1):
        if len(line) > _MAX_LINE:
            found.append((number, [line[: _MAX_CELL + 1]]))
            continue
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        if any(cells):
            found.append((number, cells))
    return found


def _head(cells: list[str]) -> dict[int, str]:
    """Which column is what; empty where the first line is no head. Raises Unreadable for half a head."""
    known = {word: name for name, words in _COLUMNS.items() for word in words}
    found = {place: known[cell.lower()] for place, cell in enumerate(cells) if cell.lower() in known}
    if not found:
        return {}
    names = list(found.values())
    if not {"name", "number"} <= set(names) or len(set(names)) != len(names):
        raise Unreadable(Whole.HEAD)
    return found


def _read(rows: list[tuple[int, list[str]]], columns: dict[int, str]) -> Listed:
    listed, seen = Listed([], []), set()
    for line, cells in rows:
        read = _person(cells, columns)
        if isinstance(read, Person) and (read.document, read.number) in seen:
            read = Fault.TWICE
        if isinstance(read, Fault):
            listed.bad.append(BadLine(line, read))
        else:
            seen.add((read.document, read.number))
            listed.people.append((line, read))
    return listed


def _person(cells: list[str], columns: dict[int, str]) -> Person | Fault:
    if len(cells) > max(columns) + 1 and any(cells[max(columns) + 1 :]):
        return Fault.COLUMNS
    told = {name: cells[place] if place < len(cells) else "" for place, name in columns.items()}
    if any(len(cell) > _MAX_CELL for cell in cells):
        return Fault.COLUMNS
    document = _DOCUMENT_OF.get(told.get("document", "").lower())
    if document is None:
        return Fault.DOCUMENT
    number = told["number"].lstrip("'`")  # as spreadsheets mark a text
    if _ROUNDED.fullmatch(number):
        return Fault.ROUNDED
    return checked(told["name"], document, number, told.get("phone") or None)


def checked(name: str, document: Document, number: str, phone: str | None) -> Person | Fault:
    """Somebody, or the first thing that is wrong."""
    try:
        document_number(document, number)
    except Mistake:
        return Fault.RESIDENT if document is Document.RESIDENT else Fault.NUMBER
    try:
        somebody = person(name, document, number, None)
    except Mistake:
        return Fault.NAME
    try:
        return person(name, document, number, phone) if phone else somebody
    except Mistake:
        return Fault.PHONE
