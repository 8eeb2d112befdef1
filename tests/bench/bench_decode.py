"""How much of what is shown gets read, by which stage, at what cost (DESIGN 10, "codes read" and "empty frames").

Scenes are drawn from SEED; PHOTOS names a folder whose sub-folders hold photographs, `NN.txt` beside `NN.png` saying
what each holds; a folder without any such text holds pictures without a code. Rates of drawn scenes rank readers; they
do not predict a gate's.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from pyzbar import pyzbar
from rows import Options, Row

sys.path.insert(0, str(Path(__file__).parents[2]))  # the scenes are beside the tests, not installed

from hardware.decoders import ZBar, zxing
from hardware.photographs import SUFFIXES, load_luma, read_all
from hardware.ports import Frame, Sight
from hardware.region import Region, find
from hardware.scene import draw
from hardware.stages import Stages, stages
from hardware.symbols import CascadeReader
from tests.scenes import textures, worn
from tests.scenes.worn import HELPS, Trouble

Luma = NDArray[np.uint8]
Tell = Callable[[str], None]
Reader = Callable[[Luma], set[str]]
_PATIENCE = 15  # frames: one second at a gate


def suite(options: Options, tell: Tell) -> list[Row]:
    """All rows."""
    cascade = stages()
    rows = _scenes(options, tell, cascade) + _sequences(options, tell, cascade) + _cost(options, tell, cascade)
    if options.photos is not None:
        rows += _photographs(options.photos, tell, cascade)
    return rows


def _readers(cascade: Stages) -> dict[str, Reader]:
    """Everything that is compared: the bare libraries, each stage, and the cascade on a newcomer's first frame."""
    zbar = ZBar()
    readers: dict[str, Reader] = {
        "zxing alone": lambda luma: _texts(zxing(luma)),
        "pyzbar alone": lambda luma: _texts(zbar(luma)),
    }
    for stage in cascade.close:
        readers[stage.name] = lambda luma, stage=stage: _texts(
            stage.symbols(stage.look(luma, find(luma) or Region.whole(luma)))
        )
    for stage in cascade.wide:
        readers[stage.name] = lambda luma, stage=stage: _texts(stage.symbols(stage.look(luma, Region.whole(luma))))
    readers["cascade"] = lambda luma: _texts(CascadeReader(cascade).read(Frame(luma, 1, 0.0)).symbols)
    return readers


def _texts(found: Iterable[Any]) -> set[str]:
    return {code.text for code in found if code.text is not None}


def _scene(trouble: Trouble, seed: int, each: int) -> tuple[str, Luma]:
    number = list(Trouble).index(trouble)
    circumstances = np.random.default_rng((seed, number, each))
    shown = worn.text(circumstances)
    return shown, worn.scene(trouble, shown, circumstances, np.random.default_rng((seed, number, each, 1)))


def _scenes(options: Options, tell: Tell, cascade: Stages) -> list[Row]:
    readers, each = _readers(cascade), 1 if options.quick else 16
    rate: dict[tuple[str, str], list[bool]] = {}
    wrong = 0
    hints: Counter[str] = Counter()
    for trouble in Trouble:
        tell(f"scenes, {trouble.value}")
        for place in range(each):
            shown, luma = _scene(trouble, options.seed, place)
            hints[_hint(trouble, CascadeReader(cascade).read(Frame(luma, 1, 0.0)))] += 1
            for name, read in readers.items():
                texts = read(luma)
                rate.setdefault((trouble.value, name), []).append(shown in texts)
                wrong += len(texts - {shown})
    share = {key: 100 * statistics.fmean(hits) for key, hits in rate.items()}
    rows = [Row(f"scenes, {trouble}: {name}", value, "% read") for (trouble, name), value in share.items()]
    total = {name: statistics.fmean(share[trouble.value, name] for trouble in Trouble) for name in readers}
    rows += [Row(f"scenes, all: {name}", value, "% read") for name, value in total.items()]
    gain = total["cascade"] - total["zxing alone"]
    fair = 60 <= total["zxing alone"] <= 90
    worst = min(share[t.value, "cascade"] - share[t.value, "zxing alone"] for t in Trouble)
    rows.append(
        Row(
            "scenes: cascade over zxing alone",
            gain,
            "points",
            "+3 where zxing reads 60-90 %",
            gain >= 3 if fair else None,
        )
    )
    rows.append(Row("scenes: cascade over zxing, worst class", worst, "points", ">= 0", worst >= 0))
    rows.append(Row("scenes: texts that were not drawn", wrong, "texts", "0", wrong == 0))
    return [*rows, _invented(options, readers), *_hint_rows(hints)]


def _hint(trouble: Trouble, sight: Sight) -> str:
    """What became of a scene whose code was not read: a hint that helps, one that does not, or none."""
    if sight.symbols:
        return "read"
    if sight.hint is None:
        return "none"
    return "right" if sight.hint is HELPS.get(trouble) else "wrong"


def _hint_rows(hints: Counter[str]) -> list[Row]:
    right, wrong = hints["right"], hints["wrong"]
    return [
        Row(
            "hints on unread scenes: right",
            right,
            "scenes",
            "more than wrong",
            right > wrong if right + wrong else None,
        ),
        Row("hints on unread scenes: wrong", wrong, "scenes"),
        Row("hints on unread scenes: none given", hints["none"], "scenes"),
    ]


def _invented(options: Options, readers: dict[str, Reader]) -> Row:
    count = 0
    for seed in range(1 if options.quick else 10):
        for _, luma in textures.pictures(np.random.default_rng((options.seed, seed))):
            count += sum(len(read(luma)) for read in readers.values())
    return Row("pictures without a code: texts read", count, "texts", "0", count == 0)


