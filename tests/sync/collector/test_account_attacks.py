"""What somebody tried against accounts and got through with once; each stands here with what stops it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from flask import Flask

from sync.collector.accounts import limits, secrets, service, sessions
from sync.collector.accounts.limits import ADDRESS, LOGIN
from sync.collector.accounts.model import Account
from sync.collector.accounts.signing import Attempt, Door, Refusal
from sync.collector.app import create_app
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import COOKIE, IT, cookie_for, employ
from tests.sync.collector.test_signing_in import INSPECTOR, PASSWORD, Browser, found, with_password, with_phone

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)


@pytest.fixture
def clock() -> list[float]:
    """The centre's; tests move it."""
    return [NOW]


@pytest.fixture
def app(site: Site, clock: list[float]) -> Flask:
    """The whole application, CSRF protection and all."""
    return create_app(site.centre, lambda: clock[0])


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Somebody's."""
    return Browser(app)


@pytest.fixture
def wang(site: Site, browser: Browser) -> Browser:
    """The town's IT, signed in with both factors."""
    phone = with_phone(site.centre, "wang")
    return browser.sign_in("wang", PASSWORD).go("/sign-in/code", code=phone.at(NOW))


@pytest.mark.parametrize("spelled", ["WANG", "Wang", "%20wang"])
def test_nobody_appoints_themselves_by_another_spelling(site: Site, wang: Browser, spelled: str) -> None:
    """A login in the address is found in any case, so it is the account that is compared."""
    wang.go("/account/password")
    assert wang.go(f"/accounts/{spelled}/appoint", role="authority", place="", reason="me").status == 422
    with site.centre.database.read() as session:
        assert service.find(session, "wang").roles() == (IT,)


def test_a_stolen_session_changes_no_address(site: Site, browser: Browser) -> None:
    """An address that is the thief's would bring the thief a link for a new password."""
    with_password(site.centre, "mei", INSPECTOR)
    browser.sign_in("mei", PASSWORD).go("/account/address")
    assert browser.go("/account/address", address="thief@example.org", present="a guess").status == 422
    with site.centre.database.read() as session:
        assert service.find(session, "mei").address is None
    assert browser.go("/account/address", address="mei@example.org", present=PASSWORD).where == "/account"


def test_a_stolen_session_sets_up_no_phone(site: Site, browser: Browser, clock: list[float]) -> None:
    """It would shut the owner out: whoever sets a phone up knows the password, or gave it just now."""
    with_password(site.centre, "mei", INSPECTOR)
    browser.sign_in("mei", PASSWORD).go("/sign-in/phone")
    secret, sealed = secret_of(browser)
    code = pyotp.TOTP(secret).at(NOW)
    assert browser.go("/sign-in/phone", code=code, sealed=sealed).status == 422
    assert browser.go("/sign-in/phone", code=code, sealed=sealed, present="a guess").status == 422
    with site.centre.database.read() as session:
        assert service.find(session, "mei").totp is None
    assert browser.go("/sign-in/phone", code=code, sealed=sealed, present=PASSWORD).where == "/"


def test_an_old_session_of_somebody_who_becomes_it_sets_up_no_phone(
    site: Site, browser: Browser, clock: list[float]
) -> None:
    """Only the sign-in of a moment ago stands for the password."""
    with_password(site.centre, "mei", INSPECTOR)
    browser.sign_in("mei", PASSWORD)
    with site.centre.database.write() as session:
        service.appoint(session, service.find(session, "mei"), IT, NOW)
    clock[0] += 16 * 60
    assert "现在的密码" in browser.go("/sign-in/phone").page


def secret_of(browser: Browser) -> tuple[str, str]:
    """What the page that sets up a phone shows, and carries."""
    secret = found(r"<code>([A-Z2-7 ]+)</code>", browser.page).replace(" ", "")
    return secret, found(r'name="sealed"[^>]*value="([0-9a-f]+)"', browser.page)


@both
def test_a_link_used_twice_at_once_works_once(site: Site) -> None:
    """Who comes second waits for the first, and finds it used."""
    employ(site.centre, "mei", INSPECTOR, now=NOW)
    with site.centre.database.write() as session:
        token = service.issue_link(session, service.find(session, "mei"), NOW)

    def second() -> bool:
        with site.centre.database.write() as session:
            return service.hold_link(session, token, NOW) is not None

    with ThreadPoolExecutor(1) as threads:
        with site.centre.database.write() as session:
            account = service.hold_link(session, token, NOW)
            assert account is not None
            service.revoke_links(session, account)
            late = threads.submit(second)
            with pytest.raises(TimeoutError):
                late.result(0.3)
        assert not late.result(10)


@both
def test_a_login_that_no_database_can_hold_is_an_unknown_one(site: Site, app: Flask) -> None:
    """PostgreSQL's text holds no NUL; the page says what it says to every wrong login."""
    browser = Browser(app).sign_in("a\0b", "x")
    assert (browser.status, "登录名或密码不正确" in browser.page) == (401, True)
    browser.go("/forgotten")
    assert browser.go("/forgotten", login="a\0b").status == 200
    cookie = cookie_for(site.centre, IT, now=NOW)
    near = {"Host": "localhost", "Cookie": cookie}
    assert app.test_client(use_cookies=False).get("/accounts/a%00b", headers=near).status_code == 404


def test_an_origin_that_is_none_is_refused(site: Site, browser: Browser) -> None:
    """Not answered with an error of ours."""
    browser.go("/sign-in")
    form = {"csrf_token": browser.token(), "login": "mei", "password": "x"}
    for origin in ("http://[evil", "https://", "\xff"):
        answer = browser.client.post("/sign-in", data=form, base_url="http://localhost", headers={"Origin": origin})
        assert answer.status_code == 403


