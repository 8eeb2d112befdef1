"""docs/REAL_PI.md: pins, rhythms, times and sentences of the checks on a real gate are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge import doctor
from edge.clock import KEEP_SECONDS
from edge.config import Config, Pins
from edge.panel import words
from edge.recent import AGAIN_SECONDS
from edge.turnstile import FORCED_SECONDS
from hardware import contacts, wiring
from hardware.camera import Picamera2Camera
from hardware.errors import ThermometerError
from hardware.mlx90614 import Mlx90614
from hardware.states import CONDITIONS, RESULTS, Look
from sync import telling
from sync.network_manager import PATIENCE_SECONDS
from sync.wire import jsonform
from sync.wire.policy import Policy
from sync.wire.record import ClockQuality, Direction, Moment, Outcome, Passage, Passed, Place, Scan
from sync.wire.status import Fault, StickPhase, StickTrouble, WifiStep
from tests.docs import lamp_table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "REAL_PI.md").read_text(encoding="utf-8")
WORDS = {f"{look.word.zh} {look.word.en}": look for look in [*RESULTS.values(), *CONDITIONS.values()]}
STEP = re.compile(r"(\d{1,2})\.(\d{1,2})")


def section(number: int) -> str:
    """The text of that section."""
    begun = PAGE[PAGE.index(f"\n## {number}. ") + 1 :]
    return begun.partition("\n## ")[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables in a text, heads and rules left out."""
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|") and not line.startswith("|---") and not following.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def steps() -> dict[str, list[str]]:
    """Number of a step → its other cells."""
    return {first: cells for first, *cells in rows(PAGE) if STEP.fullmatch(first)}


def test_the_page_says_first_that_nobody_has_done_it() -> None:
    """What is expected is not what was seen."""
    assert "Nobody has made these checks on a real gate yet." in PAGE[:200]


def test_each_pin_is_the_one_of_the_configuration_and_of_the_drawing() -> None:
    """Key, BCM number, number on the header, and the ground of the same part (hardware.wiring)."""
    defaults = {key: value for key, value in msgspec.structs.asdict(Pins()).items() if type(value) is int}
    printed = {}
    for _, key, bcm, pin, ground in rows(section(2)):
        assert wiring.HEADER[int(pin)] == f"GPIO{bcm}", key
        assert wiring.HEADER[int(ground)] == "GND", key
        (part,) = (part for part in wiring.PARTS if int(pin) in {number for number, _ in part.wires})
        assert int(ground) in {number for number, _ in part.wires}, key
        printed[key.strip("`")] = int(bcm)
    del printed["–"]  # the thermometer's two, which are the bus's
    assert printed == defaults


def test_every_pin_that_a_step_names_is_wired() -> None:
    """And a pin named with a voltage or GND has it."""
    wired = {number for part in wiring.PARTS for number, _ in part.wires}
    assert {int(number) for number in re.findall(r"\bpin (\d+)\b", PAGE)} <= wired
    for name, number in re.findall(r"(5 V|3\.3 V|GND) \(pin (\d+)\)", PAGE):
        assert wiring.HEADER[int(number)] == {"5 V": "5V", "3.3 V": "3V3", "GND": "GND"}[name]
    for first, second in re.findall(r"\| pin (\d+), pin (\d+) \|", section(3)):
        assert any({int(first), int(second)} <= {number for number, _ in part.wires} for part in wiring.PARTS)


def test_the_rhythms_are_those_of_the_table_of_states() -> None:
    """Word, lamp and rhythm as docs/OPERATIONS.md prints them; ten rounds are ten times the steps of one."""
    printed = [cells for cells in rows(section(6)) if cells[1] in WORDS]
    assert len(printed) == 7
    table = {cells[0]: cells[1:3] for cells in rows("\n".join(lamp_table.rows()))}
    for _, word, _, lamp, rhythm, ten_rounds in printed:
        assert [lamp, rhythm] == table[word]
        assert ten_rounds == _ten_rounds(WORDS[word])


def _ten_rounds(look: Look) -> str:
    assert look.rhythm is not None
    return f"{10 * sum(look.rhythm.steps):g} s" if look.rhythm.steps else "–"


def test_the_words_on_lamps_and_page_are_the_gates_own() -> None:
    """Each Chinese word with its English, wherever both stand."""
    told = [*words.FAULTS.values(), *words.CLOCKS.values(), *words.STICKS.values(), words.GATE_SILENT.advice]
    known = {text.zh: text.en for text in told} | {look.word.zh: look.word.en for look in WORDS.values()}
    for zh, en in known.items():
        for following in re.findall(rf"(?<![\u4e00-\u9fff，]){re.escape(zh)} ([A-Z][a-z]+)", PAGE):
            assert en.startswith(following), zh
    for text in (words.STICKS[StickPhase.FAILED], words.STICK_TROUBLES[StickTrouble.NOT_MARKED], words.setup_open(600)):
        assert text.zh in PAGE
    named = {Fault.THERMOMETER, Fault.FIRE_LOOP}
    assert all(f"{words.FAULTS[fault].zh} {words.FAULTS[fault].en}" in PAGE for fault in named)
    assert all(words.CLOCKS[quality].zh in section(10) for quality in ClockQuality)


