"""What the cascade promises of any frame: exact texts, nothing invented, bounded work, one failure for one frame."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from hardware import filters
from hardware.decoders import Found
from hardware.errors import ReaderError
from hardware.hints import hint
from hardware.ports import Frame, Hint, Sight
from hardware.region import Region, find
from hardware.scene import Exhibit, Surface, draw, symbol_picture
from hardware.stages import Stage, Stages, stages
from hardware.symbols import CascadeReader
from tests.scenes import textures, worn

Luma = NDArray[np.uint8]


def _frame(luma: Luma) -> Frame:
    return Frame(luma, 1, 0.0)


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("surface", list(Surface))
def test_a_code_held_still_is_read_exactly(surface: Surface) -> None:
    """R3: on a phone, in dark mode and on paper, the text is what was drawn, character by character."""
    rng = _rng(1)
    for _ in range(3):
        text = worn.text(rng)
        assert [s.text for s in CascadeReader().read(_frame(draw([Exhibit(text, surface)], rng))).symbols] == [text]


def test_two_codes_in_view_are_both_returned() -> None:
    """Which of them counts is not the reader's to decide."""
    rng = _rng(2)
    texts = {worn.text(rng), worn.text(rng)}
    frame = draw([Exhibit(text, surface) for text, surface in zip(sorted(texts), Surface, strict=False)], rng)
    assert {s.text for s in CascadeReader().read(_frame(frame)).symbols} == texts


def test_the_same_text_twice_in_view_is_returned_once() -> None:
    """Two copies of one pass are one text."""
    rng = _rng(3)
    exhibit = Exhibit(worn.text(rng))
    assert [s.text for s in CascadeReader().read(_frame(draw([exhibit, exhibit], rng))).symbols] == [exhibit.text]


def test_corners_lie_round_the_symbol_in_the_pixels_of_the_frame() -> None:
    """Every stage answers in the frame's pixels, whatever part and size it looked at."""
    luma = np.full((720, 1280), 230, np.uint8)
    luma[200:600, 500:900] = np.asarray(symbol_picture("VP1:" + "A" * 180, 400))
    cascade = stages()
    region = find(luma)
    assert region is not None
    looks = [(cascade.first, Region.whole(luma))]
    looks += [(stage, region) for stage in cascade.close] + [(stage, Region.whole(luma)) for stage in cascade.wide]
    for stage, where in looks:
        (symbol,) = stage.symbols(stage.look(luma, where))
        columns, rows = zip(*symbol.corners, strict=True)
        assert abs(min(columns) - 528) < 12 > abs(max(columns) - 872), stage.name
        assert abs(min(rows) - 228) < 12 > abs(max(rows) - 572), stage.name


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_read_where_no_code_is(seed: int) -> None:
    """An invented code counts more than a miss: by no stage, on nothing that merely looks like a code."""
    cascade = stages()
    for name, luma in textures.pictures(_rng(seed)):
        for stage in (cascade.first, *cascade.close, *cascade.wide):
            assert stage.symbols(stage.look(luma, Region.whole(luma))) == (), (name, stage.name)
        assert CascadeReader(cascade).read(_frame(luma)).symbols == (), name


def test_a_second_code_that_only_a_rescue_reads_is_not_overlooked() -> None:
    """Two passes in view are never a coin toss: one read at once does not hide one that was only located."""
    rng = _rng(8)
    near, blurred = worn.text(rng), worn.text(rng)
    luma = draw([Exhibit(near), Exhibit(blurred)], rng).copy()
    for _ in range(9):
        luma[:, 640:] = filters.blurred(luma[:, 640:])
    found = stages().first.look(luma, Region.whole(luma))
    assert [code.text for code in found if code.text is not None] == [near], "the scene must need a rescue"
    assert {s.text for s in CascadeReader().read(_frame(luma)).symbols} == {near, blurred}


def test_bytes_that_are_no_text_are_an_unknown_code_and_no_crash() -> None:
    """Any QR code may be shown; its text can always be written to a record."""
    for content in (b"\xff\xfe\x00\x80\xc3", bytes(range(256)), "粤康码".encode("gb18030"), b"\xed\xa0\x80"):
        side = 8 * (segno.make_qr(content, error="m", boost_error=False).symbol_size(border=4)[0])
        code = segno.make_qr(content, error="m", boost_error=False)
        modules = np.pad(np.array(code.matrix, dtype=np.uint8), 4)
        luma = np.kron((1 - modules) * 255, np.ones((8, 8), np.uint8)).astype(np.uint8)
        assert luma.shape == (side, side)
        for symbol in CascadeReader().read(_frame(luma)).symbols:
            assert symbol.text.encode("utf-8")


def test_a_frame_of_any_shape_is_read_without_a_crash() -> None:
    """Also the frames that no camera sends: a stripe, a dot, a view that is not contiguous."""
    for shape in ((1, 1), (3, 2000), (2000, 3), (31, 33), (64, 64), (127, 129)):
        assert CascadeReader().read(_frame(_rng(4).integers(0, 256, shape, dtype=np.uint8))).symbols == ()
    padded = np.full((720, 1408), 128, np.uint8)
    padded[:, :1280] = draw([Exhibit("HELLO")], _rng(5))
    assert [s.text for s in CascadeReader().read(_frame(padded[:720, :1280])).symbols] == ["HELLO"]


