"""A venue's own pages over HTTP: founding, changing, checkpoints, the township's word (R11, R12, R14, R17)."""

from __future__ import annotations

import re
from dataclasses import replace
from http import HTTPStatus
from threading import Barrier, Thread
from typing import Any

import pytest

from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.accounts.service import Held
from sync.collector.errors import Mistake
from sync.collector.fleet.service import create_gate
from sync.collector.intake.model import HourlyCount
from sync.collector.members import declaration
from sync.collector.privacy import audit
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Actor
from sync.collector.venues import approval, founding, history
from sync.collector.venues.founding import Particulars
from sync.collector.venues.model import Checkpoint, Venue, VenueState, VenueVersion
from sync.collector.venues.opening import Opening
from sync.collector.venues.positions import Position
from sync.collector.visitors.phone.model import VISIT_ID, Visit
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.staff import employ
from tests.sync.collector.visit import Browser, words

BOTH = pytest.mark.parametrize("new_state", ["sqlite", "postgresql"], indirect=True)
XINAN = "440607001"
SHOP = {
    "name": "佛山市三水区西南街道永安百货有限公司",
    "credit_code": "91440607MA4UQ5EK55",
    "kind": "2.supermarket",
    "address": "人民三路 35 号",
    "latitude": "23.1558",
    "longitude": "112.8967",
    "system": "wgs84",
    "opens": "08:00",
    "closes": "20:00",
    "days": ["1", "2", "3", "4", "5", "6", "7"],
}
TOLD = Particulars(
    name=str(SHOP["name"]),
    region=XINAN,
    address="人民三路 35 号",
    kind="2.supermarket",
    credit_code="",
    position=Position(23.1558, 112.8967),
    opening=Opening(8 * 60, 20 * 60),
)


def somebody(site: Site, login: str, *appointments: Appointment) -> Browser:
    return Browser(site, login=login, appointments=appointments)


def the_venue(site: Site, name: str = str(SHOP["name"])) -> Venue:
    with site.centre.database.read() as session:
        return session.query(Venue).filter_by(name=name).one()


def needing_approval(site: Site) -> Site:
    """The same town, where a new venue waits for the township."""
    settings = site.centre.settings
    venues = type(settings.venues)(approval=True)
    return replace(site, centre=replace(site.centre, settings=_with(settings, venues=venues)))


