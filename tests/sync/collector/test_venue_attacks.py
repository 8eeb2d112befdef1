"""What somebody tried against venues, members and sign-up and got through with once; each stands here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest

from sync.collector.accounts import service
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.accounts.service import Held, LoginTaken
from sync.collector.errors import Mistake
from sync.collector.members import declaration, handing_over
from sync.collector.privacy.access import Personal
from sync.collector.venues import approval, founding
from sync.collector.venues import service as venues
from sync.collector.venues.model import Checkpoint, Venue, VenueState
from sync.collector.venues.service import NameTaken
from sync.wire.record import Direction
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import employ
from tests.sync.collector.test_venue_members import INSPECTOR, LAN, account, acting, asked, roles
from tests.sync.collector.test_venue_pages import TOLD, found
from tests.sync.collector.visit import Browser, words

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


@pytest.fixture
def lan(site: Site) -> Browser:
    """The administrator of venue 1."""
    return Browser(site, login="lan", appointments=(LAN,))


def late(first: Callable[[Personal], object], second: Callable[[], Any], site: Site) -> Any:
    """What comes of `second`, begun while the transaction of `first` is open: it waits for it."""
    with ThreadPoolExecutor(1) as threads:
        with acting(site) as access:
            first(access)
            access.session.flush()
            follows: Future[Any] = threads.submit(second)
            with pytest.raises(TimeoutError):
                follows.result(0.3)
        return follows.result(20)


def state_of(site: Site, number: int = 1) -> str:
    with site.centre.database.read() as session:
        return session.get_one(Venue, number).state


@both
def test_one_name_founded_twice_at_once_is_one_venue(site: Site) -> None:
    """The database decides, and what the second one reads is a sentence, not an error of ours."""
    mei, wei = (employ(site.centre, login, now=NOW) for login in ("mei", "wei"))

    def go(access: Personal, number: int) -> None:
        founding.found(access, access.session.get_one(Account, number), TOLD, needs_approval=False)

    def second(number: int) -> type[Exception]:
        with pytest.raises(Mistake) as told, acting(site) as access:
            go(access, number)
        return told.type

    assert late(lambda access: go(access, mei), lambda: second(wei), site) is NameTaken
    with site.centre.database.write() as session:
        session.get_one(Account, wei).appointments.clear()
    other = replace(TOLD, name="佛山市三水区第二百货有限公司")
    assert (
        late(
            lambda access: founding.found(access, access.session.get_one(Account, wei), other, needs_approval=False),
            lambda: second_of(site, wei, other),
            site,
        )
        is Held
    ), "a double tap: who has the venue is told that, not that somebody else took its name"


def second_of(site: Site, number: int, told: founding.Particulars) -> type[Exception]:
    with pytest.raises(Mistake) as raised, acting(site) as access:
        founding.found(access, access.session.get_one(Account, number), told, needs_approval=False)
    return raised.type


@both
def test_one_name_taken_by_two_changes_at_once(site: Site) -> None:
    """R14: two venues are renamed to the same."""
    numbers = [found(site, login, replace(TOLD, name=f"佛山市三水区{login}百货有限公司")) for login in ("mei", "wei")]

    def amend(access: Personal, number: int, login: str) -> None:
        founding.amend(access, account(access, login), access.session.get_one(Venue, number), TOLD)

    def second() -> None:
        with pytest.raises(NameTaken), acting(site) as access:
            amend(access, numbers[1], "wei")

    late(lambda access: amend(access, numbers[0], "mei"), second, site)


@both
def test_two_who_act_at_one_venue_act_one_after_the_other(site: Site, lan: Browser) -> None:
    """Two taps, two tabs, two people of the township: the second one sees what the first one left."""
    wu = Browser(site, login="wu", appointments=(Appointment(Role.AUTHORITY, region=""),))
    employ(site.centre, "mei", INSPECTOR, now=NOW)
    with site.centre.database.write() as session:
        session.get_one(Venue, 1).state = "waiting"
        venues.create_checkpoint(session, 1, "北门", Direction.IN)

    def approve(access: Personal) -> None:
        approval.decide(access, venues.hold_venue(access.session, 1), VenueState.ACTIVE)

    late(approve, lambda: wu.post("/venues/1/refuse", refusal="no licence"), site)
    assert state_of(site) == "active", "an active one is not refused"

    def close_one(access: Personal) -> None:
        venues.hold_venue(access.session, 1)
        venues.close_checkpoint(access.session, access.session.get_one(Checkpoint, 1), NOW)

    late(close_one, lambda: lan.post("/venues/1/checkpoints/2/close"), site)
    with site.centre.database.read() as session:
        assert session.get_one(Checkpoint, 2).closed_at is None, "one way in stays"

    def renew(access: Personal) -> None:
        declaration.issue(access.session, venues.hold_venue(access.session, 1).id, NOW)

    assert late(renew, lambda: lan.post("/venues/1/declaration-code"), site).status_code == HTTPStatus.SEE_OTHER

    def offer(access: Personal) -> None:
        handing_over.offer(access, venues.hold_venue(access.session, 1), account(access, "lan"), "mei")

    answer = late(offer, lambda: lan.post("/venues/1/inspectors/mei/hand-over"), site)
    assert answer.status_code == HTTPStatus.SEE_OTHER

    def add(access: Personal) -> None:
        venues.create_checkpoint(access.session, venues.hold_venue(access.session, 1).id, "西门", Direction.IN)

    answer = late(add, lambda: lan.post("/venues/1/checkpoints", name="西门", direction="in"), site)
    assert "这个名称已经有了" in words(answer)


@both
def test_who_handed_over_does_nothing_with_a_request_that_was_under_way(site: Site, lan: Browser) -> None:
    """R12: the role is asked for again once it is the request's turn."""
    mei = employ(site.centre, "mei", INSPECTOR, now=NOW)
    employ(site.centre, "stranger", now=NOW)
    number = asked(site, "stranger")
    with acting(site) as access:
        handing_over.offer(access, access.session.get_one(Venue, 1), account(access, "lan"), "mei")

    def take_over(access: Personal) -> None:
        handing_over.answer(access, access.session.get_one(Account, mei), 1, accept=True)

    answer = late(take_over, lambda: lan.post(f"/venues/1/requests/{number}/accept"), site)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert roles(site, "stranger") == set()


@both
def test_a_link_to_join_used_twice_at_once_makes_one_account(site: Site) -> None:
    """A double tap on 保存密码."""

    def second() -> None:
        with pytest.raises(LoginTaken), acting(site) as access:
            service.create(access.session, "13800138000", "李梅", NOW)

    late(lambda access: service.create(access.session, "13800138000", "李梅", NOW), second, site)


@pytest.mark.parametrize("path", ["/venues/{}", "/venues/1/checkpoints/{}", "/venues/{}/members"])
@both
def test_a_number_that_no_database_can_hold_is_no_page(site: Site, lan: Browser, path: str) -> None:
    """Not an error of ours."""
    for number in (2**31, 2**63, 10**40):
        assert lan.get(path.format(number)).status_code == HTTPStatus.NOT_FOUND
        assert lan.post(f"/offers/{number}/accept").status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.SEE_OTHER)
