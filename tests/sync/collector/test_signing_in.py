"""Signing in as an attacker and as an owner would, over the real application with its real forms and tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

import pyotp
import pytest
from flask import Flask

from sync.collector.accounts import passwords, secrets, service
from sync.collector.accounts.limits import LOGIN
from sync.collector.accounts.model import Account, SignedIn
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.app import create_app
from sync.collector.centre import Centre
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import COOKIE, IT, employ

PASSWORD = "correct mule staple harbour"
INSPECTOR = Appointment(Role.INSPECTOR, venue=1)


@dataclass
class Browser:
    """A browser before the application. address: as the centre sees it."""

    app: Flask
    address: str = "127.0.0.1"
    page: str = ""
    status: int = 0
    where: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def go(self, path: str, **form: str) -> Browser:
        """Open a page, or send the form of the page at hand with its token; redirects are followed."""
        data = form and {"csrf_token": self.token(), **form}
        near = {"REMOTE_ADDR": self.address}
        send = self.client.post if form else self.client.get
        answer = send(path, data=data, base_url="http://localhost", environ_overrides=near, follow_redirects=True)
        self.page, self.status, self.where = unescape(answer.text), answer.status_code, answer.request.path
        self.headers = dict(answer.headers)
        return self

    def token(self) -> str:
        """Of the form at hand."""
        return found(r'name="csrf_token" type="hidden" value="([^"]+)"|name="csrf_token" value="([^"]+)"', self.page)

    def sign_in(self, login: str, password: str) -> Browser:
        """From the sign-in page."""
        self.go("/sign-in")
        return self.go("/sign-in", login=login, password=password)

    def cookie(self) -> str:
        """What the session's cookie says."""
        kept = self.client.get_cookie(COOKIE, "localhost")
        return kept.value if kept else ""


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return next(filter(None, match.groups()))


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


def with_password(centre: Centre, login: str, *appointments: Appointment) -> None:
    """An account that can sign in."""
    number = employ(centre, login, *appointments, now=NOW)
    with centre.database.write() as session:
        session.get_one(Account, number).password = passwords.hashed(PASSWORD)


def with_phone(centre: Centre, login: str) -> pyotp.TOTP:
    """IT with password and second factor; the phone."""
    with_password(centre, login, IT)
    secret = pyotp.random_base32()
    with centre.database.write() as session:
        account = service.find(session, login)
        account.totp = secrets.load(centre.state).seal(secret.encode(), f"account/totp/{account.id}")
    return pyotp.TOTP(secret)


def test_an_inspector_signs_in_and_out(site: Site, browser: Browser) -> None:
    """Password alone; the first page says who and as what; afterwards the door again."""
    with_password(site.centre, "mei", INSPECTOR)
    assert browser.go("/account").where == "/sign-in"
    assert "检测员 · 东门市场" in browser.go(browser.where + "?next=/account", login="mei", password=PASSWORD).page
    assert browser.where == "/account"
    browser.go("/sign-out", x="")
    assert browser.go("/account").where == "/sign-in"


def test_signing_out_ends_a_stolen_cookie_too(site: Site, app: Flask, browser: Browser) -> None:
    """The session is a row, not only a signature."""
    with_password(site.centre, "mei", INSPECTOR)
    browser.sign_in("mei", PASSWORD)
    thief = Browser(app)
    thief.client.set_cookie(COOKIE, browser.cookie(), domain="localhost")
    assert thief.go("/account").where == "/account"
    browser.go("/sign-out", x="")
    assert thief.go("/account").where == "/sign-in"


def test_a_planted_session_is_not_the_one_that_is_signed_in(site: Site, app: Flask, browser: Browser) -> None:
    """Session fixation: signing in makes a new token, and the old cookie stays a stranger's."""
    with_password(site.centre, "mei", INSPECTOR)
    planted = Browser(app).go("/sign-in").cookie()
    browser.client.set_cookie(COOKIE, planted, domain="localhost")
    browser.sign_in("mei", PASSWORD)
    assert browser.cookie() != planted
    other = Browser(app)
    other.client.set_cookie(COOKIE, planted, domain="localhost")
    assert other.go("/account").where == "/sign-in"


