"""What somebody tried against venues, members and sign-up and got through with once; each stands here."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import event, select

from sync.collector.accounts import secrets, service, sign_up
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.accounts.service import Held, LoginTaken
from sync.collector.app import create_app
from sync.collector.errors import Mistake, NotFound
from sync.collector.members import binding, declaration, handing_over
from sync.collector.members.model import DeclarationCode, Inspector
from sync.collector.privacy import audit
from sync.collector.privacy.access import Personal
from sync.collector.venues import approval, founding
from sync.collector.venues import service as venues
from sync.collector.venues.model import Checkpoint, Venue, VenueState
from sync.collector.venues.service import NameTaken
from sync.wire.record import Direction
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import IT, employ, signed_in
from tests.sync.collector.test_venue_members import INSPECTOR, LAN, account, acting, asked, code_of, roles
from tests.sync.collector.test_venue_pages import SHOP, TOLD, XINAN, found, registered
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
        founding.amend(
            access, account(access, login), access.session.get_one(Venue, number), TOLD, needs_approval=False
        )

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


def test_an_administrator_learns_nobody_s_account_by_offering_the_role(site: Site, lan: Browser) -> None:
    """Whoever founds a venue could else try every phone number: the sentence is the same."""
    employ(site.centre, "13800138000", now=NOW)
    for login in ("13800138000", "13900139000"):
        with pytest.raises(handing_over.NotAnInspector), acting(site) as access:
            handing_over.offer(access, access.session.get_one(Venue, 1), account(access, "lan"), login)


@pytest.mark.parametrize("state", ["waiting", "refused", "closed"])
def test_a_request_that_waits_binds_nobody_to_a_venue_that_is_not_active(site: Site, state: str) -> None:
    """It was asked before the township closed it; refusing goes on."""
    employ(site.centre, "mei", now=NOW)
    number = asked(site, "mei")
    with site.centre.database.write() as session:
        session.get_one(Venue, 1).state = state
    with pytest.raises(binding.NotActive), acting(site) as access:
        binding.answer(access, 1, number, accept=True)
    assert roles(site, "mei") == set()
    with acting(site) as access:
        binding.answer(access, 1, number, accept=False)


def test_a_disabled_account_waits_for_nothing(site: Site, lan: Browser) -> None:
    """IT ended it: it is neither shown among those who ask, nor bound, nor offered the role."""
    number = employ(site.centre, "mei", now=NOW)
    employ(site.centre, "wei", INSPECTOR, now=NOW)
    request = asked(site, "mei")
    with site.centre.database.write() as session:
        for login in ("mei", "wei"):
            service.disable(session, service.find(session, login), NOW)
        assert binding.requests(session, 1) == []
        assert [each for each, _, _ in binding.waiting_for(session, number)] == [request]
    with pytest.raises(NotFound), acting(site) as access:
        binding.answer(access, 1, request, accept=True)
    with pytest.raises(handing_over.NotAnInspector), acting(site) as access:
        handing_over.offer(access, access.session.get_one(Venue, 1), account(access, "lan"), "wei")


def test_whoever_takes_a_role_away_ends_what_hangs_on_it(site: Site, lan: Browser) -> None:
    """R16: IT's staff page as well as the members' page: PIN, badge, and an offer to the inspector or of the giver."""
    it = Browser(site, login="wang", appointments=(IT,))
    number = employ(site.centre, "mei", INSPECTOR, now=NOW)
    with site.centre.database.write() as session:
        session.add(Inspector(account_id=number, venue_id=1, since=NOW, pin="$argon2id$x", checkpoint_id=1))
    lan.post("/venues/1/inspectors/mei/hand-over")
    assert it.post(f"/accounts/mei/dismiss/{_appointment(site, 'mei')}", reason="left").status_code < 400
    with site.centre.database.write() as session:
        row = session.query(Inspector).one()
        assert (row.pin, row.badge, row.checkpoint_id) == (None, 2, None)
        assert handing_over.offers_to(session, number, NOW) == []
        service.appoint(session, service.find(session, "mei"), INSPECTOR, NOW)
    lan.post("/venues/1/inspectors/mei/hand-over")
    it.post(f"/accounts/lan/dismiss/{_appointment(site, 'lan')}", reason="left")
    with site.centre.database.read() as session:
        assert handing_over.offer_of(session, 1, NOW) is None


def _appointment(site: Site, login: str) -> int:
    with site.centre.database.read() as session:
        return service.find(session, login).appointments[0].id


def test_nobody_uses_the_declaration_codes_up(site: Site, lan: Browser) -> None:
    """A code is nobody else's for ever: 900,000 renewals of one vandal would leave none for a province."""
    code_of(site)
    for _ in range(2 * declaration.MOST_A_DAY):
        lan.post("/venues/1/declaration-code")
    with site.centre.database.read() as session:
        assert session.query(DeclarationCode).count() == declaration.MOST_A_DAY
    with site.centre.database.write() as session:
        declaration.issue(session, 1, NOW + 86_401)


