"""What every scenario stands on: a card of its own, the Pi that boots from it, and the gate as seen from outside."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from edge import history
from edge.config import Pins as PinNumbers
from hardware.rhythm import Rhythm
from sync.outbox import readers
from sync.wire.record import Outcome, Record, Scan
from sync.wire.status import GateStatus, SyncStatus
from tests.bench.rows import Row
from tests.emulated_pi import card
from tests.emulated_pi.broken import Mistake
from tests.emulated_pi.image import Image
from tests.emulated_pi.machine import Options, Pi, switched_on
from tests.emulated_pi.pins import Edge, until
from tests.emulated_pi.town import EMPTY, Town

PINS = PinNumbers()
LAMPS = {"pass": PINS.passing, "deny": PINS.deny, "refer": PINS.refer, "link": PINS.link, "buzzer": PINS.buzzer}
OUTPUTS = (PINS.relay, *LAMPS.values())
READY_SECONDS, ANSWER_SECONDS = 180.0, 40.0
SLACK_SECONDS = 0.09  # by which an emulated processor may be late with an edge
_Told = TypeVar("_Told")
RUN, STATE = "/run/venue-gate", "/var/lib/venue-gate"


@dataclass(slots=True)
class Findings:
    """The rows of a scenario. A row that does not hold fails it."""

    rows: list[Row]
    say: Callable[[str], None]

    def note(self, name: str, holds: bool, value: float, unit: str = "", goal: str | None = None) -> None:
        """Something that must hold."""
        self.say(f"{'✓' if holds else '✗ NOT SO:'} {name}")
        self.rows.append(Row(name, round(value, 4), unit, goal, holds))

    def measure(self, name: str, value: float, unit: str) -> None:
        """A figure that fails nothing."""
        self.say(f"  {name}: {value:,.4g} {unit}")
        self.rows.append(Row(name, round(value, 4), unit))


@dataclass(frozen=True, slots=True)
class Ground:
    """directory: thrown away afterwards. log: of the serial console, kept where the scenario fails.

    mistake: with which the gate on the card is broken, to see that the scenario notices.
    """

    image: Image
    directory: Path
    log: Path
    findings: Findings
    mistake: Mistake | None = None

    def town(self) -> Town:
        """Its centre, founded now."""
        return Town(self.directory / "town")

    def card(self, town: Town, change: Callable[[Path], None] = lambda _root: None, **settings: bool) -> Path:
        """A new card with this town's settings; change: what else is done to its files before the first start."""
        path = card.copy(self.image.card, self.directory / "card.img")
        with card.opened(path, self.directory / "mnt") as root:
            town.settle(root, **settings)
            town.pictures(root)
            change(root)
            if self.mistake is not None:
                self.mistake.make(root)
        return path

    @contextmanager
    def pi(self, path: Path, options: Options | None = None) -> Iterator[Seen]:
        """A Pi that was just switched on with this card."""
        with switched_on(self.image, path, self.log, options or Options(wall=time.time())) as pi:
            pi.pins.drive(PINS.button, True)  # nobody presses: the emulated chip has no pull-up
            yield Seen(pi)