def test_a_session_ends_by_itself(site: Site, clock: list[float], browser: Browser) -> None:
    """IT after half an hour without use, an inspector after a shift."""
    phone = with_phone(site.centre, "wang")
    browser.sign_in("wang", PASSWORD).go("/sign-in/code", code=phone.at(NOW))
    clock[0] += 29 * 60
    assert browser.go("/account").where == "/account"
    clock[0] += 31 * 60
    assert browser.go("/account").where == "/sign-in"


def test_a_code_counts_once_and_a_wrong_one_never(site: Site, app: Flask, clock: list[float], browser: Browser) -> None:
    """RFC 6238 §5.2: whoever reads the code over a shoulder comes too late."""
    phone = with_phone(site.centre, "wang")
    assert browser.sign_in("wang", PASSWORD).where == "/sign-in/code"
    assert browser.go("/sign-in/code", code="000000").status == 401
    assert browser.go("/accounts").where == "/sign-in/code"
    assert browser.go("/sign-in/code", code=phone.at(NOW)).where == "/"
    shoulder = Browser(app).sign_in("wang", PASSWORD)
    assert shoulder.go("/sign-in/code", code=phone.at(NOW)).status == 401
    clock[0] += 30
    assert shoulder.go("/sign-in/code", code=phone.at(clock[0])).where == "/"


def test_codes_are_not_guessed_behind_a_known_password(site: Site, app: Flask, browser: Browser) -> None:
    """Signing in again and again forgives no wrong code: six digits stand behind a limit of their own."""
    with_phone(site.centre, "wang")
    browser.sign_in("wang", PASSWORD)
    for _ in range(LOGIN.free):
        assert browser.go("/sign-in/code", code="000000").status == 401
    assert "错误次数过多" in browser.go("/sign-in/code", code="000000").page
    assert "错误次数过多" in Browser(app).sign_in("wang", PASSWORD).go("/sign-in/code", code="000000").page


def test_it_sets_up_a_phone_before_anything_else(site: Site, browser: Browser) -> None:
    """A new IT account sees nothing until its second factor is set up; the secret never leaves in the clear twice."""
    with_password(site.centre, "wang", IT)
    assert browser.sign_in("wang", PASSWORD).where == "/sign-in/phone"
    assert browser.go("/accounts").where == "/sign-in/phone"
    secret = found(r"<code>([A-Z2-7 ]+)</code>", browser.page).replace(" ", "")
    sealed = found(r'name="sealed"[^>]*value="([0-9a-f]+)"', browser.page)
    assert browser.go("/sign-in/phone", code="000000", sealed=sealed).status == 422
    assert secret in browser.page.replace(" ", "")
    assert browser.go("/sign-in/phone", code=pyotp.TOTP(secret).at(NOW), sealed=sealed).where == "/"
    assert browser.go("/accounts").status == 200
    with site.centre.database.read() as session:
        assert secret.encode() not in (service.find(session, "wang").totp or b"")


def test_guessing_locks_strangers_out_and_not_the_owner(site: Site, app: Flask, clock: list[float]) -> None:
    """The right password does not help a stranger during the wait; the owner's own browser is counted apart."""
    with_password(site.centre, "mei", INSPECTOR)
    owner = Browser(app).sign_in("mei", PASSWORD)
    owner.go("/sign-out", x="")
    for number in range(LOGIN.free):
        assert Browser(app, "127.0.0.5").sign_in("mei", f"guess number {number}").status == 401
    stranger = Browser(app, "127.0.0.6").sign_in("mei", PASSWORD)
    assert (stranger.status, "错误次数过多" in stranger.page) == (401, True)
    assert owner.sign_in("mei", PASSWORD).where == "/"
    clock[0] += 61
    assert Browser(app, "127.0.0.6").sign_in("mei", PASSWORD).where == "/"


