"""The venue code: its token and symbol, issued once and renewed, downloaded by staff, and its page for everybody."""

from __future__ import annotations

import re
import threading
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import event
from werkzeug.test import TestResponse

from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.app import create_app
from sync.collector.centre import Centre
from sync.collector.invariants import broken
from sync.collector.privacy import audit
from sync.collector.venues import codes, symbol
from sync.collector.venues.code_pages import PRESS
from sync.collector.venues.model import Checkpoint, Venue, VenueState
from sync.collector.venues.press import Press
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.wire.record import Direction
from tests.sync.collector import sheets
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.processes import collector
from tests.sync.collector.staff import cookie_for

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
ADMINISTRATOR = Appointment(Role.VENUE_ADMINISTRATOR, venue=1)
INSPECTOR = Appointment(Role.INSPECTOR, venue=1)
FORMS = ("png", "svg", "pdf")
ADDRESS = "https://centre.example"


# What a code says


@pytest.mark.parametrize(
    ("typed", "token"),
    [
        ("7KQ2M9XTVA", "7KQ2M9XTVA"),
        ("7kq2m9xtva", "7KQ2M9XTVA"),
        ("7KQ2M-9XTVA", "7KQ2M9XTVA"),
        ("o1iLOo0000", "0111000000"),
        ("7KQ2M9XTV", None),
        ("7KQ2M9XTVAA", None),
        ("7KQ2M9XTVU", None),
        ("７KQ2M9XTVA", None),
        ("", None),
        ("A" * 10_000, None),
        ("-" * 30 + "7KQ2M9XTVA", None),
        ("7KQ2M9XTV\x00", None),
        ("' OR 1=1--", None),
    ],
)
def test_a_token_is_read_as_people_type_it(typed: str, token: str | None) -> None:
    """Small letters, O for 0, I and L for 1, a hyphen; what cannot be one costs no look-up."""
    assert codes.read_token(typed) == token


def test_tokens_are_not_counted_up() -> None:
    """10 of 32 characters, all of QR's alphanumeric set, each of them random."""
    many = [codes.new_token() for _ in range(2_000)]
    assert len(set(many)) == len(many)
    for place in range(10):
        assert len({token[place] for token in many}) == 32
    assert all(codes.read_token(token) == token for token in many)


