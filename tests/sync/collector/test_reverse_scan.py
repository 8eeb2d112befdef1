"""The inspector's phone reads a visitor's code, or registers who has none (R6, R20)."""

from __future__ import annotations

import re
import secrets
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from hardware.scene import Exhibit, Surface, draw
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.app import create_app
from sync.collector.fleet.service import set_policy
from sync.collector.intake.model import RecordRow
from sync.collector.invariants import broken
from sync.collector.policy import withdrawals
from sync.collector.privacy import audit
from sync.collector.privacy.access import personal
from sync.collector.reverse import pages as reverse_pages
from sync.collector.reverse.reading import Busy, PhotographReader
from sync.collector.reverse.worker import MAX_PICTURE_BYTES, Fault
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.collector.visitors import registry
from sync.collector.visitors.model import IssuedPass, Visitor
from sync.collector.visitors.service import Wanted, issue_pass
from sync.collector.visitors.status.port import Reason
from sync.collector.visitors.status.register import Register
from sync.wire.passes import PassKind, Status
from sync.wire.record import Direction, Registered
from tests.sync.collector.gateside import NOW, Served, Site
from tests.sync.collector.people import CLERK, registered, somebody

both = pytest.mark.parametrize("new_state", ["sqlite", "postgresql"], indirect=True)
INSPECTOR = Appointment(Role.INSPECTOR, venue=1)
READER = PhotographReader()
VERDICT = re.compile(r'class="verdict (\w+)"')


def picture(*texts: str, surface: Surface = Surface.PHONE, form: str = "JPEG", **options: Any) -> bytes:
    """What the inspector's camera sees."""
    frame = draw([Exhibit(text, surface) for text in texts], np.random.default_rng(7), size=(1080, 1920))
    return encoded(Image.fromarray(frame), form, **options)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    into = BytesIO()
    image.save(into, form, **options)
    return into.getvalue()


def issued(site: Site, kind: PassKind = PassKind.SAVED, status: Status = Status.GREEN, **more: Any) -> str:
    with site.centre.database.write() as session:
        checkpoint = 1 if kind is PassKind.SCAN_RESULT else None
        return issue_pass(site.centre, session, Wanted(kind, status, checkpoint=checkpoint, **more), NOW)


class Phone:
    """An inspector's browser."""

    def __init__(self, served: Served, *appointments: Appointment) -> None:
        self.served = served.signed_in(*(appointments or (INSPECTOR,)))
        reply = self.served.request("GET", "/venues/1/scan")
        page = reply.body.decode()
        self.token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]  # type: ignore[index]
        self.nonce = re.search(r'name="nonce" value="([^"]+)"', page)[1]  # type: ignore[index]
        self.served = Served(served.centre, served.port, reply.headers["set-cookie"].partition(";")[0])

    def send(self, path: str, content: bytes = b"", **fields: str) -> tuple[int, str]:
        fields = {
            "csrf_token": self.token,
            "nonce": secrets.token_hex(16),
            "checkpoint": "1",
            "direction": "in",
        } | fields
        body = b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        )
        body += (
            b'--x\r\nContent-Disposition: form-data; name="picture"; filename="p.jpg"\r\n\r\n'
            + content
            + b"\r\n--x--\r\n"
        )
        reply = self.served.request("POST", path, body, Content_Type="multipart/form-data; boundary=x")
        return reply.status, reply.body.decode()

    def scan(self, content: bytes, **fields: str) -> tuple[int, str]:
        return self.send("/venues/1/scan", content, **fields)

    def decide(self, page: str, outcome: str, **fields: str) -> tuple[int, str]:
        token = re.search(r'name="token" value="([^"]+)"', page)[1]  # type: ignore[index]
        return self.send("/venues/1/decided", token=token, outcome=outcome, **fields)

    def by_hand(self, whose: int = 1, **fields: str) -> tuple[int, str]:
        who = somebody(whose)
        told = {"name": who.name, "document": "resident", "number": who.number, "people": "1", "finding": "normal"}
        return self.send("/venues/1/by-hand", **told | fields)


@pytest.fixture
def phone(served: Served) -> Phone:
    return Phone(served)


def verdict(page: str) -> str | None:
    found = VERDICT.search(page)
    return None if found is None else found[1]


def records(site: Site) -> list[Registered]:
    with site.centre.database.read() as session:
        raws = session.scalars(select(RecordRow.raw).order_by(RecordRow.sequence)).all()
    return [msgspec.json.decode(raw, type=Registered) for raw in raws]


