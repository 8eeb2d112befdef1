"""The visitor's phone: registered once, one tap at each venue, and a scan result that this checkpoint's gate takes."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from sync.collector.privacy.access import personal
from sync.collector.privacy.purge import Purge
from sync.collector.privacy.rotation import Rotation
from sync.collector.privacy.terms import Terms
from sync.collector.venues.service import create_checkpoint, create_venue, find_venue
from sync.collector.visitors import registry
from sync.collector.visitors.model import IssuedPass, Visitor
from sync.collector.visitors.phone import remembering
from sync.collector.visitors.phone.model import PhonePerson, Proof, Visit
from sync.collector.visitors.status.settings import Default
from sync.wire.passes import Status
from sync.wire.policy import Policy
from sync.wire.record import Direction, Outcome
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.people import CLERK, registered, somebody
from tests.sync.collector.phones import Town, judged, pass_of, town

BOTH = pytest.mark.parametrize("new_state", ["sqlite", "postgresql"], indirect=True)


@BOTH
def test_from_the_venue_code_to_an_open_gate(site: Site) -> None:
    """R1, R3: form, code by message, one tap; the gate of that checkpoint reads the page and opens."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().go(f"/v/{at}")
    assert "登记一次" in phone.words
    phone.register(1, at)
    assert phone.where == f"/v/{at}"
    assert "您是 欧阳试验1号" in phone.words
    phone.enter(at)
    assert phone.where.startswith("/phone/result/")
    for said in ("绿码", "东门市场", "南门 进", "没有检测记录", "2026-"):
        assert said in phone.words
    text = pass_of(phone.raw)
    assert judged(here, text) == (Outcome.PASS, ["green"])
    assert judged(here, text, NOW + 121)[0] is Outcome.DENY, "a screenshot is worth two minutes"
    with here.centre.database.read() as session:
        (visit,) = session.scalars(select(Visit)).all()
        (kept,) = session.scalars(select(IssuedPass)).all()
    assert (visit.venue, visit.checkpoint, visit.direction, visit.at, visit.proof) == (1, 1, "in", NOW, Proof.CODE)
    assert kept.holder == visit.visitor


@pytest.mark.parametrize(
    ("status", "outcome", "word"),
    [(Status.RED, Outcome.DENY, "红码"), (Status.YELLOW, Outcome.REFER, "黄码"), (Status.GREEN, Outcome.PASS, "绿码")],
)
def test_the_authoritys_word_is_on_the_page_at_the_next_look(
    site: Site, status: Status, outcome: Outcome, word: str
) -> None:
    """Also for somebody of whom nothing was known; why stands only where its owner opens it."""
    here = town(site, Default.UNKNOWN)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    assert "码色未知" in phone.words
    assert judged(here, pass_of(phone.raw))[0] is Outcome.REFER
    here.says(1, status)
    phone.go(phone.where)
    assert word in phone.words
    assert judged(here, pass_of(phone.raw))[0] is outcome
    assert "<details>" in phone.raw
    assert "属地已核查" in phone.raw.partition("<details>")[2]
    assert "属地已核查" not in phone.raw.partition("<details>")[0]


