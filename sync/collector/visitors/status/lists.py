"""PURE: lines of a list that the authority or a laboratory sends, as a spreadsheet saves them, to typed values.

Each line is good or has one fault, and a fault never repeats what stands there. The head's words say what the list is:
with a status, or with a test's result. A line feed within a cell breaks its line: told, never guessed at.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum

from sync.collector.errors import Mistake
from sync.collector.visitors.identity import Document, document_number, is_resident_number, normal_number
from sync.collector.visitors.status.port import Reason
from sync.collector.visitors.status.register import CHOSEN, check_entry, check_result
from sync.wire.passes import Status

MAX_LINE = 2_000
MAX_LINES = 200_000
_CHINA_SECONDS = 8 * 3600
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_CLOCK = re.compile(r"(\d{1,2})[:时](\d{2})(?:[:分](\d{2})秒?)?")


class Fault(Enum):
    """What is wrong with a line: Chinese and English."""

    TOO_LONG = ("这一行太长", "the line is too long")
    BROKEN = ("这一行的引号或列数不对", "quotes or number of columns are not right")
    NO_NUMBER = ("没有证件号码", "there is no document's number")
    SHORTENED = (
        "证件号码被表格软件改成了科学计数：请把这一列设为“文本”，重新填写",
        "the spreadsheet shortened the number (1.1E+17): make the column text, and enter it again",
    )
    NUMBER = ("证件号码不对：位数、出生日期或校验码不符", "the number cannot be: length, date of birth or last digit")
    DOCUMENT = (
        "不知道是什么证件：请加一列“证件类型”（身份证、护照……）",
        "what document it is is not said: add a column “document” (resident, passport …)",
    )
    STATUS = ("码色不明：绿、黄、红之一", "the status is green, yellow or red")
    REASON = ("原因不明", "the reason is not one that this centre knows")
    UNTIL = ("到期日不对：应为将来一年内的日期", "the last day is not a date within the next year")
    TAKEN = ("采样时间不对：应为过去一年内的时间", "the sample's time is not within the last year")
    RESULT = ("结果不明：阴性、阳性之一", "the result is negative or positive")
    LAB = ("检测机构名称太长或有不可显示的字符", "the laboratory's name is too long, or not printable")
    TWICE = ("同一个人在文件里出现了两次", "the same person stands twice in the file")

    @property
    def zh(self) -> str:
        """In Chinese."""
        return self.value[0]

    @property
    def en(self) -> str:
        """In English."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that is not taken, by its number in the file."""

    line: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class StatusLine:
    """The authority's word on one person."""

    line: int
    document: Document
    number: str = field(repr=False)
    status: Status
    reason: Reason
    until: float


@dataclass(frozen=True, slots=True)
class TestLine:
    """A laboratory's."""

    __test__ = False

    line: int
    document: Document
    number: str = field(repr=False)
    taken_at: float
    negative: bool
    lab: str


Line = StatusLine | TestLine


class Column(Enum):
    """What a column is, by the words that its head may have."""

    NUMBER = ("证件号码", "证件号", "身份证号", "身份证号码", "身份证", "公民身份号码", "number", "id")
    DOCUMENT = ("证件类型", "证件种类", "document")
    STATUS = ("码色", "健康码", "状态", "赋码", "status", "colour", "color")
    REASON = ("原因", "赋码原因", "reason")
    UNTIL = ("到期日", "截止日期", "有效期至", "解除日期", "until")
    TAKEN = ("采样时间", "采样日期", "检测时间", "taken", "sampled")
    RESULT = ("结果", "检测结果", "核酸结果", "result")
    LAB = ("检测机构", "机构", "实验室", "lab")


