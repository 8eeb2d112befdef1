"""What happens to light between a code and the file: lens, screen, sensor. Float32 linear light, 1.0 = white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Light = NDArray[np.float32]
_GAMMA = 2.2


def linear(luma: NDArray[np.uint8]) -> Light:
    """Grey levels as light."""
    return ((np.arange(256, dtype=np.float32) / 255) ** _GAMMA)[luma]


def sensor(light: Light, gain: float, rng: np.random.Generator, read_noise: float = 0.004) -> NDArray[np.uint8]:
    """The picture a sensor makes: shot noise grows with the gain, then tone curve and 8 bits.

    gain: how much the electronics amplify; 1 in daylight, 30 in a dark corner.
    """
    electrons = 4000.0 / gain  # of a white pixel
    noisy = light + rng.standard_normal(light.shape, dtype=np.float32) * np.sqrt(
        np.maximum(light, 0) / electrons + (read_noise * gain**0.5) ** 2
    ).astype(np.float32)
    return (np.clip(noisy, 0, 1) ** np.float32(1 / _GAMMA) * 255).astype(np.uint8)


def smeared(light: Light, offsets: list[tuple[int, int]]) -> Light:
    """The mean of copies moved by `offsets` (dx, dy): motion along a line, defocus over a disc."""
    reach = max(1, max(max(abs(dx), abs(dy)) for dx, dy in offsets))
    height, width = light.shape
    padded = np.pad(light, reach, mode="edge")
    total = np.zeros_like(light)
    for dx, dy in offsets:
        total += padded[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
    return total / np.float32(len(offsets))


def disc(radius: float) -> list[tuple[int, int]]:
    """Offsets of a defocused point. A fractional radius adds part of a ring by its corners."""
    reach = int(np.ceil(radius))
    around = range(-reach, reach + 1)
    return [(dx, dy) for dy in around for dx in around if dx * dx + dy * dy <= radius * radius]


def track(length: float, angle: float) -> list[tuple[int, int]]:
    """Offsets of a point that moves during the exposure, `length` pixels in direction `angle`."""
    steps = np.linspace(-length / 2, length / 2, max(2, int(length * 2)))
    return [(round(float(s * np.cos(angle))), round(float(s * np.sin(angle)))) for s in steps]


def grid(size: tuple[int, int]) -> tuple[Light, Light]:
    """x and y of each pixel, as float32 arrays that broadcast to (height, width)."""
    height, width = size
    return np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]


def spot(size: tuple[int, int], centre: tuple[float, float], radii: tuple[float, float], angle: float) -> Light:
    """A soft-edged ellipse: 1 in its middle, 0 outside."""
    x, y = grid(size)
    dx, dy = x - centre[0], y - centre[1]
    along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    distance = (along / radii[0]) ** 2 + (across / radii[1]) ** 2
    return np.clip(1.6 - distance, 0, 1).astype(np.float32)


def lattice(size: tuple[int, int], period: float, angle: float, phase: float, depth: float) -> Light:
    """The dark gaps between a screen's pixels, as the camera's own grid samples them: moiré where they beat.

    period: camera pixels for each screen pixel. depth: 0 invisible to 1 black. Four samples a camera pixel and
    direction stand for its area.
    """
    x, y = grid(size)
    shade = np.zeros(size, np.float32)
    for sub_y in (0.35, 0.65):
        for sub_x in (0.35, 0.65):
            u = ((x + sub_x) * np.cos(angle) + (y + sub_y) * np.sin(angle)) / period + phase
            v = ((y + sub_y) * np.cos(angle) - (x + sub_x) * np.sin(angle)) / period
            # three sub-pixels of unequal luma side by side, a dark row between the lines
            stripe = np.select([u % 1 < 0.3, u % 1 < 0.6], [0.30, 0.59], 0.11) / 0.59
            shade += (stripe * (v % 1 < 0.75)).astype(np.float32)
    shade /= shade.mean()
    return (1 - depth + depth * shade).astype(np.float32)


def cloud(size: tuple[int, int], cell: int, rng: np.random.Generator) -> Light:
    """Smooth noise about 0, of standard deviation near 1, whose hills are about `cell` pixels wide."""
    height, width = size
    knots = rng.standard_normal((height // cell + 3, width // cell + 3))
    x, y = np.arange(width) / cell, np.arange(height) / cell
    column, row = x.astype(int), y.astype(int)
    fx, fy = (x - column)[None, :], (y - row)[:, None]
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    top = knots[row][:, column] * (1 - fx) + knots[row][:, column + 1] * fx
    bottom = knots[row + 1][:, column] * (1 - fx) + knots[row + 1][:, column + 1] * fx
    return (top * (1 - fy) + bottom * fy).astype(np.float32) * np.float32(1.5)
