"""The visitor display in a real Chromium, over the real gate-panel, fed as a gate and a gate-sync feed it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from edge.panel.reading import read_now
from edge.reasons import REASONS, words_for
from hardware.ports import Signal
from sync.outbox.durable import make_directory, replace_file
from sync.wire.record import ClockQuality, Direction, Outcome
from sync.wire.statedir import StateDir
from sync.wire.status import Fault, GateStatus, QueueStatus, Shown, SyncStatus, Trouble

GATE_PANEL = Path(sys.executable).with_name("gate-panel")
SIZES = [(800, 480), (1920, 1080), (360, 740)]
KIOSK_SIZES = SIZES[:2]
DARK = dict.fromkeys(("pass", "deny", "refer", "link", "buzzer", "relay"), False)
CODES = {
    Signal.PASS: "green",
    Signal.DENY: "test_missing",
    Signal.REFER: "already_used",
    Signal.ONE_AT_A_TIME: "two_codes",
}
RENDERED_MS = 5000  # a poll is 250 ms; the rest is room for a busy machine


class WrittenGate:
    """A gate and its gate-sync, as far as a panel can see them: two files, kept fresh until it dies."""

    def __init__(self, state: StateDir) -> None:
        make_directory(state.run)
        self._state = state
        self._writing = threading.Lock()
        self._gate: dict[str, Any] = {"signal": "ready", "lamps": DARK}
        self._sync: dict[str, Any] = {"connected": True, "backlog": 0}
        self._dead = threading.Event()
        self._write()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()

    def show(self, signal: Signal, *codes: str, number: int = 1, **fields: Any) -> None:
        """Show a result, or the ready state, from now on."""
        lamps = DARK | {name: name == signal.value for name in ("pass", "deny", "refer")}
        result = Shown(number, signal.value, list(codes)) if codes else None
        self._gate = {"signal": signal.value, "shown": result, "lamps": lamps, **fields}
        self._write()

    def link(self, **fields: Any) -> None:
        """Tell how the link is from now on."""
        self._sync = {"connected": False, "backlog": 0, **fields}
        self._write()

    def die(self) -> None:
        """Write nothing any more; the last files stay."""
        self._dead.set()
        self._heart.join()

    def _beat(self) -> None:
        while not self._dead.wait(0.5):
            self._write()

    def _write(self) -> None:
        with self._writing:
            now = read_now()
            gate: dict[str, Any] = {
                "clock": ClockQuality.SYNCHRONIZED,
                "next_sequence": 13,
                "acknowledged": 1,
                "venue_name": "东升农贸市场",
                "checkpoint_name": "南门",
                "direction": Direction.IN,
                "trust": (1, 3),
                "trust_issued_at": int(now.wall) - 7260,
            }
            who: dict[str, Any] = {"wall": now.wall, "boot": now.boot, "mono": now.mono, "pid": os.getpid()}
            status = GateStatus(**who, software="0.1.0", outbox="0" * 32, **(gate | self._gate))
            replace_file(self._state.status, msgspec.json.encode(status), durable=False)
            replace_file(self._state.sync_status, msgspec.json.encode(SyncStatus(**who, **self._sync)), durable=False)


class Panel:
    """The real gate-panel, as its own process."""

    def __init__(self, state: StateDir, *arguments: str, port: str = "0") -> None:
        command = [str(GATE_PANEL), "run", "--state", str(state.root), "--port", port, *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[-1]
        self._answers()
        self.port = self.url.rstrip("/").rpartition(":")[2]

    def _answers(self) -> None:
        """Wait until it serves: what it prints comes just before that."""
        deadline = time.monotonic() + 10
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            except OSError:
                assert time.monotonic() < deadline, f"{self.url} does not answer"
                time.sleep(0.05)

    def stop(self) -> None:
        """End it, as a service manager does."""
        self._process.terminate()
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> StateDir:
    """The directory that gate and panel share."""
    return StateDir.at(tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's directory."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def panel(state: StateDir) -> Iterator[Panel]:
    """A real gate's panel."""
    panel = Panel(state)
    yield panel
    panel.stop()


@pytest.fixture(scope="module")
def demo_panel(state: StateDir, demo: Path) -> Iterator[Panel]:
    """The demo's panel over the same gate."""
    panel = Panel(state, "--demo", str(demo))
    yield panel
    panel.stop()


@pytest.fixture
def gate(state: StateDir) -> Iterator[WrittenGate]:
    """A gate that is ready and online."""
    gate = WrittenGate(state)
    yield gate
    gate.die()


