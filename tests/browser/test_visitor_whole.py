"""From the poster on the wall to the venue's numbers, and a status that changes in between: three real programs, a real
browser, real pictures before the camera (R1, R3, R15; DESIGN 3).
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from edge.presence import GONE_SECONDS, QUIET_SECONDS
from hardware.ports import Frame
from hardware.symbols import CascadeReader
from sync.collector.centre import Centre
from sync.collector.config import StateDir as CentreDir
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Actor
from sync.collector.visitors import registry
from sync.collector.visitors.status.port import Reason
from sync.collector.visitors.status.register import Register
from sync.outbox.durable import replace_file
from sync.wire.passes import Status
from sync.wire.statuslist import StatusList
from sync.wire.updates import OPTIONAL
from tests.browser.test_visitor_phone import PHONE, Town, registered
from tests.sync.collector.people import somebody
from tests.sync.collector.staff import COOKIE, IT, cookie_for
from tests.sync.programs import BIN, Processes, programs, until

RELAY = "GPIO17"


def _nothing() -> bytes:
    kept = BytesIO()
    Image.new("L", (640, 480), 127).save(kept, "PNG")
    return kept.getvalue()


EMPTY = _nothing()


@dataclass
class Gate:
    """A running gate, what its camera sees, and what its relay does."""

    pictures: Path
    trace: Path
    status: Path

    def sees(self, name: str, picture: bytes) -> None:
        """One picture, in the place of what was there."""
        for old in self.pictures.iterdir():
            old.unlink()
        replace_file(self.pictures / f"{name}.png", picture, durable=False)

    def rests(self) -> None:
        """An empty doorway for as long as the same code would be the same presentation (`edge.presence`)."""
        self.sees("empty", EMPTY)
        until(lambda: self.told() == [], 20)
        rested = time.monotonic() + QUIET_SECONDS + GONE_SECONDS
        until(lambda: time.monotonic() > rested, 20)

    def openings(self) -> int:
        lines = (line.split() for line in self.trace.read_text().splitlines())
        return sum((pin, level) == (RELAY, "1") for _, pin, level in lines)

    def trust(self) -> tuple[int, ...]:
        """The updates that the gate itself says are in force."""
        return tuple(json.loads(self.status.read_bytes())["trust"])

    def told(self) -> list[str]:
        """The reasons of what it shows now."""
        try:
            return list((json.loads(self.status.read_bytes())["shown"] or {}).get("codes", []))
        except (OSError, ValueError):
            return []


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Processes]:
    """Whoever registers is green unless the authority says otherwise."""
    with programs(tmp_path) as made:
        made.centre.mkdir()
        (made.centre / "collector.toml").write_text(
            f'[messages]\ndirectory = "{made.centre}/messages"\n[status]\ndefault = "green"\n'
        )
        made.found()
        made.serve()
        made.provision()
        made.sync()
        yield made


@pytest.fixture
def gate(town: Processes) -> Iterator[Gate]:
    """Looking at an empty doorway."""
    made = Gate(town.directory / "camera", town.directory / "pins.log", town.state.status)
    made.pictures.mkdir()
    made.sees("empty", EMPTY)
    made.trace.touch()
    settings = town.directory / "gate.toml"
    settings.write_text(
        f'[state]\ndirectory = "{town.state.root}"\n[pins]\nfactory = "mock"\ntrace = "{made.trace}"\n'
        f'[camera]\nsource = "directory"\ndirectory = "{made.pictures}"\n[barrier]\nopen_seconds = 0.5\n'
        "[display]\nresult_seconds = 0.5\n"
    )
    with subprocess.Popen([BIN / "gate", "run", "--config", settings], stderr=subprocess.DEVNULL) as running:
        until(lambda: made.status.exists(), 30)
        yield made
        running.terminate()
        running.wait(20)


def poster(town: Processes) -> str:
    """What the project's own reader makes of the printed poster."""
    file = town.directory / "poster.pdf"
    town.collector("venue", "code", "1", "--checkpoint", "1", "--poster", str(file))
    drawn = pypdfium2.PdfDocument(file)[0].render(scale=2).to_pil().convert("L")
    (symbol,) = CascadeReader().read(Frame(np.asarray(drawn), 1, 0.0)).symbols
    return symbol.text.replace("HTTP://127.0.0.1:8000", town.address.rstrip("/"))


