"""Who an inspector at the panel is: by badge, or by number and PIN, from the staff list in force (R18).

Decides who somebody is, without network, and says why not. PURE but for the time and memory that a PIN's hash takes:
64 MiB and a second or two on a Raspberry Pi 3, so that whoever calls `by_pin` does it beside the loop that decides. It
does NOT count attempts (`edge.attempts`), and a badge alone does not say who holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from sync.wire.badges import read_badge
from sync.wire.errors import WireError
from sync.wire.staff import Staff, StaffEntry

MAX_PIN = 12
_HASHER = PasswordHasher()  # verifies by the parameters of the hash, which the staff list bounds


class Why(str, Enum):
    """Why nobody was recognized."""

    NO_LIST = "no_list"  # this gate has no staff list yet
    NOT_A_BADGE = "not_a_badge"
    UNKNOWN = "unknown"  # no inspector of this venue, a badge that was replaced or made up
    LAPSED = "lapsed"  # known, and the list is too old to say so still
    NO_PIN = "no_pin"  # none was set
    WRONG_PIN = "wrong_pin"


@dataclass(frozen=True, slots=True)
class Recognized:
    """An inspector of this venue."""

    entry: StaffEntry


@dataclass(frozen=True, slots=True)
class NotRecognized:
    """Nobody that this gate knows."""

    why: Why


Answer = Recognized | NotRecognized


class StaffBook:
    """The staff list in force. staff: None where the updates brought none.

    now: seconds since 1970 by the gate's clock, which never reads below its floor (DESIGN 5).
    """

    def __init__(self, staff: Staff | None) -> None:
        self._staff = staff

    def by_badge(self, text: str, now: float) -> Answer:
        """Whose badge that is. text: of its QR code."""
        if self._staff is None:
            return NotRecognized(Why.NO_LIST)
        try:
            badge = read_badge(text)
        except WireError:
            return NotRecognized(Why.NOT_A_BADGE)
        return _standing(self._staff.with_badge(badge), now)

    def by_pin(self, number: int, pin: str, now: float) -> Answer:
        """The inspector of that number, if the PIN is theirs. Nothing is computed for whom no PIN could help."""
        if self._staff is None:
            return NotRecognized(Why.NO_LIST)
        answer = _standing(self._staff.numbered(number), now)
        if isinstance(answer, NotRecognized):
            return answer
        if answer.entry.pin is None:
            return NotRecognized(Why.NO_PIN)
        return answer if verify(pin, answer.entry) else NotRecognized(Why.WRONG_PIN)


def verify(pin: str, entry: StaffEntry) -> bool:
    """Whether that is the entry's PIN. Runs the hash: time and memory."""
    if entry.pin is None or not 1 <= len(pin) <= MAX_PIN:
        return False
    try:
        return _HASHER.verify(entry.pin, pin)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):  # a lone surrogate is no PIN
        return False


def _standing(entry: StaffEntry | None, now: float) -> Answer:
    if entry is None:
        return NotRecognized(Why.UNKNOWN)
    return Recognized(entry) if entry.counts_at(now) else NotRecognized(Why.LAPSED)