def test_a_decoder_that_throws_costs_that_frame_only() -> None:
    """R2: the next frame is read as if nothing had happened."""
    moods = iter([RuntimeError("bad picture"), None, MemoryError(), None])

    def moody(luma: Luma) -> list[Found]:
        mood = next(moods)
        if mood is not None:
            raise mood
        return [Found("TEXT", ())]

    reader = CascadeReader(Stages(Stage("moody", moody, lambda luma: luma), (), ()))
    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(reader.read(_frame(np.zeros((90, 90), np.uint8))).symbols[0].text)
        except ReaderError:
            outcomes.append("error")
    assert outcomes == ["error", "TEXT", "error", "TEXT"]


def _counting(looks: Counter[str]) -> Stages:
    def stage(name: str) -> Stage:
        def decode(luma: Luma) -> list[Found]:
            looks[name] += 1
            return []

        return Stage(name, decode, lambda luma: luma)

    return Stages(stage("first"), (stage("a"), stage("b"), stage("c")), (stage("wide"),))


def test_a_plain_empty_frame_gets_few_rescues() -> None:
    """DESIGN 10: most frames are empty, and stay cheap."""
    looks: Counter[str] = Counter()
    reader = CascadeReader(_counting(looks))
    for seed in range(40):
        reader.read(_frame(draw([], _rng(seed))))
    assert looks == {"first": 40, "wide": 10}


def test_a_busy_empty_view_gets_half_a_close_rescue_a_frame_in_the_long_run() -> None:
    """A wall of posters must not cost what a visitor may; every rescue has its turn."""
    looks: Counter[str] = Counter()
    reader = CascadeReader(_counting(looks))
    busy = np.kron(_rng(6).integers(0, 2, (90, 160), dtype=np.uint8) * 200, np.ones((8, 8), np.uint8))
    for _ in range(200):
        reader.read(_frame(busy))
    close = [looks[name] for name in "abc"]
    assert sum(close) <= 200 * 0.5 + 12
    assert max(close) - min(close) <= 1


def test_a_newcomer_gets_every_rescue_on_the_first_frame() -> None:
    """A visitor's first frame is worth more than the hundredth of a poster."""
    looks: Counter[str] = Counter()
    CascadeReader(_counting(looks)).read(_frame(draw([Exhibit("A" * 200)], _rng(7))))
    assert looks == {"first": 1, "a": 1, "b": 1, "c": 1, "wide": 1}


def test_without_zbar_the_gate_reads_on_and_says_what_is_missing(tmp_path: Path) -> None:
    """A missing libzbar0 is a state with a sentence, not a gate that stays shut."""
    (tmp_path / "pyzbar").mkdir()
    (tmp_path / "pyzbar" / "__init__.py").write_text("")
    (tmp_path / "pyzbar" / "pyzbar.py").write_text("raise ImportError('Unable to find zbar shared library')\n")
    script = (
        "import numpy as np\n"
        "from hardware.symbols import CascadeReader\n"
        "from hardware.ports import Frame\n"
        "from hardware.scene import Exhibit, draw\n"
        "reader = CascadeReader()\n"
        "print(reader.read(Frame(draw([Exhibit('READ')], np.random.default_rng(1)), 1, 0.0)).symbols[0].text)\n"
        "print(*reader.faults)\n"
    )
    path = os.pathsep.join([str(tmp_path), os.getcwd()])
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.splitlines()[0] == "READ", run.stderr
    assert "libzbar0" in run.stdout.splitlines()[1]


def test_a_located_code_under_glare_gets_the_hint_to_turn_it_and_an_empty_view_gets_none() -> None:
    """R5: while something is seen and nothing read, the visitor is told what would help."""
    luma = np.full((720, 1280), 200, np.uint8)
    luma[100:600, 400:900] = np.asarray(symbol_picture("VP1:" + "A1" * 110, 500))
    luma[200:420, 520:760] = 255  # a lamp, mirrored between the finder patterns
    reader = CascadeReader()
    assert reader.read(_frame(luma)) == Sight((), True, Hint.TURN)
    assert reader.read(_frame(draw([], _rng(9)))) == Sight()


def test_each_hint_has_its_measure() -> None:
    """Small, burnt out, noisy, soft – and nothing to say about a sharp one."""
    sharp = np.asarray(symbol_picture("VP1:" + "A1" * 110, 500)).astype(int) * 200 // 255 + 20
    soft = sharp.astype(np.uint8)
    for _ in range(20):
        soft = filters.blurred(soft)
    noisy = np.clip(sharp // 4 + _rng(10).normal(0, 45, sharp.shape), 0, 255).astype(np.uint8)
    square = ((0, 0), (500, 0), (500, 500), (0, 500))
    assert hint(sharp.astype(np.uint8), ((0, 0), (150, 0), (150, 150), (0, 150))) is Hint.CLOSER
    assert hint(noisy, square) is Hint.BRIGHTER
    assert hint(soft, square) is Hint.STILL
    assert hint(sharp.astype(np.uint8), square) is None
