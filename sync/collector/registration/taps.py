"""PURE: from what a phone sends to a tap, and from a tap to its record. Decides pass or refused; stores nothing.

A tap was made now, or a while ago by a phone without network. Of such a one the phone says how long ago, by the same
clock on both occasions, so that a clock that is wrong does not matter; what nobody can vouch for is marked so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import TypeVar

from sync.collector.errors import Mistake
from sync.collector.registration.model import NONCE_BYTES
from sync.wire import jsonform
from sync.wire.policy import Policy
from sync.wire.record import MAX_PEOPLE, ClockQuality, Direction, Moment, Outcome, Place, Registered

COLDEST, HOTTEST = 34.0, 43.0
"""°C that a person can have: anything else is a slip of the finger, or a thermometer held to a wall."""
LIMITS = (36.0, 40.0)  # what a policy may say
FRESH_SECONDS = 10.0
"""A tap younger than that is of this very moment, judged by the centre's clock and the policy in force."""
OLDEST_SECONDS = 24 * 3600.0
_NOT_RECORDED = ""  # no kernel counts a centre's boots: its records have none, and no monotonic time
_TEMPERATURE = re.compile(r"(\d{2})(?:\.(\d{1,2})|(\d))?")
_NONCE = re.compile(rf"[0-9a-f]{{{2 * NONCE_BYTES}}}")
_NUMBER = re.compile(r"[0-9]{1,15}")
_SECONDS = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")

_Choice = TypeVar("_Choice", bound=Enum)


class Finding(str, Enum):
    """What the inspector's finger said."""

    NORMAL = "normal"  # 体温正常, without a figure (R19)
    READING = "reading"
    NOT_MEASURED = "not_measured"
    TAKE_BACK = "take_back"


class Refusal(str, Enum):
    """Why a tap is not taken: it will not be tomorrow either."""

    MALFORMED = "malformed"
    TEMPERATURE = "temperature"
    TOO_OLD = "too_old"
    MUST_MEASURE = "must_measure"
    OTHER_TAP = "other_tap"
    CHECKPOINT = "checkpoint"
    NOT_ACTIVE = "not_active"
    NOT_THERE = "not_there"
    TAKEN_BACK = "taken_back"
    TOO_LATE = "too_late"


class Refused(Mistake):
    """A tap that is not taken."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(f"the registration is refused: {why.value}")
        self.why = why


@dataclass(frozen=True, slots=True)
class Tap:
    """One touch. nonce: made by the page. checkpoint, direction: where the page stood.

    temperature: °C, of a reading; limit: what the page held it against. people: who came together. age_seconds: how
    long ago, by the phone's clock; 0 for now, below it where that clock was set back. takes_back: the nonce of the tap
    that does not hold.
    """

    nonce: bytes
    checkpoint: int
    direction: Direction
    finding: Finding
    temperature: float | None = None
    people: int = 1
    age_seconds: float = 0.0
    limit: float | None = None
    takes_back: bytes | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether it was made just now, so that the one who tapped waits for the answer."""
        return abs(self.age_seconds) < FRESH_SECONDS

    @property
    def digest(self) -> bytes:
        """Of what was tapped, not of when it was sent: the same for every try."""
        what = (self.checkpoint, self.direction, self.finding, self.temperature, self.people)
        return sha256(jsonform.encode((*what, (self.takes_back or b"").hex()))).digest()


def read(form: Mapping[str, str]) -> Tap:
    """What a form or a script sent; a temperature that was typed outranks a tap on "normal". Raises Refused."""
    finding, typed = _one_of(Finding, form.get("finding")), form.get("temperature", "").strip()
    if finding is Finding.NORMAL and typed:
        finding = Finding.READING
    people = number(form.get("people") or "1")
    if not 1 <= people <= MAX_PEOPLE:
        raise Refused(Refusal.MALFORMED)
    taking_back = finding is Finding.TAKE_BACK
    return Tap(
        nonce=_nonce(form.get("nonce")),
        checkpoint=number(form.get("checkpoint")),
        direction=_one_of(Direction, form.get("direction")),
        finding=finding,
        temperature=temperature(typed) if finding is Finding.READING else None,
        people=people,
        age_seconds=_age(form.get("age") or "0"),
        limit=_limit(form.get("limit")),
        takes_back=_nonce(form.get("takes_back")) if taking_back else None,
    )


