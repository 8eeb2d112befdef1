"""The inspector's page and the statistics over HTTP: who may, what is told, what a hostile or hurried browser gets."""

from __future__ import annotations

import json
import re
import secrets
import threading
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import event, select, text

from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.fleet.service import set_policy
from sync.collector.intake.api import take_batch
from sync.collector.intake.hours import KEY, TOTALS
from sync.collector.intake.model import HourlyCount, RecordRow
from sync.collector.invariants import broken
from sync.collector.registration.model import DisinfectionRow
from sync.collector.statistics import counts, figures
from sync.collector.statistics.figures import Cell, Figures
from sync.collector.venues.model import Venue
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire import jsonform
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Passage, Passed, Place
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Gate, Reply, Served, Site
from tests.sync.collector.staff import employ, signed_in

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
INSPECTOR = Appointment(Role.INSPECTOR, venue=1)
ADMINISTRATOR = Appointment(Role.VENUE_ADMINISTRATOR, venue=1)
DAY = date(2026, 9, 21)  # of NOW, in China


@dataclass
class Phone:
    """A browser where an inspector is signed in."""

    served: Served

    def get(self, path: str) -> Reply:
        return self.served.request("GET", path)

    def page(self, path: str = "/venues/1/inspect") -> str:
        reply = self.get(path)
        assert reply.status == 200, reply.body
        return reply.body.decode()

    def state(self) -> dict[str, Any]:
        reply = self.get("/venues/1/inspect/state")
        assert reply.status == 200, reply.body
        told: dict[str, Any] = json.loads(reply.body)
        return told

    def start(self) -> Phone:
        """Get a token; the cookie that belongs to it is the one that came with it."""
        reply = self.get("/venues/1/inspect/state")
        self.token = json.loads(reply.body)["token"]
        cookie = reply.headers["set-cookie"].partition(";")[0]
        self.served = Served(self.served.centre, self.served.port, cookie)
        return self

    def post(self, path: str, **fields: str) -> Reply:
        headers = {"Content_Type": "application/x-www-form-urlencoded", "X_CSRFToken": self.token}
        return self.served.request("POST", path, urlencode(fields).encode(), **headers)

    def tap(self, finding: str = "normal", **fields: str) -> Reply:
        made = {"nonce": secrets.token_hex(16), "finding": finding, "checkpoint": "1", "direction": "in"}
        return self.post("/venues/1/inspect/taps", **made | fields)


@pytest.fixture
def phone(served: Served) -> Phone:
    return Phone(served.signed_in(INSPECTOR)).start()


