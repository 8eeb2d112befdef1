"""The gate's eyes: reads QR codes from frames with a cascade of decoders (DESIGN 9).

zxing-cpp looks at each whole frame. Where it reads nothing, rescues look at the part of the frame where something like
a code is; how many, a purse of turns decides, so that a wall of posters costs no more than half a rescue a frame.
What a text means, and what two texts at once mean, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

from hardware.decoders import Found
from hardware.filters import Luma
from hardware.hints import hint
from hardware.ports import Frame, Sight
from hardware.region import Region, find
from hardware.stages import Stage, Stages, stages

_PURSE = 12.0  # turns that a newcomer finds: all rescues on the first three or four frames
_INCOME = 0.5  # turns for each frame; on drawn sequences 0.25 to 1.5 read the same
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

    def read(self, frame: Frame) -> Sight:
        """Look at one frame; see the port. Raises ReaderError, which costs this frame only."""
        self._purse = min(_PURSE, self._purse + _INCOME)
        found = self._first.look(frame.luma, Region.whole(frame.luma))
        symbols = {symbol.text: symbol for symbol in self._first.symbols(found)}
        located = next((code for code in found if code.text is None), None)
        alone = set(symbols)
        for stage, region in self._rescues(frame.luma, bool(symbols), located):
            rescued = stage.symbols(stage.look(frame.luma, region))
            if rescued:
                symbols = {symbol.text: symbol for symbol in rescued} | symbols
                break
        unread = located is not None and alone == set(symbols)
        advice = hint(frame.luma, located.corners) if located is not None and not symbols else None
        return Sight(tuple(symbols.values()), unread, advice)

    def _rescues(self, luma: Luma, read: bool, located: Found | None) -> Iterator[tuple[Stage, Region]]:
        """What else to try on this frame, one after the other until something is read.

        read: whether zxing-cpp read a code. located: a symbol that it found and could not read. None of 25
        photographs without a code had one, so all rescues look at it, also beside a code that was read: two people may
        stand there.
        """
        if located is not None:
            yield from ((stage, Region.around(located.corners, luma)) for stage in self._close)
        elif not read and (likely := find(luma)):
            for _ in self._close:
                if self._purse < 1:
                    break
                self._purse -= 1
                yield next(self._close_turns), likely
        if not read:
            self._unread += 1
            if self._unread % _WIDE_EVERY == 1:
                yield from ((stage, Region.whole(luma)) for stage in islice(self._wide_turns, 1))