def _with(settings: Any, **changes: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(settings, **changes)


def acting(site: Site) -> Any:
    """A transaction of somebody."""
    return personal(site.centre, Actor("account test", "test"), NOW)


def found(site: Site, login: str, told: Particulars = TOLD, *, needs_approval: bool = False) -> int:
    """A venue of somebody new."""
    number = employ(site.centre, login, now=NOW)
    with personal(site.centre, Actor(f"account {login}", "test"), NOW) as access:
        account = access.session.get_one(Account, number)
        return founding.found(access, account, told, needs_approval=needs_approval).id


def test_a_manager_founds_a_venue_and_can_begin_at_once(site: Site) -> None:
    """R11: name, code, kind, address, position, hours; a first checkpoint and the declaration code come with it."""
    mei = somebody(site, "mei")
    assert "我是管理员" in mei.words("/venues/mine")
    answer = mei.post(f"/venues/new/{XINAN}", **SHOP)
    assert answer.status_code == HTTPStatus.SEE_OTHER, words(answer)
    venue = the_venue(site)
    assert (venue.state, venue.region, venue.credit_code) == ("active", XINAN, SHOP["credit_code"])
    assert (venue.latitude, venue.longitude) == (23.1558, 112.8967)
    with site.centre.database.read() as session:
        code = declaration.of_venue(session, venue.id)
    shown = mei.words(f"/venues/{venue.id}")
    for part in ("广东省佛山市三水区西南街道", "人民三路 35 号", "超市", "每天 08:00–20:00", code or "?", "正门"):
        assert part in shown, part
    assert "我是管理员" not in mei.words("/venues/mine")


def test_the_region_is_chosen_down_to_the_township_by_links_alone(site: Site) -> None:
    """R11; a phone without JavaScript. A county is not enough, an unknown code is no page."""
    mei = somebody(site, "mei")
    assert "广东省" in mei.words("/venues/new")
    assert "?within=4406" in mei.get("/venues/new?within=44").text
    assert f"/venues/new/{XINAN}" in mei.get("/venues/new?within=440607").text
    assert mei.get(f"/venues/new?within={XINAN}").location == f"/venues/new/{XINAN}"
    assert mei.get("/venues/new/440607").location == "/venues/new"
    assert mei.get("/venues/new?within=999").status_code == HTTPStatus.NOT_FOUND
    assert mei.get("/venues/new?within=44%00").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "请填写此项"),
        ("name", "永" * 101, "最长 100 个字符"),
        ("name", "东门市场", "这个名称已经有了"),
        ("name", "永安\u202e百货有限公司", "可显示的字符"),
        ("credit_code", "91440607MA4UQ5EK5A", "校验位不符"),
        ("credit_code", "123", "18位"),
        ("kind", "", "请填写此项"),
        ("address", "", "请填写此项"),
        ("latitude", "north", "两个数"),
        ("latitude", "230.1", "纬度在"),
        ("opens", "25:00", "08:00 的格式"),
        ("days", [], "至少选择一个"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_beside_the_field(site: Site, field: str, value: object, said: str) -> None:
    """And nothing is stored."""
    answer = somebody(site, "mei").post(f"/venues/new/{XINAN}", **(SHOP | {field: value}))
    assert (answer.status_code, said in words(answer)) == (HTTPStatus.UNPROCESSABLE_ENTITY, True), words(answer)
    with site.centre.database.read() as session:
        assert session.query(Venue).count() == 1


def test_a_name_like_an_abbreviation_is_advised_against_not_forbidden(site: Site) -> None:
    """R11: whoever has the licence in hand knows better."""
    mei, odd = somebody(site, "mei"), SHOP | {"name": "永安百货"}
    answer = mei.post(f"/venues/new/{XINAN}", **odd)
    assert (answer.status_code, "简称" in words(answer)) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
    assert mei.post(f"/venues/new/{XINAN}", **odd, sure="y").status_code == HTTPStatus.SEE_OTHER
    assert the_venue(site, "永安百货").state == "active"


def test_coordinates_of_a_chinese_map_are_kept_as_wgs84(site: Site) -> None:
    """Half a kilometre lies between the two."""
    mei = somebody(site, "mei")
    mei.post(f"/venues/new/{XINAN}", **(SHOP | {"system": "gcj02"}))
    venue = the_venue(site)
    assert venue.latitude is not None
    assert 0.001 < venue.latitude - 23.1558 < 0.006


def test_an_administrator_has_one_venue(site: Site) -> None:
    """R12, told in words."""
    mei = somebody(site, "mei")
    mei.post(f"/venues/new/{XINAN}", **SHOP)
    answer = mei.post(f"/venues/new/{XINAN}", **(SHOP | {"name": "佛山市三水区第二百货有限公司", "credit_code": ""}))
    assert "一人管理一个场所" in words(answer)


@BOTH
def test_two_requests_at_once_found_one_venue(site: Site) -> None:
    """R12: the database decides, not a look before."""
    number = employ(site.centre, "mei", now=NOW)
    start, ends = Barrier(4), []

    def go(turn: int) -> None:
        start.wait()
        try:
            with personal(site.centre, Actor("account mei", "test"), NOW) as access:
                account = access.session.get_one(Account, number)
                told = replace(TOLD, name=f"佛山市三水区第{turn}百货有限公司")
                founding.found(access, account, told, needs_approval=False)
            ends.append("founded")
        except Held:
            ends.append("held")

    threads = [Thread(target=go, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ends) == ["founded", "held", "held", "held"]
    with site.centre.database.read() as session:
        assert session.query(Venue).count() == 2


def test_names_and_kinds_are_known_as_they_were(site: Site) -> None:
    """R14: records point at what was true then."""
    number = found(site, "mei")
    with personal(site.centre, Actor("account mei", "test"), NOW + 1000) as access:
        account = access.session.query(Account).filter_by(login="mei").one()
        venue = access.session.get_one(Venue, number)
        later = replace(TOLD, name="佛山市三水区永安商场有限公司", kind="2.mall")
        for _ in range(2):
            founding.amend(access, account, venue, later, needs_approval=False)
    with site.centre.database.read() as session:
        before, after = (history.as_of(session, number, at) for at in (NOW + 999, NOW + 1000))
        assert before is not None
        assert after is not None
        assert (before.name, before.kind) == (TOLD.name, "2.supermarket")
        assert (after.name, after.kind) == ("佛山市三水区永安商场有限公司", "2.mall")
        assert session.query(VenueVersion).filter_by(venue_id=number).count() == 2, "the same again is no change"


def test_a_refused_venue_is_mended_and_asks_again(site: Site) -> None:
    """R11: the township's approval as a setting; its reason is what the administrator reads."""
    town = needing_approval(site)
    mei, authority = somebody(town, "mei"), somebody(town, "wu", Appointment(Role.AUTHORITY, region="4406"))
    mei.post(f"/venues/new/{XINAN}", **SHOP)
    number = the_venue(site).id
    assert "等待镇街审核" in mei.words(f"/venues/{number}")
    assert re.search(r"\d{6}", mei.words(f"/venues/{number}").partition("场所信息")[0]) is None, "no code before"
    assert "待审核 1 个" in authority.words("/venues")
    assert authority.post(f"/venues/{number}/refuse", refusal="").status_code == HTTPStatus.SEE_OTHER
    assert the_venue(site).state == "waiting", "a reason is needed"
    authority.post(f"/venues/{number}/refuse", refusal="名称与执照不符")
    assert "名称与执照不符" in mei.words(f"/venues/{number}")
    answer = mei.post(f"/venues/{number}/edit", **SHOP)
    assert answer.status_code == HTTPStatus.SEE_OTHER, words(answer)
    assert the_venue(site).state == "waiting"
    authority.post(f"/venues/{number}/approve")
    assert the_venue(site).state == "active"
    authority.post(f"/venues/{number}/refuse", refusal="too late")
    assert the_venue(site).state == "active", "an active one can be closed, not refused"
    authority.post(f"/venues/{number}/close")
    assert the_venue(site).state == "closed"


@pytest.mark.parametrize(("needs_approval", "state"), [(True, "waiting"), (False, "active")])
def test_a_venue_that_moves_to_another_township_asks_that_one(site: Site, needs_approval: bool, state: str) -> None:
    """Approved in one township is not approved in the next; where none is asked, nothing waits."""
    number = found(site, "mei")
    with acting(site) as access:
        account, venue = (
            access.session.query(Account).filter_by(login="mei").one(),
            access.session.get_one(Venue, number),
        )
        founding.amend(access, account, venue, replace(TOLD, address="人民四路 1 号"), needs_approval=needs_approval)
        assert venue.state == "active"
        founding.amend(access, account, venue, replace(TOLD, region="440607101"), needs_approval=needs_approval)
        assert venue.state == state


def test_whose_venue_was_closed_may_found_another(site: Site) -> None:
    """R12 binds somebody to one venue, not to one for ever."""
    mei = somebody(site, "mei")
    mei.post(f"/venues/new/{XINAN}", **SHOP)
    first = the_venue(site).id
    with acting(site) as access:
        approval.decide(access, access.session.get_one(Venue, first), VenueState.CLOSED)
    assert "我是管理员" in mei.words("/venues/mine")
    other = SHOP | {"name": "佛山市三水区第二百货有限公司", "credit_code": ""}
    assert mei.post(f"/venues/new/{XINAN}", **other).status_code == HTTPStatus.SEE_OTHER
    assert mei.get(f"/venues/{first}/members").status_code == HTTPStatus.FORBIDDEN


def test_a_township_sees_and_decides_its_own_venues_only(site: Site) -> None:
    """By the code of its division."""
    number = found(site, "mei")
    other = somebody(site, "wu", Appointment(Role.AUTHORITY, region="440608"))
    assert TOLD.name not in other.words("/venues")
    for path in ("approve", "close"):
        assert other.post(f"/venues/{number}/{path}").status_code == HTTPStatus.FORBIDDEN
    assert other.get(f"/venues/{number}").status_code == HTTPStatus.FORBIDDEN
    assert TOLD.name in somebody(site, "li", Appointment(Role.AUTHORITY, region="440607")).words("/venues")


def test_an_administrator_is_nobody_at_the_next_venue(site: Site) -> None:
    """Every page of a venue asks at that venue; what is not there is no page."""
    mine = found(site, "mei")
    other = somebody(site, "lan", Appointment(Role.VENUE_ADMINISTRATOR, venue=1))
    for path in ("", "/edit", "/checkpoints", "/members", "/region", "/checkpoints/2"):
        assert other.get(f"/venues/{mine}{path}").status_code == HTTPStatus.FORBIDDEN, path
    for path in ("/edit", "/checkpoints", "/declaration-code", "/requests/1/accept", "/checkpoints/2/close"):
        assert other.post(f"/venues/{mine}{path}").status_code == HTTPStatus.FORBIDDEN, path
    assert other.get("/venues/99").status_code == HTTPStatus.NOT_FOUND
    assert other.get("/venues/1/checkpoints/2").status_code == HTTPStatus.NOT_FOUND, "another venue's checkpoint"


def test_checkpoints_come_and_go_and_never_all_of_them(site: Site) -> None:
    """R17; one where a gate stands is not closed under it."""
    lan = somebody(site, "lan", Appointment(Role.VENUE_ADMINISTRATOR, venue=1))
    lan.post("/venues/1/checkpoints/1/close")
    assert "至少要有一个检测点" in _flashed(lan)
    lan.post("/venues/1/checkpoints", name="北门", direction="out")
    assert "北门 出" in lan.words("/venues/1/checkpoints")
    assert "这个名称已经有了" in words(lan.post("/venues/1/checkpoints", name="北门", direction="in"))
    with site.centre.database.write() as session:
        create_gate(session, 2, "2号闸机")
    lan.post("/venues/1/checkpoints/2/close")
    assert _closed(site, 2) is None
    lan.post("/venues/1/checkpoints/1/close")
    assert _closed(site, 1) == NOW
    lan.post("/venues/1/checkpoints/1/open")
    lan.post("/venues/1/checkpoints/1", name="南大门", direction="out")
    with site.centre.database.read() as session:
        checkpoint = session.get_one(Checkpoint, 1)
        assert (checkpoint.name, checkpoint.direction, checkpoint.closed_at) == ("南大门", "out", None)
        acts = [line.act for line in audit.lines(session.connection())]
    assert acts.count("checkpoint") == 4


def _closed(site: Site, number: int) -> float | None:
    with site.centre.database.read() as session:
        return session.get_one(Checkpoint, number).closed_at


def _flashed(browser: Browser) -> str:
    """The browsers of these tests keep no cookies: what was refused is asked of the service."""
    with browser.site.centre.database.write() as session:
        from sync.collector.languages import spoken
        from sync.collector.venues import service
        from sync.collector.venues import words as venue_words

        try:
            service.close_checkpoint(session, session.get_one(Checkpoint, 1), NOW)
        except Mistake as cause:
            with spoken("zh"):
                return venue_words.mistake(cause)
    return ""


def registered(site: Site, venue: int, hour: int) -> None:
    """Somebody was registered there in that hour."""
    key = {"venue": venue, "checkpoint": 1, "direction": "in", "inspector": 0, "hour": hour, "type": "scan"}
    totals = {"count": 1, "measured": 1, "not_measured": 0, "fevers": 0}
    with site.centre.database.write() as session:
        session.add(HourlyCount(**key, outcome="pass", kind="", **totals))


def test_a_venue_is_silent_when_it_is_open_and_nobody_is_registered(site: Site) -> None:
    """R10: nights and days off are no silence. NOW is 22:13 on a Monday evening in China."""
    number = found(site, "mei", replace(TOLD, opening=Opening(8 * 60, 20 * 60)))
    with site.centre.database.read() as session:
        venue = session.get_one(Venue, number)
    day = 86_400.0
    assert approval.quiet_seconds(venue, None, NOW + 10 * 3600) == pytest.approx(600, abs=900), "closed till 08:00"
    assert approval.quiet_seconds(venue, None, NOW + day) == 12 * 3600
    authority = somebody(site, "wu", Appointment(Role.AUTHORITY, region=""))
    assert TOLD.name not in authority.words("/venues?shown=silent")
    authority = Browser(site, NOW + day, "wu2", (Appointment(Role.AUTHORITY, region=""),))
    assert TOLD.name in authority.words("/venues?shown=silent")
    registered(site, number, int((NOW + day) // 3600) - 4)  # 18:00 to 19:00 of that day
    assert TOLD.name not in authority.words("/venues?shown=silent")


def test_phones_that_scan_the_poster_break_the_silence_and_are_counted_apart(site: Site) -> None:
    """R10, R15: a shop with a poster and neither gate nor inspector is no silent one."""
    number = found(site, "mei")
    at, later = NOW + 86_400.0 - 4 * 3600, NOW + 86_400.0
    visit = {"phone": bytes(32), "place": 0, "venue": number, "checkpoint": 2, "direction": "in", "proof": 0}
    authority = Browser(site, later, "wu", (Appointment(Role.AUTHORITY, region=""),))
    assert TOLD.name in authority.words("/venues?shown=silent")
    with site.centre.database.write() as session:
        session.add_all([Visit(visitor=f"{who:016x}", id="0" * VISIT_ID, at=at, **visit) for who in range(3)])
    assert TOLD.name not in authority.words("/venues?shown=silent")
    assert "扫场所码登记：进 3 人" in authority.words(f"/venues/{number}/statistics")


def test_the_list_is_searched_and_paged(site: Site) -> None:
    """A province has 26,000; a page is a page. A wild card in the search is a letter."""
    with site.centre.database.write() as session:
        for number in range(60):
            session.add(Venue(name=f"第{number:02d}号药店", region=XINAN, created_at=NOW - number))
    authority = somebody(site, "wu", Appointment(Role.AUTHORITY, region="44"))
    first, second = (re.findall(r"第\d\d号药店", authority.get(f"/venues?page={page}").text) for page in (0, 1))
    assert (len(first), len(second), first[0]) == (50, 10, "第00号药店")
    some = authority.words("/venues?text=07号")
    assert ("第07号药店" in some, "第08号" in some) == (True, False)
    assert "没有符合条件的场所" in authority.words("/venues?text=%25")
    assert authority.get("/venues?page=999999999999&shown=none").status_code == HTTPStatus.OK


def test_every_state_has_a_way_out_and_no_shortcut(site: Site) -> None:
    """Deciding is bound to the present state: somebody may have been faster."""
    number = found(site, "mei", needs_approval=True)
    with personal(site.centre, Actor("account wu", "test"), NOW) as access:
        venue = access.session.get_one(Venue, number)
        approval.decide(access, venue, VenueState.ACTIVE)
        for state in (VenueState.ACTIVE, VenueState.REFUSED):
            with pytest.raises(approval.NotSo):
                approval.decide(access, venue, state)
