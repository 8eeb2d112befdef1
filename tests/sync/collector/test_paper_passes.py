"""Paper passes: a list becomes people, people get cards, a camera reads them, a withdrawal ends them (R3, R6)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import select

from edge.credentials import read as read_credential
from edge.decide import Situation, decide
from edge.trust import load
from edge.verify import verify
from hardware.symbols import CascadeReader
from sync.collector import languages
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.passes import batches, cards, lists
from sync.collector.passes.batches import BadName, Card, Full, NotAdded, State, WithdrawnAlready
from sync.collector.passes.cards import Size
from sync.collector.passes.hints import hint_of
from sync.collector.passes.lists import BadLine, Fault, Unreadable
from sync.collector.passes.model import MAX_MEMBERS, BatchMember
from sync.collector.privacy import audit
from sync.collector.privacy.access import personal
from sync.collector.venues.press import Press
from sync.collector.visitors import registry
from sync.collector.visitors.identity import Document, Person, person
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.status.fake import FakeStatusSource
from sync.collector.visitors.status.port import Health, Reason, Source
from sync.collector.visitors.status.register import Register
from sync.installer import install
from sync.wire.passes import PassKind, Status
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Moment, Outcome
from sync.wire.updates import Snapshot
from tests.scenes.wall import photograph
from tests.sync.collector.gateside import NOW, Served, Site
from tests.sync.collector.people import CLERK, registered, somebody

both = pytest.mark.parametrize("new_state", ["sqlite", "postgresql"], indirect=True)
PEOPLE = [(line, somebody(line)) for line in range(1, 6)]
DAY = 86_400


def batch_of(site: Site, people: list[tuple[int, Person]], *, seen: bool = True) -> int:
    with personal(site.centre, CLERK, NOW) as access:
        batch = batches.create(access, "西南小学二（3）班")
        batches.add(access, batch, people, seen=seen)
        return batch.id


def printed(site: Site, batch_id: int, status: Status = Status.GREEN, now: float = NOW) -> batches.Printed:
    """Everybody's card."""
    with personal(site.centre, CLERK, now) as access:
        batch = batches.find(access.session, batch_id)
        found = batches.members(access, batch)
    source = FakeStatusSource.saying({each.visitor: status for each in found}, now)
    known = batches.healths(source, found, now)
    with personal(site.centre, CLERK, now) as access:
        return batches.issue(site.centre, access, batch, [each.visitor for each in found], known)


def states(site: Site, batch_id: int, now: float = NOW) -> list[State]:
    with personal(site.centre, CLERK, now) as access:
        return [each.state for each in batches.members(access, batches.find(access.session, batch_id))]


def rest(text: str) -> tuple[list[str], list[tuple[int, str]]]:
    listed = lists.read(text)
    return [somebody.name for _, somebody in listed.people], [(bad.line, bad.fault.value) for bad in listed.bad]


NUMBER = somebody(1).number


def test_a_list_is_read_as_spreadsheets_write_it() -> None:
    """With and without a head, any separator, full-width digits, blank lines, the marks before a number."""
    for text in (
        f"王小明,{NUMBER},13900000001\n",
        f"\n姓名\t身份证号\r\n王小明\t'{NUMBER.lower()}\r\n\r\n",
        f"phone;number;name\n;{NUMBER[:6]} {NUMBER[6:]};王小明",
        f"王小明，{NUMBER.translate(str.maketrans('0123456789', '０１２３４５６７８９'))}",
    ):
        ((line, found),) = lists.read(text).people
        assert (found.name, found.number, found.document) == ("王小明", NUMBER, Document.RESIDENT), text
        assert text.splitlines()[line - 1]
    ((_, foreign),) = lists.read("name,document,number\nMaria Silva,护照,ab 123 456").people
    assert (foreign.document, foreign.number) == (Document.PASSPORT, "AB123456")
    assert lists.decoded("王".encode("gb18030")) == lists.decoded(b"\xef\xbb\xbf" + "王".encode()) == "王"


