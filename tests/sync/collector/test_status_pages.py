"""The authority's pages over HTTP: looked up, set, taken back, lists (R3); by whom, how often, and what logs hold."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from io import BytesIO

import pytest
from sqlalchemy import func, select

from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.privacy import audit
from sync.collector.privacy.access import personal
from sync.collector.visitors.status.looking import MISSES
from sync.collector.visitors.status.model import StatusEntry
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.people import CLERK, registered, somebody
from tests.sync.collector.test_status_lists import HEAD, UNTIL, line
from tests.sync.collector.test_status_register import R, Y, issued, listed, of, register, say
from tests.sync.collector.visit import Browser, words

AUTHORITY = (Appointment(Role.AUTHORITY, region=""),)
RED = {"status": "red", "reason": "contact", "until": "2026-10-05", "case": "通知 5 号"}


@pytest.fixture
def chief(site: Site) -> Browser:
    """The authority's."""
    return Browser(site, login="chief", appointments=AUTHORITY)


def look_up(browser: Browser, text: str | None):
    return browser.post("/status", number=text, case="通知 5 号")


def lines(site: Site) -> list[tuple[str, str | None, str]]:
    with site.centre.database.look() as connection:
        return [(each.act, each.visitor, each.reason) for each in audit.lines(connection) if "chief" in each.actor]


def test_somebody_is_looked_up_by_number_or_phone_and_set_red(site: Site, chief: Browser) -> None:
    """The number is in no address and masked on the page; each look is in the audit; the pass is withdrawn."""
    (one,) = registered(site, 1)
    serial = issued(site, one)
    for typed in (somebody(1).number, somebody(1).phone):
        answer = look_up(chief, typed)
        assert (answer.status_code, answer.location) == (HTTPStatus.SEE_OTHER, f"/status/{one}")
    page = chief.words(f"/status/{one}")
    assert somebody(1).name in page
    assert f"…{somebody(1).number[-4:]}" in page
    assert somebody(1).number not in chief.get(f"/status/{one}").text
    assert "没有任何信息" in page
    assert chief.post(f"/status/{one}/set", **RED).status_code == HTTPStatus.SEE_OTHER
    page = chief.words(f"/status/{one}")
    for told in ("红码", "密切接触者", "account chief", "通知 5 号", "2026-10-06 00:00"):
        assert told in page
    assert (of(site, one), listed(site)) == (R, {serial})
    assert [line[:2] for line in lines(site)[:2]] == [("find", one), ("find", one)]
    assert ("status_set", one, "通知 5 号") in lines(site)


def test_what_was_set_is_taken_back(site: Site, chief: Browser) -> None:
    """By its own button, with a ground; the history keeps both."""
    (one,) = registered(site, 1)
    say(site, one, R)
    with site.centre.database.read() as session:
        entry = session.scalars(select(StatusEntry.id)).one()
    path = f"/status/{one}/entries/{entry}/take-back"
    assert chief.post(path).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert chief.post(path, case="通知 6 号").status_code == HTTPStatus.SEE_OTHER
    assert "通知 6 号" in chief.words(f"/status/{one}")
    assert "已经撤销" in words(chief.post(path, case="通知 6 号"))
    assert of(site, one, NOW + 1) is not R


def test_a_test_and_a_declaration_are_dealt_with(site: Site, chief: Browser) -> None:
    """Positive is red; a declaration waits on the first page until somebody has looked."""
    (one,) = registered(site, 1)
    with personal(site.centre, CLERK, NOW) as access:
        register(site).declare(access, one, ("fever",), contact=True)
    assert "发热；有接触史" in chief.words("/status")
    assert of(site, one) is Y
    chief.now = NOW + 1
    assert chief.post(f"/status/{one}/look").status_code == HTTPStatus.SEE_OTHER
    assert "发热" not in chief.words("/status")
    sample = {"taken": "2026-09-20", "negative": "no", "lab": "县医院", "case": "通知 5 号"}
    assert chief.post(f"/status/{one}/test", **sample | {"taken": "2027-01-01"}).status_code == 422
    assert chief.post(f"/status/{one}/test", **sample).status_code == HTTPStatus.SEE_OTHER
    assert of(site, one, NOW + 2) is R
    assert "县医院" in chief.words(f"/status/{one}")