def test_the_times_are_those_of_the_code() -> None:
    """Where the page names a setting beside a figure, it is the default."""
    config = Config()
    assert f"closed for {config.barrier.open_seconds:g} s (`open_seconds`)" in PAGE
    assert f"(`open_seconds` {config.barrier.open_seconds})" in PAGE
    assert f"(`result_seconds` {config.display.result_seconds})" in PAGE
    assert f"after {config.passage.pass_seconds:g} s `not_passed` (`pass_seconds`)" in PAGE
    assert f"after {config.passage.held_seconds:g} s `passed`, `held_open` (`held_seconds`)" in PAGE
    assert f"within {AGAIN_SECONDS:g} s; out of view" in PAGE
    assert f"`forced`; blue and buzzer, for {FORCED_SECONDS:g} s" in PAGE
    assert f"under {contacts.DEBOUNCE_SECONDS:g} s does not count" in PAGE
    assert f"of the last {config.thermometer.window_seconds:g} s (`window_seconds`)" in PAGE
    assert f"below {doctor.SLOW_FLUSH_SECONDS * 1000:g} ms to keep a record" in PAGE
    assert f"at most {KEEP_SECONDS / 60:g} minutes before the evening's last contact" in PAGE
    assert f"within {PATIENCE_SECONDS:g} s 设置完成" in PAGE
    assert Policy().reuse_seconds == 300
    assert "after five minutes (`reuse_seconds`)" in PAGE
    camera = Picamera2Camera(frames_per_second=config.camera.frames_per_second)
    height, width = camera._size
    assert f"{width}×{height} pixels, {config.camera.frames_per_second:g} pictures a second" in PAGE
    assert f"set to {1 / camera._lens_dioptres:g} m" in PAGE
    unit = (ROOT / "systemd" / "gate.service").read_text(encoding="utf-8")
    (watchdog,) = re.findall(r"^WatchdogSec=(\d+)$", unit, re.MULTILINE)
    assert f"`Watchdog timeout (limit {watchdog}s)!`" in PAGE


def test_the_sentences_of_the_commands_are_theirs() -> None:
    """`gate doctor`, `gate-sync status`."""

    def nobody() -> Mlx90614:
        raise OSError("Remote I/O error")

    with pytest.raises(ThermometerError) as told:
        Mlx90614(nobody).read()  # type: ignore[arg-type]
    assert str(told.value).startswith("no thermometer answers at 0x5a")
    assert "`no thermometer answers at 0x5a`" in PAGE
    for step in (WifiStep.JOINED, WifiStep.WRONG_PASSWORD, WifiStep.NO_WIFI):
        assert telling.WIFI[step][1] in section(12)


def test_the_counts_of_records_find_what_they_count() -> None:
    """The patterns that the page gives to grep stand in exactly the records that are meant."""
    when, place = Moment(0.0, "b", 0.0, ClockQuality.UNKNOWN), Place(1, 1, Direction.IN)
    scans = {outcome: jsonform.encode(Scan(when, place, outcome, ["green"], "1.1")).decode() for outcome in Outcome}
    turns = {result: jsonform.encode(Passage(when, place, result, 1)).decode() for result in Passed}
    patterns = re.findall(r"^sudo gate outbox export \| grep -c '(.+)'$", PAGE, re.MULTILINE)
    assert len(patterns) == 2
    found = [
        {key for key, line in [*scans.items(), *turns.items()] if re.search(pattern, line)} for pattern in patterns
    ]
    assert found == [{Passed.PASSED}, {Outcome.PASS}]


def test_steps_stand_in_their_section_in_order_and_lead_to_steps() -> None:
    """A number in a cell by itself, or that lets nobody in, is a step of this page; the form has every section."""
    known = steps()
    for number in range(3, 15):
        text = section(number)
        listed = [cells[0] for cells in rows(text) if STEP.fullmatch(cells[0])]
        assert listed == [f"{number}.{index}" for index in range(1, len(listed) + 1)], number
        assert re.search(rf"^\| {number} [A-Z]", section(15), re.MULTILINE), number
    led_to = {cell for cells in known.values() for cell in cells[-3:] if STEP.fullmatch(cell)}
    (gravest,) = re.findall(r"^Not for visitors while any of (.*) fails\.$", PAGE, re.MULTILINE)
    led_to |= {first + "." + second for first, second in STEP.findall(gravest)}
    assert led_to <= known.keys()


def test_the_form_fits_on_a_page() -> None:
    """At most forty lines of a page are printed."""
    assert len(section(15).splitlines()) <= 40