@pytest.fixture
def page(browser: Browser, gate: WrittenGate) -> Iterator[Page]:
    """A page at the kiosk's size; it may complain of nothing (a forbidden script would) and fetch nothing foreign."""
    page = browser.new_page(viewport={"width": 800, "height": 480})
    complaints: list[str] = []
    hosts: set[str] = set()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].partition(":")[0]))
    yield page
    page.close()
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []  # tests take it away
    assert hosts == {"127.0.0.1"}


def wait_for(page: Page, state: str) -> None:
    """Wait until the display shows that state."""
    expect(page.locator("body")).to_have_attribute("data-state", state, timeout=RENDERED_MS)


def overflow(page: Page) -> dict[str, int]:
    """By how many pixels the page is larger than its window."""
    sizes: dict[str, int] = page.evaluate(
        "() => { const all = document.documentElement;"
        " return {x: all.scrollWidth - innerWidth, y: all.scrollHeight - innerHeight}; }"
    )
    return sizes


def cut_off(page: Page) -> list[str]:
    """Texts that stick out of the window or of the part of the display that they belong to."""
    texts: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(".place, .stage, .demo, .strip")].flatMap((part) => {
            const box = part.getBoundingClientRect();
            return [...part.querySelectorAll("[lang], [translate=no], .mark, button")].filter((child) => {
                const inner = child.getBoundingClientRect();
                if (!inner.width) return false;
                return inner.left < box.left - 1 || inner.right > Math.min(box.right, innerWidth) + 1
                    || inner.top < box.top - 1 || inner.bottom > box.bottom + 1;
            }).map((child) => `${child.textContent.trim() || child.getAttribute("class")} in ${part.className}`);
        })"""
    )
    return texts


def test_the_display_follows_the_gate_without_a_reload(page: Page, panel: Panel, gate: WrittenGate) -> None:
    """R5: a result is on the display as soon as the gate writes it, and gone with it."""
    page.goto(panel.url)
    wait_for(page, "ready")
    page.evaluate("window.sameDocument = true")
    for signal, code in CODES.items():
        gate.show(signal, code)
        wait_for(page, signal.value)
        word = page.locator("h1")
        expect(word.locator("[lang=zh]")).to_have_text(REASONS[code].word.zh)
        expect(word.locator("[lang=en]")).to_have_text(REASONS[code].word.en)
        expect(page.locator(".advice [lang=zh]")).to_have_text(REASONS[code].advice.zh)
        expect(page.locator("[data-mark]")).to_have_attribute("href", f"#mark-{signal.value}")
    gate.show(Signal.READY)
    wait_for(page, "ready")
    assert page.evaluate("window.sameDocument") is True


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("demonstrating", [False, True], ids=["gate", "demo"])
def test_every_signal_fits_every_screen(
    page: Page, gate: WrittenGate, request: pytest.FixtureRequest, width: int, height: int, demonstrating: bool
) -> None:
    """R5: no text is cut off, nothing scrolls sideways, and a kiosk scrolls not at all."""
    panel: Panel = request.getfixturevalue("demo_panel" if demonstrating else "panel")
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(reduced_motion="reduce")
    gate.link(backlog=12345, trouble=Trouble.NOT_THE_CENTRE)
    page.goto(panel.url)
    for signal in Signal:
        faults = [Fault.CAMERA, Fault.THERMOMETER] if signal is Signal.OUT_OF_ORDER else []
        gate.show(signal, *([CODES[signal]] if signal in CODES else []), faults=faults, next_sequence=12346)
        wait_for(page, signal.value)
        expect(page.locator("[data-fact=backlog] [lang=en]").last).to_have_text("12345 records waiting")
        left_over = overflow(page)
        assert left_over["x"] <= 0, signal
        assert cut_off(page) == [], signal
        if (width, height) in KIOSK_SIZES:
            assert left_over["y"] <= 0, signal


def test_every_reasons_words_fit_the_smallest_kiosk(page: Page, panel: Panel, gate: WrittenGate) -> None:
    """A longer word in the table must not leave the display unnoticed."""
    page.emulate_media(reduced_motion="reduce")
    page.goto(panel.url)
    for reason in {(reason.word, reason.advice): reason for reason in REASONS.values()}.values():
        told = words_for(Outcome.DENY, reason.code)
        gate.show(Signal.DENY, reason.code)
        expect(page.locator("h1 [lang=en]")).to_have_text(told.word.en)
        expect(page.locator(".advice [lang=en]")).to_have_text(told.advice.en)
        assert overflow(page) == {"x": 0, "y": 0}, reason.code
        assert cut_off(page) == [], reason.code


def test_the_word_is_large_enough_for_5_metres(page: Page, panel: Panel, gate: WrittenGate) -> None:
    """R5: on the smallest screen (154 mm wide for 800 px) a result's characters are at least 14.5 mm high.

    14.5 mm at 5 m is 10 minutes of arc, twice the smallest detail-rich sign that a normal eye resolves.
    """
    page.goto(panel.url)
    for signal, code in CODES.items():
        gate.show(signal, code)
        wait_for(page, signal.value)
        pixels = page.locator("h1 [lang=zh]").evaluate("(word) => parseFloat(getComputedStyle(word).fontSize)")
        assert pixels * 154 / 800 >= 14.5, signal


def test_each_signal_has_a_shape_of_its_own(page: Page, panel: Panel) -> None:
    """R5: not by colour alone."""
    page.goto(panel.url)
    shapes = page.evaluate(
        "(names) => names.map((name) => document.getElementById(`mark-${name}`).innerHTML)",
        [signal.value for signal in Signal],
    )
    assert len(set(shapes)) == len(Signal)


def test_a_result_is_announced_at_once_and_the_same_again_once_more(
    page: Page, panel: Panel, gate: WrittenGate
) -> None:
    """R5: a screen reader speaks each result in both languages, and two alike results twice; "ready" waits politely."""
    page.goto(panel.url)
    result, ready = page.locator("[aria-live=assertive]"), page.locator("[aria-live=polite]")
    expect(ready).to_contain_text("Show your pass")
    gate.show(Signal.DENY, "expired", number=1)
    expect(result.locator("[lang=zh]")).to_have_text("请重新出示 请刷新扫码结果后再出示。 ")
    expect(result.locator("[lang=en]")).to_contain_text("Show it again")
    expect(ready).to_be_empty()
    page.evaluate("document.querySelector('[aria-live=assertive]').firstChild.id = 'first'")
    gate.show(Signal.DENY, "expired", number=2)
    expect(page.locator("#first")).to_have_count(0)
    expect(result).to_contain_text("Show it again")


def test_the_strip_tells_lamps_backlog_link_clock_data_and_faults(page: Page, panel: Panel, gate: WrittenGate) -> None:
    """R5, R24: whoever looks sees how the gate stands, in words."""
    page.goto(panel.url)
    gate.show(Signal.PASS, "green", faults=[Fault.THERMOMETER], clock=ClockQuality.UNKNOWN)
    gate.link(trouble=Trouble.NO_NETWORK)
    expect(page.locator("[data-lamp=pass]")).to_have_attribute("data-lit", "true")
    expect(page.locator("[data-lamp=pass]")).to_contain_text("亮 on")
    expect(page.locator("[data-lamp=deny]")).to_have_attribute("data-lit", "false")
    expect(page.locator("[data-lamp=deny]")).to_contain_text("灭 off")
    for fact, text in {
        "backlog": "待上传 12 条 12 records waiting",
        "link": "离线，正常工作（无网络） Offline but working (no network)",
        "clock": "未校准 Not certain",
        "trust": "2 小时前 2 h ago",
        "faults": "测温仪故障 Thermometer fails",
    }.items():
        expect(page.locator(f"[data-fact={fact}] dd")).to_have_text(text)
    expect(page.locator(".place")).to_contain_text("东升农贸市场 · 南门")
    expect(page.locator(".place")).to_contain_text("入口 Entrance")


def test_a_gate_that_dies_on_green_does_not_stay_green(page: Page, panel: Panel, gate: WrittenGate) -> None:
    """An old green would send people into a closed gate: within seconds the display calls for staff."""
    page.goto(panel.url)
    gate.show(Signal.PASS, "green")
    wait_for(page, "pass")
    gate.die()
    expect(page.locator("body")).to_have_attribute("data-state", "out_of_order", timeout=10_000)
    expect(page.locator(".advice [lang=zh]")).to_have_text("闸机程序无应答，请找工作人员。")
    expect(page.locator("[data-lamp=pass]")).to_have_attribute("data-lit", "null")


def test_a_panel_that_dies_on_green_does_not_stay_green(page: Page, state: StateDir, gate: WrittenGate) -> None:
    """The page itself notices that its server is gone, and loads anew when a new one answers."""
    panel = Panel(state)
    page.goto(panel.url)
    gate.show(Signal.PASS, "green")
    wait_for(page, "pass")
    instance = page.locator("body").get_attribute("data-instance")
    panel.stop()
    expect(page.locator("body")).to_have_attribute("data-state", "out_of_order", timeout=10_000)
    expect(page.locator(".advice [lang=zh]")).to_have_text("显示程序无应答，请找工作人员。")
    panel = Panel(state, port=panel.port)
    wait_for(page, "pass")
    expect(page.locator("body")).not_to_have_attribute("data-instance", str(instance))
    panel.stop()


def test_the_demos_switch_cuts_and_restores_the_link(page: Page, demo_panel: Panel, demo: Path) -> None:
    """One button, which says what it does; beside it the state that is wanted."""
    page.goto(demo_panel.url)
    expect(page.get_by_text("The link is up")).to_be_visible()
    page.get_by_role("button", name="断网 Cut the link").click()
    expect(page.get_by_text("The link is cut")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(1)
    assert (demo / "link").read_text() == "cut"
    page.get_by_role("button", name="恢复网络 Reconnect").click()
    expect(page.get_by_text("The link is up")).to_be_visible()
    assert (demo / "link").read_text() == "up"


def test_the_demos_switch_follows_another_pages_switch(page: Page, demo_panel: Panel, demo: Path) -> None:
    """Two pages of one demo never show two states."""
    replace_file(demo / "link", b"up", durable=False)
    page.goto(demo_panel.url)
    expect(page.get_by_text("The link is up")).to_be_visible()
    replace_file(demo / "link", b"cut", durable=False)
    expect(page.get_by_text("The link is cut")).to_be_visible()


def test_the_demo_shows_what_the_camera_sees(page: Page, demo_panel: Panel, demo: Path) -> None:
    """The picture appears when there is one and is fetched again and again."""
    page.goto(demo_panel.url)
    picture = page.locator(".camera")
    expect(picture).to_be_hidden()
    Image.new("L", (1280, 720), 128).save(demo / "view.jpg")
    expect(picture).to_be_visible()
    first = picture.get_attribute("src")
    expect(picture).not_to_have_attribute("src", str(first))
    expect(picture).to_have_js_property("naturalWidth", 1280)
    (demo / "view.jpg").unlink()
    expect(picture).to_be_hidden()


UNTRANSLATED = """() => {
    const both = /[\\u4e00-\\u9fff].*[A-Za-z]/s;
    const found = [];
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode, parent = text.parentElement;
        if (!text.data.trim() || parent.closest("script, style, [translate=no]")) continue;
        if (parent.tagName === "TITLE") { if (!both.test(text.data)) found.push(text.data); continue; }
        const block = parent.parentElement;
        const said = (lang) => block.querySelector(`:scope > [lang=${lang}]`)?.textContent.trim();
        if (!parent.matches("[lang=zh], [lang=en]") || !said("zh") || !said("en")) found.push(text.data);
    }
    for (const name of ["aria-label", "alt", "title"])
        for (const element of document.querySelectorAll(`[${name}]`))
            if (!both.test(element.getAttribute(name))) found.push(element.getAttribute(name));
    return found;
}"""


def test_every_string_stands_in_both_languages(page: Page, demo_panel: Panel, gate: WrittenGate) -> None:
    """R5: Chinese first, English below, always both; only proper names stand alone."""
    page.goto(demo_panel.url)
    for signal in Signal:
        gate.show(
            signal, *([CODES[signal]] if signal in CODES else []), faults=list(Fault), queue=QueueStatus(damaged=1)
        )
        wait_for(page, signal.value)
        assert page.evaluate(UNTRANSLATED) == [], signal
    page.goto(f"{demo_panel.url}nothing-here")
    assert page.evaluate(UNTRANSLATED) == []


@pytest.mark.parametrize("signal", Signal)
def test_the_page_passes_the_accessibility_rules(
    page: Page, demo_panel: Panel, gate: WrittenGate, signal: Signal
) -> None:
    """R5: axe-core finds no fault in contrast (WCAG AA), names, roles or languages, in any state."""
    page.emulate_media(reduced_motion="reduce")
    gate.link(trouble=Trouble.NO_NETWORK)
    gate.show(signal, *([CODES[signal]] if signal in CODES else []), faults=[Fault.CAMERA])
    page.goto(demo_panel.url)
    wait_for(page, signal.value)
    found = Axe().run(page)
    assert [rule["id"] for rule in found.response["violations"]] == [], found.generate_report()


def test_a_reader_who_asks_for_less_motion_gets_none(page: Page, panel: Panel, gate: WrittenGate) -> None:
    """prefers-reduced-motion: a result appears without movement."""
    running = "document.getAnimations().length"
    page.emulate_media(reduced_motion="reduce")
    page.goto(panel.url)
    gate.show(Signal.PASS, "green")
    wait_for(page, "pass")
    expect(page.locator(".stage")).to_contain_class("arrives")
    assert page.evaluate(running) == 0
