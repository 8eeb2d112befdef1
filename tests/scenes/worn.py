"""Scenes of one class of trouble each, for measuring readers: drawn codes as a gate's camera would see them.

Each scene is made from two generators: one for the circumstances (what phone, which lamp, how bad), one for the
hand and the sensor (pose, motion, noise). The same circumstances with a hand that goes on make a sequence.
Severity runs from harmless to hopeless within each class. Not photographs: no lens flare, no auto-exposure, no
sharpening by the camera's own processor; rates here rank readers, they do not predict a gate's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hardware.ports import Hint
from hardware.scene import Card, Exhibit, Surface, doorway, flat, placed
from tests.scenes import optics
from tests.scenes.optics import Light

SIZE = (720, 1280)
_ALPHABET = list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")  # RFC 9285


class Trouble(Enum):
    """What is wrong with the scene, besides a hand's usual pose and a sensor's usual noise."""

    CLEAN = "clean"
    SCREEN = "screen pixels and moiré"
    BANDS = "PWM bands"
    DARK_MODE = "dark mode"
    TILT = "tilt"
    MOTION = "motion"
    DEFOCUS = "defocus"
    LOW_LIGHT = "low light"
    GLARE = "glare"
    SHADOW = "shadow"
    FINGERS = "fingers"
    FILM = "protective film"
    GLOSSY = "glossy print"
    CRUMPLED = "crumpled print"
    FAR = "small"


HELPS = {
    Trouble.GLARE: Hint.TURN,
    Trouble.GLOSSY: Hint.TURN,
    Trouble.LOW_LIGHT: Hint.BRIGHTER,
    Trouble.FAR: Hint.CLOSER,
    Trouble.MOTION: Hint.STILL,
    Trouble.DEFOCUS: Hint.STILL,
}
"""What would help against which trouble; against the others no hint is right."""


@dataclass(frozen=True)
class Pose:
    """Where a card lies in the frame: its corners, and the symbol's centre and half side in pixels."""

    corners: tuple[tuple[float, float], ...]
    centre: tuple[float, float]
    reach: float
    lean: float


def text(rng: np.random.Generator) -> str:
    """Something as long as what we issue: `VP1:` and 185 to 255 characters of Base45."""
    return "VP1:" + "".join(rng.choice(_ALPHABET, rng.integers(185, 256)))


