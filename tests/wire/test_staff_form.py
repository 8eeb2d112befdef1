"""The staff list and the badge: strict, bounded, and part of a set or nowhere (DESIGN 4, R18)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from sync.wire.badges import MAX_NUMBER, MAX_TEXT, Badge, badge_hash, read_badge, text_of
from sync.wire.errors import WireError
from sync.wire.staff import (
    LANES,
    MAX_INSPECTORS,
    MAX_STAFF_BYTES,
    MEMORY_KIB,
    PASSES,
    Staff,
    StaffEntry,
    encode_staff,
    is_bounded,
    masked,
    read_staff,
    staff_of,
)
from sync.wire.updates import STAFF, open_snapshot
from tests.sync.town import Town
from tests.vectors.make import BADGE
from tests.vectors.make import STAFF as TWO

TOWN = Town()
WHOLE = TOWN.snapshot(staff=TWO)
ENTRY = json.loads(encode_staff(TWO))["inspectors"][0]
SALT_AND_HASH = f"{'A' * 22}${'B' * 43}"

badges = st.builds(Badge, st.integers(1, MAX_NUMBER), st.binary(min_size=16, max_size=16))


def listing(*entries: dict[str, Any], v: int = 1) -> bytes:
    return json.dumps({"inspectors": entries, "v": v}).encode()


def phc(memory: int = 65_536, passes: int = 3, lanes: int = 1, variant: str = "argon2id") -> str:
    return f"${variant}$v=19$m={memory},t={passes},p={lanes}${SALT_AND_HASH}"


def test_a_set_with_staff_opens_with_it() -> None:
    """By number and by badge."""
    staff = open_snapshot(WHOLE, TOWN.root.public).staff
    assert staff == TWO
    assert staff.numbered(58) == TWO.entries[1]
    assert staff.with_badge(BADGE) == TWO.entries[0]
    assert staff.numbered(59) is staff.with_badge(Badge(59, BADGE.secret)) is None


@given(st.integers(0, 2**16), st.integers(1, 255))
def test_no_changed_byte_of_the_staff_list_passes(at: int, change: int) -> None:
    """The manifest names its digest."""
    content = WHOLE[STAFF]
    index = at % len(content)
    changed = content[:index] + bytes([content[index] ^ change]) + content[index + 1 :]
    with pytest.raises(WireError, match=r"staff\.json does not belong to this set"):
        open_snapshot(WHOLE | {STAFF: changed}, TOWN.root.public)


def test_a_staff_list_that_the_manifest_does_not_name_is_refused() -> None:
    """Whoever adds one signs it: an older centre's set with a list slipped in is no set."""
    with pytest.raises(WireError, match=r"staff\.json does not belong"):
        open_snapshot(TOWN.snapshot() | {STAFF: WHOLE[STAFF]}, TOWN.root.public)


def test_a_set_without_its_staff_list_says_so_and_knows_nobody() -> None:
    """gate-sync installs none such; a gate that finds one lets people pass all the same (`edge.trust`)."""
    snapshot = open_snapshot({name: each for name, each in WHOLE.items() if name != STAFF}, TOWN.root.public)
    assert (snapshot.staff, snapshot.lacking) == (None, (STAFF,))


def test_a_file_that_a_later_version_adds_is_passed_over() -> None:
    """As an older gate passes over staff.json: named in the manifest or not."""
    assert open_snapshot(WHOLE | {"rota.json": b"{}"}, TOWN.root.public).staff == TWO


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "staff.json"),
        (b"[]", "Expected `object`"),
        (listing({**ENTRY, "name": "李梅"}), "name"),
        (listing({**ENTRY, "name": "李＊\n"}), "name"),
        (listing({**ENTRY, "number": 0}), "number"),
        (listing({**ENTRY, "number": True}), "number"),
        (listing({**ENTRY, "checkpoint": -1}), "checkpoint"),
        (listing({**ENTRY, "badge": "ff"}), "badge"),
        (listing({**ENTRY, "pin": "123456"}), "Argon2id"),
        (listing({name: value for name, value in ENTRY.items() if name != "until"}), "until"),
        (listing(ENTRY, ENTRY), "twice"),
        (listing(ENTRY, v=2), "version 2"),
        (listing(*({**ENTRY, "number": number} for number in range(1, MAX_INSPECTORS + 2))), "inspectors"),
        (bytes(MAX_STAFF_BYTES + 1), "at most"),
    ],
)
def test_a_list_of_another_form_is_refused(data: bytes, words: str) -> None:
    """With what is wrong: a full name would be personal data on a card."""
    with pytest.raises(WireError, match=words):
        read_staff(data)


