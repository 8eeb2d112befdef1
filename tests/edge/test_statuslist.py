"""The status list: a million withdrawn passes, found in microseconds, without an object for each (DESIGN 4)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.wire.errors import WireError
from sync.wire.statuslist import EMPTY, StatusList, Withdrawn, build, difference

LATER = 2_000
serials = st.binary(min_size=12, max_size=12)
listings = st.dictionaries(serials, st.integers(0, 2**32 + 5), max_size=40)


@given(listings, serials, st.floats(0, 2**32))
def test_it_lists_what_it_was_built_from_and_nothing_else(listed, other, at):
    """Until the entry lapses."""
    withdrawn = Withdrawn(build(listed), EMPTY)
    for serial, lapses in listed.items():
        same = [until for entry, until in listed.items() if entry[:8] == serial[:8]]
        assert withdrawn.lists(serial, at) is (at < min(max(same), 2**32 - 1)), lapses
    if other[:8] not in {serial[:8] for serial in listed}:
        assert withdrawn.lists(other, at) is False


@given(listings, listings, st.floats(0, 2**32))
def test_snapshot_and_delta_together_say_what_the_new_list_says(before, after, at):
    """The delta adds, changes and clears."""
    snapshot = build(before)
    together, whole = Withdrawn(snapshot, difference(snapshot, after)), Withdrawn(build(after), EMPTY)
    for serial in before | after:
        assert together.lists(serial, at) is whole.lists(serial, at)


@given(listings, listings, st.integers(0, 2**32), st.integers(0, 2**31))
def test_a_delta_made_now_holds_from_now_on(before, after, now, later):
    """Entries that have lapsed are left where they are: they are found expired anyway."""
    snapshot = build(before)
    delta = difference(snapshot, {serial: until for serial, until in after.items() if until > now}, now)
    for serial in before | after:
        said = Withdrawn(snapshot, delta).lists(serial, now + later)
        same = [until for entry, until in after.items() if entry[:8] == serial[:8]]
        assert said is any(now + later < min(until, 2**32 - 1) for until in same)


def test_what_has_lapsed_is_not_cleared():
    """A delta does not grow with every pass that expires."""
    snapshot = build({b"a" * 12: 10, b"b" * 12: LATER})
    assert difference(snapshot, {}, now=10).cleared == 1
    assert difference(snapshot, {}, now=9).cleared == 2


@given(listings)
def test_the_form_round_trips(listed):
    """What is read is what was written."""
    made = build(listed)
    assert StatusList(made.content) == made
    assert made.listed == len(list(made.prefixes()))
    assert [prefix for prefix, _ in made.prefixes()] == sorted({serial[:8] for serial in listed})


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(content):
    """A list or a WireError."""
    with suppress(WireError):
        StatusList(content).says(bytes(12), 0.0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"VSL1",
        EMPTY.content[:-1],
        EMPTY.content + b"\0",
        b"VSL2" + EMPTY.content[4:],
        b"VSL1" + b"\xff" * 8,
        build({bytes(12): LATER}).content[:-1],
    ],
)
def test_another_form_is_refused(content):
    """Cut, longer, of a later version."""
    with pytest.raises(WireError, match=r"^(this is no status list|a status list is cut, or has something behind it)$"):
        StatusList(content)


def test_the_counts_are_told():
    """For the pages."""
    made = build({b"a" * 12: LATER, b"b" * 12: LATER}, [b"c" * 12])
    assert (made.listed, made.cleared) == (2, 1)
    assert (made.says(b"c" * 12, 0), made.says(b"d" * 12, 0), made.says(b"a" * 12, LATER)) == (False, None, False)


def test_what_is_listed_anew_is_not_cleared():
    """A prefix stands in one place only."""
    made = build({b"a" * 12: LATER}, [b"a" * 12])
    assert (made.cleared, made.says(b"a" * 12, 0)) == (0, True)


def test_of_two_entries_with_one_prefix_the_later_counts():
    """Eight bytes of two serials may be alike, once in a universe."""
    for order in ((5, 9), (9, 5)):
        made = build({b"a" * 12: order[0], b"a" * 8 + b"bbbb": order[1]})
        assert list(made.prefixes()) == [(b"a" * 8, 9)]


def test_a_delta_holds_only_what_changed():
    """What the snapshot says already is not sent again."""
    snapshot = build({b"a" * 12: LATER, b"b" * 12: LATER, b"c" * 12: LATER})
    delta = difference(snapshot, {b"a" * 12: LATER, b"b" * 12: LATER + 1, b"d" * 12: LATER})
    assert list(delta.prefixes()) == [(b"b" * 8, LATER + 1), (b"d" * 8, LATER)]
    assert (delta.listed, delta.cleared) == (2, 1)


def test_a_serial_that_is_too_short_is_our_mistake():
    """Eight bytes at least."""
    with pytest.raises(ValueError, match="8 bytes"):
        build({b"short": LATER})


def test_a_million_entries_are_twelve_megabytes():
    """DESIGN 4: 8-13 MB; the gate holds them as they came."""
    made = build({number.to_bytes(12, "big")[::-1]: LATER for number in range(10_000)})
    assert len(made.content) == 12 + 12 * 10_000