def test_the_symbol_is_of_level_q_in_capitals_with_its_quiet_zone() -> None:
    """One of four code words may be lost; PNG of whole pixels, ≥ 1000 wide; SVG of the same modules."""
    text = symbol.address(ADDRESS, "7KQ2M9XTVA")
    assert text == "HTTPS://CENTRE.EXAMPLE/V/7KQ2M9XTVA"
    drawn = symbol.qr(text)
    assert (drawn.error, drawn.mode, drawn.version) == ("Q", "alphanumeric", 3)
    picture = np.asarray(Image.open(BytesIO(symbol.png(text))).convert("L"))
    side = drawn.symbol_size(border=4)[0]
    pixels = picture.shape[0] // side
    assert picture.shape == (side * pixels, side * pixels)
    assert picture.shape[0] >= 1_000
    modules = picture[pixels // 2 :: pixels, pixels // 2 :: pixels] == 0
    assert (np.kron(modules, np.ones((pixels, pixels))) == (picture == 0)).all()
    assert not modules[:4].any()
    assert not modules[-4:].any()
    assert not modules[:, :4].any()
    assert not modules[:, -4:].any()
    assert modules[4:-4, 4:-4].any(axis=0).all()
    (read,) = zxingcpp.read_barcodes(picture, zxingcpp.BarcodeFormat.QRCode)
    assert (read.text, read.ec_level) == (text, "Q")
    assert (modules_of_svg(symbol.svg(text), side) == modules).all()


def modules_of_svg(svg: bytes, side: int) -> Any:
    """Drawn by the path's own numbers."""
    found = np.zeros((side, side), bool)
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", svg.decode()):
        found[int(y), int(x) : int(x) + int(width)] = True
    return found


@pytest.mark.parametrize(
    "name",
    [
        "东门农贸市场",
        "场" * 100,
        'a"; filename=evil.exe',
        "../../etc/passwd",
        "..\\x",
        "甲\u202egnp.exe",
        "a\r\nSet-Cookie: x=1",
        ".",
    ],
)
def test_a_file_is_named_after_its_place_and_nothing_else(name: str) -> None:
    """RFC 6266: what browsers save has no path, no control and no trick in it, and fits a file system."""
    speaking = symbol.file_name("场所码", name, "南门")
    said = symbol.disposition(f"{speaking}.png", "venue-code-1-2.png")
    assert said.isascii()
    assert said.isprintable()
    assert said.startswith("attachment; filename=\"venue-code-1-2.png\"; filename*=UTF-8''")
    saved = unquote(said.partition("''")[2])
    assert saved == f"{speaking}.png"
    assert saved.isprintable()
    assert not set('/\\:"') & set(saved)
    assert len(saved.encode()) <= 255
    assert saved.startswith("场所码-")


# Issued once, renewed


@both
def test_a_place_has_one_code_at_every_reprint(site: Site) -> None:
    """The whole venue and each open checkpoint; two who ask at once are shown the same."""
    with site.centre.database.write() as session:
        create_checkpoint(session, 1, "北门", Direction.OUT)
        create_checkpoint(session, 1, "旧门", Direction.OUT).closed_at = NOW
    together = threading.Barrier(4)
    seen: list[list[tuple[int | None, str]]] = []

    def ask() -> None:
        together.wait()
        with site.centre.database.write() as session:
            venue = session.get_one(Venue, 1)
            codes.issue_missing(session, venue, NOW)
            seen.append([(code.checkpoint_id, code.token) for code in codes.in_force(session, venue)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [place for place, _ in seen[0]] == [None, 1, 2]
    assert seen == [seen[0]] * 4


@both
def test_a_renewed_code_leaves_the_old_one_ended_and_a_line_in_the_audit(site: Site) -> None:
    """Of that place alone; sent twice it renews once."""
    app = create_app(site.centre, lambda: NOW)
    app.config["WTF_CSRF_ENABLED"] = False
    client = staff(app, site, ADMINISTRATOR)
    before = tokens(site, client)
    path = f"/venues/1/codes/{before[1]}/renew"
    assert client.post(path, data={"reason": "pasted over"}).status_code == 422
    assert tokens(site, client) == before
    for _ in range(2):
        assert client.post(path, data={"reason": "pasted over", "sure": "y"}).status_code == 303
    after = tokens(site, client)
    assert after[None] == before[None]
    assert after[1] != before[1]
    assert (public(app, before[1]).status_code, public(app, after[1]).status_code) == (410, 200)
    with site.centre.database.look() as connection:
        (line,) = [each for each in audit.lines(connection) if each.act == "code_renew"]
    assert (line.reason, line.detail) == ("pasted over", f"{before[1]} of venue 1, checkpoint 1")
    assert broken(site.centre.database) == []


def test_an_inspector_renews_nothing_and_nobody_another_venues_code(site: Site) -> None:
    """R19: an inspector looks and downloads. A token of the next venue is not found at this one."""
    with site.centre.database.write() as session:
        other = create_venue(session, "西门市场")
        codes.issue_missing(session, other, NOW)
        foreign = codes.in_force(session, other)[0].token
    app = create_app(site.centre, lambda: NOW)
    app.config["WTF_CSRF_ENABLED"] = False
    inspector, administrator = staff(app, site, INSPECTOR), staff(app, site, ADMINISTRATOR)
    mine = tokens(site, inspector)[1]
    sent = {"reason": "r", "sure": "y"}
    assert inspector.post(f"/venues/1/codes/{mine}/renew", data=sent).status_code == 403
    assert "/renew" not in inspector.get("/venues/1/codes").text
    assert administrator.post(f"/venues/1/codes/{foreign}/renew", data=sent).status_code == 404
    assert administrator.post(f"/venues/2/codes/{foreign}/renew", data=sent).status_code == 403
    for path in ("/venues/2/codes", "/venues/2/codes/venue.png", "/venues/2/codes/venue.pdf"):
        assert inspector.get(path).status_code == 403
    assert public(app, foreign).status_code == 200


# Downloads


@pytest.mark.parametrize("state", list(VenueState))
@pytest.mark.parametrize("role", [ADMINISTRATOR, INSPECTOR], ids=lambda role: role.role.value)
def test_only_an_active_venue_has_codes_to_download(site: Site, state: VenueState, role: Appointment) -> None:
    """The others are told why, in words; a code that was issued before says so to visitors too."""
    app = create_app(site.centre, lambda: NOW)
    client = staff(app, site, role)
    hanging = tokens(site, client)
    with site.centre.database.write() as session:
        venue = session.get_one(Venue, 1)
        venue.state, venue.refusal = state.value, "名称不全" if state is VenueState.REFUSED else ""
    answers = [client.get(f"/venues/1/codes/{place}.{form}") for place in ("venue", "1") for form in FORMS]
    page = client.get("/venues/1/codes")
    assert page.status_code == 200
    if state is VenueState.ACTIVE:
        assert [each.status_code for each in answers] == [200] * 6
        assert tokens(site, client) == hanging
        return
    assert [each.status_code for each in answers] == [409] * 6
    why = {VenueState.WAITING: "等待属地审批", VenueState.REFUSED: "名称不全", VenueState.CLOSED: "已经关闭"}[state]
    assert all(why in each.text for each in (*answers, page))
    assert "/venues/1/codes/" not in page.text
    status, said = (410, "停用") if state is VenueState.CLOSED else (409, "尚未生效")
    shown = public(app, hanging[1])
    assert (shown.status_code, said in shown.text, "名称不全" in shown.text) == (status, True, False)
    assert "东门市场" not in shown.text


def test_what_is_downloaded_is_the_code_that_leads_here(site: Site) -> None:
    """PNG and poster read back to the address of this very place; the names speak."""
    app = create_app(site.centre, lambda: NOW)
    client = staff(app, site, INSPECTOR)
    token = tokens(site, client)[1]
    coded = f"HTTP://127.0.0.1:8000/V/{token}"
    png, svg, pdf = (client.get(f"/venues/1/codes/1.{form}") for form in FORMS)
    assert [
        symbol.text for symbol in zxingcpp.read_barcodes(Image.open(BytesIO(png.data)), zxingcpp.BarcodeFormat.QRCode)
    ] == [coded]
    assert svg.data == symbol.svg(coded)
    assert sheets.quiet(pdf.data)[0] == coded
    assert [each.content_type for each in (png, svg, pdf)] == [
        "image/png",
        "image/svg+xml",
        "application/pdf",
    ]
    named = [unquote(each.headers["Content-Disposition"].partition("''")[2]) for each in (png, svg, pdf)]
    assert named == ["场所码-东门市场-南门.png", "场所码-东门市场-南门.svg", "场所码海报-东门市场-南门.pdf"]
    for path in ("2.png", "99999999999999999999.png", "x.png", "-1.png", "²2.png", "1.gif", "1"):
        assert client.get(f"/venues/1/codes/{path}").status_code == 404


def test_a_closed_checkpoint_has_no_download_and_its_page_says_so(site: Site) -> None:
    """Open again, the poster that still hangs is right again."""
    app = create_app(site.centre, lambda: NOW)
    client = staff(app, site, INSPECTOR)
    token = tokens(site, client)[1]
    for closed_at, downloaded, shown in ((NOW, 404, 410), (None, 200, 200)):
        with site.centre.database.write() as session:
            session.get_one(Checkpoint, 1).closed_at = closed_at
        assert client.get("/venues/1/codes/1.png").status_code == downloaded
        assert public(app, token).status_code == shown
    assert tokens(site, client)[1] == token


def test_without_a_font_the_pages_say_what_to_install(site: Site, tmp_path: Path) -> None:
    """Before somebody tries, and when they do; the pictures are there all the same."""
    app = create_app(site.centre, lambda: NOW)
    app.extensions[PRESS] = Press(tmp_path, tmp_path)
    client = staff(app, site, INSPECTOR)
    page, poster = client.get("/venues/1/codes"), client.get("/venues/1/codes/1.pdf")
    assert (page.status_code, poster.status_code) == (200, 503)
    assert "fonts-noto-cjk" in page.text
    assert "fonts-noto-cjk" in poster.text
    assert "1.pdf" not in page.text
    assert client.get("/venues/1/codes/1.png").status_code == 200


def test_a_name_with_a_character_that_no_font_has_says_which(site: Site) -> None:
    """The page names it; a poster with a gap in the name is never made."""
    with site.centre.database.write() as session:
        session.get_one(Venue, 1).name = "甲\U0001d400"
    client = staff(create_app(site.centre, lambda: NOW), site, INSPECTOR)
    assert "字体里没有这些字：\U0001d400" in client.get("/venues/1/codes").text
    assert client.get("/venues/1/codes/1.pdf").status_code == 409


# The page behind a code


def test_a_code_says_to_everybody_whose_it_is(site: Site) -> None:
    """R1: place and name, in both languages, in whatever letters; no name of anybody, no trace of who is signed in."""
    app = create_app(site.centre, lambda: NOW)
    client = staff(app, site, ADMINISTRATOR)
    with site.centre.database.write() as session:
        session.get_one(Venue, 1).address = "<b>人民路</b> 35 号"
    found = tokens(site, client)
    for path in (f"/v/{found[1]}", f"/V/{found[1]}", f"/v/{found[1].lower()}", f"/V/{found[1][:5]}-{found[1][5:]}"):
        page = client.get(path)
        assert page.status_code == 200
        for part in (
            "这是真的场所码",
            "东门市场",
            "南门",
            "<b>进</b>",
            "&lt;b&gt;人民路&lt;/b&gt; 35 号",
            "戴口罩",
            "人工登记",
        ):
            assert part in page.text
        assert "worker" not in page.text
        assert not page.headers.getlist("Set-Cookie")
    english = public(app, found[1], "?lang=en").text
    assert "This venue code is genuine" in english
    assert "<b>In</b>" in english
    assert "全场所" in public(app, found[None]).text


def test_every_page_of_a_code_is_light(site: Site) -> None:
    """An old phone on 3G: no script, nothing from elsewhere, under 30 kB with all that it loads."""
    app = create_app(site.centre, lambda: NOW)
    token = tokens(site, staff(app, site, INSPECTOR))[1]
    for path in (token, "0000000000", "x"):
        page = public(app, path)
        loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
        weight = len(page.data) + sum(len(app.test_client().get(each).data) for each in loaded)
        assert loaded == ["/static/venue.css"]
        assert "<script" not in page.text
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
        assert weight < 30_000


def test_what_is_no_code_is_told_so_and_costs_at_most_one_look_up(site: Site) -> None:
    """404 in words that warn of a fake. No look-up for what cannot be a token: the database is not even asked."""
    app = create_app(site.centre, lambda: NOW)
    statements: list[str] = []
    event.listen(site.centre.database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    for typed, asked in (("0000000000", 1), ("zz-zz_zz", 0), ("%00", 0), ("A" * 3_000, 0), ("甲乙", 0)):
        statements.clear()
        page = public(app, typed)
        assert (page.status_code, "可能是假的" in page.text) == (404, True), typed
        assert len([each for each in statements if each.startswith("SELECT")]) == asked


def test_with_an_address_the_code_leads_there_and_nothing_is_a_demonstration(site: Site) -> None:
    """Without one, poster and pages say that it opens on this machine only."""
    near = staff(create_app(site.centre, lambda: NOW), site, INSPECTOR)
    token = tokens(site, near)[1]
    assert "仅供演示" in near.get("/venues/1/codes").text
    assert "演示" in near.get(f"/v/{token}").text
    assert "演示海报" in sheets.words(near.get("/venues/1/codes/1.pdf").data)
    with site.centre.state.config.open("a") as settings:
        settings.write(f'address = "{ADDRESS}"\n')
    centre = Centre.open(site.centre.state)
    far = create_app(centre, lambda: NOW).test_client()
    front = {"base_url": ADDRESS, "headers": {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}}
    page = far.get(f"/V/{token}", **front)
    assert page.status_code == 200
    assert "演示" not in page.text
    assert f"{ADDRESS}/" in page.text
    assert far.get(f"/V/{token}", base_url="https://evil.example", headers=front["headers"]).status_code == 403
    centre.close()


# At a terminal


def test_the_terminal_writes_the_same_files(site: Site, tmp_path: Path) -> None:
    """`collector venue code`: the address on standard output, files where they are asked for, words on errors."""
    state = site.centre.state.path
    poster, png, svg = (tmp_path / f"code.{form}" for form in ("pdf", "png", "svg"))
    done = collector(
        state, "venue", "code", "1", "--checkpoint", "1", "--poster", str(poster), "--png", str(png), "--svg", str(svg)
    )
    assert done.exit_code == 0
    address = done.stdout.strip()
    assert "Do not post it" in done.stderr
    assert sheets.quiet(poster.read_bytes())[0] == address
    assert png.read_bytes() == symbol.png(address)
    assert svg.read_bytes() == symbol.svg(address)
    assert collector(state, "venue", "code", "1", "--checkpoint", "1").stdout.strip() == address
    assert collector(state, "venue", "code", "1").stdout.strip() != address
    with site.centre.database.write() as session:
        session.get_one(Venue, 1).state = VenueState.WAITING.value
    for arguments, said in (
        (("1",), "the venue is waiting"),
        (("7",), "there is no venue 7"),
    ):
        refused = collector(state, "venue", "code", *arguments)
        assert (refused.exit_code, said in refused.stderr) == (1, True)


def staff(app: Flask, site: Site, appointment: Appointment) -> FlaskClient:
    """A browser where somebody with that role is signed in."""
    client = app.test_client(use_cookies=False)
    cookie = cookie_for(site.centre, appointment, now=NOW)
    client.environ_base.update(HTTP_COOKIE=cookie, HTTP_HOST="localhost")
    return client


def public(app: Flask, token: str, query: str = "") -> TestResponse:
    """What a visitor is shown."""
    return app.test_client(use_cookies=False).get(f"/v/{token}{query}")


def tokens(site: Site, client: FlaskClient) -> dict[int | None, str]:
    """The codes that hang, by checkpoint; None for the whole venue. Its staff look first: that issues them."""
    assert client.get("/venues/1/codes").status_code == 200
    with site.centre.database.read() as session:
        return {code.checkpoint_id: code.token for code in codes.in_force(session, session.get_one(Venue, 1))}