@pytest.mark.parametrize(
    "pin",
    [
        phc(MEMORY_KIB.stop),
        phc(4_294_967_295),
        phc(MEMORY_KIB.start - 1),
        phc(passes=PASSES.stop),
        phc(passes=1),
        phc(passes=99),
        phc(lanes=LANES.stop),
        phc(variant="argon2i"),
        phc(variant="argon2d"),
        phc() + "\n",
        phc().replace("v=19", "v=16"),
        phc().replace("m=", "m=0"),
        phc()[:-1],
        "$2b$12$" + "a" * 53,
    ],
)
def test_a_hash_that_costs_too_much_or_too_little_refuses_the_list(pin: str) -> None:
    """A hostile or mistaken list makes no gate allocate gigabytes, and no PIN is kept for a song."""
    assert not is_bounded(pin)
    with pytest.raises(WireError, match="bounded cost"):
        read_staff(listing({**ENTRY, "pin": pin}))


def test_the_largest_list_fits() -> None:
    """Whatever stands in its fields."""
    dear = phc(MEMORY_KIB.stop - 1)
    people = (
        StaffEntry(MAX_NUMBER - place, "𠀀＊", MAX_NUMBER, dear, "f" * 64, MAX_NUMBER)
        for place in range(MAX_INSPECTORS)
    )
    staff = staff_of(people)
    assert len(encode_staff(staff)) <= MAX_STAFF_BYTES
    assert read_staff(encode_staff(staff)) == staff


def test_fields_of_a_later_version_are_passed_over() -> None:
    """As everywhere on the wire."""
    assert read_staff(listing({**ENTRY, "nickname": "x"})).entries == TWO.entries[:1]


@given(st.binary(max_size=200))
def test_reading_any_bytes_never_crashes(data: bytes) -> None:
    """A WireError or a list."""
    with suppress(WireError):
        read_staff(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), st.lists, max_leaves=3
)


@given(st.dictionaries(st.sampled_from([*ENTRY, "else"]), _json), st.integers(-1, 3))
def test_reading_any_entry_never_crashes(changes: dict[str, Any], v: int) -> None:
    """What comes out keeps every promise."""
    try:
        staff = read_staff(listing({**ENTRY, **changes}, v=v))
    except WireError:
        return
    for entry in staff:
        assert entry.pin is None or is_bounded(entry.pin)
        assert (len(entry.name), entry.name[-1]) == (2, "＊")


@pytest.mark.parametrize(("name", "shown"), [("李梅", "李＊"), (" Olga P.", "O＊"), ("王", "王＊"), ("𠀀某", "𠀀＊")])
def test_a_name_is_masked(name: str, shown: str) -> None:
    """Its first character, and how long it is nobody learns."""
    assert masked(name) == shown


@given(badges)
def test_a_badge_has_one_text(badge: Badge) -> None:
    """Both ways, in the alphabet of QR's alphanumeric mode (ISO/IEC 18004 table 5)."""
    text = text_of(badge)
    assert read_badge(text) == badge
    assert len(text) <= MAX_TEXT
    assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert "secret" not in repr(badge)


@pytest.mark.parametrize("number", [1, MAX_NUMBER])
def test_every_badge_is_one_size_of_symbol(number: int) -> None:
    """Version 3, Q: large modules for a camera at arm's length."""
    symbol = segno.make(text_of(Badge(number, b"\xff" * 16)), error="q", micro=False, boost_error=False)
    assert (symbol.designator, symbol.mode) == ("3-Q", "alphanumeric")


@given(st.text(max_size=60) | st.from_regex(r"VB1:[0-9]{1,17}\.[A-Z2-7]{25,27}", fullmatch=True))
def test_any_text_is_a_badge_or_told(text: str) -> None:
    """And a badge is the only text of itself: no second spelling passes."""
    try:
        badge = read_badge(text)
    except WireError:
        return
    assert text_of(badge) == text


@pytest.mark.parametrize(
    "text",
    [
        text_of(BADGE) + "\n",
        text_of(BADGE).lower(),
        text_of(BADGE).replace("57", "057"),
        text_of(BADGE).replace("57", "٥٧"),
        text_of(BADGE).replace("57", "0"),
        text_of(BADGE).replace("57", "9007199254740992"),
        text_of(BADGE)[:-1] + "5",  # the last character's spare bits
        text_of(BADGE)[:-1],
        "VP1:" + text_of(BADGE)[4:],
    ],
)
def test_another_spelling_is_no_badge(text: str) -> None:
    """One badge, one text."""
    with pytest.raises(WireError):
        read_badge(text)


@given(badges, badges)
def test_a_badge_is_known_by_its_hash_alone(one: Badge, other: Badge) -> None:
    """No other's, and not by number or secret alone."""
    assert (badge_hash(one) == badge_hash(other)) == (one == other)
    changed = Badge(one.number, bytes([one.secret[0] ^ 1]) + one.secret[1:])
    staff = Staff((StaffEntry(one.number, "李＊", 0, None, badge_hash(one), 1),))
    assert staff.with_badge(one) is staff.entries[0]
    assert staff.with_badge(changed) is None
    assert Staff((StaffEntry(one.number, "李＊", 0, None, None, 1),)).with_badge(one) is None
