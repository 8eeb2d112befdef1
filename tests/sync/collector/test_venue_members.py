"""Declaration codes, bindings, unbinding and handing over (R13, R16, R18), as their users and as strangers would."""

from __future__ import annotations

from contextlib import AbstractContextManager
from http import HTTPStatus
from threading import Barrier, Thread

import pytest

from sync.collector.accounts import secrets, service
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.accounts.service import Held
from sync.collector.errors import Mistake, NotFound
from sync.collector.members import binding, declaration, handing_over
from sync.collector.members.binding import (
    CODES,
    MOST_WAITING,
    BoundAlready,
    MustWait,
    RefusedLately,
    TooManyRequests,
    UnknownCode,
)
from sync.collector.members.model import DeclarationCode, Inspector
from sync.collector.privacy import audit
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Actor
from sync.collector.venues.model import Venue
from sync.collector.venues.service import create_venue
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import employ
from tests.sync.collector.visit import Browser, words

BOTH = pytest.mark.parametrize("new_state", ["sqlite", "postgresql"], indirect=True)
LAN = Appointment(Role.VENUE_ADMINISTRATOR, venue=1)
INSPECTOR = Appointment(Role.INSPECTOR, venue=1)


def acting(site: Site, now: float = NOW) -> AbstractContextManager[Personal]:
    """A transaction of somebody; ends with the with-block."""
    return personal(site.centre, Actor("account test", "test"), now)


def code_of(site: Site, venue: int = 1) -> str:
    """In force; issued where there is none."""
    with site.centre.database.write() as session:
        return declaration.of_venue(session, venue) or declaration.issue(session, venue, NOW)


def account(access: Personal, login: str) -> Account:
    return service.find(access.session, login)


def roles(site: Site, login: str) -> set[Appointment]:
    with site.centre.database.read() as session:
        return set(service.find(session, login).roles())


def asked(site: Site, login: str, now: float = NOW) -> int:
    """A request of that account at venue 1; its number."""
    code = code_of(site)
    with acting(site, now) as access:
        binding.ask(access, account(access, login), code)
        return binding.requests(access.session, 1)[-1].id


@pytest.fixture
def lan(site: Site) -> Browser:
    """The administrator of venue 1."""
    return Browser(site, login="lan", appointments=(LAN,))


def test_who_knows_the_code_has_asked_and_the_administrator_decides(site: Site, lan: Browser) -> None:
    """R13, R18: a stranger is seen and refused, the inspector accepted."""
    code = code_of(site)
    mei, stranger = Browser(site, login="mei"), Browser(site, login="stranger")
    for each in (mei, stranger):
        assert each.post("/bind", code=f" {code[:3]} {code[3:]} ").status_code == HTTPStatus.SEE_OTHER
        assert each.get("/venues/1").status_code == HTTPStatus.FORBIDDEN, "having asked opens nothing"
    assert "东门市场" in mei.words("/venues/mine")
    shown = lan.words("/venues/1/members")
    assert ("mei 某" in shown, "stranger 某" in shown) == (True, True)
    assert "2 人申请绑定" in lan.words("/venues/1")
    lan.post("/venues/1/requests/1/accept")
    lan.post("/venues/1/requests/2/refuse")
    assert (roles(site, "mei"), roles(site, "stranger")) == ({INSPECTOR}, set())
    assert mei.get("/venues/1").status_code == HTTPStatus.OK
    assert "刚刚拒绝过" in words(stranger.post("/bind", code=code))
    with site.centre.database.read() as session:
        acts = [line.act for line in audit.lines(session.connection())]
    assert acts[-2:] == ["bind", "binding_refuse"]


def test_the_administrator_may_inspect_too_and_asks_nobody(site: Site, lan: Browser) -> None:
    """R12, and the notice: 管理员可同时绑定成为检测员."""
    lan.post("/bind", code=code_of(site))
    assert roles(site, "lan") == {LAN, INSPECTOR}


def test_a_code_is_six_digits_and_an_ended_one_leads_nowhere(site: Site, lan: Browser) -> None:
    """R13: renewable; what was shared in a chat never becomes another venue's."""
    old = code_of(site)
    assert (len(old), old.isdigit(), old[0] != "0") == (6, True, True)
    lan.post("/venues/1/declaration-code")
    new = code_of(site)
    assert new != old
    with site.centre.database.read() as session:
        assert declaration.venue_of(session, old) is None
        assert session.get_one(DeclarationCode, old).ended_at == NOW
        for wrong in ("", "12345", "1234567", "１２３４５６", "12345x", old):
            assert declaration.venue_of(session, wrong) is None, wrong