def test_nothing_tells_whether_a_login_exists(site: Site, app: Flask) -> None:
    """The same page for a wrong password, an unknown login and a disabled account."""
    with_password(site.centre, "mei", INSPECTOR)
    with_password(site.centre, "gone", INSPECTOR)
    with site.centre.database.write() as session:
        service.disable(session, service.find(session, "gone"), NOW)
    seen = set()
    for login, password in (("mei", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD)):
        page = Browser(app).sign_in(login, password)
        seen.add((page.status, re.sub(r'value="[^"]*"', "", page.page)))
    assert len(seen) == 1


def test_a_one_time_link_works_once(site: Site, app: Flask, clock: list[float], browser: Browser) -> None:
    """Looking at it uses nothing up; a weak password neither; choosing one signs every browser out."""
    with_password(site.centre, "mei", INSPECTOR)
    elsewhere = Browser(app).sign_in("mei", PASSWORD)
    with site.centre.database.write() as session:
        token = service.issue_link(session, service.find(session, "mei"), NOW)
    for weak in ("short", "password123", "mei mei mei", "1234567890"):
        browser.go(f"/link/{token}")
        assert browser.go(f"/link/{token}", password=weak, again=weak).status == 422
    assert "不一致" in browser.go(f"/link/{token}", password=PASSWORD, again="another one here").page
    new = "seventeen quiet pelicans"
    assert browser.go(f"/link/{token}", password=new, again=new).where == "/sign-in"
    assert elsewhere.go("/account").where == "/sign-in"
    assert Browser(app).go(f"/link/{token}").status == 404
    assert browser.sign_in("mei", new).where == "/"


def test_a_link_ends_with_its_time_and_its_account(site: Site, app: Flask, clock: list[float]) -> None:
    """And a stolen mailbox is not enough where there is a second factor."""
    phone = with_phone(site.centre, "wang")
    with_password(site.centre, "li", IT)
    with site.centre.database.write() as session:
        token = service.issue_link(session, service.find(session, "wang"), NOW, 600)
        other = service.issue_link(session, service.find(session, "li"), NOW)
        service.disable(session, service.find(session, "li"), NOW)
    assert Browser(app).go(f"/link/{other}").status == 404
    thief = Browser(app).go(f"/link/{token}")
    new = "seventeen quiet pelicans"
    assert thief.go(f"/link/{token}", password=new, again=new, code="000000").status == 401
    assert thief.go(f"/link/{token}", password=new, again=new, code=phone.at(NOW)).where == "/sign-in"
    with site.centre.database.write() as session:
        late = service.issue_link(session, service.find(session, "wang"), NOW, 600)
    clock[0] += 600
    assert Browser(app).go(f"/link/{late}").status == 404


def test_a_form_without_its_token_or_from_elsewhere_changes_nothing(site: Site, app: Flask, browser: Browser) -> None:
    """CSRF: no token, another session's token, another site's Origin."""
    with_password(site.centre, "mei", INSPECTOR)
    browser.sign_in("mei", PASSWORD)
    browser.go("/account/address")
    mine, alien = browser.token(), Browser(app).go("/sign-in").token()
    for token, origin in ((None, None), (alien, None), (mine, "https://evil.example"), (mine, "null")):
        form = {"address": "thief@example.org"} | ({"csrf_token": token} if token else {})
        headers = {"Origin": origin} if origin else {}
        answer = browser.client.post("/account/address", data=form, base_url="http://localhost", headers=headers)
        assert answer.status_code in (400, 403)
    with site.centre.database.read() as session:
        assert service.find(session, "mei").address is None
    assert browser.go("/account/address", address="mei@example.org", present=PASSWORD).where == "/account"


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "evil"])
def test_signing_in_leads_nowhere_else(site: Site, browser: Browser, path: str) -> None:
    """An open redirect would make our own address a phisher's."""
    with_password(site.centre, "mei", INSPECTOR)
    browser.go("/sign-in")
    assert browser.go(f"/sign-in?next={path}", login="mei", password=PASSWORD).where == "/"