def visible(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def stored(site: Site) -> int:
    with site.centre.database.read() as session:
        return len(session.scalars(select(RecordRow.sequence)).all())


@both
def test_a_tap_is_answered_with_what_became_of_it(site: Site, phone: Phone) -> None:
    """Outcome, the day's numbers, the nonce that says the answer is to this tap."""
    nonce = secrets.token_hex(16)
    told = json.loads(phone.tap(people="2", nonce=nonce).body)
    assert (told["nonce"], told["outcome"], told["taken_back"]) == (nonce, "pass", False)
    assert told["today"]["mine"] == told["today"]["venue"]
    assert (told["today"]["mine"]["entered"], told["today"]["mine"]["measured"]) == (2, 2)
    told = json.loads(phone.tap("reading", temperature="38.1").body)
    assert (told["outcome"], told["today"]["mine"]["fevers"]) == ("deny", 1)
    told = json.loads(phone.tap("take_back", takes_back=nonce).body)
    assert (told["taken_back"], told["today"]["mine"]["entered"]) == (True, 0)
    page = phone.page()
    assert 'data-figure="mine.fevers">1<' in page
    assert broken(site.centre.database) == []


def test_what_is_refused_is_told_with_a_reason(site: Site, phone: Phone) -> None:
    """The page keeps it and shows it to the inspector: nothing vanishes."""
    with site.centre.database.write() as session:
        set_policy(session, b'{"not_measured":"deny"}', NOW)
    for fields, why in (
        ({"finding": "reading", "temperature": "50"}, "temperature"),
        ({"finding": "not_measured"}, "must_measure"),
        ({"age": "90000"}, "too_old"),
        ({"checkpoint": "7"}, "checkpoint"),
        ({"people": "99"}, "malformed"),
        ({"finding": "take_back", "takes_back": "ab" * 16}, "not_there"),
    ):
        reply = phone.tap(**{"finding": "normal"} | fields)
        told = json.loads(reply.body)
        assert (reply.status, told["refused"]) == (422, why)
        assert told["sentence"]
    assert phone.state()["must_measure"] is True
    assert stored(site) == 0


def test_a_temperature_that_was_typed_outranks_the_big_button(phone: Phone) -> None:
    """R4: Enter in the field presses the first button of a form, which says "normal"."""
    assert json.loads(phone.tap("normal", temperature="38.0").body)["outcome"] == "deny"


def test_without_a_token_or_a_session_nothing_is_taken(site: Site, served: Served, phone: Phone) -> None:
    """400 and 401 for the script, the door for a form: it keeps what it has and asks again."""
    good, phone.token = phone.token, "forged"
    assert phone.tap().status == 400
    phone.token = good
    stranger = Phone(served)
    assert stranger.get("/venues/1/inspect/state").status == 401
    assert stranger.get("/venues/1/inspect").status == 303
    assert stored(site) == 0


def test_a_tap_says_whose_it_is(site: Site, phone: Phone) -> None:
    """Another inspector's, left on the same phone, waits until its own is signed in: 401, and nothing is stored."""
    me = str(phone.state()["inspector"] or 1)
    for stranger in ("7", "", "x"):
        assert phone.tap(inspector=stranger).status == 401
    assert stored(site) == 0
    assert phone.tap(inspector=me).status == 200


PATHS = ("/inspect", "/inspect/state", "/statistics", "/statistics/flow.svg", "/statistics/hours.csv")


@pytest.mark.parametrize("path", PATHS)
def test_another_venues_people_see_nothing_here(site: Site, served: Served, path: str) -> None:
    """An inspector of one market is nobody at the next; a venue that is not there is not there."""
    with site.centre.database.write() as session:
        create_venue(session, "西门市场")
    phone = Phone(served.signed_in(Appointment(Role.INSPECTOR, venue=2)))
    assert phone.get(f"/venues/1{path}").status == 403
    assert phone.get(f"/venues/2{path}").status == 200
    for number in ("77", "9" * 30):
        assert phone.get(f"/venues/{number}{path}").status == 404


def test_somebody_dismissed_is_told_so(site: Site, served: Served) -> None:
    """403 at the next tap: the page keeps the taps that wait."""
    account = employ(site.centre, "jian", INSPECTOR, now=NOW)
    phone = Phone(Served(site.centre, served.port, signed_in(site.centre, account, NOW))).start()
    with site.centre.database.change() as connection:
        connection.execute(text("DELETE FROM appointment"))
    assert phone.tap().status == 403


def test_the_live_page_tells_registrations_in_words(served: Served, phone: Phone) -> None:
    """Registered, refused, taken back; how it was measured; today's people with those of the gates."""
    nonce = secrets.token_hex(16)
    for fields in (
        {"finding": "normal", "people": "2", "nonce": nonce},
        {"finding": "not_measured"},
        {"finding": "reading", "temperature": "39"},
        {"finding": "take_back", "takes_back": nonce},
    ):
        assert phone.tap(**fields).status == 200
    page = Phone(served.signed_in()).page("/records")
    rows = [visible(row) for row in re.findall(r'<tr role="row" data-key.*?</tr>', page, re.DOTALL)]
    told = [
        "撤销登记 体温正常，人工登记 × 2",
        "人工拒绝 体温达到或超过上限",
        "人工登记 未测到体温",
        "人工登记 体温正常，人工登记 × 2",
    ]
    assert [sentence in row for sentence, row in zip(told, rows, strict=True)] == [True] * 4
    for row, how in zip(rows, ("正常（检测员确认）", "39.0 ℃", "未测", "正常（检测员确认）"), strict=True):
        assert how in row
    assert re.search(r"通行 1 转人工 0 禁止通行 1 无效码 0", visible(page))


def test_a_venue_that_is_not_active_says_so(site: Site, phone: Phone) -> None:
    """No button without an effect."""
    with site.centre.database.write() as session:
        session.get_one(Venue, 1).state = "waiting"
    assert "本场所目前不能登记" in phone.page()
    assert json.loads(phone.tap().body)["refused"] == "not_active"


def test_an_inspector_chooses_where_they_stand(site: Site, phone: Phone) -> None:
    """One way in: there. Several: chosen once, kept; a strange or closed one is refused."""
    assert "您在哪个检测点" not in phone.page()
    with site.centre.database.write() as session:
        north = create_checkpoint(session, 1, "北门", Direction.OUT).id
        elsewhere = create_checkpoint(session, create_venue(session, "西门市场").id, "东门", Direction.IN).id
    assert "您在哪个检测点" in phone.page()
    for wrong in (str(elsewhere), "99", "x", ""):
        phone.post("/venues/1/inspect/checkpoint", checkpoint=wrong)
        assert "您在哪个检测点" in phone.page()
    phone.post("/venues/1/inspect/checkpoint", checkpoint=str(north))
    assert re.search(rf'value="{north}"[^>]*aria-pressed="true"', phone.page())
    assert 'value="out" checked' in phone.page()


@both
def test_a_disinfection_round_is_logged_once(site: Site, phone: Phone) -> None:
    """R4b: who, where, when, what; a second press of the button is the same round."""
    nonce = secrets.token_hex(16)
    path = "/venues/1/inspect/disinfection"
    for _ in range(2):
        assert phone.post(path, nonce=nonce, what="toilets", note="含氯消毒剂").status == 303
    assert phone.post(path, nonce=nonce, what="everywhere").status == 422
    assert phone.post(path, nonce="zz", what="air").status == 422
    assert phone.post(path, nonce=secrets.token_hex(16), what="air", note="x" * 101).status == 422
    assert phone.post(path, nonce=secrets.token_hex(16), what="air", note="a\nb").status == 422
    with site.centre.database.read() as session:
        (row,) = session.scalars(select(DisinfectionRow)).all()
    assert (row.venue, row.inspector, row.at, row.what, row.note) == (1, 1, NOW, "toilets", "含氯消毒剂")
    assert "卫生间" in visible(phone.page())


def test_a_round_that_was_not_logged_is_not_said_to_be(site: Site, phone: Phone) -> None:
    """A page that was gone back to has its nonce still: another round under it is refused, not lost."""
    nonce = secrets.token_hex(16)
    path = "/venues/1/inspect/disinfection"
    phone.post(path, nonce=nonce, what="toilets")
    reply = phone.post(path, nonce=nonce, what="air")
    fresh = re.search(r'name="nonce"[^>]*value="([0-9a-f]{32})"', reply.body.decode().partition("disinfection")[2])
    assert (reply.status, "本页已用过" in reply.body.decode()) == (422, True)
    assert fresh is not None
    assert phone.post(path, nonce=fresh[1], what="air").status == 303
    with site.centre.database.read() as session:
        assert [row.what for row in session.scalars(select(DisinfectionRow))] in (
            ["toilets", "air"],
            ["air", "toilets"],
        )


def test_a_note_is_taken_as_people_type_it(site: Site, phone: Phone) -> None:
    """A Chinese keyboard's wide space is one; what hides its own order of letters gets its page back with a reason."""
    path = "/venues/1/inspect/disinfection"
    assert phone.post(path, nonce="ab" * 16, what="air", note=" 含氯　消毒剂 ").status == 303
    reply = phone.post(path, nonce="cd" * 16, what="air", note="a\u202eb")
    assert (reply.status, "记录一次消毒" in reply.body.decode()) == (422, True)
    with site.centre.database.read() as session:
        assert [row.note for row in session.scalars(select(DisinfectionRow))] == ["含氯 消毒剂"]


def test_three_phones_a_tap_a_second_for_a_minute(site: Site, served: Served) -> None:
    """A rush hour, faster than it ever is: each tap acknowledged, once, on SQLite."""
    phones = [Phone(served.signed_in(INSPECTOR)).start() for _ in range(3)]
    faults: list[str] = []

    def queue(phone: Phone) -> None:
        for _ in range(60):
            reply = phone.tap()
            if reply.status != 200:
                faults.append(f"{reply.status} {reply.body!r}")

    threads = [threading.Thread(target=queue, args=(phone,)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [phone.state()["today"]["mine"]["entered"] for phone in phones] == [60, 60, 60]
    assert phones[0].state()["today"]["venue"]["entered"] == 180
    assert broken(site.centre.database) == []


def cell(type_: str, outcome: str, count: int = 1, direction: str = "in") -> Cell:
    return Cell(0, 1, direction, 0, type_, outcome, count, 0, 0, 0)


@pytest.mark.parametrize(
    ("counted", "people"),
    [
        (cell("scan", "pass", 3), Figures(entered=3)),
        (cell("registered", "pass", 2, "out"), Figures(left=2)),
        (cell("scan", "deny"), Figures(refused=1)),
        (cell("registered", "deny"), Figures(refused=1)),
        (cell("scan", "refer"), Figures(referred=1)),
        (cell("passage", "not_passed", 2, "out"), Figures(left=-2, unused=2)),
        (cell("passage", "passed", 9), Figures()),
        (cell("passage", "forced"), Figures()),
        (cell("folded", "", 50), Figures(invalid=50)),
        (cell("started", ""), Figures()),
        (cell("of a later version", "pass"), Figures()),
    ],
    ids=str,
)
def test_counts_mean_people(counted: Cell, people: Figures) -> None:
    """DESIGN 8: refusals, repeats, openings that nobody used and false codes are columns of their own."""
    assert figures.figures(counted) == people


@both
def test_statistics_add_up_scans_and_registrations(site: Site, served: Served, gate: Gate) -> None:
    """R15: by checkpoint and inspector, the day and in total; a closed checkpoint's counts stay."""
    here = Place(1, 1, Direction.IN)
    gone = Passage(moment(), here, Passed.NOT_PASSED, 2)
    old = moment(NOW - 40 * 86_400)
    records = [
        *(gate.record(1), gate.record(2), jsonform.encode(gone)),
        gate.record(4, outcome=Outcome.DENY, reasons=["fever"], temperature=38.0),
        gate.record(5, when=old, temperature=None),
    ]
    take_batch(site.centre, gate.batch(1, records), NOW)
    phone = Phone(served.signed_in(INSPECTOR, ADMINISTRATOR)).start()
    phone.tap(people="3")
    phone.tap(direction="out")
    with site.centre.database.read() as session:
        of_day, in_total = counts.of_days(session, 1, DAY), counts.in_total(session, 1, DAY)
    assert figures.total(of_day) == Figures(entered=4, left=1, measured=7, fevers=1, refused=1, unused=1)
    assert figures.total(in_total) == figures.total(of_day) + Figures(entered=1, not_measured=1)
    by_inspector = figures.by(of_day, lambda each: each.inspector)
    assert (by_inspector[0].entered, by_inspector[1].entered, by_inspector[1].left) == (1, 3, 1)
    page = visible(phone.page("/venues/1/statistics")).replace("累计 ", "")
    assert re.search(r"南门 4 5 1 1 7 7 0 1 1 1 1 1", page), page
    assert re.search(r"闸机自动 1 2 0 0 3 3", page), page
    assert re.search(r"worker1 某 3 3 1 1 4 4", page), page
    earlier = visible(phone.page("/venues/1/statistics?day=2026-08-12")).replace("累计 ", "")
    assert re.search(r"南门 1 5", earlier), earlier


def moment(when: float = NOW) -> Moment:
    return Moment(when, "b" * 36, 1.0, ClockQuality.SYNCHRONIZED)


def test_names_of_staff_are_the_venues_own(served: Served) -> None:
    """An authority sees numbers: it needs the figures, not who stood there."""
    phone = Phone(served.signed_in(INSPECTOR)).start()
    phone.tap()
    assert "worker1 某" in phone.page("/venues/1/statistics")
    authority = Phone(served.signed_in(Appointment(Role.AUTHORITY, region="")))
    for path in ("/venues/1/statistics", "/venues/1/statistics/hours.csv"):
        page = authority.page(path)
        assert "worker1" not in page
        assert "检测员 1" in page


NO_DAYS = ("", "2026-13-01", "2999-01-01", "0001-01-01", "x", "2026-09-21\0", "-1", "٢٠٢٦-٠٩-٢١")


@pytest.mark.parametrize("asked", NO_DAYS)
def test_a_day_that_is_none_is_today(phone: Phone, asked: str) -> None:
    """And no address crashes a page."""
    assert 'value="2026-09-21"' in phone.page(f"/venues/1/statistics?day={urlencode({'': asked})[1:]}")
    for days in ("0", "-5", "x", "9" * 50, "٣"):
        assert phone.get(f"/venues/1/statistics/hours.csv?{urlencode({'days': days})}").status == 200


def test_the_file_has_each_hour(phone: Phone) -> None:
    """UTF-8 with its mark, China time, and no formula in it."""
    phone.tap(people="2")
    reply = phone.get("/venues/1/statistics/hours.csv")
    head, line = reply.body.decode("utf-8-sig").splitlines()
    assert head.startswith("日期,时段（时）,检测点,方向,检测员,进,出,已测温")
    assert line == "2026-09-21,22,南门,进,worker1 某,2,0,2,0,0,0,0,0,0"
    assert "venue-1-2026-09-21-2026-09-21.csv" in reply.headers["content-disposition"]


@both
def test_the_picture_is_the_days_flow(phone: Phone) -> None:
    """A URL of its own; without a figure a sentence stands in the page."""
    assert "暂无数据" in phone.page("/venues/1/statistics")
    phone.tap()
    reply = phone.get("/venues/1/statistics/flow.svg?narrow=1")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")


@both
def test_what_statistics_cost_does_not_grow_with_records(site: Site, served: Served) -> None:
    """Only the roll-up is asked, and of it the venue's hours: by the index, not row by row."""
    begin = figures.first_hour(DAY)
    rows = [
        dict(zip((*KEY, *TOTALS), (venue, 1, "in", 0, begin - hour, "scan", "pass", "", 9, 9, 0, 0), strict=True))
        for venue in range(1, 11)
        for hour in range(-24, 3_000)
    ]
    with site.centre.database.change() as connection:
        connection.execute(HourlyCount.__table__.insert(), rows)  # type: ignore[attr-defined]
        if not site.centre.database.is_sqlite:
            connection.execute(text("ANALYZE hourly_count"))
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        seen.append((statement, parameters))

    event.listen(site.centre.database.engine, "before_cursor_execute", note)
    with site.centre.database.read() as session:
        assert figures.total(counts.of_days(session, 1, DAY)).entered == 9 * 24
        counts.in_total(session, 1, DAY)
    event.remove(site.centre.database.engine, "before_cursor_execute", note)
    asked = [(sql, values) for sql, values in seen if sql.startswith("SELECT")]
    assert len(asked) == 2
    with site.centre.database.look() as connection:
        for sql, values in asked:
            assert "FROM record" not in sql
            if site.centre.database.is_sqlite:
                plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))
                assert "USING INDEX hourly_count_venue_hour (venue=? AND hour>? AND hour<?)" in plan
        if not site.centre.database.is_sqlite:
            plan = " ".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {asked[0][0]}", asked[0][1]))
            assert "hourly_count_venue_hour" in plan, plan
