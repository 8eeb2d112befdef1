"""The simulated doorway: real pictures for the real decoders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hardware.errors import CameraError
from hardware.simulated import Doorway, Pace, SimulatedCamera, SimulatedThermometer
from hardware.symbols import CascadeReader


class Time:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def send(directory: Path, number: int, text: str, celsius: float | None = 36.5) -> Path:
    """Let one visitor come."""
    path = directory / f"{number:08}.json"
    path.write_text(json.dumps({"label": "x", "exhibits": [{"text": text, "surface": "phone"}], "celsius": celsius}))
    return path


def test_visitors_come_in_order_walk_up_and_leave(tmp_path):
    """Lowest number first; the file goes when the person has gone."""
    clock = Time()
    first, second = send(tmp_path, 1, "ONE"), send(tmp_path, 2, "TWO", 38.4)
    doorway = Doorway(tmp_path, Pace(approach=1.0, hold=2.0, gap=0.5), clock)
    thermometer = SimulatedThermometer(doorway)
    assert doorway.look() == (None, 0.0)
    assert thermometer.measure() is None
    clock.now = 0.5
    doorway.look()
    clock.now = 1.0
    visitor, nearness = doorway.look()
    assert (visitor.exhibits[0].text, nearness) == ("ONE", 0.5)
    assert thermometer.measure() == 36.5
    clock.now = 3.5
    assert doorway.look() == (None, 0.0)
    assert not first.exists()
    clock.now = 4.0
    doorway.look()
    clock.now = 5.5
    assert doorway.look()[1] == 1.0
    assert thermometer.measure() == 38.4
    assert second.exists()


def test_the_real_reader_reads_what_a_visitor_shows(tmp_path):
    """The whole text, from drawn frames."""
    text = "VP1:" + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:" * 4
    send(tmp_path, 1, text)
    doorway = Doorway(tmp_path, Pace(approach=0.0, hold=60.0, gap=0.0))
    camera, reader = SimulatedCamera(doorway, 120.0, seed=1, view=tmp_path / "view.jpg"), CascadeReader()
    texts: set[str] = set()
    for _ in range(30):
        frame = camera.capture(1.0)
        texts |= {symbol.text for symbol in reader.read(frame).symbols}
        if texts:
            break
    assert texts == {text}
    assert (tmp_path / "view.jpg").read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.parametrize("content", ["", "[]", '{"exhibits": [{"text": "x", "surface": "wall"}]}', "x" * 30_000])
def test_a_file_that_is_no_visitor_is_set_aside(tmp_path, content):
    """Told once, kept for whoever wrote it, and the next visitor comes."""
    (tmp_path / "00000001.json").write_text(content)
    send(tmp_path, 2, "TWO")
    doorway = Doorway(tmp_path, Pace(approach=0.0, hold=60.0, gap=0.0))
    with pytest.raises(CameraError, match="not a visitor"):
        doorway.look()
    visitor, _ = doorway.look()
    assert visitor.exhibits[0].text == "TWO"
    assert (tmp_path / "00000001.bad").exists()


def test_a_directory_that_goes_is_a_lost_camera_and_comes_back(tmp_path):
    """As a cable that comes off."""
    visitors, aside = tmp_path / "visitors", tmp_path / "aside"
    visitors.mkdir()
    send(visitors, 1, "ONE")
    doorway = Doorway(visitors, Pace(approach=0.0, hold=60.0, gap=0.0))
    visitors.rename(aside)
    with pytest.raises(CameraError, match="is gone"):
        doorway.look()
    aside.rename(visitors)
    visitor, _ = doorway.look()
    assert visitor.exhibits[0].text == "ONE"


def test_a_missing_directory_says_what_to_do(tmp_path):
    """A sentence, no traceback."""
    with pytest.raises(CameraError, match="create it"):
        Doorway(tmp_path / "nowhere", Pace())
