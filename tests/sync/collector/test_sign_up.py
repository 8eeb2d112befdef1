"""Making one's own account: a link to the address that becomes the login, and nothing kept of who only asked."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import pytest

from sync.collector.accounts import secrets, service, sign_up
from sync.collector.accounts.model import Account
from sync.collector.app import create_app
from sync.collector.messages.model import MessageRow
from sync.collector.messages.settings import MessagesSettings
from sync.collector.venues.settings import VenueSettings
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import employ
from tests.sync.collector.test_signing_in import Browser

PASSWORD = "correct mule staple harbour"


@pytest.fixture
def town(site: Site) -> Site:
    """A centre whose messages have a way out."""
    messages = MessagesSettings(directory=str(site.directory / "messages"))
    settings = msgspec.structs.replace(site.centre.settings, messages=messages)
    return replace(site, centre=replace(site.centre, settings=settings))


def browser(site: Site, now: float = NOW) -> Browser:
    return Browser(create_app(site.centre, lambda: now))


def sent(site: Site) -> list[tuple[str, str]]:
    """To whom, and the text, of each message that waits."""
    from sync.collector.messages.queue import Queue

    queue = Queue(secrets.load(site.centre.state), lambda: 0.5)
    found = []
    while (claimed := queue.claim(site.centre.database, NOW, set())) is not None:
        message = queue.open(claimed)
        found.append((message.to, message.text))
    return found


def asked(town: Site, name: str = "李梅", contact: str = "138 0013 8000") -> Browser:
    mine = browser(town).go("/sign-up")
    return mine.go("/sign-up", name=name, contact=contact)


def test_from_the_sign_in_page_to_a_venue_of_ones_own(town: Site) -> None:
    """R11: a shopkeeper needs nobody's help. The phone's number is the login."""
    assert "/sign-up" in browser(town).go("/sign-in").page
    mine = asked(town)
    assert "请查收" in mine.page
    with town.centre.database.read() as session:
        assert session.query(Account).count() == 0, "nothing is kept of who only asked"
    ((to, text),) = sent(town)
    assert to == "tel:+8613800138000"
    path = re.search(r"(/join/[\w-]+)", text)
    assert path
    mine.go(path[1]).go(path[1])  # opening it uses nothing up
    mine.go(path[1], password=PASSWORD, again=PASSWORD)
    mine.sign_in("13800138000", PASSWORD)
    assert "我是管理员" in mine.go("/venues/mine").page
    used = browser(town).go(path[1])
    assert used.go(path[1], password=PASSWORD, again=PASSWORD).status == 404, "a link works once"


def test_the_page_never_says_who_has_an_account(town: Site) -> None:
    """The owner of the address is told, nobody else; the account stays as it is."""
    employ(town.centre, "13800138000", now=NOW)
    known, unknown = asked(town), asked(town, contact="13800138001")
    assert _main(known.page) == _main(unknown.page)
    texts = dict(sent(town))
    assert "您已有账户" in texts["tel:+8613800138000"]
    assert "/join/" not in texts["tel:+8613800138000"]


def _main(page: str) -> str:
    return re.sub(r"(?s)^.*<main", "", page)


@pytest.mark.parametrize(
    ("name", "contact", "said"),
    [
        ("李梅", "not an address", "请填写邮箱"),
        ("李\u202e梅", "13800138000", "姓名为 1 到 100 个"),
        ("", "13800138000", "请填写此项"),
        ("李梅", "!#$%@example.org", "登录名只能用"),
    ],
)
def test_what_cannot_be_is_told_and_costs_no_message(town: Site, name: str, contact: str, said: str) -> None:
    """In the words of its reader."""
    mine = asked(town, name, contact)
    assert (mine.status, said in mine.page) == (422, True), mine.page
    assert sent(town) == []


def test_nobody_is_flooded_with_links(town: Site) -> None:
    """Three to one address, then a wait; thirty from one place."""
    for _ in range(3):
        asked(town)
    assert asked(town).status == 429
    assert len(sent(town)) == 3


@pytest.mark.parametrize("token", ["x", "é", "A" * 3000, "AAAA" * 20])
def test_a_link_that_is_none_of_ours_is_over(town: Site, token: str) -> None:
    """Hostile or cut off by a messenger."""
    assert browser(town).go(f"/join/{token}").status == 404


def test_a_link_grows_old_and_belongs_to_this_centre(town: Site) -> None:
    """24 hours; sealed with another centre's key it is nothing."""
    asked(town)
    token = re.search(r"/join/([\w-]+)", sent(town)[0][1])
    assert token
    key = secrets.load(town.centre.state)
    assert sign_up.applicant(key, token[1], NOW) is not None
    assert sign_up.applicant(key, token[1], NOW + 24 * 3600) is None
    assert sign_up.applicant(secrets.AccountKey(bytes(32)), token[1], NOW) is None


