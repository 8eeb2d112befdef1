"""One row of a benchmark: ratios in one run, never a failed build (DESIGN 10)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """value in `unit`; goal is the sentence of DESIGN 10, None where there is none; holds: whether it is met."""

    name: str
    value: float
    unit: str
    goal: str | None = None
    holds: bool | None = None


@dataclass(frozen=True)
class Options:
    """seed: for everything drawn; photos: a folder of photographs or None; quick: a few seconds, for tests."""

    seed: int = 1
    photos: Path | None = None
    quick: bool = False

    @classmethod
    def from_environment(cls) -> Options:
        """SEED, PHOTOS and QUICK, as `make bench` passes them on."""
        photos = os.environ.get("PHOTOS")
        return cls(int(os.environ.get("SEED") or 1), Path(photos) if photos else None, bool(os.environ.get("QUICK")))


Suite = Callable[[Options, Callable[[str], None]], list[Row]]
"""A suite gets the options and a function that tells people what it is doing; it returns its rows."""


def write(directory: Path, suite: str, rows: list[Row]) -> Path:
    """Keep the rows as JSON for whoever compares runs."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{suite}.json"
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
