"""A sheet on a wall, photographed by a visitor's phone: distance, perspective, bad light, defocus, motion, noise.

The camera is that of an old phone's scanner: 1280×720 pixels over 65 degrees, so that a metre holds about 1,000 pixels
at one metre. Nobody's phone in particular; newer ones see three to nine times as many pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hardware.ports import Frame
from hardware.scene import Card, placed
from tests.scenes.optics import Light, disc, grid, linear, sensor, smeared, track

HEIGHT, WIDTH = 720, 1280
FOCAL_PIXELS = WIDTH / 2 / np.tan(np.radians(65 / 2))
A4_METRES = (0.210, 0.297)
_SUPERSAMPLED = 3
_WALL = 0.55  # of white


def photograph(sheet: Image.Image, metres: float, rng: np.random.Generator) -> Frame:
    """One frame of an A4 `sheet` (grey, upright), `metres` away. The same seed, the same frame."""
    turn = np.radians(rng.uniform(-30, 30))  # standing to one side of it
    nod = np.radians(rng.uniform(-15, 15))
    roll = np.radians(rng.normal(0, 6))
    aim = rng.uniform(-0.12, 0.12, 2)
    corners = [_seen(x, y, metres, turn, nod, roll, aim) for x, y in _sheet_corners()]
    size = (HEIGHT * _SUPERSAMPLED, WIDTH * _SUPERSAMPLED)
    large = [(x * _SUPERSAMPLED, y * _SUPERSAMPLED) for x, y in corners]
    picture, mask = placed(Card(sheet, Image.new("L", sheet.size, 255), (0, 0, 0, 0)), large, size)
    cover = np.asarray(mask, np.float32) / 255
    light = linear(np.asarray(picture)) * 0.85 * cover + _WALL * (1 - cover)
    light = light.reshape(HEIGHT, _SUPERSAMPLED, WIDTH, _SUPERSAMPLED).mean(axis=(1, 3), dtype=np.float32)
    light = light * _bad_light(rng)
    light = smeared(light, disc(rng.uniform(0.6, 1.3)))
    light = smeared(light, track(rng.uniform(0.5, 2.0), rng.uniform(0, np.pi)))
    return Frame(sensor(light, gain=rng.uniform(4, 16), rng=rng), 1, 0.0)


def _sheet_corners() -> list[tuple[float, float]]:
    width, height = A4_METRES
    return [(x * width / 2, y * height / 2) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def _seen(
    x: float,
    y: float,
    metres: float,
    turn: float,
    nod: float,
    roll: float,
    aim: NDArray[np.float64],
) -> tuple[float, float]:
    """Where a point of the sheet (metres from its middle) lies in the frame."""
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    x, deep = x * np.cos(turn), x * np.sin(turn)
    y, deep = y * np.cos(nod) - deep * np.sin(nod), y * np.sin(nod) + deep * np.cos(nod)
    scale = FOCAL_PIXELS / (metres + deep)
    return float(WIDTH / 2 + aim[0] * WIDTH + x * scale), float(HEIGHT / 2 + aim[1] * HEIGHT + y * scale)


def _bad_light(rng: np.random.Generator) -> Light:
    """A lamp to one side: from dim to a third of that across the frame."""
    x, y = grid((HEIGHT, WIDTH))
    angle = rng.uniform(0, 2 * np.pi)
    across = (x / WIDTH - 0.5) * np.cos(angle) + (y / HEIGHT - 0.5) * np.sin(angle)
    return (rng.uniform(0.3, 0.6) * (1 - 0.9 * across)).astype(np.float32)