def test_each_bad_line_is_told_and_none_repeated() -> None:
    """By its number and what is wrong."""
    assert rest(
        f"王小明,{NUMBER}\n李,11010519491231002Y\n,{somebody(2).number}\n陈,{somebody(3).number},12\n"
        f"王小明,{NUMBER}\n赵,1.10105E+17\n钱,{somebody(4).number},,x\n孙{'x' * 3000},1\n周\n"
    ) == (
        ["王小明"],
        [
            *((2, "resident"), (3, "name"), (4, "phone"), (5, "twice"), (6, "rounded")),
            *((7, "columns"), (8, "columns"), (9, "resident")),
        ],
    )
    assert rest("姓名,证件类型,证件号码\n甲,驾驶证,1234567\n乙,护照,!!\n") == ([], [(2, "document"), (3, "number")])
    assert NUMBER not in repr(lists.read(f"王小明,{NUMBER}\n"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("姓名,证件号码\n", "empty"),
        ("姓名,电话\n王,1", "head"),
        ("姓名,姓名,证件号码\n", "head"),
        ("PK\x03\x04\0", "no_text"),
        ("x\n" * (MAX_MEMBERS + 1), "too_long"),
        ("x" * (lists.MAX_LIST_BYTES + 1), "too_long"),
        ('"' * 150_000, None),
    ],
    ids=["empty", "head alone", "half a head", "twice", "workbook", "many", "long", "quotes"],
)
def test_what_is_no_list_is_told(text: str, why: str | None) -> None:
    """In words; nothing crashes."""
    if why is None:
        assert [bad.fault for bad in lists.read(text).bad] == [Fault.COLUMNS]
        return
    with pytest.raises(Unreadable) as refused:
        lists.read(text)
    assert refused.value.why.value == why
    with pytest.raises(Unreadable):
        lists.decoded(b"\xff\xfe\0\0\xff")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("王小明", "王＊明"),
        ("王明", "王＊"),
        ("王", "王"),
        ("欧阳小明", "欧＊＊明"),
        ("Maria da Silva e Souza", "M＊＊ d＊＊ S＊＊"),
        ("场" * 100, "场＊＊场"),
        ("W" * 100, "W＊＊"),
        ("#eval(1)", "#＊＊"),
        ("a" + "\u0301" * 90, "a\u0301＊＊"),
    ],
)
def test_a_hint_is_short_whatever_the_name(name: str, hint: str) -> None:
    """Its owner knows it; a finder does not know the name."""
    assert hint_of(name) == hint
    assert len(hint) <= 14


@both
def test_a_list_is_added_whole_or_not_at_all(site: Site) -> None:
    """Twice is once; who is registered is that visitor; another name for a document is told by its line."""
    (known,) = registered(site, 1)
    batch_id = batch_of(site, PEOPLE)
    with personal(site.centre, CLERK, NOW) as access:
        batch = batches.find(access.session, batch_id)
        again = batches.add(access, batch, [*PEOPLE, (6, somebody(6))], seen=False)
        assert (again.new, again.known) == (1, 5)
        found = batches.members(access, batch)
        assert [(each.place, each.person) for each in found] == [(n, somebody(n)) for n in range(1, 7)]
        assert [each.is_verified for each in found] == [True] * 5 + [False]
        assert found[0].visitor == known
    impostor = person("别人", Document.RESIDENT, somebody(2).number, None)  # that document was seen under its own name
    with personal(site.centre, CLERK, NOW) as access, pytest.raises(NotAdded) as refused:
        batches.add(access, batches.find(access.session, batch_id), [(1, somebody(8)), (2, impostor)], seen=True)
    assert refused.value.bad == [BadLine(2, Fault.OTHER_NAME)]
    with site.centre.database.read() as session:
        assert len(session.scalars(select(Visitor.id)).all()) == 6


