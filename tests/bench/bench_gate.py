"""From the newest frame to the relay: the whole gate on drawn visitors, with the share of each stage (DESIGN 10)."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rows import Options, Row

from edge.gate import Devices, Gate
from hardware.isolated import IsolatedReader
from hardware.ports import Frame, Sight, SymbolReader
from hardware.scene import Exhibit, Surface, draw
from hardware.symbols import CascadeReader
from sync.outbox import Outbox
from sync.outbox.system import System
from sync.wire.statedir import StateDir
from tests.conftest import Authority
from tests.edge.test_gate import Bench

TRIES = 10
SLOW_FLUSH_SECONDS = 0.5
CARD_FLUSH_SECONDS = 0.005
"""What a good SD card takes for a flush; others take six times that."""


class Still:
    """A camera that sees one picture, exposed when it is asked."""

    def __init__(self) -> None:
        self.luma: NDArray[np.uint8] = np.zeros((720, 1280), np.uint8)
        self.number, self.captured_at = 0, 0.0

    def capture(self, timeout_seconds: float) -> Frame | None:
        self.number, self.captured_at = self.number + 1, time.monotonic()
        return Frame(self.luma, self.number, self.captured_at)

    def close(self) -> None:
        """Nothing to free."""


class Card(System):
    """A disk that says how long its last flush took."""

    flush_seconds = 0.0

    def sync_data(self, descriptor: int) -> None:
        begun = time.monotonic()
        super().sync_data(descriptor)
        self.flush_seconds = time.monotonic() - begun


class SlowCard(Card):
    """A disk that takes so much longer to keep a record."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def sync_data(self, descriptor: int) -> None:
        begun = time.monotonic()
        time.sleep(self._seconds)
        super().sync_data(descriptor)
        self.flush_seconds = time.monotonic() - begun


class Watched(IsolatedReader):
    """The gate's reader, which says when it had read."""

    read_at = 0.0

    def read(self, frame: Frame) -> Sight:
        sight = super().read(frame)
        self.read_at = time.monotonic()
        return sight


@dataclass
class Measured:
    """Seconds. whole: from frame to relay. rest: of it, neither the reader's nor the flush's.

    Beside it, on the same frame: alone, one read and one append; reads, of it the read; bare, a read without a process
    of its own.
    """

    whole: list[float] = field(default_factory=list)
    rest: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)


def suite(options: Options, tell: Callable[[str], None]) -> list[Row]:
    """Interleaved: a visitor through the gate, and beside it one decode and one flush of the same."""
    rounds = 12 if options.quick else 200
    usual = _measure(options, rounds, Card(), tell)
    card = _measure(options, 4 if options.quick else 100, SlowCard(CARD_FLUSH_SECONDS), tell)
    slow = _measure(options, 2 if options.quick else 10, SlowCard(SLOW_FLUSH_SECONDS), tell)
    middle, p99 = statistics.median(usual.whole), _p99(usual.whole)
    beside, on_card = statistics.median(usual.alone), _over(card.whole, card.alone)
    rows = [
        Row("newest frame → relay, p50", middle * 1e3, "ms"),
        Row("newest frame → relay, p99", p99 * 1e3, "ms", "≤ 100", p99 <= 0.1),
        Row("p50 / (one decode + one flush)", middle / beside, "×", "≤ 1.1", middle <= 1.1 * beside),
        Row("a card of 5 ms: p50 / (one decode + one flush)", on_card, "×", "≤ 1.1", on_card <= 1.1),
        Row("one decode + one flush, p50", beside * 1e3, "ms"),
        Row("p50 / (its own decode and flush)", _median_over_own(usual), "×"),
        Row("between text and relay, without the flush, p50", statistics.median(usual.rest) * 1e3, "ms"),
        Row("one decode, in its own process / beside us", _over(usual.reads, usual.bare), "×"),
    ]
    total = sum(usual.stages.values())
    rows += [
        Row(f"share of {stage}", seconds / total * 100, "%")
        for stage, seconds in usual.stages.items()
        if seconds >= 0.001 * total
    ]
    least = min(slow.whole)
    rows.append(Row("a card of 500 ms: frame → relay, least", least * 1e3, "ms", "≥ 500", least >= SLOW_FLUSH_SECONDS))
    return rows


def _measure(options: Options, rounds: int, card: Card, tell: Callable[[str], None]) -> Measured:
    rng = np.random.default_rng(options.seed)
    surfaces = list(Surface)
    authority, camera, opened = Authority(), Still(), [0.0]
    reader, second, bare = Watched(), IsolatedReader(), CascadeReader()
    measured = Measured()
    with tempfile.TemporaryDirectory() as directory:
        state = StateDir.at(Path(directory) / "gate")
        state.run.mkdir(parents=True)
        authority.install(state)

        def watch(pin: str, level: bool) -> None:
            if pin == "GPIO17" and level:
                opened[0] = time.monotonic()

        with (
            Outbox(state.outbox, "board:card", system=card) as outbox,
            Outbox(Path(directory) / "beside", "board:card", system=card) as beside,
        ):
            bench = Bench(authority, state, outbox, watch)
            devices = Devices(camera, reader, bench.script, bench.barrier, bench.passage)
            parts = (bench.ledger, bench.trust, bench.clock, bench.results, bench.upkeep, bench.faults, bench.heart)
            gate = Gate(devices, *parts, bench.commissioning)
            for warming in (reader, second):  # their processes start, as they do before the first visitor comes
                warming.read(Frame(camera.luma, 1, 0.0))
            for number in range(rounds):
                tell(f"visitor {number + 1} of {rounds}")
                now = int(bench.sources.at)
                text = authority.pass_text(issued_at=now, expires_at=now + 120, status_at=now)
                camera.luma = draw([Exhibit(text, surfaces[number % len(surfaces)])], rng)
                opened[0] = 0.0
                if number % 2:  # whoever comes second finds warm caches
                    _decode_and_flush(second, camera.luma, beside, measured)
                for _ in range(TRIES):
                    gate.step()
                    flush_seconds = card.flush_seconds
                    bench.close_barrier()
                    bench.sources.pass_by(0.1)
                    if opened[0]:
                        measured.whole.append(opened[0] - camera.captured_at)
                        measured.rest.append(opened[0] - reader.read_at - flush_seconds)
                        break
                if not number % 2:
                    _decode_and_flush(second, camera.luma, beside, measured)
                _decode(bare, camera.luma, measured.bare)
                bench.sources.pass_by(2.0)
            bench.barrier.close()
            bench.indicator.close()
    reader.close()
    second.close()
    came = len(measured.whole)
    assert came > 0.9 * rounds, f"only {came} of {rounds} drawn visitors came through"
    measured.stages = bench.heart.work.stages
    return measured


def _decode_and_flush(reader: SymbolReader, luma: NDArray[np.uint8], outbox: Outbox, measured: Measured) -> None:
    begun = time.monotonic()
    _decode(reader, luma, measured.reads)
    outbox.append(b"{" + b" " * 400 + b"}")
    measured.alone.append(time.monotonic() - begun)


def _decode(reader: SymbolReader, luma: NDArray[np.uint8], into: list[float]) -> None:
    begun = time.monotonic()
    reader.read(Frame(luma, 1, begun))
    into.append(time.monotonic() - begun)


def _median_over_own(measured: Measured) -> float:
    """Free of a disk that other programs keep busy at one time and not at the other."""
    pairs = zip(measured.whole, measured.rest, strict=True)
    return statistics.median(whole / (whole - rest) for whole, rest in pairs)


def _over(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(ours) / statistics.median(theirs)


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