_COLUMNS = {word: column for column in Column for word in column.value}
_DOCUMENTS = {
    **{each.value: each for each in Document},
    **dict.fromkeys(("身份证", "居民身份证", "居住证", "港澳台居民居住证"), Document.RESIDENT),
    **dict.fromkeys(("回乡证", "港澳通行证", "港澳居民来往内地通行证"), Document.HK_MACAU),
    **dict.fromkeys(("台胞证", "台湾居民来往大陆通行证"), Document.TAIWAN),
    "护照": Document.PASSPORT,
    **dict.fromkeys(("外国人永久居留身份证", "永久居留证"), Document.FOREIGNER),
    "其他": Document.OTHER,
}
_STATUSES = {
    **dict.fromkeys(("green", "绿", "绿码", "绿色"), Status.GREEN),
    **dict.fromkeys(("yellow", "黄", "黄码", "黄色"), Status.YELLOW),
    **dict.fromkeys(("red", "红", "红码", "红色"), Status.RED),
}
_REASONS = {
    **{each.value: each for each in CHOSEN},
    **dict.fromkeys(("密接", "密切接触", "密切接触者"), Reason.CONTACT),
    **dict.fromkeys(("次密接", "次密切接触者"), Reason.SECONDARY_CONTACT),
    **dict.fromkeys(("风险区", "中高风险地区", "中高风险地区旅居史", "旅居史"), Reason.RISK_AREA),
    **dict.fromkeys(("确诊", "无症状感染者", "确诊病例"), Reason.CONFIRMED),
    **dict.fromkeys(("症状", "发热"), Reason.SYMPTOMS),
    **dict.fromkeys(("隔离", "居家隔离", "集中隔离"), Reason.ISOLATION),
    **dict.fromkeys(("应检未检", "未检测"), Reason.TEST_DUE),
    **dict.fromkeys(("解除隔离", "解除"), Reason.RELEASED),
    **dict.fromkeys(("已核查", "核查"), Reason.CHECKED),
    "其他": Reason.OTHER,
}
_RESULTS = {
    **dict.fromkeys(("negative", "neg", "阴", "阴性", "(-)", "-"), True),
    **dict.fromkeys(("positive", "pos", "阳", "阳性", "(+)", "+"), False),
}


@dataclass(frozen=True, slots=True)
class Head:
    """The first line: where what stands."""

    columns: dict[Column, int]
    delimiter: str
    width: int

    @classmethod
    def of(cls, text: str) -> Head:
        """Raises Mistake where the list is neither."""
        delimiter = max(",\t;", key=text.count)
        cells = [clean(cell).lower() for cell in split(text, delimiter) or []]
        columns: dict[Column, int] = {}
        for place, cell in enumerate(cells):
            column = _COLUMNS.get(cell.replace(" ", ""))
            if column is not None and columns.setdefault(column, place) != place:
                raise Mistake("two columns of the list have the same head")
        for needed in ({Column.STATUS, Column.UNTIL}, {Column.RESULT, Column.TAKEN}):
            if columns.keys() >= needed | {Column.NUMBER}:
                return cls(columns, delimiter, len(cells))
        raise Mistake(
            "the first line names the columns: 证件号码, 码色, 原因, 到期日 (number, status, reason, until) for "
            "statuses; 证件号码, 采样时间, 结果, 检测机构 (number, taken, result, lab) for tests"
        )

    @property
    def has_status(self) -> bool:
        """Statuses, else tests."""
        return Column.STATUS in self.columns and Column.UNTIL in self.columns


def read(lines: Iterable[str], now: float) -> Iterator[Line | Bad]:
    """Each line behind the head, in order; blank ones are passed over. lines: with their ends. Raises Mistake."""
    numbered = enumerate(lines, 1)
    head = next((Head.of(text) for _, text in numbered if text.strip()), None)
    if head is None:
        raise Mistake("the list is empty")
    seen: set[int] = set()
    for number, text in numbered:
        if number > MAX_LINES:
            raise Mistake(f"a list has at most {MAX_LINES} lines: cut it in two")
        found = _line(head, number, text, now)
        if isinstance(found, StatusLine | TestLine):
            key = hash((found.document, found.number, getattr(found, "taken_at", None), getattr(found, "lab", None)))
            if key in seen:
                found = Bad(number, Fault.TWICE)
            seen.add(key)
        if found is not None:
            yield found


