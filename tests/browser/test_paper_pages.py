"""The clerk's desk, the inspector's camera and the saved pass in real Chromium (R6, R20)."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from hardware.ports import Frame
from hardware.scene import Exhibit, Surface, draw
from hardware.symbols import CascadeReader
from sync.collector.accounts.permissions import Appointment, Role
from sync.collector.centre import Centre, initialize
from sync.collector.config import StateDir
from sync.collector.invariants import broken
from sync.collector.passes import saved
from sync.collector.venues.service import create_checkpoint, create_venue
from sync.collector.visitors.service import Wanted, issue_pass
from sync.wire.passes import PassKind
from sync.wire.record import Direction
from tests.browser.centre import faults_of, start, watch
from tests.sync.collector.people import somebody
from tests.sync.collector.staff import COOKIE, employ, signed_in

PICTURES = Path(__file__).parents[2] / "build" / "paper"
TWICE = """[...document.querySelectorAll("main [id]")].map(each => each.id)
    .filter((id, place, all) => all.indexOf(id) !== place)"""
PHONE = {"width": 360, "height": 740}


@dataclass
class Town:
    """A serving centre with a venue of one door."""

    centre: Centre
    address: str
    browser: Browser

    def somebody(self, login: str, appointment: Appointment, **options: object) -> BrowserContext:
        """The browser of a member of staff."""
        now = time.time()
        cookie = signed_in(self.centre, employ(self.centre, login, appointment, now=now), now)
        context = self.browser.new_context(base_url=self.address, reduced_motion="reduce", **options)  # type: ignore[arg-type]
        context.add_cookies([{"name": COOKIE, "value": cookie.partition("=")[2], "url": self.address}])
        return context


@pytest.fixture
def town(tmp_path: Path, browser: Browser) -> Iterator[Town]:
    state = StateDir(tmp_path / "centre")
    state.path.mkdir()
    state.config.write_text('[status]\ndefault = "green"\n[visitors]\ncolour_needs = "word"\nconfirm_phone = false\n')
    initialize(state, time.time())
    centre = Centre.open(state)
    with centre.database.write() as session:
        create_checkpoint(session, create_venue(session, "佛山市三水区东门农贸市场").id, "南门", Direction.IN)
    process, address = start(state.path)
    yield Town(centre, address, browser)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)
    assert broken(centre.database) == []
    centre.close()


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def test_a_clerk_registers_a_class_prints_and_withdraws(town: Town) -> None:
    """A slip in the list, corrected; the sheet arrives as a file; one card lost; both languages, both widths."""
    context = town.somebody("wang", Appointment(Role.CLERK), accept_downloads=True)
    page = context.new_page()
    faults = watch(page)
    page.goto("/passes")
    assert faults_of(page) == []
    page.get_by_label("批次名称").fill("西南小学二（3）班")
    page.get_by_role("button", name="新建", exact=True).click()
    page.get_by_text("登记一份名单").click()
    good = "\n".join(f"{somebody(n).name},{somebody(n).number}" for n in range(1, 7))
    page.get_by_label("粘贴名单").fill(good + "\n王小明,123456")
    page.get_by_role("button", name="登记名单").click()
    expect(page.get_by_role("alert")).to_contain_text("第 7 行：身份证号码不对")
    assert faults_of(page) == []
    picture(page, "list-wrong")
    page.get_by_label("粘贴名单").fill(good)
    page.get_by_label("名单中每个人的证件原件都已看过").check()
    page.get_by_role("button", name="登记名单").click()
    expect(page.get_by_text("已登记 6 人。")).to_be_visible()
    expect(page.get_by_text("已核验")).to_have_count(6)
    assert page.evaluate(TWICE) == []
    with page.expect_download() as coming:
        page.get_by_role("button", name="打印 6 张新卡").click()
    document = pypdfium2.PdfDocument(coming.value.path().read_bytes())
    sheet = document[0].render(scale=2).to_pil().convert("L")
    assert len(document) == 3
    document.close()
    assert coming.value.suggested_filename == "西南小学二（3）班.pdf"
    texts = {each.text for each in CascadeReader().read(Frame(np.asarray(sheet), 1, 0.0)).symbols}
    assert len(texts) == 4
    page.reload()
    expect(page.get_by_text("6 人，待打印 0，有效 6")).to_be_visible()
    page.locator("label.pick").nth(1).click()
    page.locator("summary", has_text="作废").click()
    page.get_by_label("原因").last.fill("card lost")
    page.get_by_label("我知道：作废的卡不能恢复").check()
    page.get_by_role("button", name="作废", exact=True).click()
    expect(page.get_by_text("已作废 1 张卡")).to_be_visible()
    expect(page.locator(".badge.deny")).to_have_count(1)
    for language in ("en", "zh"):
        page.goto(f"/passes/1?lang={language}")
        assert faults_of(page) == []
        picture(page, f"batch-{language}")
        page.set_viewport_size({"width": 320, "height": 700})
        picture(page, f"batch-narrow-{language}")
    assert faults == []
    context.close()


def photograph(town: Town, kind: PassKind, where: Path, surface: Surface = Surface.PHONE) -> Path:
    """What the inspector's camera made: twelve megapixels of a visitor's phone or card."""
    with town.centre.database.write() as session:
        text = issue_pass(town.centre, session, Wanted(kind), time.time())
    frame = draw([Exhibit(text, surface)], np.random.default_rng(3), size=(1080, 1920))
    path = where / f"{kind.name}.jpg"
    Image.fromarray(frame).resize((4000, 2250)).convert("RGB").save(path, quality=88)
    return path


def test_an_inspector_photographs_a_code(town: Town, tmp_path: Path) -> None:
    """The picture is made small in the page and sent at once; pass is registered, paper asks; then one by hand."""
    context = town.somebody("chen", Appointment(Role.INSPECTOR, venue=1), viewport=PHONE, has_touch=True)
    page = context.new_page()
    faults = watch(page)
    page.goto("/venues/1/inspect")
    page.get_by_role("link", name="扫访客的码").click()
    assert faults_of(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    picture(page, "scan")
    sent: list[int] = []
    page.on("request", lambda request: sent.append(len(request.post_data_buffer or b"")))
    page.locator("#temperature").fill("36.4")
    page.locator("#picture").set_input_files(photograph(town, PassKind.SAVED, tmp_path))
    expect(page.locator(".verdict.pass")).to_contain_text("请通行")
    expect(page.get_by_text("已放行登记")).to_be_visible()
    assert max(sent) < 1_000_000
    assert faults_of(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    picture(page, "pass")
    page.get_by_role("link", name="下一位").click()
    page.locator("#picture").set_input_files(photograph(town, PassKind.PAPER, tmp_path, Surface.PAPER))
    expect(page.locator(".verdict.refer")).to_be_visible()
    assert faults_of(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    picture(page, "refer")
    page.get_by_role("button", name="放行", exact=True).click()
    expect(page.locator(".verdict.pass")).to_be_visible()
    page.goto("/venues/1/scan?lang=en")
    page.locator("#picture").set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    expect(page.get_by_role("alert")).to_contain_text("This is no photograph.")
    assert faults_of(page) == []
    page.goto("/venues/1/by-hand")
    assert faults_of(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    picture(page, "by-hand")
    page.get_by_label("Name").fill("王秀英")
    page.get_by_label("Document number").fill(somebody(1).number)
    page.get_by_label("I have seen the document").check()
    page.get_by_role("button", name="Register and check").click()
    expect(page.locator(".verdict.pass")).to_contain_text("Please pass")
    expect(page.get_by_text("王＊英")).to_be_visible()
    assert faults == []
    context.close()


def test_a_saved_pass_opens_without_network(town: Town) -> None:
    """Saved to the phone and shown by its own page while everything is off; removed again by its owner."""
    context = town.browser.new_context(base_url=town.address, viewport=PHONE, has_touch=True)  # type: ignore[arg-type]
    page = context.new_page()
    faults = watch(page)
    page.goto("/phone/register")
    page.get_by_label("姓名").fill(somebody(1).name)
    page.get_by_label("证件号码").fill(somebody(1).number)
    page.get_by_label(re.compile("手机号")).fill(somebody(1).phone or "")
    page.locator("form button[type=submit]").last.click()
    page.wait_for_url(re.compile("/phone$"))
    page.goto("/phone/saved")
    assert faults_of(page) == []
    page.get_by_role("button", name="生成并保存").click()
    expect(page.locator("[data-installed]")).to_be_visible(timeout=20_000)
    assert faults_of(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    picture(page, "saved")
    with page.expect_download() as coming:
        page.get_by_role("link", name="存为图片").click()
    drawn = Image.open(BytesIO(coming.value.path().read_bytes()))
    assert drawn.width == saved.WIDTH
    context.set_offline(True)
    page.goto("/phone/saved/kept")
    image = page.locator("img.kept")
    expect(image).to_be_visible()
    assert image.evaluate("each => each.naturalWidth") == saved.WIDTH
    picture(page, "saved-offline")
    page.get_by_role("button", name="从本机删除").click()
    expect(page.locator("[data-none]")).to_be_visible()
    context.set_offline(False)
    assert faults == []
    context.close()
