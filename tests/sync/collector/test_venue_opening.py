"""Opening hours (R10): open now, and for how long of a silence."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.collector.venues.opening import EVERY_DAY, BadOpening, Opening, OpeningFault, read

CHINA = timezone(timedelta(hours=8))
WEEKDAYS = frozenset({1, 2, 3, 4, 5})
HOUR, DAY = 3600.0, 86_400.0
OPENINGS = st.builds(Opening, st.integers(0, 1439), st.integers(0, 1439), st.frozensets(st.integers(1, 7), min_size=1))
MOMENTS = st.floats(1.7e9, 1.7e9 + 30 * DAY)


def at(text: str) -> float:
    """Seconds since 1970 of a time in China in April 2022, whose 15th was a Friday: "15 08:00"."""
    return datetime.strptime(f"2022-04-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=CHINA).timestamp()


@pytest.mark.parametrize(
    ("opening", "moment", "is_open"),
    [
        (read("08:00", "20:00", WEEKDAYS), "15 07:59", False),
        (read("08:00", "20:00", WEEKDAYS), "15 08:00", True),
        (read("08:00", "20:00", WEEKDAYS), "15 19:59", True),
        (read("08:00", "20:00", WEEKDAYS), "15 20:00", False),
        (read("08:00", "20:00", WEEKDAYS), "16 12:00", False),
        (read("22:00", "06:00", {5}), "15 23:00", True),
        (read("22:00", "06:00", {5}), "16 05:59", True),
        (read("22:00", "06:00", {5}), "16 06:00", False),
        (read("22:00", "06:00", {5}), "16 23:00", False),
        (read("22:00", "06:00", {5}), "15 05:00", False),
        (read("00:00", "24:00", {6}), "16 00:00", True),
        (read("00:00", "24:00", {6}), "16 23:59", True),
        (read("00:00", "24:00", {6}), "17 00:00", False),
        (read("09:00", "09:00", {7}), "18 08:59", True),
        (read("08:00", "24:00", EVERY_DAY), "15 23:59", True),
        (read("08:00", "24:00", EVERY_DAY), "15 00:30", False),
    ],
)
def test_it_is_open_from_opening_to_closing_on_its_days(opening: Opening, moment: str, is_open: bool) -> None:
    """China time; a night belongs to the day on which it opened."""
    assert opening.is_open(at(moment)) is is_open


@pytest.mark.parametrize(
    ("opening", "since", "now", "hours"),
    [
        (read("08:00", "20:00", EVERY_DAY), "15 07:00", "15 09:30", 1.5),
        (read("08:00", "20:00", EVERY_DAY), "15 19:00", "16 09:00", 2),
        (read("08:00", "20:00", WEEKDAYS), "15 19:00", "18 09:00", 2),
        (read("22:00", "06:00", {5}), "15 12:00", "17 12:00", 8),
        (read("22:00", "06:00", {5}), "16 05:00", "16 12:00", 1),
        (read("00:00", "24:00", EVERY_DAY), "15 00:00", "18 00:00", 72),
        (read("08:00", "20:00", EVERY_DAY), "15 21:00", "16 07:00", 0),
        (read("08:00", "20:00", EVERY_DAY), "16 12:00", "15 12:00", 0),
    ],
)
def test_a_silence_counts_in_opening_hours_only(opening: Opening, since: str, now: str, hours: float) -> None:
    """A market that is shut overnight is not silent."""
    assert opening.open_seconds_since(at(since), at(now)) == pytest.approx(hours * HOUR)


def test_it_looks_back_three_weeks_and_no_further() -> None:
    """A venue that never scanned costs no more than one that is three weeks silent."""
    opening = read("08:00", "20:00", EVERY_DAY)
    assert opening.open_seconds_since(0, at("15 12:00")) == pytest.approx(21 * 12 * HOUR)


@given(OPENINGS, MOMENTS, st.floats(0, 3 * DAY), st.floats(0, 3 * DAY))
def test_times_add_up(opening: Opening, since: float, first: float, second: float) -> None:
    """Two parts are the whole; never more than the time that went by."""
    middle, end = since + first, since + first + second
    whole = opening.open_seconds_since(since, end)
    parts = opening.open_seconds_since(since, middle) + opening.open_seconds_since(middle, end)
    assert whole == pytest.approx(parts, abs=1e-3)
    assert 0 <= whole <= end - since + 1e-3


@given(OPENINGS, MOMENTS)
def test_a_week_is_as_long_as_its_days(opening: Opening, since: float) -> None:
    """Wherever it begins."""
    week = opening.open_seconds_since(since, since + 7 * DAY)
    assert week == pytest.approx(len(opening.days) * opening.open_minutes * 60, abs=1e-3)


@given(OPENINGS, MOMENTS)
def test_open_now_and_open_for_a_second_agree(opening: Opening, now: float) -> None:
    """On whole seconds."""
    now = float(int(now))
    assert (opening.open_seconds_since(now, now + 1) > 0.5) is opening.is_open(now)


@given(OPENINGS)
def test_three_integers_keep_it(opening: Opening) -> None:
    """As a database does."""
    assert Opening.of_mask(opening.open_minute, opening.close_minute, opening.days_mask) == opening


def test_monday_is_the_mask_s_first_bit() -> None:
    """What is stored has a meaning for ever."""
    assert read("08:00", "20:00", {1, 7}).days_mask == 0b1000001


@pytest.mark.parametrize(
    "text", ["", "8", "8:0", "24:01", "25:00", "08:60", "-1:00", "０8:00", "08:00:00", "8.30", "x" * 999]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Opening or closing."""
    for hours in ((text, "20:00"), ("08:00", text)):
        with pytest.raises(BadOpening) as caught:
            read(*hours, EVERY_DAY)
        assert caught.value.fault is OpeningFault.TIME


@pytest.mark.parametrize("days", [(), (0,), (8,), (1, 9)])
def test_days_that_are_none_are_refused(days: tuple[int, ...]) -> None:
    """One at least, of seven."""
    with pytest.raises(BadOpening) as caught:
        read("08:00", "20:00", days)
    assert caught.value.fault is OpeningFault.DAYS
    for mask in (0, 128, -1):
        with pytest.raises(BadOpening):
            Opening.of_mask(480, 1200, mask)