def test_nobody_changes_their_own_roles_and_the_last_it_stays(site: Site, app: Flask, browser: Browser) -> None:
    """Another IT person does, with a reason that stands in the audit."""
    phone = with_phone(site.centre, "wang")
    with_password(site.centre, "mei", INSPECTOR)
    browser.sign_in("wang", PASSWORD).go("/sign-in/code", code=phone.at(NOW))
    browser.go("/accounts/mei")
    assert browser.go("/accounts/wang/appoint", role="authority", place="", reason="me").status == 422
    browser.go("/accounts/mei")
    browser.go("/accounts/mei/appoint", role="authority", place="44", reason="order 9")
    assert "属地疫情防控部门 · 区划 44" in browser.page
    with site.centre.database.read() as session:
        lines = session.connection().exec_driver_sql("SELECT actor, act, reason, detail FROM audit").all()
        with pytest.raises(service.LastIt):
            service.disable(session, service.find(session, "wang"), NOW)
    assert [tuple(line) for line in lines] == [("account wang", "appoint", "order 9", "mei authority 44")]


def test_one_administrator_a_venue_and_one_venue_an_administrator(site: Site) -> None:
    """R12, whoever asks at the same time: the database holds it."""
    administrator = Appointment(Role.VENUE_ADMINISTRATOR, venue=1)
    employ(site.centre, "mei", administrator, now=NOW)
    employ(site.centre, "li", now=NOW)
    with site.centre.database.write() as session:
        with pytest.raises(service.Held):
            service.appoint(session, service.find(session, "li"), administrator, NOW)
        session.connection().exec_driver_sql("INSERT INTO venue (id, name) VALUES (2, 'two')")
        with pytest.raises(service.Held):
            service.appoint(session, service.find(session, "mei"), Appointment(Role.VENUE_ADMINISTRATOR, venue=2), NOW)
        assert len(service.find(session, "mei").appointments) == 1


def test_through_the_proxy_cookies_are_bound_to_tls(site: Site) -> None:
    """`address` in collector.toml: under that name and by TLS, nothing else; the cookie is __Host- and Secure."""
    site.centre.state.config.write_text('address = "https://centre.example"\n')
    centre = Centre.open(site.centre.state)
    client = create_app(centre, lambda: NOW).test_client(use_cookies=False)
    forwarded = {"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Proto": "https"}

    def status(host: str, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get("/sign-in", base_url=f"http://{host}", headers={**forwarded, **named}).status_code

    assert status("centre.example") == 200
    assert status("evil.example") == 403
    assert status("centre.example", X_Forwarded_Proto="http") == 403
    answer = client.get("/sign-in?lang=en", base_url="http://centre.example", headers=forwarded)
    session_cookie = next(line for line in answer.headers.getlist("Set-Cookie") if "venue-gate" in line)
    assert session_cookie.startswith("__Host-venue-gate=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(session_cookie.split("; "))
    far = client.get(
        "/sign-in", base_url="http://centre.example", headers=forwarded, environ_overrides={"REMOTE_ADDR": "192.0.2.7"}
    )
    assert far.status_code == 403  # whoever is no proxy on this machine may write what it likes into the header
    centre.close()


def test_no_token_and_no_password_stands_in_the_database(site: Site, browser: Browser) -> None:
    """A copy of the database signs nobody in."""
    with_password(site.centre, "mei", INSPECTOR)
    browser.sign_in("mei", PASSWORD)
    with site.centre.database.write() as session:
        link = service.issue_link(session, service.find(session, "mei"), NOW)
        token = session.query(SignedIn).one().token
    held = b"".join(path.read_bytes() for path in site.centre.state.path.glob("collector.db*"))
    assert token in held
    for secret in (link, PASSWORD, browser.cookie()):
        assert secret.encode() not in held
