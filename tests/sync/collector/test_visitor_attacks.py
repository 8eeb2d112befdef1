"""Whoever means harm to visitors' phones: guesses, enumerates, replays, floods, and types what nobody would."""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import quote

import pytest
from sqlalchemy import event, select, text

from sync.collector import invariants
from sync.collector.accounts import secrets
from sync.collector.database import Base
from sync.collector.errors import Mistake
from sync.collector.privacy.access import personal
from sync.collector.visitors import registry
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.phone import party, visiting
from sync.collector.visitors.phone.model import PhoneCode, PhonePerson, Visit
from sync.collector.visitors.phone.registering import Desk, Outcome
from sync.collector.visitors.phone.visiting import MOST_PASSES
from sync.collector.visitors.status.fake import FakeStatusSource
from sync.collector.visitors.status.port import Health, Subject
from sync.wire.passes import Status
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.people import CLERK, registered, somebody
from tests.sync.collector.phones import Phone, Town, town
from tests.sync.collector.staff import COOKIE, IT, cookie_for

BOTH = pytest.mark.parametrize("new_state", ["sqlite", "postgresql"], indirect=True)
STRANGER = "13811112222"


def desk_of(here: Town) -> Desk:
    def post(*_message: object) -> None: ...

    return Desk(here.centre, secrets.load(here.centre.state), post)


def statements(here: Town, phone: Phone, number: int, typed: str) -> list[str]:
    """What the database is asked while somebody fills in the form."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement.split("(")[0][:40])

    phone.go("/phone/register")
    event.listen(here.centre.database.engine, "before_cursor_execute", note)
    phone.ask(number, phone=typed)
    event.remove(here.centre.database.engine, "before_cursor_execute", note)
    return said


def test_a_registered_document_looks_like_any_other(site: Site) -> None:
    """The same words, and the same work for the database; the code goes to the phone on record, and nowhere else."""
    here = town(site)
    here.phone().register(1)
    known, new = here.phone(), here.phone()
    asked = statements(here, known, 1, STRANGER), statements(here, new, 2, "13811113333")
    assert sorted(asked[0]) == sorted(asked[1])
    assert (known.status, known.words) == (new.status, new.words)
    assert {to for to, _text in here.sent()} == {f"tel:+86{somebody(1).phone}", "tel:+8613811113333"}


def test_nobody_takes_over_somebody_elses_registration(site: Site) -> None:
    """Neither name nor phone nor visits change; a registration without a phone is the clerk's alone."""
    here = town(site)
    at = here.code_of()
    owner = here.phone().register(1, at).enter(at)
    thief = here.phone().ask(1, phone=STRANGER, name="别人")
    for guess in ("000000", "123456", "", "１２３４５６", "0" * 40):
        thief.go(thief.where, {"digits": guess})
        assert thief.status == 422
    assert "还没有登记" in thief.go("/phone").words
    assert "欧阳试验1号" in owner.go("/phone").words
    with personal(here.centre, CLERK, NOW) as access:
        (row,) = access.session.scalars(select(Visitor))
        assert registry.opened(access.cipher, row) == somebody(1)
    here.sent()
    with personal(here.centre, CLERK, NOW) as access:
        registry.register(access, replace(somebody(3), phone=None))
    same = here.phone().ask(3, phone=STRANGER)
    assert same.words == here.phone().ask(4, phone="13811113333").words
    assert [to for to, _text in here.sent()] == ["tel:+8613811113333"]


@BOTH
def test_a_code_works_once_and_only_in_its_time(site: Site) -> None:
    """Used, too old, guessed at five times, or another's: nothing. Two at once are one."""
    here = town(site)
    phone = here.phone().ask(1)
    where, ((_to, sent),) = phone.where, here.sent()
    asked = where.rpartition("/")[2]
    digits = re.search(r"\d{6}", sent)
    assert digits
    other = here.phone().ask(2)
    assert other.go(other.where, {"digits": digits[0]}).status == 422
    desk = desk_of(here)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _n: desk.confirm(asked, digits[0], NOW), range(4)))
    assert outcomes.count(Outcome.OVER) == 3
    assert phone.go(where, {"digits": digits[0]}).status == 422, "a replay"
    late = here.phone().ask(3)
    ((_to, sent),) = here.sent()[-1:]
    here.now += 600
    assert "已经失效" in late.confirm(sent).words
    tried = here.phone().ask(4)
    ((_to, sent),) = here.sent()
    for _ in range(5):
        tried.go(tried.where, {"digits": "x"})
    assert "已经失效" in tried.confirm(sent).words
    with here.centre.database.read() as session:
        assert len(session.scalars(select(PhonePerson)).all()) == 1


