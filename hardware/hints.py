"""PURE: what a visitor could do whose code was seen and not read – cheap guesses from the symbol's part of the frame.

Only for a symbol that a decoder located; a poster gets no advice. What it does not tell: fingers in the way, torn
paper, a code that is too large for the view.
"""

from __future__ import annotations

import numpy as np

from hardware.filters import Luma
from hardware.ports import Hint
from hardware.region import Region

_CELL = 16
_BURNT = 248  # a cell of which every pixel is at least this has lost its modules
_BURNT_SHARE = 0.01
# Steps between neighbours as a share of the contrast, on drawn scenes: the steepest 1 % of a sharp code are 0.27 to
# 0.55, the median step 0.03 to 0.11 where it is light.
_SOFT_EDGE = 0.25
_NOISY_STEP = 0.15
_FAR_PIXELS = 230  # a version-8 symbol below 5 pixels a module


def hint(luma: Luma, corners: tuple[tuple[int, int], ...]) -> Hint | None:
    """What may be wrong with the symbol that lies at `corners`, None where nothing stands out."""
    columns, rows = zip(*corners, strict=True)
    part = Region(max(0, min(rows)), max(0, min(columns)), max(rows), max(columns)).cut(luma)
    if min(part.shape) < _CELL:
        return None
    if max(part.shape) < _FAR_PIXELS:
        return Hint.CLOSER
    height, width = part.shape[0] // _CELL * _CELL, part.shape[1] // _CELL * _CELL
    cells = part[:height, :width].reshape(height // _CELL, _CELL, width // _CELL, _CELL)
    if np.mean(cells.min((1, 3)) >= _BURNT) >= _BURNT_SHARE:
        return Hint.TURN
    dark, light = np.percentile(part, (5, 95))
    step, edge = np.percentile(np.abs(np.diff(part[::2].astype(np.int16), axis=1)), (50, 99)) / max(1.0, light - dark)
    if step > _NOISY_STEP:
        return Hint.BRIGHTER
    return Hint.STILL if edge < _SOFT_EDGE else None