def test_asking_and_withdrawing_has_an_end(site: Site) -> None:
    """Each leaves a row and two lines of the audit for ever."""
    mei, code = employ(site.centre, "mei", now=NOW), code_of(site)
    for _ in range(binding.MOST_A_DAY):
        with acting(site) as access:
            binding.withdraw(access, mei, _ask_as(access, "mei", code))
    with pytest.raises(binding.TooManyRequests), acting(site) as access:
        _ask_as(access, "mei", code)
    with acting(site, NOW + 86_401) as access:
        _ask_as(access, "mei", code)


def _ask_as(access: Personal, login: str, code: str) -> int:
    who = account(access, login)
    binding.ask(access, who, code)
    return binding.waiting_for(access.session, who.id)[-1][0]


def test_a_double_tap_with_the_right_code_costs_no_guess(site: Site) -> None:
    """A shopkeeper who taps ten times has tried no code but the right one."""
    mei, code = Browser(site, login="mei"), code_of(site)
    for _ in range(2 * binding.CODES.free):
        answer = mei.post("/bind", code=code)
    assert "申请正在等待同意" in words(answer)


def test_digits_of_a_chinese_keyboard_are_digits(site: Site) -> None:
    """Full-width, with a full-width blank between."""
    mei, code = Browser(site, login="mei"), code_of(site)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    assert mei.post("/bind", code=f"{wide[:3]}\u3000{wide[3:]}").status_code == HTTPStatus.SEE_OTHER


def test_a_pasted_name_keeps_one_blank_for_many(site: Site) -> None:
    """Full-width ones too; a second venue does not differ by blanks alone."""
    told = replace(TOLD, name="  永安\u3000 百货\t有限公司\n")
    assert told.name == "永安 百货 有限公司"


def test_a_refusal_has_printable_words(site: Site) -> None:
    """PostgreSQL's text holds no NUL, and no page is turned around by what a township typed."""
    number = found(site, "mei", needs_approval=True)
    wu = Browser(site, login="wu", appointments=(Appointment(Role.AUTHORITY, region=""),))
    for refusal in ("a\0b", "\u202ea"):
        assert wu.post(f"/venues/{number}/refuse", refusal=refusal).status_code == HTTPStatus.SEE_OTHER
        assert state_of(site, number) == "waiting"


def test_a_clock_that_was_ahead_ends_nobody_s_chances(site: Site, lan: Browser) -> None:
    """An offer made in a year that has not come is over; a refusal of then does not count."""
    mei = employ(site.centre, "mei", INSPECTOR, now=NOW)
    employ(site.centre, "hu", now=NOW)
    ahead = NOW + 365 * 86_400
    with acting(site, ahead) as access:
        handing_over.offer(access, access.session.get_one(Venue, 1), account(access, "lan"), "mei")
        binding.answer(access, 1, _ask_as(access, "hu", code_of_session(access)), accept=False)
    with site.centre.database.read() as session:
        assert handing_over.offers_to(session, mei, NOW) == []
    with acting(site, NOW) as access:
        handing_over.offer(access, access.session.get_one(Venue, 1), account(access, "lan"), "mei")
        _ask_as(access, "hu", code_of_session(access))


def code_of_session(access: Personal) -> str:
    """In force at venue 1."""
    return declaration.of_venue(access.session, 1) or declaration.issue(access.session, 1, access.now)


