"""PURE: who somebody says they are – names, document numbers and phones, each in the one spelling that is kept.

The same number typed with blanks, hyphens, small letters or full-width digits is the same number. What it does NOT
establish: that the document exists, or is this person's. The six region digits are not judged: old ones stay valid.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from sync.collector.errors import Mistake

MAX_NAME = 100
_NUMBER = re.compile(r"[0-9A-Z()/.]{4,40}")
_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_ABROAD = re.compile(r"\+?[0-9]{5,20}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, ISO 7064 MOD 11-2
_CHECKS = "10X98765432"


class Document(str, Enum):
    """What a number is of. A resident's card and a residence permit (港澳台居民居住证) share one form of number."""

    RESIDENT = "resident"  # 居民身份证
    HK_MACAU = "hk-macau"  # 港澳居民来往内地通行证
    TAIWAN = "taiwan"  # 台湾居民来往大陆通行证
    PASSPORT = "passport"  # 护照
    FOREIGNER = "foreigner"  # 外国人永久居留身份证
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, in the spelling that is kept. phone: None where they have none."""

    name: str = field(repr=False)
    document: Document
    number: str = field(repr=False)
    phone: str | None = field(repr=False)


def person(name: str, document: Document, number: str, phone: str | None) -> Person:
    """Raises Mistake, which never repeats what was typed."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Mistake(f"a name has 1 to {MAX_NAME} printable characters")
    number = document_number(document, number)
    if phone is not None and phone.strip():
        phone = normal_phone(phone)
        if not _MOBILE.fullmatch(phone) and not _ABROAD.fullmatch(phone):
            raise Mistake("a phone number has 5 to 20 digits")
    else:
        phone = None
    return Person(name, document, number, phone)


def document_number(document: Document, text: str) -> str:
    """A document's number in the spelling that is kept. Raises Mistake, which never repeats what was typed."""
    number = normal_number(text)
    if not _NUMBER.fullmatch(number):
        raise Mistake("a document's number has 4 to 40 letters and digits")
    if document is Document.RESIDENT and not is_resident_number(number):
        raise Mistake("a resident's number has 18 places, with a date of birth and a last digit that fits the others")
    return number


def normal_number(text: str) -> str:
    """A document's number without blanks and hyphens, in capitals."""
    return _plain(text).upper()


def normal_phone(text: str) -> str:
    """A phone number; a mobile one of the mainland without its country code."""
    plain = _plain(text)
    short = re.sub(r"^(\+|00)86", "", plain)
    return short if _MOBILE.fullmatch(short) else plain


def is_resident_number(number: str) -> bool:
    """GB 11643: form, date of birth, last digit."""
    if not _RESIDENT.fullmatch(number):
        return False
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return _CHECKS[total % 11] == number[17]


def masked(text: str | None) -> str:
    """Enough to tell two of a list apart: the last four of a number, the first of a name."""
    if not text:
        return ""
    return f"…{text[-4:]}" if text[-1].isdigit() or text[-4:-1].isdigit() else f"{text[0]}…"


def _plain(text: str) -> str:
    # NFKC: full-width digits and letters are the plain ones.
    folded = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in folded if not sign.isspace() and unicodedata.category(sign) != "Pd")
