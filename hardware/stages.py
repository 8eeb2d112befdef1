"""The stages of the cascade: a part of the frame, what is done to it, and who decodes it.

What each is worth is measured by the bench `decode`; the numbers beside them are the share of 195 scenes unread by
zxing-cpp alone that the stage read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hardware.decoders import Found, ZBar, zxing
from hardware.errors import ReaderError
from hardware.filters import Luma, blurred, halved, sharpened, thresholded
from hardware.ports import Symbol
from hardware.region import Region

_CLOSE_SIDE = 560  # a symbol that is larger than this has modules to spare
_SMALLEST_SYMBOL = 21  # modules of version 1 (ISO/IEC 18004 §5.3.1.1)
_WIDE_SIDE = 800  # ZBar loses a screen's symbol above about 800 pixels


@dataclass(frozen=True, slots=True)
class Stage:
    """One way to read. name: what `Symbol.reader` says. max_side: a larger part is halved first; 0 never."""

    name: str
    decode: Callable[[Luma], list[Found]]
    prepare: Callable[[Luma], Luma]
    max_side: int = 0

    def look(self, luma: Luma, region: Region) -> list[Found]:
        """What is read or located in this region of `luma`. Raises ReaderError for whatever the decoder throws."""
        part, scale = region.cut(luma), 1
        if min(part.shape) < _SMALLEST_SYMBOL:
            return []
        try:
            while 0 < self.max_side < max(part.shape) and min(part.shape) > 1:
                part, scale = halved(part), scale * 2
            found = self.decode(self.prepare(part))
        except Exception as cause:
            raise ReaderError(f"{self.name} failed on {luma.shape[1]}×{luma.shape[0]} pixels: {cause}") from cause
        return [
            Found(code.text, tuple((region.left + scale * x, region.top + scale * y) for x, y in code.corners))
            for code in found
        ]

    def symbols(self, found: Iterable[Found]) -> tuple[Symbol, ...]:
        """Those that were read, each text once."""
        read: dict[str, Symbol] = {}
        for code in found:
            if code.text is not None:
                read.setdefault(code.text, Symbol(code.text, self.name, code.corners))
        return tuple(read.values())


@dataclass(frozen=True, slots=True)
class Stages:
    """A cascade. close: rescues for the part where something is; wide: for the whole frame. faults: what is missing."""

    first: Stage
    close: tuple[Stage, ...]
    wide: tuple[Stage, ...]
    faults: tuple[str, ...] = ()


def stages() -> Stages:
    """The cascade of this machine. Without libzbar0 it is shorter, and `faults` has a sentence that says so."""
    first = Stage("zxing", zxing, _as_it_is)
    sharp = Stage("zxing-sharp", zxing, sharpened, _CLOSE_SIDE)  # 12 %: motion, defocus, tilt, small
    soft = Stage("zxing-threshold", zxing, _very_softly, _CLOSE_SIDE)  # 24 %: low light, film, gloss
    blur = Stage("zxing-blur", zxing, blurred)
    try:
        zbar = ZBar()
    except ReaderError as missing:
        return Stages(first, (soft, sharp), (blur,), (f"reading without ZBar: {missing}",))
    threshold = Stage("zbar-threshold", zbar, _softly, _CLOSE_SIDE)  # 32 %: bands, low light, gloss, shadow, film
    page = Stage("zbar-wide", zbar, _page, _WIDE_SIDE)
    return Stages(first, (threshold, sharp, soft), (page, blur))


def _as_it_is(luma: Luma) -> Luma:
    return luma


def _softly(luma: Luma) -> Luma:
    return thresholded(blurred(blurred(luma)), 7, 0)


def _very_softly(luma: Luma) -> Luma:
    return thresholded(blurred(blurred(luma)), 12, 0)


def _page(luma: Luma) -> Luma:
    return thresholded(luma, 20, 4)