def test_a_batch_has_an_end_and_a_name(site: Site) -> None:
    """Nobody of a list that would overfill it is kept."""
    batch_id = batch_of(site, PEOPLE[:1])
    with site.centre.database.write() as session:
        session.add_all(
            BatchMember(visitor=f"{n:016x}", batch=batch_id, place=n + 2, prints=0) for n in range(MAX_MEMBERS - 1)
        )
    with pytest.raises(Full), personal(site.centre, CLERK, NOW) as access:
        batches.add(access, batches.find(access.session, batch_id), [(1, somebody(9))], seen=True)
    for name in ("", "x" * 61, "a\nb"):
        with personal(site.centre, CLERK, NOW) as access, pytest.raises(BadName):
            batches.create(access, name)


@both
def test_printing_again_withdraws_the_old_card(site: Site) -> None:
    """What was lost, or jammed in the printer, opens nothing; each act stands in the audit."""
    batch_id = batch_of(site, PEOPLE)
    first = printed(site, batch_id)
    assert [card.place for card in first.cards] == [1, 2, 3, 4, 5]
    assert {card.expires_at - card.issued_at for card in first.cards} == {180 * DAY}
    assert states(site, batch_id) == [State.IN_FORCE] * 5
    second = printed(site, batch_id, now=NOW + 60)
    gate = load(site.gate().files)
    assert all(gate.withdrawn.lists(card.serial, NOW + 60) for card in first.cards)
    assert not any(gate.withdrawn.lists(card.serial, NOW + 60) for card in second.cards)
    assert states(site, batch_id, NOW + 181 * DAY) == [State.EXPIRED] * 5
    with site.centre.database.look() as connection:
        acts = [line.act for line in audit.lines(connection)]
    assert (acts.count("paper_print"), acts.count("register"), acts.count("verify")) == (10, 5, 5)


@both
def test_who_is_yellow_or_red_gets_no_card_and_unknown_is_printed_as_that(site: Site) -> None:
    """Also where the status changes between the question and the print; a green with an end is a card with that end."""
    batch_id = batch_of(site, PEOPLE)
    assert printed(site, batch_id, Status.RED).withheld == [1, 2, 3, 4, 5]
    assert states(site, batch_id) == [State.WAITING] * 5
    with personal(site.centre, CLERK, NOW) as access:
        batch = batches.find(access.session, batch_id)
        ids = [each.visitor for each in batches.members(access, batch)]
        Register(site.centre.settings.status).set(access, ids[0], Status.YELLOW, Reason.CONTACT, NOW + DAY)
    ends = Health(Status.GREEN, Reason.CHECKED, Source.REGISTER, NOW, until=NOW + 3 * DAY)
    soon = Health(Status.GREEN, Reason.CHECKED, Source.REGISTER, NOW, until=NOW + 3600)
    unknown = Health(Status.UNKNOWN, Reason.NOTHING_KNOWN, Source.REGISTER, NOW)
    known = dict(zip(ids, (ends, ends, soon, unknown), strict=False))
    with personal(site.centre, CLERK, NOW) as access:
        made = batches.issue(site.centre, access, batch, ids, known)
    assert made.withheld == [1, 3, 5]
    assert [card.expires_at - int(NOW) for card in made.cards] == [3 * DAY, 180 * DAY]
    opened = [verify(read_credential(card.text), load(site.gate().files), certain(NOW)) for card in made.cards]
    assert [each.claims.status for each in opened] == [Status.GREEN, Status.UNKNOWN]  # type: ignore[union-attr]


@both
def test_a_withdrawal_reaches_a_gate_at_its_next_update(site: Site, served: Served) -> None:
    """One card of the batch, then all: the gate that took them refuses them; erasing somebody empties their place."""
    gate = site.gate()
    gate.have = gate.snapshot.order
    batch_id = batch_of(site, PEOPLE)
    made = printed(site, batch_id).cards
    with personal(site.centre, CLERK, NOW) as access:
        batch = batches.find(access.session, batch_id)
        ids = [each.visitor for each in batches.members(access, batch)]
        assert batches.withdraw(access, batch, ids[1:2]) == 1
        with pytest.raises(WithdrawnAlready):
            batches.withdraw(access, batch, ids[1:2])
    assert states(site, batch_id)[:3] == [State.IN_FORCE, State.WITHDRAWN, State.IN_FORCE]
    answer = served.post(gate.batch(1, [])).answer()
    assert answer.updates is not None
    gate.have = install(gate.files, answer.updates, bytes.fromhex(gate.files.root_key.read_text()), gate.have).order
    snapshot = load(gate.files)
    policy = Policy(paper=Outcome.PASS)
    assert [judged(card, snapshot, policy)[0].value for card in made[:3]] == ["pass", "deny", "pass"]
    assert judged(made[1], snapshot, policy)[1][0] == "withdrawn"
    with personal(site.centre, CLERK, NOW) as access:
        assert batches.withdraw(access, batch, ids) == 4
        assert registry.export(access, ids[0])["batches"][0]["prints"] == 1
        registry.erase(access, ids[0])
        assert [each.place for each in batches.members(access, batch)] == [2, 3, 4, 5]