def _line(head: Head, number: int, text: str, now: float) -> Line | Bad | None:
    if len(text) > MAX_LINE:
        return Bad(number, Fault.TOO_LONG)
    cells = split(text, head.delimiter)
    if cells is not None and not any(cell.strip() for cell in cells):
        return None
    # A spreadsheet may leave out what is empty at a line's end, or add it.
    if cells is None or any(cell.strip() for cell in cells[head.width :]):
        return Bad(number, Fault.BROKEN)
    told = {column: clean(cells[place]) if place < len(cells) else "" for column, place in head.columns.items()}
    who = _who(told)
    if isinstance(who, Fault):
        return Bad(number, who)
    found = (_status if head.has_status else _test)(number, *who, told, now)
    return Bad(number, found) if isinstance(found, Fault) else found


def _who(told: dict[Column, str]) -> tuple[Document, str] | Fault:
    text = told[Column.NUMBER]
    if not text:
        return Fault.NO_NUMBER
    if _SHORTENED.fullmatch(text):
        return Fault.SHORTENED
    document = _DOCUMENTS.get(told.get(Column.DOCUMENT, "").lower())
    if document is None:
        if told.get(Column.DOCUMENT) or not is_resident_number(normal_number(text)):
            looks_resident = len(text) in (15, 18) and text[:15].isdigit() and not told.get(Column.DOCUMENT)
            return Fault.NUMBER if looks_resident else Fault.DOCUMENT
        document = Document.RESIDENT
    try:
        return document, document_number(document, text)
    except Mistake:
        return Fault.NUMBER


def _status(line: int, document: Document, number: str, told: dict[Column, str], now: float) -> StatusLine | Fault:
    status = _STATUSES.get(told[Column.STATUS].lower())
    if status is None:
        return Fault.STATUS
    word = told.get(Column.REASON, "")
    reason = _REASONS.get(word.lower()) if word else Reason.OTHER
    if reason is None:
        return Fault.REASON
    until = last_second(told[Column.UNTIL])
    if until is None:
        return Fault.UNTIL
    try:
        check_entry(status, reason, until, now)
    except Mistake:
        return Fault.UNTIL
    return StatusLine(line, document, number, status, reason, until)


def _test(line: int, document: Document, number: str, told: dict[Column, str], now: float) -> TestLine | Fault:
    negative = _RESULTS.get(told[Column.RESULT].lower())
    if negative is None:
        return Fault.RESULT
    taken_at, lab = moment(told[Column.TAKEN]), told.get(Column.LAB, "")
    if taken_at is None:
        return Fault.TAKEN
    try:
        check_result(taken_at, "", now)
    except Mistake:
        return Fault.TAKEN
    try:
        check_result(taken_at, lab, now)
    except Mistake:
        return Fault.LAB
    return TestLine(line, document, number, taken_at, negative, lab)


def split(text: str, delimiter: str) -> Sequence[str] | None:
    """The cells of one line, None for quotes that do not fit."""
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if rows else []


def clean(cell: str) -> str:
    """What somebody meant to write: full-width signs plain, without what spreadsheets put around a text."""
    plain = unicodedata.normalize("NFKC", cell).strip().strip("\u200b\ufeff")
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1]
    return plain.removeprefix("'").strip()


def moment(text: str) -> float | None:
    """A day, with or without a time, in China; seconds since 1970. None for anything else."""
    day = _DAY.match(text)
    if day is None:
        return None
    rest = text[day.end() :].replace("T", " ").strip()
    clock = _CLOCK.fullmatch(rest)
    if rest and clock is None:
        return None
    hour, minute, second = (int(part or 0) for part in clock.groups()) if clock else (0, 0, 0)
    try:
        at = datetime(int(day[1]), int(day[2]), int(day[3]), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return at.timestamp() - _CHINA_SECONDS


def last_second(text: str) -> float | None:
    """The end of a day in China; None for what is none."""
    day = _DAY.fullmatch(text)
    try:
        end = date(int(day[1]), int(day[2]), int(day[3])) + timedelta(days=1) if day else None
    except (ValueError, OverflowError):
        end = None
    if end is None:
        return None
    return datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp() - _CHINA_SECONDS
