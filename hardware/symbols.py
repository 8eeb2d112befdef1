"""The gate's eyes: reads QR codes from frames with a cascade of decoders (DESIGN 9).

zxing-cpp looks at each whole frame. Where it reads nothing, rescues look at the part of the frame where something like
a code is; how many, a purse of turns decides, so that a wall of posters costs no more than about one rescue a frame. What a
text means, and what two texts at once mean, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

from hardware.decoders import Found
from hardware.filters import Luma
from hardware.ports import Frame, Symbol
from hardware.region import Region, find
from hardware.stages import Stage, Stages, stages

_PURSE = 12.0  # turns that a newcomer finds: all rescues on the first three or four frames
_INCOME = 0.75  # turns for each frame
_WIDE_EVERY = 4  # frames between two rescues of the whole frame


class CascadeReader:
    """The SymbolReader that the gate uses.

    A missing libzbar0 does not stop it: zxing-cpp reads on, and `faults` says what is missing. Not for two threads.
    """

    def __init__(self, use: Stages | None = None) -> None:
        """use: other stages than this machine's own."""
        use = use or stages()
        self.faults = use.faults
        self._first, self._close = use.first, use.close
        self._close_turns, self._wide_turns = cycle(use.close), cycle(use.wide)
        self._purse = _PURSE
        self._unread = 0

    def read(self, frame: Frame) -> tuple[Symbol, ...]:
        """Every code read in this frame, each text once. Raises ReaderError, which costs this frame only."""
        whole = Region.whole(frame.luma)
        self._purse = min(_PURSE, self._purse + _INCOME)
        found = self._first.look(frame.luma, whole)
        symbols = self._first.symbols(found)
        if symbols:
            return symbols
        self._unread += 1
        for stage, region in self._rescues(frame.luma, whole, found):
            symbols = stage.symbols(stage.look(frame.luma, region))
            if symbols:
                return symbols
        return ()

    def _rescues(self, luma: Luma, whole: Region, located: list[Found]) -> Iterator[tuple[Stage, Region]]:
        """What else to try on this frame. Where zxing-cpp located a symbol, all of it: no empty frame does that."""
        if located:
            region = Region.around(located[0].corners, luma)
            yield from ((stage, region) for stage in self._close)
        elif likely := find(luma):
            for _ in self._close:
                if self._purse < 1:
                    break
                self._purse -= 1
                yield next(self._close_turns), likely
        if self._unread % _WIDE_EVERY == 1:
            yield from ((stage, whole) for stage in islice(self._wide_turns, 1))
