"""How often somebody may be wrong: the pure rule, and the tallies in both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.collector.accounts import limits
from sync.collector.accounts.limits import ADDRESS, LOGIN, Limit, wait_seconds
from sync.collector.centre import Centre
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site

SUBJECT = b"s" * 16
both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


def guess(centre: Centre, now: float, limit: Limit = LOGIN) -> float:
    """One failure; how long to wait."""
    with centre.database.write() as session:
        return limits.count(session, [(SUBJECT, limit)], now)


@pytest.mark.parametrize(
    ("failures", "since", "wait"),
    [
        (0, 0, 0),
        (4, 0, 0),
        (5, 0, 60),
        (5, 59, 1),
        (5, 60, 0),
        (6, 0, 120),
        (11, 0, 3600),
        (500, 0, 3600),
        (9, 86_400, 0),
    ],
)
def test_each_failure_doubles_the_wait(failures: int, since: float, wait: float) -> None:
    """Five for nothing, then 1, 2, 4 … minutes, an hour at most; a day without failure forgets all."""
    assert wait_seconds(LOGIN, failures, since) == wait


@given(failures=st.integers(0, 10**9), since=st.floats(-1e9, 1e9))
def test_no_clock_makes_the_wait_longer_than_the_longest(failures: int, since: float) -> None:
    """A clock that was set back locks nobody out for good."""
    assert 0 <= wait_seconds(LOGIN, failures, since) <= LOGIN.longest_wait_seconds


@both
def test_a_slow_brute_force_gets_a_handful_of_guesses_a_day(site: Site) -> None:
    """One guess as soon as it is allowed, for a week: fewer than 30 a day, though nobody ever restarts."""
    now, tried = NOW, 0
    while now < NOW + 7 * 86_400:
        wait = guess(site.centre, now)
        tried += wait == 0
        now += wait or 1
    assert tried < 7 * 30


@both
def test_a_restart_forgets_nothing(site: Site) -> None:
    """The tally is in the database."""
    for _ in range(LOGIN.free):
        assert guess(site.centre, NOW) == 0
    again = Centre.open(site.centre.state)
    assert guess(again, NOW + 1) == 59
    again.close()


@both
def test_a_hundred_guesses_at_once_are_a_hundred(site: Site) -> None:
    """Counted before the password is looked at, one after the other."""
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: guess(site.centre, NOW), range(40)))
    assert waits.count(0) == LOGIN.free


@both
def test_being_right_forgives_the_login_and_not_the_address(site: Site) -> None:
    """An attacker with one account of his own does not clean his address by signing in to it."""
    for _ in range(3):
        guess(site.centre, NOW, ADDRESS)
    with site.centre.database.write() as session:
        limits.take_back(session, SUBJECT, all_of_it=False)
    for _ in range(ADDRESS.free - 2):
        assert guess(site.centre, NOW, ADDRESS) == 0
    assert guess(site.centre, NOW, ADDRESS) > 0


@both
def test_old_tallies_go(site: Site) -> None:
    """They do not gather."""
    guess(site.centre, NOW)
    with site.centre.database.write() as session:
        assert limits.forget_old(session, NOW + 86_399) == 0
        assert limits.forget_old(session, NOW + 86_401) == 1