def scene(
    trouble: Trouble, shown: str, circumstances: np.random.Generator, hand: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw one frame of `SIZE` that shows the text `shown`."""
    severity = float(circumstances.uniform(0, 1))
    card = flat(Exhibit(shown, _surface(trouble, circumstances)))
    pose = _pose(card, trouble, severity, circumstances, hand)
    picture, mask = _warped(card, pose, trouble, severity, circumstances)
    cover = optics.linear(np.asarray(mask)) ** np.float32(1 / 2.2)
    light = optics.linear(np.asarray(picture))
    light = _SURFACE.get(trouble, _unchanged)(light, pose, severity, circumstances)
    behind = optics.linear(np.asarray(doorway(SIZE))) * np.float32(circumstances.uniform(0.4, 1.1))
    light = light * cover + behind * (1 - cover)
    light = _AIR.get(trouble, _unchanged)(light, pose, severity, circumstances)
    light = _lens(light, trouble, severity, circumstances, hand)
    gain = circumstances.uniform(1, 3)
    if trouble is Trouble.LOW_LIGHT:
        gain = 10 + 390 * severity**1.5
        light = light * np.float32(0.75 - 0.5 * severity)
    return optics.sensor(light, float(gain), hand)


def sequence(trouble: Trouble, shown: str, seed: int, frames: int) -> Iterator[NDArray[np.uint8]]:
    """Successive frames of one visitor: the same circumstances, a hand that goes on moving."""
    hand = np.random.default_rng((seed, 1))
    for _ in range(frames):
        yield scene(trouble, shown, np.random.default_rng((seed, 2)), hand)


def _surface(trouble: Trouble, circumstances: np.random.Generator) -> Surface:
    if trouble is Trouble.DARK_MODE:
        return Surface.PHONE_DARK
    if trouble in (Trouble.GLOSSY, Trouble.CRUMPLED):
        return Surface.PAPER
    if trouble in (Trouble.SCREEN, Trouble.BANDS, Trouble.FILM):
        return Surface.PHONE
    return Surface.PHONE if circumstances.uniform() < 0.7 else Surface.PAPER


def _pose(
    card: Card, trouble: Trouble, severity: float, circumstances: np.random.Generator, hand: np.random.Generator
) -> Pose:
    """A hand's pose: turned in the plane, leaning out of it, the symbol 260 to 430 pixels wide."""
    left, top, right, bottom = card.symbol
    side = circumstances.uniform(270, 420)
    if trouble is Trouble.FAR:
        side = 250 - 110 * severity
    scale = side / (right - left) * hand.uniform(0.97, 1.03)
    turn = circumstances.normal(0, 0.12) + hand.normal(0, 0.02)
    lean = circumstances.uniform(0.1, 0.3) + hand.normal(0, 0.02)
    if trouble is Trouble.TILT:
        lean = 0.6 + 0.6 * severity + hand.normal(0, 0.03)
    axis = circumstances.uniform(0, 2 * np.pi)
    x = SIZE[1] * circumstances.uniform(0.38, 0.62) + hand.normal(0, 8)
    y = SIZE[0] * circumstances.uniform(0.46, 0.54) + hand.normal(0, 8)
    centre = ((left + right) / 2, (top + bottom) / 2)
    width, height = card.picture.size
    corners = tuple(
        _seen(((u - centre[0]) * scale, (v - centre[1]) * scale), turn, lean, axis, (x, y))
        for u, v in ((0, 0), (width, 0), (width, height), (0, height))
    )
    return Pose(corners, (x, y), side / 2, lean)


def _seen(
    point: tuple[float, float], turn: float, lean: float, axis: float, at: tuple[float, float]
) -> tuple[float, float]:
    """A point of a plane that leans by `lean` radians about its own direction `axis`, through a lens of f = 1100 px."""
    x, y = point
    along, across = x * np.cos(axis) + y * np.sin(axis), y * np.cos(axis) - x * np.sin(axis)
    depth, across = across * np.sin(lean), across * np.cos(lean)
    x, y = along * np.cos(axis) - across * np.sin(axis), along * np.sin(axis) + across * np.cos(axis)
    x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    away = max(0.3, 1 + depth / 1100)
    return float(at[0] + x / away), float(at[1] + y / away)


def _warped(
    card: Card, pose: Pose, trouble: Trouble, severity: float, circumstances: np.random.Generator
) -> tuple[Image.Image, Image.Image]:
    """The card in the frame, drawn at twice the size and averaged, so that a small symbol loses no module."""
    if trouble is Trouble.CRUMPLED:
        card = _crumpled(card, severity, circumstances)
    doubled = [(2 * x, 2 * y) for x, y in pose.corners]
    picture, mask = placed(card, doubled, (2 * SIZE[0], 2 * SIZE[1]))
    return picture.reduce(2), mask.reduce(2)


def _crumpled(card: Card, severity: float, circumstances: np.random.Generator) -> Card:
    """Paper with folds: pixels moved, facets lit unequally."""
    grey = np.asarray(card.picture)
    height, width = grey.shape
    push = 0.5 + 5 * severity
    dx = optics.cloud(grey.shape, 120, circumstances) * push
    dy = optics.cloud(grey.shape, 120, circumstances) * push
    rows = np.clip(np.arange(height)[:, None] + dy, 0, height - 1).astype(int)
    columns = np.clip(np.arange(width)[None, :] + dx, 0, width - 1).astype(int)
    folds = np.sign(optics.cloud(grey.shape, 160, circumstances)) + np.sign(optics.cloud(grey.shape, 90, circumstances))
    shaded = grey[rows, columns] * (1 - 0.05 - 0.22 * severity * (folds + 2) / 4)
    return Card(Image.fromarray(shaded.clip(0, 255).astype(np.uint8)), card.mask, card.symbol)


def _screen(light: Light, pose: Pose, severity: float, rng: np.random.Generator) -> Light:
    """A screen's pixels at 0.6 to 5 camera pixels each, and the slow beats of their grid with the camera's."""
    period, angle = float(rng.uniform(0.6, 5)), float(rng.normal(0, 0.12))
    light = light * optics.lattice(SIZE, period, angle, float(rng.uniform()), 0.3 + 0.7 * severity)
    x, y = optics.grid(SIZE)
    for direction in (rng.uniform(0, np.pi), rng.uniform(0, np.pi)):
        along = x * np.cos(direction) + y * np.sin(direction)
        wave = 0.5 + 0.5 * np.sin(2 * np.pi * along / rng.uniform(4, 40) + rng.uniform(0, 6))
        light = light * (1 - (0.1 + 0.85 * severity) * wave)
    reflected = rng.uniform(0, 0.08)
    return (light + reflected).astype(np.float32)


def _bands(light: Light, pose: Pose, severity: float, rng: np.random.Generator) -> Light:
    """A dimmed screen flickers while the shutter rolls down."""
    _, y = optics.grid(SIZE)
    period, phase = rng.uniform(25, 220), rng.uniform(0, 2 * np.pi)
    wave = np.clip(0.5 + rng.uniform(0.6, 2.5) * np.sin(2 * np.pi * y / period + phase), 0, 1)
    return (light * (1 - (0.4 + 0.58 * severity) * wave)).astype(np.float32)


def _film(light: Light, pose: Pose, severity: float, rng: np.random.Generator) -> Light:
    """A scratched, hazy protector with bubbles on a screen."""
    haze = np.float32(0.1 + 0.4 * severity)
    light = light * (1 - haze) + haze * np.float32(rng.uniform(0.3, 0.8))
    for _ in range(int(4 + 22 * severity)):
        angle, at = rng.uniform(0, np.pi), _near(pose, 1.2, rng)
        light = light + 0.35 * optics.spot(SIZE, at, (rng.uniform(40, 220), rng.uniform(0.5, 1.6)), angle)
    for _ in range(int(rng.integers(0, 3) + 8 * severity)):
        light = light + 0.3 * optics.spot(SIZE, _near(pose, 1, rng), (rng.uniform(5, 22),) * 2, 0)
    return light.astype(np.float32)


def _glossy(light: Light, pose: Pose, severity: float, rng: np.random.Generator) -> Light:
    """Photo paper: a wide sheen that falls off, and a lamp's streak."""
    sheen = optics.spot(SIZE, _near(pose, 1, rng), (pose.reach * 1.8, pose.reach * 0.9), rng.uniform(0, np.pi))
    streak = optics.spot(SIZE, _near(pose, 0.8, rng), (pose.reach * 1.4, 12 + 26 * severity), rng.uniform(0, np.pi))
    return (light + sheen * (0.05 + 0.4 * severity) + streak * (0.2 + 0.6 * severity)).astype(np.float32)


def _glare(light: Light, pose: Pose, severity: float, rng: np.random.Generator) -> Light:
    """Lamps or a window mirrored in the glass, washed out round about."""
    for _ in range(int(rng.integers(1, 4))):
        size = pose.reach * rng.uniform(0.05, 0.12 + 0.4 * severity)
        lamp = optics.spot(SIZE, _near(pose, 1, rng), (size * rng.uniform(1, 2.5), size), rng.uniform(0, np.pi))
        light = light + lamp * np.float32(rng.uniform(0.5, 1.6))
    veil = optics.spot(SIZE, _near(pose, 0.6, rng), (pose.reach * 2.2,) * 2, 0)
    return (light + veil * 0.25 * severity).astype(np.float32)


def _shadow(light: Light, pose: Pose, severity: float, rng: np.random.Generator) -> Light:
    """An arm's or a hood's shadow across the symbol, with a soft or hard edge."""
    x, y = optics.grid(SIZE)
    at, angle = _near(pose, 0.7, rng), rng.uniform(0, 2 * np.pi)
    distance = (x - at[0]) * np.cos(angle) + (y - at[1]) * np.sin(angle)
    dark = np.clip(0.5 + distance / rng.uniform(3, 60), 0, 1)
    second = optics.spot(SIZE, _near(pose, 1, rng), (rng.uniform(30, 120), rng.uniform(15, 60)), rng.uniform(0, np.pi))
    return (light * (1 - (0.5 + 0.47 * severity) * np.maximum(dark, second))).astype(np.float32)


def _fingers(light: Light, pose: Pose, severity: float, rng: np.random.Generator) -> Light:
    """Finger tips over the edge of the symbol; the worst cover a corner."""
    for _ in range(int(rng.integers(1, 3))):
        angle = rng.uniform(0, 2 * np.pi)
        out = pose.reach * (1.4 - 0.45 * severity) * np.array([np.cos(angle), np.sin(angle)])
        at = (pose.centre[0] + float(out[0]), pose.centre[1] + float(out[1]))
        tip = optics.spot(SIZE, at, (pose.reach * 0.42, pose.reach * 0.17), angle)
        tip = np.clip(tip * 4, 0, 1)
        light = light * (1 - tip) + tip * np.float32(rng.uniform(0.15, 0.45))
    return light.astype(np.float32)


def _lens(
    light: Light, trouble: Trouble, severity: float, circumstances: np.random.Generator, hand: np.random.Generator
) -> Light:
    """The lens of every camera is a little soft; some scenes are out of focus or move."""
    softness = circumstances.uniform(1.0, 2.3)
    if trouble is Trouble.DEFOCUS:
        softness = 1.5 + 3.3 * severity
    elif trouble is Trouble.DARK_MODE:
        softness = 1 + 2.5 * severity
    light = optics.smeared(light, optics.disc(softness))
    if trouble is Trouble.MOTION:
        length = (2 + 14 * severity) * hand.uniform(0.6, 1.2)
        return optics.smeared(light, optics.track(float(length), float(hand.uniform(0, np.pi))))
    return light


def _near(pose: Pose, spread: float, rng: np.random.Generator) -> tuple[float, float]:
    x, y = rng.uniform(-spread, spread, 2) * pose.reach
    return pose.centre[0] + float(x), pose.centre[1] + float(y)


def _unchanged(light: Light, pose: Pose, severity: float, rng: np.random.Generator) -> Light:
    return light


_Change = Callable[[Light, Pose, float, np.random.Generator], Light]
_SURFACE: dict[Trouble, _Change] = {
    Trouble.SCREEN: _screen,
    Trouble.BANDS: _bands,
    Trouble.FILM: _film,
    Trouble.GLOSSY: _glossy,
}
_AIR: dict[Trouble, _Change] = {Trouble.GLARE: _glare, Trouble.SHADOW: _shadow, Trouble.FINGERS: _fingers}
