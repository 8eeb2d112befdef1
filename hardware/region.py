"""PURE: where in a frame something like a code may be – a dense, even, roughly square texture.

A cheap guess (0.8 ms on 1280×720) that lets the rescues look at a sixth of the frame. It does not tell a code from a
page of print or a knitted pullover: it only says where to look, and "nowhere" for a plain wall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.filters import Luma, halved

_CELL = 16  # of the halved frame; a module of 5 pixels gives each cell several edges
_STEEP = 40  # an edge counts as this at most, so that one bright window outweighs no code
_TEXTURE = 12.0  # mean edge of a cell that is worth a look; a blurred, empty doorway has 7, the faintest unread code 15
_MIN_CELLS = 4
_MARGIN = 48  # pixels round the best square: with it 2 % of symbols were cut off, with 32 pixels 9 %


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a frame in pixels, `bottom` and `right` outside it."""

    top: int
    left: int
    bottom: int
    right: int

    def cut(self, luma: Luma) -> Luma:
        """This part of `luma`, not copied."""
        return luma[self.top : self.bottom, self.left : self.right]

    @classmethod
    def whole(cls, luma: Luma) -> Region:
        """All of `luma`."""
        return cls(0, 0, luma.shape[0], luma.shape[1])

    @classmethod
    def around(cls, corners: tuple[tuple[int, int], ...], luma: Luma) -> Region:
        """The corners' bounding box with the margin, within `luma`."""
        columns, rows = zip(*corners, strict=True)
        return _within(min(rows), min(columns), max(rows), max(columns), luma)


def find(luma: Luma) -> Region | None:
    """The square that looks most like a code, or None where the frame is too plain or too small for one."""
    if min(luma.shape) < 2 * (_MIN_CELLS * _CELL + 1):
        return None
    texture = _texture(halved(luma))
    strong, usual = np.percentile(texture, 95), np.median(texture)
    if strong < _TEXTURE:
        return None
    # Cells count for or against by how far they stand above a level between the usual and the strong ones; the square
    # with the largest sum then fits an evenly textured patch.
    worth = np.minimum(texture, strong) - (usual + 0.3 * (strong - usual))
    sums = np.pad(worth.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    best, found = 0.0, None
    for side in range(_MIN_CELLS, min(worth.shape) + 1):
        squares = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
        place = int(squares.argmax())
        if squares.flat[place] > best:
            best, found = float(squares.flat[place]), (*divmod(place, squares.shape[1]), side)
    if found is None:
        return None
    row, column, side = (2 * _CELL * cells for cells in found)
    return _within(row, column, row + side, column + side, luma)


def _texture(half: Luma) -> NDArray[np.float64]:
    """The mean steepness in each cell, from every second row."""
    height, width = (half.shape[0] - 1) // _CELL * _CELL, (half.shape[1] - 1) // _CELL * _CELL
    grey = half.astype(np.int16)
    here = grey[:height:2, :width]
    across = np.minimum(np.abs(grey[:height:2, 1 : width + 1] - here), _STEEP)
    down = np.minimum(np.abs(grey[1 : height + 1 : 2, :width] - here), _STEEP)
    cells = (across + down).reshape(height // _CELL, _CELL // 2, width // _CELL, _CELL)
    texture: NDArray[np.float64] = cells.mean((1, 3), dtype=np.float64)
    return texture


def _within(top: int, left: int, bottom: int, right: int, luma: Luma) -> Region:
    height, width = luma.shape
    return Region(
        max(0, top - _MARGIN), max(0, left - _MARGIN), min(height, bottom + _MARGIN), min(width, right + _MARGIN)
    )