@pytest.mark.parametrize("state", ["waiting", "refused", "closed"])
def test_only_an_active_venue_is_bound_to(site: Site, state: str) -> None:
    """A shop that the township has not approved gets no inspectors."""
    code = code_of(site)
    employ(site.centre, "mei", now=NOW)
    with site.centre.database.write() as session:
        session.get_one(Venue, 1).state = state
    with pytest.raises(UnknownCode), acting(site) as access:
        binding.ask(access, account(access, "mei"), code)


def test_guessing_is_slow_for_an_account_and_for_an_address(site: Site) -> None:
    """With 26,000 venues one guess in forty hits some venue: wrong codes cost minutes, then hours."""
    mei = Browser(site, login="mei")
    for _ in range(CODES.free):
        assert mei.post("/bind", code="000000").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    refused = mei.post("/bind", code=code_of(site))
    assert (refused.status_code, "错误次数过多" in words(refused)) == (HTTPStatus.TOO_MANY_REQUESTS, True)
    key, database = secrets.load(site.centre.state), site.centre.database
    count = binding.CODES_OF_ADDRESS.free
    for stranger in range(count):  # new accounts at one address do not help
        binding.count_guess(database, key, 1000 + stranger, "203.0.113.9", NOW)
    with pytest.raises(MustWait):
        binding.count_guess(database, key, 1000 + count, "203.0.113.9", NOW)


def test_a_right_code_costs_nothing(site: Site) -> None:
    """It was counted before it was looked at, and is taken back."""
    key, code = secrets.load(site.centre.state), code_of(site)
    number = employ(site.centre, "mei", now=NOW)
    for turn in range(CODES.free + 2):
        counted = binding.count_guess(site.centre.database, key, number, "203.0.113.9", NOW)
        with acting(site) as access:
            binding.ask(access, account(access, "mei"), code, counted)
            binding.withdraw(access, number, turn + 1)


def test_nobody_asks_everywhere_at_once(site: Site) -> None:
    """A few requests wait, no more; twice at one venue is one."""
    employ(site.centre, "mei", now=NOW)
    with site.centre.database.write() as session:
        for number in range(MOST_WAITING):
            create_venue(session, f"第{number}号药店")
    codes = [code_of(site, venue) for venue in range(1, MOST_WAITING + 2)]
    with acting(site) as access:
        mei = account(access, "mei")
        for code in codes[:MOST_WAITING]:
            binding.ask(access, mei, code)
        with pytest.raises(BoundAlready):
            binding.ask(access, mei, codes[0])
        with pytest.raises(TooManyRequests):
            binding.ask(access, mei, codes[-1])


def test_a_refused_one_may_ask_again_after_a_day(site: Site) -> None:
    """It may have been a mistake."""
    employ(site.centre, "mei", now=NOW)
    number = asked(site, "mei")
    with acting(site) as access:
        binding.answer(access, 1, number, accept=False)
    with pytest.raises(RefusedLately):
        asked(site, "mei", NOW + 86_399)
    assert asked(site, "mei", NOW + 86_401) == number + 1


def test_answers_are_given_once_and_at_ones_own_venue(site: Site) -> None:
    """Two taps, two tabs, another venue's number."""
    employ(site.centre, "mei", now=NOW)
    number = asked(site, "mei")
    with pytest.raises(NotFound), acting(site) as access:
        binding.answer(access, 2, number, accept=True)
    with pytest.raises(NotFound), acting(site) as access:
        binding.withdraw(access, 12345, number)
    with acting(site) as access:
        binding.answer(access, 1, number, accept=True)
    with pytest.raises(binding.AnsweredAlready), acting(site) as access:
        binding.answer(access, 1, number, accept=False)
    assert roles(site, "mei") == {INSPECTOR}


def test_unbound_is_unbound_and_bound_again_begins_anew(site: Site, lan: Browser) -> None:
    """R16: role, PIN and badge end; the number in the records stays one person's."""
    employ(site.centre, "mei", INSPECTOR, now=NOW)
    with site.centre.database.write() as session:
        number = service.find(session, "mei").id
        session.add(Inspector(account_id=number, venue_id=1, since=NOW, pin="$argon2id$x", checkpoint_id=1))
    assert lan.post("/venues/1/inspectors/mei/unbind").status_code == HTTPStatus.SEE_OTHER
    assert roles(site, "mei") == set()
    with site.centre.database.read() as session:
        row = session.query(Inspector).one()
        assert (row.id, row.pin, row.badge, row.checkpoint_id) == (1, None, 2, None)
    code = code_of(site)
    with acting(site) as access:
        binding.answer(access, 1, _ask(access, code), accept=True)
    with site.centre.database.read() as session:
        assert [each.number for each in binding.members(session, 1)] == [1]