@both
def test_a_photographed_code_is_judged_as_at_a_gate_and_registered_once(site: Site, phone: Phone) -> None:
    """Colour, word, every reason; the record names the pass, the inspector, the temperature; the audit whose it is."""
    (holder,) = registered(site, 1)
    content = picture(issued(site, holder=holder))
    nonce = secrets.token_hex(16)
    for _ in range(2):  # the answer was lost
        status, page = phone.scan(content, nonce=nonce, temperature="36,6")
        assert (status, verdict(page)) == (200, "pass")
        assert "已放行登记" in page
    assert "欧" in phone.scan(content)[1]
    made = records(site)[0]
    assert (made.outcome.value, made.reasons, made.temperature) == ("pass", ["green", "saved"], 36.6)
    assert len(records(site)) == 2
    with site.centre.database.read() as session:
        serial = session.scalars(select(IssuedPass.serial)).one()
        assert made.serial == serial.hex()
        assert session.scalars(select(RecordRow.serial)).first() == serial[:8]
        assert [line.visitor for line in audit.lines(session.connection()) if line.act == "reverse_scan"] == [
            holder
        ] * 2
    with personal(site.centre, CLERK, NOW) as access:
        assert len(registry.export(access, holder)["passages"]) == 2
    status, page = phone.scan(picture(issued(site)), nonce=nonce)
    assert (status, "本页已用过" in page) == (422, True)
    assert broken(site.centre.database) == []


@pytest.mark.parametrize(
    ("make", "fields", "outcome", "reason"),
    [
        (lambda site: issued(site, PassKind.SCAN_RESULT), {}, "pass", "绿码"),
        (lambda site: issued(site, status=Status.RED), {}, "deny", "红码"),
        (lambda site: issued(site), {"temperature": "38.0"}, "deny", "体温达到"),
        (lambda site: withdrawn(site), {}, "deny", "通行码已被撤回"),
        (lambda site: issued(site, status=Status.YELLOW), {}, "refer", "黄码"),
        (lambda site: issued(site, PassKind.PAPER), {}, "refer", "纸质通行码"),
        (lambda site: issued(site, companions=2), {}, "refer", "有同行人"),
    ],
    ids=["scan result", "red", "fever", "withdrawn", "yellow", "paper", "companions"],
)
def test_each_result(
    site: Site, phone: Phone, make: Callable[[Site], str], fields: dict[str, str], outcome: str, reason: str
) -> None:
    """Refer is registered when the inspector has decided, and not before."""
    status, page = phone.scan(picture(make(site), surface=Surface.PAPER), **fields)
    assert (status, verdict(page)) == (200, outcome)
    assert reason in page
    assert len(records(site)) == (0 if outcome == "refer" else 1)


def withdrawn(site: Site) -> str:
    text = issued(site)
    with site.centre.database.write() as session:
        withdrawals.withdraw(session, session.scalars(select(IssuedPass.serial)).one(), NOW)
    return text


def test_the_inspector_decides_about_who_is_referred(site: Site, phone: Phone, served: Served) -> None:
    """Once, within ten minutes, as many as the pass is for; nobody else, and nothing that this centre did not sign."""
    _, page = phone.scan(picture(issued(site, PassKind.PAPER, companions=2)), finding="normal")
    assert phone.decide(page, "pass", people="4")[0] == 303
    other = Phone(served)
    assert other.decide(page, "pass")[0] == 303
    assert phone.decide(page.replace('name="token" value="', 'name="token" value="x'), "pass")[0] == 303
    assert records(site) == []
    for _ in range(2):
        status, told = phone.decide(page, "pass", people="3")
        assert (status, verdict(told), "3 人" in told) == (200, "pass", True)
    (made,) = records(site)
    assert (made.people, made.said_normal, made.reasons[0]) == (3, True, "paper")
    _, page = phone.scan(picture(issued(site, PassKind.PAPER)))
    assert verdict(phone.decide(page, "deny")[1]) == "deny"
    assert "体温正常" in phone.served.request("GET", "/venues/1/inspect").body.decode()


@pytest.mark.parametrize(
    ("texts", "sentence", "is_result"),
    [
        (("https://example.com/menu",), "不是本系统的码", True),
        (("VP1:ABC",), "通行码内容损坏", True),
        ((), "没有找到二维码", False),
    ],
)
def test_what_says_nothing_about_anybody_is_not_registered(
    site: Site, phone: Phone, texts: tuple[str, ...], sentence: str, is_result: bool
) -> None:
    """A poster, a forged code, a picture of a wall."""
    status, page = phone.scan(picture(*texts))
    assert (status, sentence in page, verdict(page)) == (200 if is_result else 422, True, "deny" if is_result else None)
    assert records(site) == []


def test_two_passes_are_two_people(site: Site, phone: Phone) -> None:
    """Nobody chooses between them; another code beside a pass is passed over."""
    one, two = issued(site), issued(site)
    assert "两个通行码" in phone.scan(picture(one, two))[1]
    assert verdict(phone.scan(picture(one, "https://example.com/menu"))[1]) == "pass"