def test_where_messages_have_no_way_or_the_town_says_no_it_is_not_offered(site: Site, town: Site) -> None:
    """IT then makes the accounts."""
    closed = msgspec.structs.replace(town.centre.settings, venues=VenueSettings(sign_up=False))
    for each in (site, replace(town, centre=replace(town.centre, settings=closed))):
        mine = browser(each)
        assert "/sign-up" not in mine.go("/sign-in").page
        assert mine.go("/sign-up").status == 404


def test_an_account_of_ones_own_has_no_role(town: Site) -> None:
    """It may found a venue and ask to be bound, and nothing else."""
    asked(town)
    token = re.search(r"/join/([\w-]+)", sent(town)[0][1])
    assert token
    who = sign_up.applicant(secrets.load(town.centre.state), token[1], NOW)
    assert who
    sign_up.join(town.centre, secrets.load(town.centre.state), who, PASSWORD, NOW)
    with town.centre.database.read() as session:
        assert service.find(session, "13800138000").roles() == ()
        assert session.query(MessageRow).count() == 1


@pytest.mark.parametrize("other", ["MEI@Example.org", "mei@EXAMPLE.ORG", "Mei@example.org"])
def test_a_mailbox_is_one_however_it_is_written(town: Site, other: str) -> None:
    """It is the same login, so it is the same three links."""
    for _ in range(3):
        asked(town, contact="mei@example.org")
    assert asked(town, contact=other).status == 429


def test_a_number_from_abroad_is_nobody_s_number_here(town: Site) -> None:
    """+1 380 013 8000 is a telephone in Ohio: its owner does not become 13800138000."""
    asked(town, contact="+1 380 013 8000")
    token = re.search(r"/join/([\w-]+)", sent(town)[0][1])
    assert token
    who = sign_up.applicant(secrets.load(town.centre.state), token[1], NOW)
    assert who
    assert (who.login, who.address) == ("0013800138000", "tel:+13800138000")


def test_digits_of_a_chinese_keyboard_are_a_number(town: Site) -> None:
    """Full-width."""
    asked(town, contact="１３８００１３８０００")
    assert sent(town)[0][0] == "tel:+8613800138000"


def test_a_clock_that_was_set_back_a_little_ends_no_link(town: Site) -> None:
    """As with every other link: five minutes."""
    asked(town)
    token = re.search(r"/join/([\w-]+)", sent(town)[0][1])
    assert token
    key = secrets.load(town.centre.state)
    assert sign_up.applicant(key, token[1], NOW - 299) is not None
    assert sign_up.applicant(key, token[1], NOW - 301) is None


def test_a_town_that_ended_sign_up_ended_its_links(town: Site) -> None:
    """Those that were sent before, too."""
    asked(town)
    path = re.search(r"/join/[\w-]+", sent(town)[0][1])
    assert path
    closed = msgspec.structs.replace(town.centre.settings, venues=VenueSettings(sign_up=False))
    assert browser(replace(town, centre=replace(town.centre, settings=closed))).go(path[0]).status == 404