def _ask(access: Personal, code: str) -> int:
    binding.ask(access, account(access, "mei"), code)
    return binding.requests(access.session, 1)[0].id


def test_the_role_is_handed_over_when_the_other_accepts(site: Site, lan: Browser) -> None:
    """R16: until then nothing changes; then exactly one administers the venue."""
    mei = Browser(site, login="mei", appointments=(INSPECTOR,))
    lan.post("/venues/1/inspectors/mei/hand-over")
    assert (roles(site, "lan"), roles(site, "mei")) == ({LAN}, {INSPECTOR})
    assert "请您接任场所管理员" in mei.words("/venues/mine")
    assert "等待 mei 某 接任" in lan.words("/venues/1/members")
    lan.post("/offers/1/accept")
    assert roles(site, "lan") == {LAN}, "nobody accepts for another"
    mei.post("/offers/1/accept")
    assert (roles(site, "lan"), roles(site, "mei")) == (set(), {LAN, INSPECTOR})
    assert lan.get("/venues/1/members").status_code == HTTPStatus.FORBIDDEN
    assert mei.get("/venues/1/members").status_code == HTTPStatus.OK


def test_an_offer_is_declined_taken_back_or_grows_old(site: Site, lan: Browser) -> None:
    """In each case the administrator stays."""
    mei = Browser(site, login="mei", appointments=(INSPECTOR,))
    for number, end in ((1, lambda: mei.post("/offers/1/decline")), (2, lambda: lan.post(_TAKE_BACK))):
        lan.post("/venues/1/inspectors/mei/hand-over")
        end()
        mei.post(f"/offers/{number}/accept")
        assert roles(site, "lan") == {LAN}
    lan.post("/venues/1/inspectors/mei/hand-over")
    with pytest.raises(handing_over.OfferOver), acting(site, NOW + 8 * 86_400) as access:
        handing_over.answer(access, account(access, "mei"), 3, accept=True)


_TAKE_BACK = "/venues/1/hand-over/take-back"


def test_only_an_inspector_of_the_venue_without_a_venue_takes_over(site: Site, lan: Browser) -> None:
    """R12: one venue an administrator, also by this way."""
    with site.centre.database.write() as session:
        create_venue(session, "二号药店")
    employ(site.centre, "wei", INSPECTOR, Appointment(Role.VENUE_ADMINISTRATOR, venue=2), now=NOW)
    employ(site.centre, "hu", now=NOW)
    for login, wrong in (("wei", Held), ("hu", handing_over.NotAnInspector), ("lan", handing_over.NotAnInspector)):
        with pytest.raises(wrong), acting(site) as access:
            handing_over.offer(access, access.session.get_one(Venue, 1), account(access, "lan"), login)


@BOTH
def test_two_acceptances_at_once_are_one(site: Site) -> None:
    """R16, whichever database: one administrator, one inspector's row."""
    employ(site.centre, "lan", LAN, now=NOW)
    employ(site.centre, "mei", INSPECTOR, now=NOW)
    with acting(site) as access:
        handing_over.offer(access, access.session.get_one(Venue, 1), account(access, "lan"), "mei")
    start, ends = Barrier(3), []

    def go() -> None:
        start.wait()
        try:
            with acting(site) as access:
                handing_over.answer(access, account(access, "mei"), 1, accept=True)
            ends.append("accepted")
        except Mistake:
            ends.append("over")

    threads = [Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ends) == ["accepted", "over", "over"]
    assert roles(site, "mei") == {LAN, INSPECTOR}


@BOTH
def test_two_answers_at_once_bind_once(site: Site) -> None:
    """Accept and refuse in two tabs: the first stands."""
    employ(site.centre, "mei", now=NOW)
    number = asked(site, "mei")
    start, ends = Barrier(2), []

    def go(accept: bool) -> None:
        start.wait()
        try:
            with acting(site) as access:
                binding.answer(access, 1, number, accept=accept)
            ends.append(accept)
        except binding.AnsweredAlready:
            ends.append(None)

    threads = [Thread(target=go, args=(accept,)) for accept in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (stands,) = (end for end in ends if end is not None)
    assert roles(site, "mei") == ({INSPECTOR} if stands else set())