def test_a_temperature_that_must_be_measured(site: Site, phone: Phone) -> None:
    """As the policy says; a word that it was normal is enough."""
    with site.centre.database.write() as session:
        set_policy(session, b'{"not_measured":"deny"}', NOW)
    content = picture(issued(site))
    assert verdict(phone.scan(content, finding="not_measured")[1]) == "deny"
    assert verdict(phone.scan(content, finding="normal")[1]) == "pass"
    assert [each.reasons for each in records(site)] == [["not_measured", "saved"], ["green", "saved"]]
    assert phone.scan(content, temperature="50")[0] == 422


def png_of(width: int, height: int, squeezed: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", squeezed) + chunk(b"IEND", b"")


HOSTILE: dict[str, tuple[bytes, Fault | None]] = {
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(99), Fault.HEIC),
    "GIF": (encoded(Image.new("L", (9, 9)), "GIF"), Fault.FORMAT),
    "nothing": (b"", Fault.FORMAT),
    "text": (b"%PDF-1.7 hello", Fault.FORMAT),
    "huge": (png_of(2**31 - 1, 2**31 - 1, b""), Fault.TOO_LARGE),
    "bomb": (png_of(200_000, 200_000, zlib.compress(bytes(10_000_000))), Fault.TOO_LARGE),
    "bomb below the limit": (png_of(6_300, 6_300, zlib.compress(bytes(90_000_000))), None),
    "cut": (picture("VP1:ABC")[:20_000], Fault.BROKEN),
    "wrong checksum": (png_of(50, 50, b"garbage"), Fault.BROKEN),
    "one pixel": (encoded(Image.new("L", (1, 1)), "PNG"), None),
    "a line": (encoded(Image.new("L", (60_000, 1)), "JPEG"), None),
    "animated": (
        encoded(Image.new("L", (9, 9)), "PNG", save_all=True, append_images=[Image.new("L", (9, 9), 9)]),
        Fault.ANIMATED,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_is_a_sentence(name: str) -> None:
    """Bombs, huge dimensions, broken and foreign files: bounded time, and the reader goes on."""
    content, fault = HOSTILE[name]
    began = time.monotonic()
    seen = READER.read(content)
    assert (seen.fault, seen.texts) == (fault, ())
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_every_turn_and_format_reads(form: str) -> None:
    """A phone held sideways; a picture with a transparent ground; one at 12 megapixels."""
    upright = Image.open(BytesIO(picture("VP1:ABC", form="PNG")))
    turned = upright.rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    assert READER.read(encoded(turned, form, exif=exif)).texts == ("VP1:ABC",)
    if form == "JPEG":
        assert READER.read(encoded(upright.resize((4000, 2250)), form, quality=80)).texts == ("VP1:ABC",)


@pytest.mark.parametrize(
    "script",
    [
        "import time; time.sleep(60)",
        "print('{')",
        "import os; os.abort()",
        "print('x' * 10**7)",
        "print('{\"fault\":1}')",
    ],
)
def test_a_worker_that_hangs_dies_or_babbles_is_a_broken_picture(script: str) -> None:
    """And the next one is read."""
    reader = PhotographReader(picture_seconds=1.0, command=(sys.executable, "-c", script))
    assert [reader.read(b"x").fault for _ in range(2)] == [Fault.BROKEN] * 2


def test_no_more_pictures_at_once_than_it_takes() -> None:
    """Who waits too long is told; the place is free again afterwards."""
    script = "import sys,time; time.sleep(1.5); print('{}')"
    reader = PhotographReader(at_once=1, wait_seconds=0.1, command=(sys.executable, "-c", script))
    first = threading.Thread(target=reader.read, args=(b"x",))
    first.start()
    while reader._free._value:  # type: ignore[attr-defined]
        time.sleep(0.01)
    with pytest.raises(Busy):
        reader.read(b"x")
    first.join()
    assert reader.read(b"x").fault is None


def test_a_busy_centre_says_so(site: Site, served: Served, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 in words, and when to come again."""

    class Full(PhotographReader):
        def read(self, picture: bytes) -> Any:
            raise Busy("full")

    monkeypatch.setattr(reverse_pages, "PhotographReader", Full)
    client = create_app(site.centre, lambda: NOW).test_client(use_cookies=False)
    cookie = phone.served.cookie or ""
    reply = client.post(
        "/venues/1/scan",
        data={"csrf_token": phone.token, "nonce": "ab" * 16, "checkpoint": "1", "direction": "in", "finding": "normal"},
        headers={"Host": "localhost", "Cookie": cookie},
    )
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
    assert "识别正忙" in reply.text


def test_only_inspectors_bring_large_bodies_and_only_here(site: Site, served: Served, phone: Phone) -> None:
    """8 MB on this route; a stranger, and every other route, a batch's size."""
    large = picture("VP1:ABC") + bytes(6_000_000)
    assert phone.scan(large)[0] == 200
    assert phone.scan(bytes(MAX_PICTURE_BYTES + 100_000))[0] == 413
    assert phone.send("/venues/1/by-hand", large)[0] == 413
    phone.served = Served(site.centre, served.port)
    assert phone.scan(large)[0] == 413


def test_another_venues_inspector_and_checkpoint(site: Site, served: Served, phone: Phone) -> None:
    """403 and a sentence; a code for another checkpoint is refused."""
    with site.centre.database.write() as session:
        elsewhere = create_checkpoint(session, create_venue(session, "西门市场").id, "东门", Direction.IN).id
    content = picture(issued(site))
    assert phone.scan(content, checkpoint=str(elsewhere))[0] == 422
    assert phone.send("/venues/2/scan", content)[0] == 403
    assert phone.send("/venues/2/by-hand", content)[0] == 403
    for path in ("/venues/2/scan", "/venues/2/by-hand"):
        assert phone.served.request("GET", path).status == 403
    assert phone.served.request("GET", f"/venues/{10**20}/scan").status == 404
    assert records(site) == []


@both
def test_who_has_nothing_is_registered_by_hand_once(site: Site, phone: Phone) -> None:
    """Name, document, companions, temperature: unknown is the inspector's to decide; twice is one."""
    nonce = secrets.token_hex(16)
    fields = {"people": "3", "temperature": "36.4", "seen": "y", "nonce": nonce}
    for _ in range(2):
        status, page = phone.by_hand(**fields)
        assert (status, verdict(page)) == (200, "refer")
    assert "健康状态未知" in page
    assert "证件已核验" in page
    assert somebody(1).name not in page
    for _ in range(2):
        assert verdict(phone.decide(page, "pass", people="3")[1]) == "pass"
    assert verdict(phone.by_hand(**fields)[1]) == "pass"  # the very form again, after all
    (made,) = records(site)
    assert (made.people, made.temperature, made.outcome.value) == (3, 36.4, "pass")
    with site.centre.database.read() as session:
        (row,) = session.scalars(select(Visitor)).all()
        assert row.verified_at == NOW
        acts = [line.act for line in audit.lines(session.connection(), row.id)]
    assert acts[:3] == ["register", "verify", "register_by_hand"]
    with personal(site.centre, CLERK, NOW) as access:
        assert [each["record"] for each in registry.export(access, row.id)["passages"]]
    assert broken(site.centre.database) == []


def test_by_hand_the_status_counts_and_what_is_wrong_stands_beside_its_field(site: Site, phone: Phone) -> None:
    """Red is refused at once, by whatever way somebody comes; a slip is a sentence, and nobody is registered."""
    for wrong, sentence in (
        ({"number": "1"}, "身份证号码不对"),
        ({"name": "王\u2028英"}, "姓名为"),
        ({"phone": "x"}, "电话为 5 到 20 位数字"),
        ({"temperature": "99"}, "体温应在"),
        ({"people": "10"}, ""),
        ({"nonce": "zz"}, ""),
    ):
        status, page = phone.by_hand(**wrong)
        assert (status, sentence in page) == (422, True), wrong
    with site.centre.database.read() as session:
        assert session.scalars(select(Visitor)).all() == []
    (known,) = registered(site, 2)
    assert "另一姓名" in phone.by_hand(2, name="别人")[1]
    assert "另一姓名" not in phone.by_hand(2, name="张别", seen="y")[1]  # nobody had seen it: the document's name holds
    assert "另一姓名" in phone.by_hand(2, seen="y")[1]
    assert "另一姓名" not in phone.by_hand(2, name="张别")[1]
    with personal(site.centre, CLERK, NOW - 60) as access:
        register = Register(site.centre.settings.status)
        register.set(access, known, Status.RED, Reason.CONFIRMED, NOW + 86_400)
    status, page = phone.by_hand(2, name="张别")
    assert (verdict(page), "红码" in page) == ("deny", True)
    with personal(site.centre, CLERK, NOW) as access:
        register.set(access, known, Status.GREEN, Reason.RELEASED, NOW + 86_400)
    assert verdict(phone.by_hand(2, name="张别")[1]) == "pass"
    assert verdict(phone.by_hand(2, name="张别", temperature="37.9")[1]) == "deny"
    assert [each.outcome.value for each in records(site)] == ["deny", "pass", "deny"]