def test_each_look_is_a_new_pass_and_the_same_visit(site: Site) -> None:
    """Renewal by a link; a second tap within ten minutes is no second visit, half an hour later it is scanned again."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    first, result = pass_of(phone.raw), phone.where
    assert pass_of(phone.go(result).raw) != first
    assert phone.enter(at).where == result
    here.now += 601
    assert phone.enter(at).where != result
    here.now += 1800
    phone.go(result)
    assert "这次登记已经过去" in phone.words
    assert "<svg" not in phone.raw.partition("<main")[2]


def test_a_code_of_the_whole_venue_asks_which_door(site: Site) -> None:
    """A scan result is for one checkpoint; without any there is a visit and no symbol."""
    here = town(site)
    with here.centre.database.write() as session:
        create_checkpoint(session, 1, "北门", Direction.OUT)
    at = here.code_of(None)
    phone = here.phone().register(1, at)
    assert "您在哪个口" in phone.words
    phone.enter(at, door="2")
    assert "北门 出" in phone.words
    assert judged(here, pass_of(phone.raw)) == (Outcome.DENY, ["elsewhere"]), "the gate of the other door"
    for wrong in ({}, {"door": "3"}, {"door": "²"}, {"door": "9" * 400}):
        assert phone.enter(at, **wrong).status == 404
    with here.centre.database.write() as session:
        create_venue(session, "没有检测点的店")
    with here.centre.database.write() as session:
        from sync.collector.venues import codes

        shop = find_venue(session, 2)
        codes.issue_missing(session, shop, NOW)
        at = codes.of_place(session, shop, None).token
    phone.enter(at)
    assert "给检测员看" in phone.words
    assert 'class="symbol"' not in phone.raw


@BOTH
def test_companions_come_along_and_the_worst_counts(site: Site) -> None:
    """R6: each has a status of their own; a document that nobody saw is unknown, and gates refer."""
    here = town(site, colour_needs="word")
    at = here.code_of()
    phone = here.phone().register(1, at).bring(2).bring(3)
    assert "欧阳试验3号" in phone.words
    phone.enter(at, **{"with": ["1", "2"]})
    assert "3 人" in phone.words
    text = pass_of(phone.raw)
    assert judged(here, text, policy=Policy(companions=Outcome.PASS)) == (Outcome.PASS, ["green", "companions"])
    here.says(3, Status.RED)
    phone.go(phone.where)
    assert "欧阳试验3号 · 红码" in phone.words
    assert "欧阳试验2号 · 绿码" in phone.words
    assert judged(here, pass_of(phone.raw))[0] is Outcome.DENY
    phone.enter(at, **{"with": ["1"]})
    assert "2 人 欧阳试验1号 · 绿码" in phone.words, "another party is another visit"
    assert "欧阳试验2号" in phone.go("/phone/visits").words
    with here.centre.database.read() as session:
        assert len(session.scalars(select(Visit)).all()) == 5


def test_a_companion_is_unknown_until_somebody_saw_the_document(site: Site) -> None:
    """Whoever types a stranger's number learns nothing: registered or not, red or not, the page is the same."""
    here = town(site)
    at = here.code_of()
    here.phone().register(2)
    here.phone().register(3)
    here.says(3, Status.RED)
    pages = []
    for number in (2, 3, 4):
        phone = here.phone().register(50 + number, at).bring(number)
        pages.append(re.sub(r"\d{1,2}号|…\d+[\dX]?|编号： \S+", "", phone.words))
        phone.enter(at, **{"with": ["1"]})
        assert f"欧阳试验{number}号 · 未知" in phone.words
        assert judged(here, pass_of(phone.raw))[0] is Outcome.REFER
        pages.append(phone.words.partition("一起")[0][:10])
    assert "证件未核验" in pages[0]
    with here.centre.database.write() as session:
        desk = session.scalars(select(PhonePerson.desk).where(PhonePerson.place == 1).order_by(PhonePerson.id)).all()
    for each in desk:
        with personal(here.centre, CLERK, NOW) as access:
            remembering.seen(access, each)
    phone.go(phone.where)
    assert "欧阳试验4号 · 绿码" in phone.words


def test_nine_people_are_enough(site: Site) -> None:
    """PassClaims.companions: eight at most; whoever is taken off makes room."""
    here = town(site)
    phone = here.phone().register(1)
    for number in range(2, 10):
        phone.bring(number)
    assert phone.bring(10).status == 422
    phone.go("/phone").go("/phone/leave/3", {})
    assert "欧阳试验4号" not in phone.words
    assert phone.bring(10).status == 200
    assert "欧阳试验10号" in phone.words


def test_visits_are_listed_for_their_owner_alone(site: Site) -> None:
    """21 days, newest first; another phone of the owner's sees them too, whoever else sees none."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    here.now += 20 * 86_400
    second = here.phone().register(1)
    assert "东门市场" in second.go("/phone/visits").words
    second.enter(at)
    words = phone.go("/phone/visits").words
    assert words.count("东门市场") == 2
    assert "用另一部手机登记" in words
    here.now += 2 * 86_400
    assert phone.go("/phone/visits").words.count("东门市场") == 1
    stranger = here.phone().register(2)
    assert "还没有行程" in stranger.go("/phone/visits").words
    assert stranger.go(second.where).status == 404, "another phone's result"
    assert "这部手机还没有登记" in here.phone().go("/phone/visits").words


def test_a_phone_is_forgotten_and_the_visits_stay(site: Site) -> None:
    """ "This is not me": the cookie is worth nothing afterwards, even where it was copied."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    kept = phone.client.get_cookie("venue-gate-visitor", "localhost")
    assert kept
    assert kept.http_only
    assert kept.same_site == "Lax"
    assert kept.path == "/"
    assert not kept.secure
    phone.go("/phone").go("/phone/leave/0", {})
    assert "还没有登记" in phone.words
    phone.client.set_cookie("venue-gate-visitor", kept.value, domain="localhost")
    assert "还没有登记" in phone.go("/phone").words
    with here.centre.database.read() as session:
        assert len(session.scalars(select(Visit)).all()) == 1


@BOTH
def test_owners_get_their_visits_and_erasing_takes_them_along(site: Site) -> None:
    """Export and erasure include them; the phone is nobody's then."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    with here.centre.database.read() as session:
        (visitor,) = session.scalars(select(Visitor.id)).all()
    with personal(here.centre, CLERK, NOW) as access:
        ((visit),) = registry.export(access, visitor)["visits"]
        assert (visit["venue_name"], visit["direction"], visit["proof"]) == ("东门市场", "in", "code")
        registry.erase(access, visitor)
    assert "还没有登记" in phone.go("/phone").words
    with here.centre.database.read() as session:
        assert session.scalars(select(Visit)).all() == []


@BOTH
def test_visits_go_when_their_term_is_over(site: Site) -> None:
    """The term of a record: 21 days unless said."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    here.now += 20 * 86_400
    phone.enter(at)
    run = Purge(here.centre.database, Terms(), NOW + 21 * 86_400 + 1)
    assert [done.visits for done in run.run()][-1] == 1
    with here.centre.database.read() as session:
        assert [visit.at for visit in session.scalars(select(Visit))] == [here.now]