def certain(at: float) -> Moment:
    return Moment(at, "b" * 36, 1.0, ClockQuality.SYNCHRONIZED, 0.0)


def judged(card: Card, trust: Snapshot, policy: Policy) -> tuple[Outcome, tuple[str, ...]]:
    """As a gate does it."""
    now = certain(NOW + 60)
    decision = decide(verify(read_credential(card.text), trust, now), policy, Situation(now, 36.5))
    return decision.outcome, decision.reasons


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Press:
    """With Debian's fonts, and none of the town's."""
    return Press(tmp_path_factory.mktemp("town") / "fonts")


@pytest.fixture
def spoken() -> Iterator[None]:
    with languages.spoken("en"):
        yield


HOSTILE = (
    *("王小明", "场" * 100, "W" * 100, "#set page(fill: red) $x$ @a", "שלום עולם", "\U0001d400𠮷", "a" + "\u0301" * 90),
    *("Maria da Silva e Souza", '"{0}\\u{41}', "᠋᠋x", "李﷽", "M" * 50 + " " + "W" * 49),
)


@pytest.mark.parametrize("size", Size)
@pytest.mark.usefixtures("spoken")
def test_every_card_of_a_sheet_is_whole(site: Site, press: Press, size: Size) -> None:
    """Hostile and long names, more than a sheet: each code lies in its own card and reads; the words are text."""
    people = [(n, person(name, Document.PASSPORT, f"AB{n:06}", None)) for n, name in enumerate(HOSTILE, 1)]
    made = printed(site, batch_of(site, people)).cards
    document = pypdfium2.PdfDocument(cards.draw(press, made, "#班 " + "W" * 56, size, NOW))
    a_sheet = 4 if size is Size.LARGE else 10
    texts: list[str] = []
    for number in range(-(-len(made) // a_sheet)):
        page = document[number]
        assert [round(side) for side in page.get_size()] == [595, 842]
        picture = page.render(scale=150 / 72).to_pil().convert("L")
        for place in range(min(a_sheet, len(made) - number * a_sheet)):
            card = cut_out(picture, size, place)
            (code,) = zxingcpp.read_barcodes(np.asarray(card), zxingcpp.BarcodeFormat.QRCode)
            texts.append(code.text)
            assert min(np.asarray(card)[3:8, 3:-3].min(), np.asarray(card)[3:-3, -8:-3].min()) > 250  # nothing spills
        words = page.get_textpage().get_text_range()
        number_shown = cards.shown(made[number * a_sheet].serial)
        for part in ("纸质通行码", "Paper pass", "2027-03-2", "检测员", "inspector", number_shown):
            assert plain(part) in plain(words)
    assert texts == [card.text for card in made]
    last = document[len(document) - 1].get_textpage().get_text_range()
    assert [card.place for card in made if not is_listed(cards.shown(card.serial), last)] == []
    document.close()


def is_listed(number: str, words: str) -> bool:
    """A reader program may turn a number's parts around that stand in one line with Hebrew or Arabic."""
    turned = (line for line in words.splitlines() if re.search("[\u0590-\u07ff]", line))
    return plain(number) in plain(words) or any(not Counter(plain(number)) - Counter(line) for line in turned)


def plain(words: str) -> str:
    """Without blanks, line ends and hyphens, which a reader program may take for those of a broken word."""
    return re.sub("[\\s\x02\ufffe\xad-]", "", words)


def cut_out(sheet: Image.Image, size: Size, place: int) -> Image.Image:
    """As scissors do it."""
    width, height, left, top = (105.0, 148.5, 0.0, 0.0) if size is Size.LARGE else (85.6, 54.0, 19.4, 13.5)
    row, column = divmod(place, 2)
    millimetre = sheet.width / 210
    box = (left + column * width, top + row * height, left + (column + 1) * width, top + (row + 1) * height)
    return sheet.crop(tuple(round(edge * millimetre) for edge in box))  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "metres"), [(Size.LARGE, 0.35), (Size.SMALL, 0.2)])