@dataclass(frozen=True, slots=True)
class Seen:
    """The gate on a Pi that is on."""

    pi: Pi

    def ready(self, seconds: float = READY_SECONDS) -> float:
        """Wait until it answers visitors; seconds since the power came."""
        self.pi.wait(seconds)
        until(lambda: (told := self.status()) and told.signal == "ready", seconds, "the gate is ready", every=0.5)
        return time.monotonic() - self.pi.started

    def working(self, seconds: float = READY_SECONDS) -> float:
        """Wait until it lives, whatever it shows; seconds since the power came."""
        self.pi.wait(seconds)
        until(self.status, seconds, "the gate works", every=0.5)
        return time.monotonic() - self.pi.started

    def status(self) -> GateStatus | None:
        """status.json; None where there is none."""
        return _decoded(self.pi.bench.read(f"{RUN}/status.json"), GateStatus)

    def sync_status(self) -> SyncStatus | None:
        """sync-status.json; None where there is none."""
        return _decoded(self.pi.bench.read(f"{RUN}/sync-status.json"), SyncStatus)

    def records(self) -> list[tuple[str, int, Record]]:
        """Everything in its outboxes, read here from the files that are on its card."""
        return outboxes(self.pi.bench.packed(f"{STATE}/outbox"))

    def passes(self) -> list[tuple[int, Scan]]:
        """The records of those who were let in."""
        return [(number, record) for _, number, record in self.records() if let_in(record)]

    def show(self, picture: str) -> float:
        """Put a picture before the camera; when it was there."""
        return self.pi.bench.show(picture)

    def let_in(self, picture: str) -> float:
        """Show a pass until it opens, then nobody; when the relay was pulled. Raises NotSeen."""
        opened = self.relay_opens(self.show(picture))
        self.show(EMPTY)
        return opened

    def relay_opens(self, since: float, seconds: float = ANSWER_SECONDS) -> float:
        """When the relay was pulled. Raises NotSeen."""
        return self.pi.pins.wait(PINS.relay, True, since, seconds)

    def is_quiet(self) -> bool:
        """Whether no result stands."""
        told = self.status()
        return told is not None and told.shown is None and told.signal == "ready"

    def is_another(self, before: GateStatus | None) -> bool:
        """Whether a gate that started since is ready."""
        return self.is_quiet() and (told := self.status()) is not None and (before is None or told.pid != before.pid)

    def settle(self) -> None:
        """Nobody before the camera, the last result over, and its code forgotten."""
        self.pi.bench.show(EMPTY)
        until(self.is_quiet, ANSWER_SECONDS, "the result is over")

    def are_safe(self) -> bool:
        """Whether nothing that hangs on the outputs has power."""
        return not any(self.pi.pins.driven_high(pin) for pin in OUTPUTS)


def let_in(record: Record) -> bool:
    """Whether it says that the barrier was opened."""
    return isinstance(record, Scan) and record.outcome is Outcome.PASS


def outboxes(packed: bytes) -> list[tuple[str, int, Record]]:
    """The records of a packed outbox directory."""
    directory = Path(tempfile.mkdtemp(prefix="outbox-"))
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(directory, filter="data")
        return [
            kept for reader in readers(directory) for kept in history.between(reader, reader.first(), reader.next())
        ]
    finally:
        shutil.rmtree(directory)


def played(edges: list[Edge], until_at: float) -> list[tuple[bool, float]]:
    """What an output did from its first rise on: level and seconds, the last one until `until_at`."""
    while edges and not edges[0].level:
        edges = edges[1:]
    ends = [*(edge.at for edge in edges[1:]), until_at][: len(edges)]
    return [(edge.level, end - edge.at) for edge, end in zip(edges, ends, strict=True) if end > edge.at]


def follows(seen: list[tuple[bool, float]], rhythm: Rhythm, slack: float = SLACK_SECONDS) -> bool:
    """Whether that is this rhythm, as far as it was played. The last step may have been cut short."""
    if not rhythm.steps:
        return len(seen) >= 1 and seen[0][0] and seen[0][1] >= sum(length for _, length in seen) - slack
    steps = rhythm.steps * (len(seen) // len(rhythm.steps) + 1) if rhythm.repeats else rhythm.steps
    whole = seen[:-1]
    if not whole or (not rhythm.repeats and len(seen) > len(steps) + 1):
        return False
    if rhythm.repeats and seen[-1][1] > steps[len(whole)] + slack:
        return False
    return all(abs(length - step) <= slack for (_, length), step in zip(whole, steps, strict=False))


def worst_lateness(seen: list[tuple[bool, float]], rhythm: Rhythm) -> float:
    """How far the worst of its steps is from the rhythm's, in seconds."""
    steps = rhythm.steps * (len(seen) // max(1, len(rhythm.steps)) + 1)
    return max((abs(length - step) for (_, length), step in zip(seen[:-1], steps, strict=False)), default=0.0)


def _decoded(content: bytes, kind: type[_Told]) -> _Told | None:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        return None