def about(town: Processes, change: Callable[[Personal, str, Centre], None]) -> None:
    """Something that people of the town do with the one who registered."""
    centre = Centre.open(CentreDir(town.centre))
    with personal(centre, Actor("account wu", "case 7"), time.time()) as access:
        (found,) = registry.find(access, somebody(1).number)
        change(access, found.id, centre)
    centre.close()


def seen(access: Personal, visitor: str, _centre: Centre) -> None:
    """A clerk has seen the document: only then a pass is saved."""
    registry.verify(access, visitor)


def red(access: Personal, visitor: str, centre: Centre) -> None:
    """The authority's word."""
    until = access.now + 7 * 86_400
    Register(centre.settings.status).set(access, visitor, Status.RED, Reason.CONTACT, until)


def statistics(town: Processes, browser: Browser) -> str:
    """The venue's numbers as its people read them."""
    centre = Centre.open(CentreDir(town.centre))
    cookie = cookie_for(centre, IT, now=time.time())
    centre.close()
    context = browser.new_context()
    context.add_cookies([{"name": COOKIE, "value": cookie.partition("=")[2], "url": town.address}])
    page = context.new_page()
    page.goto(f"{town.address.rstrip('/')}/venues/1/statistics")
    text = page.locator("main").inner_text()
    context.close()
    return " ".join(text.split())


@pytest.mark.timeout(240)
def test_from_the_poster_to_the_venues_numbers_and_red_within_ten_seconds(
    town: Processes, gate: Gate, browser: Browser
) -> None:
    """A phone's scan result opens the gate once; a saved green pass does, until the authority says red: then it never
    opens again, ten seconds later at the most.
    """
    context = browser.new_context(viewport=PHONE, device_scale_factor=2)
    phone: Page = context.new_page()
    registered(phone, Town(town.centre, town.address.rstrip("/"), poster(town), None))  # type: ignore[arg-type]
    phone.get_by_role("button", name="登记，出示扫码结果").click()
    phone.locator(".symbol").wait_for()
    result = phone.screenshot()
    gate.sees("result", result)
    until(lambda: gate.openings() == 1 and gate.told()[:1] == ["green"], 20)
    gate.rests()
    gate.sees("result", result)
    until(lambda: gate.told()[:1] == ["already_used"], 20)
    assert gate.openings() == 1, "a scan result opens once"

    about(town, seen)
    phone.goto(f"{town.address.rstrip('/')}/phone/saved")
    phone.get_by_role("button", name="生成并保存").click()
    with phone.expect_download() as download:
        phone.get_by_role("link", name="存为图片").click()
    saved = Path(download.value.path()).read_bytes()
    gate.sees("saved", saved)
    until(lambda: gate.openings() == 2 and gate.told()[:1] == ["green"], 20)

    gate.rests()
    before = gate.trust()
    about(town, red)
    until(lambda: listed(town) > 0 and gate.trust() > before, 10)
    gate.sees("saved", saved)
    until(lambda: gate.told()[:1] == ["withdrawn"], 20)
    assert gate.openings() == 2

    until(lambda: "进 2" in statistics(town, browser), 30)
    context.close()


def listed(town: Processes) -> int:
    """How many passes the gate's own updates list."""
    files = [town.state.current_updates / name for name in OPTIONAL]
    return sum(StatusList(file.read_bytes()).listed for file in files if file.exists() and "withdrawn" in file.name)