def test_a_strangers_phone_is_not_flooded(site: Site) -> None:
    """Three codes, then a wait – by typing the number, and by typing the document of somebody whose number it is."""
    here = town(site)
    here.phone().register(1)
    answers = [here.phone().ask(number, phone=STRANGER).status for number in range(10, 15)]
    assert answers == [200, 200, 200, 429, 429]
    assert len(here.sent()) == 3
    shown = [here.phone().ask(1, phone=f"1370000000{number}") for number in range(7)]
    assert [each.status for each in shown] == [200] * 5 + [429] * 2
    assert len(here.sent()) == 3
    unknown = [here.phone().ask(20, phone=f"1370000001{number}") for number in range(7)]
    assert [each.words for each in unknown] == [each.words for each in shown], "as with a document that nobody has"
    assert here.phone().ask(1).status == 429, "the document's own wait"
    here.now += 1201
    assert here.phone().register(1).status == 200


@pytest.mark.parametrize(
    ("settings", "at", "sender"),
    [
        ({"an_hour": 2}, "", "198.51.100.{}"),
        ({"an_hour_from_network": 2}, "", "2001:db8::{}"),
        ({"an_hour_at_code": 2}, "0000000000", "198.51.100.{}"),
    ],
)
def test_a_flood_of_registrations_is_bounded(site: Site, settings: dict[str, int], at: str, sender: str) -> None:
    """Of the whole centre, of a network, at a code; an hour later it goes on."""
    here = town(site, **settings)
    desk = desk_of(here)
    waits = [desk.ask(somebody(number), at, sender.format(number), NOW + number)[1] for number in range(4)]
    assert waits == [0, 0, 3598, 3597]
    assert desk.ask(somebody(5), at, sender.format(5), NOW + 3600)[1] == 0
    with here.centre.database.read() as session:
        assert len(session.scalars(select(PhoneCode)).all()) == 3


def test_busy_neighbours_are_no_attack(site: Site) -> None:
    """A thousand phones behind one address register in an hour: nobody's failures are counted there."""
    here = town(site, confirm_phone=False)
    desk = desk_of(here)
    assert {desk.take_word(somebody(number), "", "198.51.100.7", NOW)[1] for number in range(60)} == {0.0}


def test_a_phone_asks_for_so_many_passes_and_no_more(site: Site) -> None:
    """A gate's queue is not starved by one phone; ten minutes later it goes on."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    where = phone.where
    statuses = [phone.go(where).status for _ in range(MOST_PASSES)]
    assert statuses.count(429) == 2, "the tap and its first pass counted"
    assert "请稍候" in phone.words
    here.now += 601
    assert phone.go(where).status == 200


HOSTILE = (
    "\x00",
    "\u202e",
    "😀" * 20,
    "../../etc/passwd",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "A" * 10_000,
    "²",
)


def test_hostile_input_gets_a_clear_answer(site: Site) -> None:
    """In addresses, cookies and fields: never an error of ours, never anything of theirs on the page."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    for bad in HOSTILE:
        path = quote(bad, safe="")
        for asked in (f"/v/{path}", f"/phone/result/{path}", f"/phone/confirm/{path}", f"/phone?at={path}"):
            assert phone.go(asked).status in (200, 303, 404), asked
            assert "<script>alert" not in phone.raw
        for form, where in (
            ({"door": bad, "with": [bad, "1", "9"]}, f"/v/{at}/visit"),
            ({"door": "1"}, f"/v/{path}/visit"),
            ({"digits": bad}, "/phone/confirm/x"),
            ({"name": bad, "document": bad, "number": bad}, "/phone/companions"),
            ({"name": bad, "document": "passport", "number": bad, "phone": bad}, "/phone/register"),
        ):
            phone.go(f"/v/{at}")
            phone.go(where, dict(form))
            assert phone.status in (200, 404, 422), (where, form)
            assert "<script>alert" not in phone.raw
    for bad in ("x" * 5_000, "%00", "é", "a b"):
        stranger = here.phone()
        stranger.client.set_cookie("venue-gate-visitor", bad, domain="localhost")
        assert "还没有登记" in stranger.go("/phone").words