def test_names_on_phones_follow_a_new_key(site: Site) -> None:
    """A rotation goes through them: the old key is gone, the page still says who it is."""
    here = town(site)
    phone = here.phone().register(1)
    rotation = Rotation(here.centre, CLERK, NOW)
    rotation.begin()
    assert "欧阳试验1号" in phone.go("/phone").words
    assert sum(rotation.run()) == 2
    assert rotation.end()
    assert "欧阳试验1号" in phone.go("/phone").words


def test_a_town_without_messages_takes_the_word_and_shows_no_colour(site: Site) -> None:
    """confirm_phone = false: somebody new and somebody's document alike are unknown until staff have seen it."""
    here = town(site, confirm_phone=False)
    at = here.code_of()
    first, second = here.phone(), here.phone()
    for phone in (first, second):
        phone.ask(1, at)
        assert phone.where == f"/v/{at}"
        phone.enter(at)
        assert "您的证件还没有核验" in phone.words
        assert judged(here, pass_of(phone.raw))[0] is Outcome.REFER
    assert here.sent() == []
    here.says(1, Status.RED)
    for phone in (first, second):
        assert "码色未知" in phone.go(phone.where).words, "a stranger with the number learns nothing"
        assert judged(here, pass_of(phone.raw)) == (Outcome.REFER, ["status_unknown"])
    desk = re.search(r'class="desk">(\w{4})-(\w{4})<', second.raw)
    assert desk
    with personal(here.centre, CLERK, NOW) as access:
        remembering.seen(access, desk[1] + desk[2])
    assert "红码" in second.go(second.where).words
    assert "码色未知" in first.go(first.where).words, "staff saw the other phone"


def test_a_town_that_can_send_nothing_says_so(site: Site) -> None:
    """No dead end: the sentence sends people to the staff."""
    here = Town(site)
    phone = here.phone().go(f"/v/{here.code_of()}")
    assert "暂时不能用手机登记" in phone.words
    assert "/phone/register" not in phone.raw
    assert "暂时不能用手机登记" in phone.go("/phone/register").words


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"number": "110105199003020027"}, "身份证号码不对"),
        ({"document": "passport", "number": "E1"}, "证件号码为 4 到 40"),
        ({"document": "nonsense"}, "请选择一项"),
        ({"phone": "12345"}, "手机号为 11 位数字"),
        ({"name": ""}, "请填写此项"),
        ({"name": "李\u202e梅"}, "姓名为 1 到 100 个"),
        ({"name": "李\x00梅"}, "姓名为 1 到 100 个"),
        ({"name": "梅" * 10_000}, "最长 100 个字符"),
        ({"number": "\x00" * 18}, "身份证号码不对"),
        ({"phone": "１３８\u200b"}, "手机号为 11 位数字"),
    ],
)
def test_what_cannot_be_is_told_beside_its_field(site: Site, typed: dict[str, str], said: str) -> None:
    """Hostile or mistyped: 422 in the words of its reader, and no message."""
    here = town(site)
    phone = here.phone().ask(1, **typed)
    assert (phone.status, said in phone.words) == (422, True), phone.words
    assert here.sent() == []


@pytest.mark.parametrize(
    "typed",
    [
        {"document": "passport", "number": "e 1234-5678", "name": "Zoë O’Neill 😀"},
        {"document": "hk-macau", "number": "H12345678", "phone": "+852 5123 4567"},
        {"document": "taiwan", "number": "12345678", "phone": "008613900000001"},
    ],
)
def test_travellers_register_with_their_documents(site: Site, typed: dict[str, str]) -> None:
    """Passports and permits, a phone from elsewhere."""
    here = town(site)
    at = here.code_of()
    phone = here.phone().register(1, at, **typed).enter(at)
    assert judged(here, pass_of(phone.raw))[0] is Outcome.PASS


def test_somebody_of_the_clerks_goes_on_by_their_own_phone(site: Site) -> None:
    """Registered on paper with that phone: the same person, verified as they were."""
    here = town(site, colour_needs="document")
    (visitor,) = registered(here.site, 1)
    with personal(here.centre, CLERK, NOW) as access:
        registry.verify(access, visitor)
    at = here.code_of()
    phone = here.phone().register(1, at).enter(at)
    assert "绿码" in phone.words
    other = here.phone().register(2, at).enter(at)
    assert "码色未知" in other.words
    with here.centre.database.read() as session:
        assert visitor in session.scalars(select(PhonePerson.visitor)).all()
    renamed = here.phone().register(1, name="别的名字").go("/phone")
    assert "别的名字" in renamed.words
    with personal(here.centre, CLERK, NOW) as access:
        assert registry.show(access, visitor).person == somebody(1), "a document that was seen is not renamed"
