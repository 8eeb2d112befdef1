"""Reads a photograph from a file: opens pictures that anybody may have sent, and runs the whole cascade on them."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from hardware.decoders import Corners
from hardware.errors import HardwareError
from hardware.filters import Luma, halved
from hardware.ports import Symbol
from hardware.region import Region, find
from hardware.stages import Stages, stages

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
MAX_PIXELS = 64_000_000
MAX_SIDE = 4096  # what is larger is reduced before it is read
_FRAME_SIDE = 1600  # the rescues are made for the size of a gate's frame


class PhotographError(HardwareError):
    """The file is no picture that can be read. The sentence says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a photograph says.

    texts: of every code read, () when there is none. reader: the stage that read the first, "" when none did.
    milliseconds: wall time of the reading without opening the file.
    """

    texts: tuple[str, ...]
    reader: str
    milliseconds: float


def read_photograph(path: Path) -> Reading:
    """Try the whole cascade on the picture at `path`, every stage. Raises PhotographError, ReaderError."""
    luma = load_luma(path)
    cascade = stages()
    started = time.monotonic()
    symbols = read_all(cascade, luma)
    elapsed = (time.monotonic() - started) * 1000
    return Reading(tuple(s.text for s in symbols), symbols[0].reader if symbols else "", round(elapsed, 1))


def read_all(cascade: Stages, luma: Luma) -> tuple[Symbol, ...]:
    """What all stages together read, the earlier stage's word first.

    A later stage adds what it reads elsewhere in the picture; it never gives a symbol that was read a second text.
    """
    symbols = list(cascade.first.symbols(cascade.first.look(luma, Region.whole(luma))))
    frame, scale = luma, 1
    while max(frame.shape) > _FRAME_SIDE:
        frame, scale = halved(frame), scale * 2
    all_of_it = Region.whole(frame)
    likely = find(frame) or all_of_it
    for stage, region in [*((s, likely) for s in cascade.close), *((s, all_of_it) for s in cascade.wide)]:
        for late in stage.symbols(stage.look(frame, region)):
            corners = tuple((scale * x, scale * y) for x, y in late.corners)
            if not any(_same_place(late.text, corners, earlier) for earlier in symbols):
                symbols.append(Symbol(late.text, late.reader, corners))
    return tuple(symbols)


def load_luma(path: Path, max_side: int = MAX_SIDE) -> Luma:
    """The picture at `path` in grey, the right way up (EXIF), no side longer than `max_side` pixels.

    Raises PhotographError for whatever cannot be opened: missing, not a picture, cut off, absurdly large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is our bound
            with Image.open(path) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise PhotographError(
                        f"{path.name} has {picture.width}×{picture.height} pixels; at most {MAX_PIXELS:,} are read"
                    )
                return _grey(picture, max_side)
    except PhotographError:
        raise
    except FileNotFoundError as cause:
        raise PhotographError(f"{path} does not exist") from cause
    except Exception as cause:  # PIL's plug-ins raise whatever a hostile file makes them
        raise PhotographError(f"{path.name} is not a picture that can be read (JPEG and PNG can): {cause}") from cause


def _grey(picture: Image.Image, max_side: int) -> Luma:
    picture.draft("L", (max_side, max_side))  # a large JPEG is decoded at a fraction of its size; no other format cares
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith(("I", "F")):  # 16 bits: scaled, because PIL would clip it to white
        deep = np.asarray(upright, np.float64)
        grey = Image.fromarray((deep * (255 / max(1.0, float(deep.max())))).clip(0, 255).astype(np.uint8))
    elif upright.has_transparency_data:
        paper = Image.new("RGBA", upright.size, "white")
        grey = Image.alpha_composite(paper, upright.convert("RGBA")).convert("L")
    else:
        grey = upright.convert("L")
    if max(grey.size) > max_side:
        grey.thumbnail((max_side, max_side), Image.Resampling.BOX)
    return np.array(grey, dtype=np.uint8)


def _same_place(text: str, corners: Corners, other: Symbol) -> bool:
    """Whether this text is the other symbol's, or lies over it."""
    if text == other.text or not corners or not other.corners:
        return True  # corners unknown: rather miss it than give one symbol two texts
    x, y = np.mean(corners, axis=0)
    columns, rows = zip(*other.corners, strict=True)
    return bool(min(columns) <= x <= max(columns) and min(rows) <= y <= max(rows))