def test_forms_of_other_sites_do_nothing(site: Site) -> None:
    """CSRF: no token, or another origin; nothing is registered."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at)
    for headers in ({}, {"Origin": "https://evil.example"}):
        for path in (f"/v/{at}/visit", "/phone/leave/0", "/phone/companions", "/phone/register"):
            answer = phone.client.post(path, base_url="http://localhost", headers=headers, data={"csrf_token": "x"})
            assert answer.status_code in (400, 403)
    assert "欧阳试验1号" in phone.go("/phone").words
    with here.centre.database.read() as session:
        assert session.scalars(select(Visit)).all() == []


def test_a_visitors_phone_is_no_staff_session(site: Site) -> None:
    """Two cookies that know nothing of each other, and pages that no cache keeps."""
    here = town(site)
    phone = here.phone().register(1)
    assert phone.go("/venues").where.startswith("/sign-in")
    staff = phone.client.get_cookie(COOKIE, "localhost")
    assert staff is None or len(staff.value) < 300
    answer = phone.client.get("/phone", base_url="http://localhost")
    assert answer.headers["Cache-Control"] == "no-store"
    clerk = here.phone()
    name, _, value = cookie_for(here.centre, IT, now=NOW).partition("=")
    clerk.client.set_cookie(name, value, domain="localhost")
    assert "还没有登记" in clerk.go("/phone").words


@BOTH
def test_neither_log_nor_database_says_who_was_there(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Names, numbers, phones and codes: not in a line of the log, not in a cell of any table."""
    caplog.set_level(logging.DEBUG)
    here = town(site)
    at = here.code_of()
    phone = here.phone().ask(1, at)
    messages = here.sent()
    here.phone().ask(4, name="李" * 200)
    phone.confirm(messages[0][1]).bring(2).enter(at, **{"with": ["1"]}).go("/phone/visits")
    asked = here.phone().ask(3)
    secret = {re.search(r"\d{6}", each[1])[0] for each in messages}  # type: ignore[index]
    cookie = phone.client.get_cookie("venue-gate-visitor", "localhost")
    assert cookie
    secret |= {cookie.value, asked.where.rpartition("/")[2]}
    for number in (1, 2, 3):
        who = somebody(number)
        secret |= {who.name, who.number, str(who.phone), who.number[6:14]}
    held = caplog.text
    with here.centre.database.look() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(text(f"SELECT * FROM {table.name}")):
                held += " ".join(
                    bytes(cell).decode("utf-8", "ignore") if isinstance(cell, bytes | memoryview) else str(cell)
                    for cell in row
                )
    assert [each for each in secret if each in held] == []
    assert invariants.broken(here.centre.database) == []


def test_a_clerks_registration_of_a_claimed_document_stays_one(site: Site) -> None:
    """One document, one registration: whoever comes second is told by the clerk's page, not by the phone's."""
    here = town(site)
    here.phone().register(1)
    with pytest.raises(Mistake, match="registered already"):
        registered(here.site, 1)


def test_nothing_is_held_open_while_a_platform_is_asked(site: Site) -> None:
    """A slow platform keeps neither gates nor other phones from writing."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at)
    cookie = phone.client.get_cookie("venue-gate-visitor", "localhost")
    assert cookie
    there = party.load(here.centre, party.cookie_hash(cookie.value), NOW)
    assert there
    asked: list[str] = []

    class Slow(FakeStatusSource):
        def of(self, subject: Subject, now: float) -> Health:
            with here.centre.database.write() as session:  # a gate's batch arrives; this process has one writer
                session.execute(text("UPDATE venue SET address = 'meanwhile'"))
            asked.append(subject.visitor)
            assert subject.person == somebody(1), "a platform needs the number"
            return super().of(subject, now)

    visit = visiting.enter(here.centre, there, at, None, set(), NOW)
    shown = visiting.result(here.centre, Slow(), there, visit, NOW)
    assert (asked, shown.health.status) == ([there.holder.visitor], Status.UNKNOWN)
