"""The gate's eyes: reads QR codes from frames with a cascade of decoders (DESIGN 9).

zxing-cpp looks at each frame. Where it reads nothing, one rescue looks at the same frame – zxing-cpp on a blur or
pyzbar on half the size with an adaptive threshold, in turn over successive frames, so that an empty frame stays
cheap. What a text means, and what two texts at once mean, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.decoders import ZBar, zxing
from hardware.errors import ReaderError
from hardware.filters import blurred, halved, thresholded
from hardware.ports import Frame, Symbol

Luma = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Stage:
    """One way to read a picture. name: what `Symbol.reader` says."""

    name: str
    read: Callable[[Luma], tuple[Symbol, ...]]


def stages() -> tuple[tuple[Stage, ...], tuple[str, ...]]:
    """Every stage of the cascade that works on this machine, the first one first, and a sentence for each that does not."""
    zxing_stages = (
        Stage("zxing", zxing),
        Stage("zxing-blur", lambda luma: zxing(blurred(luma), "zxing-blur")),
    )
    try:
        zbar = ZBar()
    except ReaderError as missing:
        return zxing_stages, (f"reading without ZBar: {missing}",)
    return (*zxing_stages, Stage("zbar-threshold", lambda luma: _zbar_threshold(zbar, luma))), ()


class CascadeReader:
    """The SymbolReader that the gate uses.

    A missing libzbar0 does not stop it: zxing-cpp reads on, and `faults` says what is missing.
    """

    def __init__(self, use: tuple[Stage, ...] | None = None) -> None:
        """use: other stages than this machine's own, the first for each frame, the rest rescues."""
        self.faults: tuple[str, ...] = ()
        if use is None:
            use, self.faults = stages()
        self._first, *self._rescues = use
        self._turn = 0

    def read(self, frame: Frame) -> tuple[Symbol, ...]:
        """Every code read in this frame, each text once. Raises ReaderError, which costs this frame only."""
        found = attempt(self._first, frame.luma)
        if found or not self._rescues:
            return found
        rescue = self._rescues[self._turn]
        self._turn = (self._turn + 1) % len(self._rescues)
        return attempt(rescue, frame.luma)


def attempt(stage: Stage, luma: Luma) -> tuple[Symbol, ...]:
    """Run one stage. Raises ReaderError for whatever the decoder throws."""
    try:
        return stage.read(luma)
    except Exception as cause:
        raise ReaderError(
            f"{stage.name} failed on a picture of {luma.shape[1]}×{luma.shape[0]}: {cause}"
        ) from cause


def _zbar_threshold(zbar: ZBar, luma: Luma) -> tuple[Symbol, ...]:
    scale = 1
    while max(luma.shape) > 800:  # ZBar loses a screen's symbol above about 800 pixels
        luma, scale = halved(luma), scale * 2
    return zbar.read(thresholded(luma), "zbar-threshold", scale)
