"""Pictures without a QR code that look a little like one: nothing may be read from them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hardware.scene import draw
from tests.scenes import optics

SIZE = (720, 1280)
Luma = NDArray[np.uint8]


def pictures(rng: np.random.Generator) -> Iterator[tuple[str, Luma]]:
    """One of each kind, with its name."""
    yield "empty doorway", draw([], rng)
    yield "noise", rng.integers(0, 256, SIZE, dtype=np.uint8)
    yield "coarse noise", _scaled(rng.integers(0, 2, (180, 320), dtype=np.uint8) * 255)
    yield "dark corner", optics.sensor(np.full(SIZE, 0.02, np.float32), 300.0, rng)
    yield "checkerboard", _scaled((np.indices((90, 160)).sum(0) % 2 * 255).astype(np.uint8))
    yield "stripes", _scaled(np.tile(rng.integers(0, 2, (1, 320), dtype=np.uint8) * 255, (180, 1)))
    yield "finder patterns alone", _finders(rng)
    yield "page of print", _print(rng)
    yield "knitting", _knitting(rng)
    yield "Micro QR code", _micro(rng)


def _scaled(cells: Luma) -> Luma:
    return np.asarray(Image.fromarray(cells).resize((SIZE[1], SIZE[0]), Image.Resampling.NEAREST))


def _finders(rng: np.random.Generator) -> Luma:
    """Three finder patterns round noise, as in a symbol of version 8 whose modules are all lost."""
    modules = rng.integers(0, 2, (49, 49))
    finder = np.zeros((8, 8), int)
    finder[:7, :7] = 1
    finder[1:6, 1:6] = 0
    finder[2:5, 2:5] = 1
    modules[:8, :8], modules[:8, -8:], modules[-8:, :8] = finder, finder[:, ::-1], finder[::-1]
    return _on_white(1 - modules, 7)


def _micro(rng: np.random.Generator) -> Luma:
    """A genuine Micro QR code. M1 corrects no error, which is why none is read."""
    digits = "".join(rng.choice(list("0123456789"), 5))
    return _on_white(1 - np.array(segno.make_micro(digits, version="M1").matrix, dtype=int), 12)


def _on_white(modules: NDArray[np.int_], pixels: int) -> Luma:
    picture = np.full(SIZE, 230, np.uint8)
    drawn = np.kron(modules, np.ones((pixels, pixels), int)) * 210 + 20
    picture[150 : 150 + drawn.shape[0], 400 : 400 + drawn.shape[1]] = drawn
    return picture


def _print(rng: np.random.Generator) -> Luma:
    page = Image.new("L", (SIZE[1], SIZE[0]), 225)
    pen = ImageDraw.Draw(page)
    letters = list("abcdefghijklmnopqrstuvwxyz      ABC0123456789")
    for line in range(40):
        pen.text((80, 20 + 17 * line), "".join(rng.choice(letters, 180)), fill=40)
    return np.asarray(page)


def _knitting(rng: np.random.Generator) -> Luma:
    x, y = optics.grid(SIZE)
    loops = np.sin(x * 0.5 + 2 * np.sin(y * 0.21)) * np.sin(y * 0.4 + np.sin(x * 0.17))
    return optics.sensor((0.3 + 0.25 * loops + 0.05 * optics.cloud(SIZE, 60, rng)).astype(np.float32), 3.0, rng)