@pytest.mark.usefixtures("spoken")
def test_a_gate_reads_a_card_and_refers_it_or_lets_it_in(site: Site, press: Press, size: Size, metres: float) -> None:
    """PDF → paper → photographed askew in bad light → our reader → verified → by the policy, within three frames."""
    (card,) = printed(site, batch_of(site, PEOPLE[:1])).cards
    document = pypdfium2.PdfDocument(cards.draw(press, [card], "班", size, NOW))
    picture = cut_out(document[0].render(scale=200 / 72).to_pil().convert("L"), size, 0)
    document.close()
    hand = Image.new("L", (round(8.27 * 200), round(11.69 * 200)), 190)
    hand.paste(picture, ((hand.width - picture.width) // 2, (hand.height - picture.height) // 2))
    trust = load(site.gate().files)
    for seed in range(3):
        rng, reader = np.random.default_rng(seed), CascadeReader()
        frames = (reader.read(photograph(hand, metres, rng)).symbols for _ in range(3))
        (symbol,) = next(filter(None, frames))
        assert symbol.text == card.text
    assert judged(card, trust, Policy()) == (Outcome.REFER, ("paper",))
    assert judged(card, trust, Policy(paper=Outcome.PASS))[0] is Outcome.PASS
    opened = verify(read_credential(card.text), trust, certain(NOW))
    assert opened.claims.kind is PassKind.PAPER  # type: ignore[union-attr]


class Desk:
    """A clerk's browser."""

    def __init__(self, served: Served) -> None:
        self.served = served.signed_in(Appointment(Role.CLERK))
        page = self.served.request("GET", "/passes")
        self.token = re.search(r'name="csrf_token" value="([^"]+)"', page.body.decode())[1]  # type: ignore[index]
        cookie = page.headers["set-cookie"].partition(";")[0]
        self.served = Served(served.centre, served.port, cookie)

    def get(self, path: str) -> str:
        reply = self.served.request("GET", path)
        assert reply.status == 200
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", reply.body.decode()))

    def post(self, path: str, **fields: object) -> tuple[int, bytes, dict[str, str]]:
        body = urlencode({"csrf_token": self.token} | fields, doseq=True).encode()
        reply = self.served.request("POST", path, body, Content_Type="application/x-www-form-urlencoded")
        if "set-cookie" in reply.headers:  # what is told next time
            self.served = Served(self.served.centre, self.served.port, reply.headers["set-cookie"].partition(";")[0])
        return reply.status, reply.body, reply.headers


def test_a_day_at_the_desk(site: Site, served: Served) -> None:
    """A list with a slip, corrected; printed; one lost card printed again; the batch withdrawn."""
    desk = Desk(served)
    assert desk.post("/passes", name=" ")[0] == 422
    status, _, headers = desk.post("/passes", name="西南小学")
    assert (status, headers["location"]) == (303, "/passes/1")
    text = "".join(f"{each.name},{each.number}\n" for _, each in PEOPLE)
    status, body, _ = desk.post("/passes/1/list", text=text + "王小明,123\n", seen="y")
    assert status == 422
    assert "第 6 行：身份证号码不对" in body.decode()
    assert "0 人" in desk.get("/passes/1")
    assert desk.post("/passes/1/list", text=text, seen="y")[0] == 303
    page = desk.get("/passes/1")
    assert "已登记 5 人。" in page
    assert "5 人，待打印 5，有效 0" in page
    assert somebody(1).name not in page
    status, pdf, headers = desk.post("/passes/1/print", size="large")
    assert (status, headers["content-type"], pdf[:5]) == (200, "application/pdf", b"%PDF-")
    assert "5 人，待打印 0，有效 5" in desk.get("/passes/1")
    assert desk.post("/passes/1/print", size="large")[0] == 303
    assert "没有待打印的卡。" in desk.get("/passes/1")
    one = re.findall(r'name="visitor" value="([0-9a-f]{16})"', desk.served.request("GET", "/passes/1").body.decode())
    assert desk.post("/passes/1/print-again", size="small", reason="", visitor=one[:1])[0] == 422
    status, pdf, _ = desk.post("/passes/1/print-again", size="small", reason="lost", visitor=one[:1])
    document = pypdfium2.PdfDocument(pdf)
    assert (status, len(document)) == (200, 2)
    document.close()
    assert "第 2 次打印" in desk.get("/passes/1")
    assert desk.post("/passes/1/withdraw", because="term over", visitor=one)[0] == 422
    assert desk.post("/passes/1/withdraw", because="term over", sure="y", visitor=one[1:3])[0] == 303
    assert "已作废 2 张卡" in desk.get("/passes/1")
    assert desk.post("/passes/1/withdraw", because="term over", sure="y")[0] == 303
    assert states(site, 1) == [State.WITHDRAWN] * 5
    assert "西南小学 5 5" in desk.get("/passes")


def test_one_person_at_the_desk(site: Site, served: Served) -> None:
    """Those of one day stand together; what is wrong stands beside its field."""
    desk = Desk(served)
    assert [desk.post("/passes/single")[2]["location"] for _ in range(2)] == ["/passes/1"] * 2
    good = {"name": "王秀英", "document": "resident", "number": NUMBER, "phone": ""}
    for wrong, sentence in (
        ({"number": "1"}, "身份证号码不对"),
        ({"phone": "x"}, "电话为 5 到 20 位数字"),
        ({"name": "王\u2028英"}, "姓名为"),
        ({"document": "library"}, ""),
    ):
        status, body, _ = desk.post("/passes/1/person", **good | wrong)
        assert (status, sentence in body.decode()) == (422, True), (wrong, body.decode()[-2500:])
    assert desk.post("/passes/1/person", **good)[0] == 303
    page = desk.get("/passes/1")
    assert "王＊英" in page
    assert "未核验" in page
    assert desk.post("/passes/1/person", **good, seen="y")[0] == 303
    assert "已核验" in desk.get("/passes/1")
    assert desk.post("/passes/1/person", **good | {"name": "王秀兰"})[0] == 422
    assert served.request("GET", "/passes/77").status == 303
    assert desk.served.request("GET", "/passes/77").status == 404
    assert desk.served.request("GET", f"/passes/{10**20}").status == 404


@pytest.mark.stress
def test_five_hundred_cards_are_one_file(site: Site, served: Served) -> None:
    """Seconds, printed here: a school's worth."""
    import time

    desk = Desk(served)
    desk.post("/passes", name="全校")
    people = [person(f"学生{n}", Document.PASSPORT, f"AB{n:06}", None) for n in range(MAX_MEMBERS)]
    text = "name,document,number\n" + "".join(f"{each.name},passport,{each.number}\n" for each in people)
    began = time.monotonic()
    assert desk.post("/passes/1/list", text=text, seen="y")[0] == 303
    listed = time.monotonic()
    status, pdf, _ = desk.post("/passes/1/print", size="small")
    print(f"registered in {listed - began:.1f} s, printed in {time.monotonic() - listed:.1f} s, {len(pdf)} bytes")
    document = pypdfium2.PdfDocument(pdf)
    assert (status, len(document) >= 51) == (200, True)
    document.close()


def test_fonts_are_looked_for_before_anything_is_issued(site: Site, served: Served, tmp_path: Path) -> None:
    """A name's character that no font has is a star: nobody's batch waits for a font."""
    press = Press(tmp_path)
    assert cards.printable(press, "甲\U0001d400乙") == "甲＊乙"
