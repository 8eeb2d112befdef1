"""PURE: the few picture operations that the rescues need, in numpy. All take and return uint8 luma.

No OpenCV: on the part of a frame that holds a code these cost half a millisecond, and 60 MB less on a Pi's card.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]


def blurred(luma: Luma) -> Luma:
    """A 5×5 binomial blur (σ = 1): (1 4 6 4 1)/16 in both directions, edges repeated."""
    sums = np.pad(luma, 2, mode="edge").astype(np.uint16)
    for _ in range(4):  # (1 1) four times is (1 4 6 4 1); 255 × 256 still fits 16 bits
        sums = sums[:-1] + sums[1:]
    for _ in range(4):
        sums = sums[:, :-1] + sums[:, 1:]
    return (sums >> 8).astype(np.uint8)


def halved(luma: Luma) -> Luma:
    """Half the size in both directions, each pixel the mean of four. An odd last row or column is left out."""
    height, width = luma.shape[0] // 2 * 2, luma.shape[1] // 2 * 2
    even = luma[:height, :width].astype(np.uint16)
    rows = even[::2] + even[1::2]
    return ((rows[:, ::2] + rows[:, 1::2]) >> 2).astype(np.uint8)


def box_mean(luma: Luma, radius: int) -> NDArray[np.float32]:
    """The mean of the (2·radius + 1)² pixels round each pixel, edges repeated."""
    side = 2 * radius + 1
    sums = np.pad(luma, ((radius + 1, radius), (radius + 1, radius)), mode="edge").astype(np.float32)
    np.cumsum(sums, axis=0, out=sums)
    sums = sums[side:] - sums[:-side]
    np.cumsum(sums, axis=1, out=sums)
    return (sums[:, side:] - sums[:, :-side]) * np.float32(1 / (side * side))


def thresholded(luma: Luma, radius: int, below: float) -> Luma:
    """Black where a pixel is darker than its neighbourhood's mean by `below` or more, else white."""
    return np.where(luma > box_mean(luma, radius) - np.float32(below), np.uint8(255), np.uint8(0))


def sharpened(luma: Luma) -> Luma:
    """Unsharp mask: three times the picture less twice its 7×7 mean. Undoes a little defocus and motion."""
    sharp: Luma = np.clip(3 * luma.astype(np.float32) - 2 * box_mean(luma, 3), 0, 255).astype(np.uint8)
    return sharp
