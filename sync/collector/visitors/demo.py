"""The demo's visitors: a few files ahead, each with what one visitor shows, freshly issued by this centre.

DIR/<8 digits>.json, written by rename: {"label", "exhibits": [{"text", "surface"}], "celsius"}. Whoever plays the
camera takes the lowest number and removes the file when that visitor has left.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.visitors.service import Wanted, draw_claims, issue_pass
from sync.outbox.durable import make_directory, replace_file
from sync.wire import jsonform
from sync.wire.keys import Purpose, SigningKey
from sync.wire.passes import PassKind, Status, issue

_WAITING = 2  # so few that a scan result of two minutes is still fresh when its turn comes
_POLL_SECONDS = 0.25
_LONG_AGO_SECONDS = 600
_FEVER_CELSIUS = 38.1
_TESTED_HOURS_AGO = 20


class Exhibit(msgspec.Struct, frozen=True):
    """A code on a surface: "phone", "phone_dark" or "paper"."""

    text: str
    surface: str


class Visitor(msgspec.Struct, frozen=True):
    """What one visitor shows, and what the thermometer reads (°C; None for nothing plausible)."""

    label: str
    exhibits: list[Exhibit]
    celsius: float | None


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where the demo's visitors get their codes, at one checkpoint and one moment."""

    centre: Centre
    session: Session
    venue: int | None
    checkpoint: int
    now: float
    rng: random.Random

    def wanted(self, kind: PassKind, status: Status = Status.GREEN) -> Wanted:
        """A pass for this checkpoint."""
        return Wanted(kind, status, self.venue, self.checkpoint, tested_hours_ago=_TESTED_HOURS_AGO)

    def phone(self, kind: PassKind, status: Status = Status.GREEN, seconds_ago: float = 0) -> Exhibit:
        """A pass on a phone's screen."""
        text = issue_pass(self.centre, self.session, self.wanted(kind, status), self.now - seconds_ago)
        return Exhibit(text, self.rng.choice(("phone", "phone", "phone_dark")))

    def paper(self) -> Exhibit:
        """A printed pass."""
        text = issue_pass(self.centre, self.session, self.wanted(PassKind.PAPER), self.now)
        return Exhibit(text, "paper")

    def forged(self) -> Exhibit:
        """A pass that says all the right things under the signature of a key that is not the centre's."""
        claims = draw_claims(self.centre, self.session, self.wanted(PassKind.SCAN_RESULT), int(self.now))
        return Exhibit(issue(claims, SigningKey(Ed25519PrivateKey.generate(), Purpose.PASS)), "phone")


_SHOWN: dict[str, Callable[[_Desk], list[Exhibit]]] = {
    "green": lambda desk: [desk.phone(PassKind.SCAN_RESULT)],
    "saved": lambda desk: [desk.phone(PassKind.SAVED)],
    "paper": lambda desk: [desk.paper()],
    "yellow": lambda desk: [desk.phone(PassKind.SCAN_RESULT, Status.YELLOW)],
    "red": lambda desk: [desk.phone(PassKind.SCAN_RESULT, Status.RED)],
    "expired": lambda desk: [desk.phone(PassKind.SCAN_RESULT, seconds_ago=_LONG_AGO_SECONDS)],
    "forged": lambda desk: [desk.forged()],
    "fever": lambda desk: [desk.phone(PassKind.SCAN_RESULT)],
    "unknown_code": lambda desk: [Exhibit("https://example.com/menu?table=12", "paper")],
    "two_codes": lambda desk: [desk.phone(PassKind.SCAN_RESULT), desk.phone(PassKind.SCAN_RESULT)],
    "empty": lambda desk: [],
}
LABELS = tuple(_SHOWN)
MIXTURE = tuple(label for other in LABELS if other != "green" for label in ("green", "green", other))
"""Everything in turn, two greens before each other label."""


def checked_labels(names: Sequence[str]) -> tuple[str, ...]:
    """The labels as given. Raises Mistake for one that is none."""
    unknown = [name for name in names if name not in LABELS]
    if unknown:
        raise Mistake(f"{', '.join(unknown)}: no such visitor; there are {', '.join(LABELS)}")
    return tuple(names)


class Queue:
    """Keeps a directory of visitors ahead, with the labels of `order` again and again. The camera removes them."""

    def __init__(
        self, centre: Centre, directory: Path, venue: int | None, checkpoint: int, order: Sequence[str]
    ) -> None:
        self._centre, self._directory = centre, directory
        self._venue, self._checkpoint = venue, checkpoint
        self._order = cycle(order)
        self._rng = random.Random()  # noqa: S311 - variety, not secrecy

    def run(self, count: int | None) -> None:
        """Write `count` visitors (None: without end), never more than a few ahead. Raises CollectorError, OSError."""
        make_directory(self._directory)
        leftovers = self._waiting()
        number = max((int(path.stem) for path in leftovers), default=0)
        for path in leftovers:  # from an earlier run: their scan results have expired
            path.unlink(missing_ok=True)
        end = None if count is None else number + count
        while number != end:
            if len(self._waiting()) >= _WAITING:
                time.sleep(_POLL_SECONDS)
                continue
            number += 1
            visitor = jsonform.encode(self._next())
            replace_file(self._directory / f"{number:08}.json", visitor, durable=False)

    def _waiting(self) -> list[Path]:
        return list(self._directory.glob("[0-9]" * 8 + ".json"))

    def _next(self) -> Visitor:
        label = next(self._order)
        with self._centre.database.write() as session:
            desk = _Desk(self._centre, session, self._venue, self._checkpoint, time.time(), self._rng)
            exhibits = _SHOWN[label](desk)
        return Visitor(label, exhibits, self._celsius(label))

    def _celsius(self, label: str) -> float | None:
        if label == "empty":
            return None
        return _FEVER_CELSIUS if label == "fever" else round(self._rng.uniform(36.1, 36.9), 1)
