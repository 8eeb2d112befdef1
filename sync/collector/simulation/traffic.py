"""PURE: who passes a simulated gate and when, as the records that a real gate would have written.

Seeded: the same seed makes the same passages. The shares below are rough guesses at an ordinary day; they decide the
mix of records, not whether the centre counts them right.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from sync.wire import jsonform
from sync.wire.batch import Hole
from sync.wire.policy import Policy
from sync.wire.record import (
    Adopted,
    ClockQuality,
    Folded,
    Moment,
    Outcome,
    Passage,
    Passed,
    Place,
    Record,
    Scan,
    Started,
)
from sync.wire.urgent import is_urgent

_CHINA_SECONDS, _HOUR = 8 * 3600, 3600
# Passages by hour of the day (China time): quiet nights, a morning, an evening of five times the mean.
_DAY = (1, 1, 1, 1, 2, 4, 12, 24, 16, 10, 10, 14, 14, 10, 10, 12, 24, 60, 48, 24, 14, 8, 4, 2)
_KINDS = (("saved", 70), ("scan_result", 25), ("paper", 5))
_MIX = (
    (Outcome.PASS, ("green",), 9_500),
    (Outcome.DENY, ("expired", "green"), 200),
    (Outcome.REFER, ("already_used", "green"), 150),
    (Outcome.REFER, ("yellow",), 50),
    (Outcome.DENY, ("fever", "green"), 30),
    (Outcome.DENY, ("red",), 10),
    (None, ("bad_signature",), 60),  # not genuine: folded
)
_MEASURED, _WITH_SENSOR, _TURNED, _BURNT = 0.9, 0.5, 0.98, 0.0002


@dataclass(frozen=True, slots=True)
class Period:
    """Passage time, in seconds since 1970. rate: passages a second of the whole fleet, on the average of it."""

    began: float
    hours: float
    rate: float

    @property
    def ends(self) -> float:
        """The end."""
        return self.began + self.hours * _HOUR

    @property
    def passages(self) -> int:
        """Of the whole fleet."""
        return round(self.rate * self.hours * _HOUR)

    def slots(self) -> list[tuple[float, float, int]]:
        """(began, seconds, passages) of each hour or less; the passages add up to the whole."""
        count = max(1, ceil(self.hours))
        length = self.hours * _HOUR / count
        starts = [self.began + number * length for number in range(count)]
        weights = [_DAY[int((start + length / 2 + _CHINA_SECONDS) // _HOUR) % 24] for start in starts]
        slots, given, reached = [], 0, 0
        for start, weight in zip(starts, weights, strict=True):
            reached += weight
            upto = self.passages * reached // sum(weights)
            slots.append((start, length, upto - given))
            given = upto
        return slots


@dataclass(frozen=True, slots=True)
class Entry:
    """What a gate has under one number: a record, or None for a number that was burnt. at: when."""

    at: float
    raw: bytes | None
    type: str = ""
    outcome: str = ""
    count: int = 0
    is_urgent: bool = False


class Doorway:
    """The passages of gate number `index` of `gates`, as its outbox's entries from number 1 on."""

    def __init__(self, period: Period, index: int, gates: int, place: Place, seed: str) -> None:
        self._period, self._index, self._gates, self.place = period, index, gates, place
        self._rng = random.Random(f"{seed}/{index}")  # noqa: S311 - people, not keys
        self._has_sensor = self._rng.random() < _WITH_SENSOR
        self.outbox = f"{self._rng.getrandbits(128):032x}"
        self.boot = f"{self._rng.getrandbits(128):032x}"
        self.booted_at = period.began - 60

    def entries(self) -> Iterator[Entry]:
        """In order of time and number."""
        began = self._period.began
        yield _entry(began, Started(self._when(began), self.place, "simulated"))
        document = jsonform.encode(Policy())
        yield _entry(began, Adopted(self._when(began), self.place, "1.1", int(began), document))  # type: ignore[arg-type]
        number = 2
        for start, seconds, passages in self._period.slots():
            turn = (self._index + 7 * int(start // _HOUR)) % self._gates
            mine = passages // self._gates + (turn < passages % self._gates)
            for at in sorted(start + self._rng.random() * seconds for _ in range(mine)):
                for entry in self._passage(at, number):
                    number += 1
                    yield entry

    def passages(self) -> int:
        """How many people come here in all."""
        total = 0
        for start, _, passages in self._period.slots():
            turn = (self._index + 7 * int(start // _HOUR)) % self._gates
            total += passages // self._gates + (turn < passages % self._gates)
        return total

    def _passage(self, at: float, number: int) -> Iterator[Entry]:
        """A code that is shown; where the gate opens and can tell, what the turnstile said of it."""
        rng = self._rng
        if rng.random() < _BURNT:
            yield Entry(at, None)
            number += 1
        outcome, reasons, _ = rng.choices(_MIX, [share for *_, share in _MIX])[0]
        when = self._when(at)
        if outcome is None:
            yield _entry(at, Folded(when, self.place, reasons[0], rng.randint(1, 5)))
            return
        yield _entry(at, self._scan(when, outcome, list(reasons)))
        if outcome is Outcome.PASS and self._has_sensor:
            result = Passed.PASSED if rng.random() < _TURNED else Passed.NOT_PASSED
            yield _entry(at, Passage(self._when(at), self.place, result, number + 1))

    def _scan(self, when: Moment, outcome: Outcome, reasons: list[str]) -> Scan:
        rng = self._rng
        fever, expired = "fever" in reasons, "expired" in reasons
        temperature = round(rng.uniform(37.3, 38.9) if fever else rng.gauss(36.5, 0.2), 1)
        issued = int(when.at) - rng.randrange(86_400 if expired else 60, 172_800)
        return Scan(
            when=when,
            place=self.place,
            outcome=outcome,
            reasons=reasons,
            policy="1.1",
            kind=rng.choices([kind for kind, _ in _KINDS], [share for _, share in _KINDS])[0],
            serial=f"{rng.getrandbits(96):024x}",
            status=reasons[-1] if reasons[-1] in ("green", "yellow", "red") else None,
            status_at=issued - 600,
            temperature=temperature if fever or rng.random() < _MEASURED else None,
            issued_at=issued,
            expires_at=issued + (3_600 if expired else 604_800),
        )

    def _when(self, at: float) -> Moment:
        return Moment(round(at, 3), self.boot, round(at - self.booted_at, 3), ClockQuality.SYNCHRONIZED, 0.05)


def _entry(at: float, record: Record) -> Entry:
    raw = jsonform.encode(record)
    match record:
        case Scan():
            return Entry(at, raw, "scan", record.outcome.value, 1, is_urgent(raw))
        case Passage():
            return Entry(at, raw, "passage", record.result.value, 1)
        case Folded():
            return Entry(at, raw, "folded", "", record.count)
    return Entry(at, raw, "started" if isinstance(record, Started) else "adopted", "", 1)


def burnt(entries: list[Entry], first: int) -> list[Hole]:
    """The numbers without a record, as a batch declares them. first: the number of the first entry."""
    return [Hole(first + at, first + at, "burnt") for at, entry in enumerate(entries) if entry.raw is None]