def test_a_gate_whose_clock_was_ahead_hides_no_silence(site: Site) -> None:
    """R10: an hour that has not come is no sign of life."""
    number = found(site, "mei")
    registered(site, number, int(NOW // 3600) + 9000)
    with site.centre.database.read() as session:
        assert session.scalar(select(approval.last_hour(NOW + 86_400)).where(Venue.id == number)) is None


def test_every_act_has_its_line(site: Site, lan: Browser) -> None:
    """Taking back, declining and withdrawing are acts too."""
    mei = Browser(site, login="mei", appointments=(INSPECTOR,))
    hu = Browser(site, login="hu")
    lan.post("/venues/1/inspectors/mei/hand-over")
    lan.post("/venues/1/hand-over/take-back")
    lan.post("/venues/1/inspectors/mei/hand-over")
    mei.post("/offers/2/decline")
    hu.post("/bind", code=code_of(site))
    hu.post("/bind/1/withdraw")
    with site.centre.database.read() as session:
        acts = [line.act for line in audit.lines(session.connection())]
    offered = "hand_over_offer"
    assert acts == [offered, "hand_over_take_back", offered, "hand_over_decline", "binding_ask", "binding_withdraw"]


def test_a_venue_has_so_many_checkpoints_and_no_more(site: Site) -> None:
    """Every page of the venue names them."""
    with site.centre.database.write() as session:
        for number in range(venues.MOST_CHECKPOINTS - 1):
            venues.create_checkpoint(session, 1, f"{number}号门", Direction.IN)
        with pytest.raises(venues.TooManyCheckpoints):
            venues.create_checkpoint(session, 1, "北门", Direction.IN)


def test_whose_request_a_button_answers_is_said(site: Site, lan: Browser) -> None:
    """Who hears the page hears one 同意 after the other (WCAG 2.2, 2.4.6)."""
    hu = Browser(site, login="hu")
    hu.post("/bind", code=code_of(site))
    for page, buttons in (
        (lan.words("/venues/1/members"), ("同意 hu 某", "拒绝 hu 某")),
        (hu.words("/venues/mine"), ("撤回申请 东门市场",)),
    ):
        assert all(each in page for each in buttons), page
    assert "停用 南门" in lan.words("/venues/1/checkpoints")


def test_every_form_of_these_pages_carries_its_token(site: Site) -> None:
    """With the protection switched on, as it is in service; without the token nothing happens."""
    employ(site.centre, "lan", LAN, INSPECTOR, now=NOW)
    employ(site.centre, "mei", INSPECTOR, now=NOW)
    employ(site.centre, "hu", now=NOW)
    asked(site, "hu")
    with acting(site) as access:
        handing_over.offer(access, access.session.get_one(Venue, 1), account(access, "lan"), "mei")
    app = create_app(site.centre, lambda: NOW)
    pages = {
        "lan": ("/venues/1", "/venues/1/members", "/venues/1/checkpoints", "/venues/1/checkpoints/1"),
        "mei": ("/venues/mine", "/bind", f"/venues/new/{XINAN}"),
        "hu": ("/venues/mine",),
    }
    with site.centre.database.read() as session:
        numbers = {login: service.find(session, login).id for login in pages}
    for login, paths in pages.items():
        near = {"Host": "localhost", "Cookie": signed_in(site.centre, numbers[login], NOW)}
        client = app.test_client(use_cookies=False)
        for path in paths:
            forms = re.findall(
                r'(?s)<form method="post" action="([^"]*)".*?</form>', client.get(path, headers=near).text
            )
            whole = re.findall(r'(?s)<form method="post".*?</form>', client.get(path, headers=near).text)
            assert all("csrf_token" in each for each in whole), path
            for action in forms:
                assert client.post(action, headers=near).status_code == HTTPStatus.BAD_REQUEST, action
    assert roles(site, "hu") == set()


@pytest.mark.parametrize("login", ["13800138000", "mei@example.org"])
def test_no_phone_and_no_mailbox_stands_in_the_audit(site: Site, lan: Browser, login: str) -> None:
    """It is never purged, and an account that somebody made themselves is called by their number."""
    it = Browser(site, login="wang", appointments=(IT,))
    key = secrets.load(site.centre.state)
    who = sign_up.Applicant(f"00{login}", "李梅", "tel:+85291234567", "zh", NOW + 60)
    sign_up.join(site.centre, key, who, "correct mule staple harbour", NOW)
    mei = Browser(site, login=login)
    mei.post("/bind", code=code_of(site))
    lan.post("/venues/1/requests/1/accept")
    lan.post(f"/venues/1/inspectors/{login}/hand-over")
    mei.post("/offers/1/accept")
    mei.post(f"/venues/1/inspectors/{login}/unbind")
    mei.post("/bind", code=code_of(site))
    it.post(f"/accounts/{login}/dismiss/{_appointment(site, login)}", reason="left")
    mei.post(f"/venues/new/{XINAN}", **SHOP)
    it.post(f"/accounts/{login}/disable", reason="left")
    with site.centre.database.read() as session:
        lines = audit.lines(session.connection())
        number = service.find(session, login).id
    assert len(lines) > 8
    told = [f"{line.actor} {line.reason} {line.detail}" for line in lines]
    assert not [line for line in told if login in line]
    assert f"account #{number} " in "".join(told)


@both
def test_the_township_s_list_asks_the_database_the_same_few_times(site: Site) -> None:
    """Silent ones of a province too: one statement, however many venues there are; the last hour is each venue's."""
    wanted, statements = approval.Wanted(None, approval.Shown.SILENT), list[str]()
    numbers = [found(site, f"mei{each}", replace(TOLD, name=f"第{each}百货有限公司")) for each in range(3)]
    day = NOW + 86_400
    for number, hours in zip(numbers, ((3, 200), (9,), ()), strict=True):
        for ago in hours:
            registered(site, number, int(day // 3600) - ago)
    event.listen(site.centre.database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    with site.centre.database.read() as session:
        rows, _ = approval.listed(session, wanted, day)
    told = {each.venue.id: each.last_hour for each in rows}
    assert [told.get(number) for number in numbers] == [None, int(day // 3600) - 9, None]
    assert (numbers[0] in told, numbers[2] in told) == (False, True)
    assert len([each for each in statements if "SELECT" in each]) == 1
