"""A simulated doorway: people who walk up to the camera, show something, and leave – to try a gate without a Pi.

A product feature, not a test's shortcut: the frames are drawn pictures that the real decoders read, and nothing here
knows what the gate decides. The queue is a directory: `<number>.json`, lowest first, written by whoever sends visitors
and removed here when that visitor has left:
`{"label": "green", "exhibits": [{"text": "VP1:…", "surface": "phone"}], "celsius": 36.4}`.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hardware.errors import CameraError
from hardware.ports import Frame
from hardware.scene import Exhibit, Surface, draw

VIEW_SECONDS = 0.25
MAX_VISITOR_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each part of a visit takes, in seconds."""

    approach: float = 0.5
    hold: float = 2.6
    gap: float = 0.9


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who stands before the gate. celsius: body temperature, None when the thermometer would miss it."""

    file: Path
    exhibits: tuple[Exhibit, ...]
    celsius: float | None


class Doorway:
    """The queue of visitors and where the first of them stands; the camera and the thermometer share it."""

    def __init__(self, directory: Path, pace: Pace, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not directory.is_dir():
            raise CameraError(
                f"there is no directory {directory} for simulated visitors; create it, or start `make demo`"
            )
        self._directory, self._pace, self._monotonic = directory, pace, monotonic
        self._visitor: Visitor | None = None
        self._since = monotonic()

    def look(self) -> tuple[Visitor | None, float]:
        """Who is in view now, and how near: 0 walking up … 1 held still."""
        elapsed = self._monotonic() - self._since
        if self._visitor is None:
            if elapsed >= self._pace.gap:
                self._visitor, self._since = self._next(), self._monotonic()
            return self._visitor, 0.0
        if elapsed >= self._pace.approach + self._pace.hold:
            self._visitor.file.unlink(missing_ok=True)
            self._visitor, self._since = None, self._monotonic()
            return None, 0.0
        return self._visitor, min(1.0, elapsed / self._pace.approach) if self._pace.approach else 1.0

    @property
    def celsius(self) -> float | None:
        """The temperature of whoever stands there, None for nobody."""
        return self._visitor.celsius if self._visitor else None

    def _next(self) -> Visitor | None:
        try:
            names = sorted(name for name in os.listdir(self._directory) if name.endswith(".json"))
        except OSError as cause:
            raise CameraError(f"the visitors' directory {self._directory} is gone: {cause.strerror}") from cause
        for name in names:
            path = self._directory / name
            try:
                return _read_visitor(path)
            except (OSError, ValueError, KeyError, TypeError) as cause:
                # Aside, not away: whoever wrote it can look at it.
                path.rename(path.with_suffix(".bad"))
                raise CameraError(f"{name} is not a visitor ({cause}); set aside as {path.stem}.bad") from cause
        return None


class SimulatedCamera:
    """A `Camera` that draws the doorway, frames_per_second times a second.

    size: (height, width) in pixels. view: where to put a JPEG of it for people, or None.
    """

    def __init__(
        self,
        doorway: Doorway,
        frames_per_second: float,
        seed: int,
        size: tuple[int, int] = (720, 1280),
        view: Path | None = None,
    ) -> None:
        self._doorway, self._interval, self._size, self._view = doorway, 1.0 / frames_per_second, size, view
        self._rng = np.random.default_rng(seed)
        self._number, self._due, self._view_due = 0, time.monotonic(), 0.0

    def capture(self, timeout_seconds: float) -> Frame | None:
        """Draw the doorway as it is when the next frame is due."""
        wait = self._due - time.monotonic()
        if wait > timeout_seconds:
            time.sleep(timeout_seconds)
            return None
        if wait > 0:
            time.sleep(wait)
        self._due = max(self._due + self._interval, time.monotonic())
        visitor, nearness = self._doorway.look()
        luma = draw(visitor.exhibits if visitor else (), self._rng, nearness=nearness, size=self._size)
        self._number += 1
        frame = Frame(luma, self._number, time.monotonic())
        self._show(frame)
        return frame

    def close(self) -> None:
        """Nothing to free."""

    def _show(self, frame: Frame) -> None:
        if self._view is None or frame.captured_at < self._view_due:
            return
        self._view_due = frame.captured_at + VIEW_SECONDS
        picture = io.BytesIO()
        Image.fromarray(frame.luma).reduce(2).save(picture, "JPEG", quality=60)
        draft = self._view.with_suffix(".tmp")
        draft.write_bytes(picture.getvalue())
        draft.replace(self._view)


class SimulatedThermometer:
    """A `Thermometer` that reads whoever stands in the doorway."""

    def __init__(self, doorway: Doorway) -> None:
        self._doorway = doorway

    def measure(self) -> float | None:
        """The visitor's temperature in °C, None for nobody."""
        return self._doorway.celsius


def _read_visitor(path: Path) -> Visitor:
    content = path.read_bytes()
    if len(content) > MAX_VISITOR_BYTES:
        raise ValueError(f"more than {MAX_VISITOR_BYTES} bytes")
    told = json.loads(content)
    exhibits = tuple(Exhibit(str(shown["text"]), Surface(shown["surface"])) for shown in told["exhibits"])
    celsius = told.get("celsius")
    return Visitor(path, exhibits, None if celsius is None else float(celsius))