def _sequences(options: Options, tell: Tell, cascade: Stages) -> list[Row]:
    """Frames until read, with zxing-cpp alone and with the cascade, on the same frames."""
    kinds = list(Trouble)[:3] if options.quick else list(Trouble)
    needed: dict[str, list[int]] = {"zxing alone": [], "cascade": []}
    for trouble in kinds:
        tell(f"sequences, {trouble.value}")
        for place in range(1 if options.quick else 4):
            seed = int(np.random.default_rng((options.seed, list(Trouble).index(trouble), place, 9)).integers(2**31))
            shown = worn.text(np.random.default_rng(seed))
            reader = CascadeReader(cascade)
            first = dict.fromkeys(needed, _PATIENCE + 1)
            for number, luma in enumerate(worn.sequence(trouble, shown, seed, _PATIENCE), 1):
                if shown in _texts(zxing(luma)):
                    first["zxing alone"] = min(first["zxing alone"], number)
                if number < first["cascade"] and shown in _texts(reader.read(Frame(luma, number, 0.0)).symbols):
                    first["cascade"] = number
                if max(first.values()) <= number:
                    break
            for name, number in first.items():
                needed[name].append(number)
    rows = []
    for name, numbers in needed.items():
        read = [number for number in numbers if number <= _PATIENCE]
        rows.append(Row(f"sequences, {name}: frames until read, median", statistics.median(read), "frames"))
        rows.append(Row(f"sequences, {name}: frames until read, p95", float(np.percentile(read, 95)), "frames"))
        unread = 100 * (1 - len(read) / len(numbers))
        rows.append(Row(f"sequences, {name}: not read in {_PATIENCE} frames", unread, "%"))
    return rows


def _cost(options: Options, tell: Tell, cascade: Stages) -> list[Row]:
    """CPU of a frame without a code, beside one pass of each bare library over the same frames."""
    rng = np.random.default_rng(options.seed)
    views: dict[str, list[Luma]] = {"empty doorway": [draw([], rng) for _ in range(8)]}
    views["busy empty view"] = [
        luma for name, luma in textures.pictures(rng) if name in ("page of print", "knitting", "coarse noise")
    ]
    rows = []
    for view, frames in views.items():
        tell(f"cost, {view}")
        zxing_ms, pyzbar_ms, cascade_ms = _interleaved(frames, 8 if options.quick else 96, cascade)
        rows.append(Row(f"{view}: one zxing-cpp pass", zxing_ms, "ms CPU"))
        rows.append(Row(f"{view}: one pyzbar pass (QR only)", pyzbar_ms, "ms CPU"))
        times, part = cascade_ms / zxing_ms, cascade_ms / pyzbar_ms
        rows.append(Row(f"{view}: cascade / zxing-cpp pass", times, "ratio of means", "<= 6", times <= 6))
        rows.append(Row(f"{view}: cascade / pyzbar pass", part, "ratio of means", "<= 0.5", part <= 0.5))
    return rows


def _interleaved(frames: list[Luma], rounds: int, cascade: Stages) -> tuple[float, float, float]:
    """Mean thread-CPU milliseconds of (zxing-cpp, pyzbar, cascade) after the newcomer's purse is spent."""
    reader = CascadeReader(cascade)
    for number in range(20):
        reader.read(Frame(frames[number % len(frames)], number, 0.0))
    passes: list[Callable[[Luma], object]] = [
        lambda luma: zxingcpp.read_barcodes(luma, formats=zxingcpp.BarcodeFormat.QRCode),
        lambda luma: pyzbar.decode(luma, symbols=[pyzbar.ZBarSymbol.QRCODE]),
        lambda luma: reader.read(Frame(luma, 1, 0.0)),
    ]
    spent = [0.0, 0.0, 0.0]
    for number in range(rounds):
        for which, run in enumerate(passes):
            started = time.thread_time()
            run(frames[number % len(frames)])
            spent[which] += time.thread_time() - started
    zxing_ms, pyzbar_ms, cascade_ms = (1000 * seconds / rounds for seconds in spent)
    return zxing_ms, pyzbar_ms, cascade_ms


def _photographs(photos: Path, tell: Tell, cascade: Stages) -> list[Row]:
    rows = []
    for folder in sorted({path.parent for path in _pictures(photos)}):
        tell(f"photographs, {folder.name}")
        rows += _folder(folder, cascade)
    return rows


def _folder(folder: Path, cascade: Stages) -> list[Row]:
    zbar = ZBar()
    hits: dict[str, int] = {"zxing alone": 0, "pyzbar alone": 0, "cascade": 0}
    known = invented = other = 0
    for path in (path for path in _pictures(folder) if path.parent == folder):
        luma = load_luma(path)
        texts = {
            "zxing alone": _texts(zxing(luma)),
            "pyzbar alone": _texts(zbar(luma)),
            "cascade": _texts(read_all(cascade, luma)),
        }
        beside = path.with_suffix(".txt")
        if not beside.exists():
            invented += 0 if path.with_suffix(".bin").exists() else len(texts["cascade"])
            continue
        wanted = beside.read_bytes().decode("utf-8")
        known += 1
        other += len(texts["cascade"] - {wanted})
        for name, read in texts.items():
            hits[name] += wanted in read
    if not known:
        return [Row(f"photographs, {folder.name}: texts where none is", invented, "texts", "0", invented == 0)]
    rows = [Row(f"photographs, {folder.name} ({known}): {name}", 100 * n / known, "% read") for name, n in hits.items()]
    more = hits["cascade"] - hits["zxing alone"]
    rows.append(Row(f"photographs, {folder.name}: cascade over zxing alone", more, "photographs", ">= 0", more >= 0))
    rows.append(Row(f"photographs, {folder.name}: texts beside the noted one", other, "texts"))
    return rows


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)
