"""Draws what the gate's camera would see: people holding codes on phones or paper in front of a doorway.

For trying the gate without a camera and as the ground of the test scenes. Everything random comes from the
caller's generator, so the same seed draws the same frames. Not a model of any lens or sensor: the wear of real
pictures (moiré, glare, crumpled paper …) is added by the scenes that measure the reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Luma = NDArray[np.uint8]


class Surface(Enum):
    """What carries the symbol."""

    PHONE = "phone"
    PHONE_DARK = "phone_dark"  # dark mode: light modules on a dark page
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One code that somebody holds up."""

    text: str
    surface: Surface = Surface.PHONE


@dataclass(frozen=True, slots=True)
class Card:
    """An exhibit drawn flat: grey picture, its outline, and the symbol's square (left, top, right, bottom)."""

    picture: Image.Image
    mask: Image.Image
    symbol: tuple[int, int, int, int]


_WIDTH, _HEIGHT = 640, 1120  # of a flat card
_SYMBOL = 456  # side of the symbol on it with its quiet zone: 8 pixels a module for version 8
_QUIET_MODULES = 4  # ISO/IEC 18004 §5.3.8
_CENTRE = (_WIDTH // 2, 500)  # of the symbol on the card
_NOISE_MARGIN = 256


def draw(
    exhibits: Sequence[Exhibit],
    rng: np.random.Generator,
    *,
    nearness: float = 1.0,
    size: tuple[int, int] = (720, 1280),
) -> Luma:
    """Draw one frame: the exhibits side by side, or an empty doorway.

    nearness: 0, a person still coming (small and blurred), to 1, held still at the reader. size: (height, width).
    Returns uint8 of that shape. Raises ValueError when a text fits no QR symbol.
    """
    frame = doorway(size).copy()
    for place, exhibit in enumerate(exhibits):
        _hold(frame, flat(exhibit), (place + 1) / (len(exhibits) + 1), len(exhibits), nearness, rng)
    light = rng.uniform(0.9, 1.05)
    return _expose(np.asarray(frame), light, rng)


def symbol_picture(text: str, side: int, *, inverted: bool = False) -> Image.Image:
    """The symbol of `text` with its quiet zone, `side` pixels wide, 0 and 255 only (error correction M)."""
    matrix = np.array(segno.make_qr(text, error="m", boost_error=False).matrix, dtype=np.uint8)
    modules = np.pad(matrix, _QUIET_MODULES)
    grey = (modules if inverted else 1 - modules) * np.uint8(255)
    return Image.fromarray(grey).resize((side, side), Image.Resampling.NEAREST)


@lru_cache(maxsize=32)
def flat(exhibit: Exhibit) -> Card:
    """The exhibit seen straight on, sharp and evenly lit. Kept: a visitor's frames differ in pose and noise only."""
    return _sheet(exhibit.text) if exhibit.surface is Surface.PAPER else _phone(exhibit)


@lru_cache(maxsize=4)
def doorway(size: tuple[int, int]) -> Image.Image:
    """The empty view, the same each time: a wall, a bright door, a floor, out of focus."""
    height, width = size
    picture = Image.linear_gradient("L").resize((width, height)).point(lambda level: 150 - level * 0.35)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((width * 0.3, height * 0.05, width * 0.72, height * 0.86), fill=172)
    pen.rectangle((width * 0.33, height * 0.1, width * 0.5, height * 0.86), fill=140)
    pen.rectangle((width * 0.52, height * 0.1, width * 0.69, height * 0.86), fill=151)
    for line in range(6):  # floor tiles
        pen.line((width * (0.2 * line), height, width * (0.3 + 0.08 * line), height * 0.86), fill=95, width=3)
    pen.rectangle((width * 0.8, height * 0.2, width * 0.93, height * 0.42), fill=205)  # a notice on the wall
    for line in range(5):
        top = height * (0.23 + 0.035 * line)
        pen.rectangle((width * 0.815, top, width * (0.9 + 0.005 * (line % 3)), top + height * 0.012), fill=110)
    return picture.filter(ImageFilter.GaussianBlur(5 * height / 720))


def placed(
    card: Card, corners: Sequence[tuple[float, float]], size: tuple[int, int]
) -> tuple[Image.Image, Image.Image]:
    """Picture and mask of a card seen in perspective, in a frame of `size` (height, width).

    corners: where the card's top left, top right, bottom right and bottom left come to lie, in pixels.
    """
    height, width = size
    coefficients = _homography(corners, card.picture.size)
    warp = Image.Transform.PERSPECTIVE
    picture = card.picture.transform((width, height), warp, coefficients, Image.Resampling.BILINEAR)
    mask = card.mask.transform((width, height), warp, coefficients, Image.Resampling.BILINEAR)
    return picture, mask


def _hold(frame: Image.Image, card: Card, across: float, count: int, nearness: float, rng: np.random.Generator) -> None:
    """Put one card into the frame with the pose of a hand; further away it is small and moves."""
    scale = frame.height / 720 * (0.3 + 0.55 * nearness) * rng.uniform(0.94, 1.04) * (0.92 if count > 1 else 1.0)
    card = _reduced(card, scale)
    jitter = (1.5 - nearness) * frame.height / 720
    x = frame.width * across + rng.normal(0, 14 * jitter)
    y = frame.height * 0.5 + rng.normal(0, 10 * jitter)
    turn, lean = rng.normal(0, 0.05), rng.uniform(-0.06, 0.06, 2)
    corners = []
    for corner_x, corner_y in ((0, 0), (_WIDTH, 0), (_WIDTH, _HEIGHT), (0, _HEIGHT)):
        right, down = (corner_x - _CENTRE[0]) * scale, (corner_y - _CENTRE[1]) * scale
        away = 1 + (lean[0] * right + lean[1] * down) / frame.height
        corners.append(
            (
                x + (right * np.cos(turn) - down * np.sin(turn)) / away,
                y + (right * np.sin(turn) + down * np.cos(turn)) / away,
            )
        )
    left, top, right_edge, bottom = _bounds(corners, frame.size)
    if left >= right_edge or top >= bottom:
        return
    within = [(px - left, py - top) for px, py in corners]
    picture, mask = placed(card, within, (bottom - top, right_edge - left))
    frame.paste(picture, (left, top), mask)
    blur = (0.5 + 2.2 * (1 - nearness) ** 1.5) * frame.height / 720
    if blur > 0.6:  # less than the warp's own softness, at the price of a quarter of the frame's time
        box = (left, top, right_edge, bottom)
        frame.paste(frame.crop(box).filter(ImageFilter.GaussianBlur(blur)), box)


def _reduced(card: Card, scale: float) -> Card:
    """A smaller drawing of a card that will be seen small, so that the warp does not skip its pixels."""
    if scale > 0.6:
        return card
    return Card(card.picture.reduce(2), card.mask.reduce(2), card.symbol)


def _bounds(corners: Sequence[tuple[float, float]], size: tuple[int, int]) -> tuple[int, int, int, int]:
    columns, rows = zip(*corners, strict=True)
    left, top = max(0, int(min(columns)) - 4), max(0, int(min(rows)) - 4)
    return left, top, min(size[0], int(max(columns)) + 4), min(size[1], int(max(rows)) + 4)


def _homography(corners: Sequence[tuple[float, float]], size: tuple[int, int]) -> list[float]:
    """The eight numbers that take a pixel of the frame back to a pixel of the card (PIL's PERSPECTIVE)."""
    width, height = size
    rows, wanted = [], []
    for (x, y), (u, v) in zip(corners, ((0, 0), (width, 0), (width, height), (0, height)), strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
        wanted += [u, v]
    solved: list[float] = np.linalg.solve(np.array(rows, float), np.array(wanted, float)).tolist()
    return solved


def _expose(luma: Luma, light: float, rng: np.random.Generator) -> Luma:
    """Light and sensor noise. The noise is one tile at a random offset: fresh noise would cost 15 ms a frame."""
    height, width = luma.shape
    top, left = rng.integers(0, _NOISE_MARGIN, 2)
    noise = _noise(height + _NOISE_MARGIN, width + _NOISE_MARGIN)[top : top + height, left : left + width]
    lit = np.arange(256) * light
    exposed: Luma = np.clip(lit.astype(np.int16)[luma] + noise, 0, 255).astype(np.uint8)
    return exposed


@lru_cache(maxsize=2)
def _noise(height: int, width: int) -> NDArray[np.int8]:
    return np.random.default_rng(1).normal(0, 3.0, (height, width)).round().astype(np.int8)


def _symbol_box() -> tuple[int, int, int, int]:
    left, top = _CENTRE[0] - _SYMBOL // 2, _CENTRE[1] - _SYMBOL // 2
    return left, top, left + _SYMBOL, top + _SYMBOL


def _phone(exhibit: Exhibit) -> Card:
    """A phone in a hand; its page has a header, the symbol and a coloured band with the holder's status."""
    dark = exhibit.surface is Surface.PHONE_DARK
    page, ink, band = (22, 150, 70) if dark else (236, 90, 140)
    picture = Image.new("L", (_WIDTH, _HEIGHT), 20)
    mask = Image.new("L", (_WIDTH, _HEIGHT), 0)
    pen, cut = ImageDraw.Draw(picture), ImageDraw.Draw(mask)
    for row in range(4):  # fingers round the right edge, the thumb and the palm on the left
        box = (_WIDTH - 78, 560 + 105 * row, _WIDTH - 4, 655 + 105 * row)
        pen.rounded_rectangle(box, 38, fill=142 - 6 * row)
        cut.rounded_rectangle(box, 38, fill=255)
    palm = (2, 640, 130, _HEIGHT - 20)
    pen.rounded_rectangle(palm, 60, fill=128)
    cut.rounded_rectangle(palm, 60, fill=255)
    body = (54, 30, _WIDTH - 54, _HEIGHT - 8)
    pen.rounded_rectangle(body, 46, fill=28)
    cut.rounded_rectangle(body, 46, fill=255)
    screen = (66, 44, _WIDTH - 66, _HEIGHT - 22)
    pen.rounded_rectangle(screen, 34, fill=page)
    pen.rectangle((66, 100, _WIDTH - 66, 176), fill=band)
    _lines(pen, (110, 122, 420, 152), 1, page)
    _lines(pen, (110, 205, 500, 245), 2, ink)
    picture.paste(_dimmed(symbol_picture(exhibit.text, _SYMBOL, inverted=dark), page, dark), _symbol_box()[:2])
    pen.rounded_rectangle((110, 760, _WIDTH - 110, 860), 20, fill=band)
    _lines(pen, (180, 795, 460, 825), 1, page)
    _lines(pen, (110, 890, 500, 1000), 4, ink)
    return Card(_screen_pixels(picture, screen), mask, _symbol_box())


def _sheet(text: str) -> Card:
    """A printed pass, held by its corner."""
    picture, mask = Image.new("L", (_WIDTH, _HEIGHT), 60), Image.new("L", (_WIDTH, _HEIGHT), 0)
    pen, cut = ImageDraw.Draw(picture), ImageDraw.Draw(mask)
    sheet = (40, 150, _WIDTH - 40, 980)
    pen.rectangle(sheet, fill=222)
    cut.rectangle(sheet, fill=255)
    _lines(pen, (100, 180, 520, 245), 2, 70)
    printed = symbol_picture(text, _SYMBOL).point(lambda level: 222 if level else 44)
    picture.paste(printed.filter(ImageFilter.GaussianBlur(0.8)), _symbol_box()[:2])
    _lines(pen, (100, 770, 540, 920), 5, 110)
    thumb = (_WIDTH // 2 - 60, 900, _WIDTH // 2 + 50, _HEIGHT)
    pen.rounded_rectangle(thumb, 50, fill=140)
    cut.rounded_rectangle(thumb, 50, fill=255)
    return Card(picture, mask, _symbol_box())


def _lines(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], count: int, fill: int) -> None:
    """Lines of text as a camera sees them: bars with gaps."""
    left, top, right, bottom = box
    step = (bottom - top) / count
    for line in range(count):
        x, y = float(left), top + line * step
        while x < right - 30:
            word = 18 + (x * 7 + line * 31) % 40
            pen.rectangle((x, y, min(x + word, right), y + step * 0.55), fill=fill)
            x += word + 12


def _dimmed(symbol: Image.Image, page: int, dark: bool) -> Image.Image:
    """The symbol in the page's own light and dark."""
    return symbol.point(lambda level: (228 if level else page) if dark else (page + 6 if level else 24))


def _screen_pixels(picture: Image.Image, screen: tuple[int, int, int, int]) -> Image.Image:
    """The grid of a lit screen: faint dark lines between its pixels, which the camera's own grid beats with."""
    grey = np.asarray(picture, np.float32).copy()
    left, top, right, bottom = screen
    grey[top:bottom:2, left:right] *= 0.94
    grey[top:bottom, left:right:3] *= 0.96
    return Image.fromarray(grey.astype(np.uint8))