@pytest.mark.parametrize("way", ["/account/password", "/account/sign-out-others", "/sign-in"])
def test_a_copy_of_the_cookie_ends_with_what_its_owner_does(site: Site, app: Flask, browser: Browser, way: str) -> None:
    """A new password, signing the others out, or in again: the thief's cookie is the same as this browser's."""
    with_password(site.centre, "mei", INSPECTOR)
    browser.sign_in("mei", PASSWORD).go("/account/password")
    thief = Browser(app)
    thief.client.set_cookie(COOKIE, browser.cookie(), domain="localhost")
    new = "seventeen quiet pelicans"
    sent = {
        "/account/password": {"present": PASSWORD, "password": new, "again": new},
        "/account/sign-out-others": {"x": ""},
        "/sign-in": {"login": "mei", "password": PASSWORD},
    }
    browser.go(way, **sent[way])
    assert browser.go("/account").where == "/account"
    assert thief.go("/account").where == "/sign-in"


def test_a_new_token_lives_no_longer_than_the_old_one(site: Site, clock: list[float], browser: Browser) -> None:
    """Whoever holds a session does not prolong it by signing the others out."""
    phone = with_phone(site.centre, "wang")
    browser.sign_in("wang", PASSWORD).go("/sign-in/code", code=phone.at(NOW))
    for _ in range(12 * 60 // 25):
        clock[0] += 25 * 60
        browser.go("/account/sign-out-others", x="")
        assert browser.where == "/account"
    clock[0] += 25 * 60
    assert browser.go("/account").where == "/sign-in"


def test_a_session_that_began_while_the_account_was_disabled_does_not_come_back(site: Site) -> None:
    """The password was right a moment before; nothing of it waits for the day of its return."""
    with_password(site.centre, "mei", INSPECTOR)
    with site.centre.database.write() as session:
        mei = service.find(session, "mei")
        mei.disabled_at = NOW
        token = sessions.begin(session, mei, "late", NOW)
        service.enable(session, mei)
        assert sessions.visit(session, token, NOW) is None


def test_a_lost_phone_leaves_no_old_password(site: Site, app: Flask, browser: Browser) -> None:
    """Who phished the password and talks IT into forgetting the phone still lacks the link."""
    with_phone(site.centre, "wang")
    it = Browser(app)
    it.client.set_cookie(COOKIE, cookie_for(site.centre, IT, now=NOW).partition("=")[2], domain="localhost")
    it.go("/accounts/wang").go("/accounts/wang/link", reason="lost phone", forget_second_factor="yes")
    assert browser.sign_in("wang", PASSWORD).status == 401


YEAR_SECONDS = 365 * 86_400.0


@both
def test_a_clock_that_was_a_year_ahead_locks_nobody_out_for_a_year(site: Site) -> None:
    """What was counted then counts from the first look on after the clock was set right."""

    def wait(now: float) -> float:
        with site.centre.database.write() as session:
            return limits.count(session, [(b"s" * 16, LOGIN)], now)

    for _ in range(LOGIN.free):
        wait(NOW + YEAR_SECONDS)
    assert wait(NOW) == 60
    assert wait(NOW + 60) == 0


def test_a_session_of_a_clock_that_was_ahead_is_over(site: Site) -> None:
    """Nobody stays signed in until the clock has come there again."""
    number = employ(site.centre, "mei", INSPECTOR, now=NOW)
    with site.centre.database.write() as session:
        mei = session.get_one(Account, number)
        token = sessions.begin(session, mei, "then", NOW + YEAR_SECONDS)
        link = service.issue_link(session, mei, NOW + YEAR_SECONDS)
        assert sessions.visit(session, token, NOW + YEAR_SECONDS) is not None
        assert sessions.visit(session, token, NOW) is None
        assert service.link_owner(session, link, NOW) is None


def test_guesses_from_ones_own_network_lock_no_known_browser_out(site: Site, app: Flask) -> None:
    """A whole office stands behind one address: one guesser there must not shut it."""
    with_password(site.centre, "mei", INSPECTOR)
    owner = Browser(app).sign_in("mei", PASSWORD)
    owner.go("/sign-out", x="")
    with site.centre.database.write() as session:
        subject = secrets.load(site.centre.state).hash("tally", "address", "127.0.0.1")
        for _ in range(ADDRESS.free):
            limits.count(session, [(subject, ADDRESS)], NOW)
    assert "错误次数过多" in Browser(app).sign_in("mei", PASSWORD).page
    assert owner.sign_in("mei", PASSWORD).where == "/"


def test_a_whole_ipv6_network_is_one_address(site: Site) -> None:
    """Whoever has one has 2^64: a /64 is what a line is given (RFC 6177)."""
    key = secrets.load(site.centre.state)
    with site.centre.database.write() as session:
        for _ in range(ADDRESS.free):
            limits.count(session, [(key.hash("tally", "address", "2001:db8::/64"), ADDRESS)], NOW)
    door = Door(site.centre.database, key)
    assert door.knock(Attempt("mei", "2001:db8::ffff", ""), "x", NOW).refusal is Refusal.WAIT
    assert door.knock(Attempt("mei", "2001:db8:0:1::1", ""), "x", NOW).refusal is Refusal.WRONG


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("unknown", "unknown"),
    ],
)
def test_what_is_counted_for_an_address(address: str, network: str) -> None:
    """IPv4 by itself, however it is written."""
    assert limits.network(address) == network