def test_somebody_who_never_registered_is_marked_by_their_document(site: Site, chief: Browser) -> None:
    """The page says that nobody is known and offers it; who registers later is red."""
    assert "没有人用这个号码登记" in words(look_up(chief, somebody(1).number))
    answer = chief.post("/status/mark", document="resident", number=somebody(1).number, **RED)
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert "没有登记的人" in chief.words(str(answer.location))
    assert look_up(chief, somebody(1).number).location == answer.location
    assert of(site, registered(site, 1)[0]) is R
    wrong = chief.post("/status/mark", document="resident", number="123", **RED)
    assert (wrong.status_code, "证件号码不正确" in words(wrong)) == (422, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "unknown"},
        {"reason": "default"},
        {"until": "2026-09-20"},
        {"until": "x"},
        {"case": " "},
        {"case": ""},
    ],
)
def test_a_form_that_cannot_be_meant_changes_nothing(site: Site, chief: Browser, wrong: dict[str, str]) -> None:
    """422, in words."""
    (one,) = registered(site, 1)
    assert chief.post(f"/status/{one}/set", **RED | wrong).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(StatusEntry)) == 0
    assert chief.post("/status/0123456789abcdef/set", **RED).status_code == HTTPStatus.NOT_FOUND


def test_a_list_is_taken_by_page_with_each_bad_line_told(site: Site, chief: Browser) -> None:
    """In both languages; the good ones only where somebody says so."""
    bad = HEAD + line(1) + "\n某人,123,红,密接,2026-10-05\n"

    def send(content: str, **more: str):  # type: ignore[no-untyped-def]
        return chief.post("/status/lists", file=(BytesIO(content.encode("gbk")), "list.csv"), case="通知 5 号", **more)

    refused = send(bad)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "第 3 行" in words(refused)
    assert "没有导入任何内容" in words(refused)
    assert "1 行有错误，1 行正确" in words(send(bad, only_good="y"))
    assert "新导入 1 行，已有 1 行" in words(send(HEAD + line(1) + "\n" + line(2) + "\n"))
    assert of(site, registered(site, 1)[0]) is R
    assert send("what is this\n").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    long = HEAD + "".join(f"某人,1,红,密接,{UNTIL}\n" for _ in range(5_001))
    assert "5000 行" in words(send(long))
    assert chief.post("/status/lists", case="通知 5 号").status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_whoever_guesses_numbers_is_slowed_down(site: Site, chief: Browser) -> None:
    """Thirty that found nobody, then a wait; whoever finds somebody goes on, and another account is free."""
    registered(site, 1)
    for number in range(MISSES.free):
        assert look_up(chief, somebody(number + 100).number).status_code == HTTPStatus.OK
        if number % 10 == 0:
            assert look_up(chief, somebody(1).number).status_code == HTTPStatus.SEE_OTHER
    refused = look_up(chief, somebody(1).number)
    assert (refused.status_code, "过于频繁" in words(refused)) == (HTTPStatus.TOO_MANY_REQUESTS, True)
    other = Browser(site, login="deputy", appointments=AUTHORITY)
    assert look_up(other, somebody(1).number).status_code == HTTPStatus.SEE_OTHER
    chief.now = NOW + MISSES.first_wait_seconds + 1
    assert look_up(chief, somebody(1).number).status_code == HTTPStatus.SEE_OTHER


@pytest.mark.parametrize("role", [Role.IT, Role.CLERK])
def test_others_of_the_town_see_nobodys_status(site: Site, role: Role) -> None:
    """A clerk registers people; how they stand is the authority's."""
    (one,) = registered(site, 1)
    browser = Browser(site, login="other", appointments=(Appointment(role),))
    for answer in (browser.get("/status"), browser.get(f"/status/{one}"), look_up(browser, somebody(1).number)):
        assert answer.status_code == HTTPStatus.FORBIDDEN


def test_logs_and_addresses_hold_nobody(site: Site, chief: Browser, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong."""
    (one,) = registered(site, 1)
    with caplog.at_level(logging.DEBUG):
        located = [look_up(chief, text).location or "" for text in (somebody(1).number, somebody(2).number)]
        chief.post(f"/status/{one}/set", **RED)
        chief.post("/status/lists", file=(BytesIO((HEAD + line(3) + "\n").encode()), "x.csv"), case="通知 5 号")
        chief.post("/status/mark", document="resident", number=somebody(4).number, **RED)
    told = caplog.text + " ".join(located) + " ".join(" ".join(map(str, each)) for each in lines(site))
    for number in (1, 2, 3, 4):
        person = somebody(number)
        assert not re.search("|".join(map(re.escape, (person.number, str(person.phone), person.name))), told)
