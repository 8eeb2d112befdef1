"""Names, numbers and phones in the one spelling that is kept and searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.collector.errors import Mistake
from sync.collector.visitors.identity import (
    Document,
    is_resident_number,
    masked,
    normal_number,
    normal_phone,
    person,
)
from tests.sync.collector.people import somebody


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("11010519491231002x", "11010519491231002X"), ("１１０１０５ 1949-1231 002Ｘ", "11010519491231002X")],
)
def test_a_number_has_one_spelling(typed: str, kept: str) -> None:
    """Blanks, hyphens, small letters and full-width digits are how it was typed, not what it is."""
    assert normal_number(typed) == kept
    assert is_resident_number(kept)


@pytest.mark.parametrize(
    "typed", ["13800138000", "138 0013 8000", "+86 138-0013-8000", "0086 13800138000", "１３８００１３８０００"]
)
def test_a_mobile_phone_has_one_spelling(typed: str) -> None:
    """With or without the country's code."""
    assert normal_phone(typed) == "13800138000"


def test_another_countrys_phone_keeps_its_code() -> None:
    """+44 is not dropped."""
    assert normal_phone("+44 20 7946 0018") == "+442079460018"


@pytest.mark.parametrize(
    "number",
    ["110105194912310021", "11010519491331002X", "11010519490230002X", "1101051949123100", "11010519491231002Y", ""],
    ids=["last digit", "month 13", "30 February", "short", "no digit", "empty"],
)
def test_a_residents_number_that_cannot_be_is_refused(number: str) -> None:
    """GB 11643: date and last digit; and the sentence never repeats it."""
    with pytest.raises(Mistake) as told:
        person("王伟", Document.RESIDENT, number, None)
    assert not number or number not in str(told.value)


def test_the_region_is_not_judged() -> None:
    """Codes that are no county's today were somebody's when they were born."""
    assert person("王伟", Document.RESIDENT, "990105194912310023", None).number == "990105194912310023"


@pytest.mark.parametrize(
    ("name", "phone"), [("", None), ("x" * 101, None), ("a\nb", None), ("王伟", "12"), ("王伟", "call me")]
)
def test_a_name_or_phone_that_cannot_be_is_refused(name: str, phone: str | None) -> None:
    """One sentence."""
    with pytest.raises(Mistake):
        person(name, Document.PASSPORT, "E12345678", phone)


@given(st.text(max_size=40), st.sampled_from(Document), st.text(max_size=40), st.none() | st.text(max_size=30))
def test_whatever_is_typed_is_a_person_or_a_sentence(
    name: str, document: Document, number: str, phone: str | None
) -> None:
    """And what is kept is its own spelling."""
    try:
        kept = person(name, document, number, phone)
    except Mistake:
        return
    assert person(kept.name, document, kept.number, kept.phone) == kept


def test_a_mask_tells_two_of_a_list_apart_and_no_more() -> None:
    """The last four of a number, the first of a name; nothing where there is nothing."""
    shown = somebody(1)
    assert (masked(shown.name), masked(shown.phone), masked(None)) == ("欧…", "…0001", "")
    assert masked("11010519491231002X") == "…002X"