def temperature(text: str) -> float:
    """°C as people type them: 36.5, 36，5, ３６．５, 36.5℃ or 365. Raises Refused for what no person has."""
    plain = unicodedata.normalize("NFKC", text[:20]).translate(str.maketrans(",。、·", "....")).strip()
    found = _TEMPERATURE.fullmatch(plain.removesuffix("C").removesuffix("c").removesuffix("°").strip())
    if found is None or not found[0].isascii():
        raise Refused(Refusal.TEMPERATURE)
    celsius = float(f"{found[1]}.{found[2] or found[3] or 0}")
    if not COLDEST <= celsius <= HOTTEST:
        raise Refused(Refusal.TEMPERATURE)
    return celsius


def when(tap: Tap, now: float) -> Moment:
    """By the centre's clock. now: its time, when the tap came. Raises Refused for one that is too old."""
    if tap.age_seconds > OLDEST_SECONDS:
        raise Refused(Refusal.TOO_OLD)
    if tap.is_fresh:
        return Moment(now, _NOT_RECORDED, 0.0, ClockQuality.SYNCHRONIZED)
    return Moment(now - max(0.0, tap.age_seconds), _NOT_RECORDED, 0.0, ClockQuality.UNKNOWN)


def record_of(tap: Tap, venue: int, inspector: int, policy: Policy, now: float) -> Registered:
    """The record of a tap that registers somebody. Raises Refused.

    An older tap is what happened at the entrance, by the limit that the page knew: nobody waits there any more.
    """
    limit = policy.fever_celsius if tap.is_fresh or tap.limit is None else tap.limit
    has_fever = tap.temperature is not None and tap.temperature >= limit
    if tap.finding is Finding.NOT_MEASURED and tap.is_fresh and policy.not_measured is Outcome.DENY:
        raise Refused(Refusal.MUST_MEASURE)
    reason = "fever" if has_fever else "not_measured" if tap.finding is Finding.NOT_MEASURED else "normal"
    return Registered(
        when=when(tap, now),
        place=Place(venue, tap.checkpoint, tap.direction),
        inspector=inspector,
        outcome=Outcome.DENY if has_fever else Outcome.PASS,
        reasons=[reason],
        temperature=tap.temperature,
        said_normal=tap.finding is Finding.NORMAL,
        limit_celsius=None if tap.temperature is None else limit,
        # Who came with somebody who has a fever is measured and registered one by one.
        people=1 if has_fever else tap.people,
    )


def number(text: str | None) -> int:
    """A whole number, not negative. Raises Refused."""
    if text is None or not _NUMBER.fullmatch(text):
        raise Refused(Refusal.MALFORMED)
    return int(text)


def _one_of(kind: type[_Choice], text: str | None) -> _Choice:
    try:
        return kind(text)
    except ValueError as cause:
        raise Refused(Refusal.MALFORMED) from cause


def _nonce(text: str | None) -> bytes:
    if text is None or not _NONCE.fullmatch(text):
        raise Refused(Refusal.MALFORMED)
    return bytes.fromhex(text)


def _age(text: str) -> float:
    if not _SECONDS.fullmatch(text):
        raise Refused(Refusal.MALFORMED)
    return float(text)


def _limit(text: str | None) -> float | None:
    """A limit that no policy can have is none."""
    try:
        limit = float(text) if text else None
    except ValueError:
        return None
    return limit if limit is not None and LIMITS[0] <= limit <= LIMITS[1] else None
