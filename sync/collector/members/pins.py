"""PINs for the panel at a gate: what may be one, and what is kept of it (Argon2id, RFC 9106 §3.1).

A PIN lies as a hash on the card of each gate of the venue, and a card can be stolen: what that means stands in
docs/SECURITY.md, with the calculation. No hash makes six digits strong; this keeps out what a thief tries first.
"""

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from itertools import pairwise
from threading import Semaphore

from argon2 import PasswordHasher
from zxcvbn import zxcvbn

MIN_DIGITS, MAX_DIGITS, ADVISED_DIGITS = 6, 12, 8
MEMORY_KIB, PASSES, LANES = 65_536, 3, 1  # one lane: the gate goes on deciding on the board's other cores
_LEAST_GUESSES = 20_000  # of zxcvbn; one random PIN of six digits in eight is below
_HASHER = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
_AT_ONCE = Semaphore(1)  # beside those of passwords: intake has its memory

_FORM = re.compile(rf"[0-9]{{{MIN_DIGITS},{MAX_DIGITS}}}")
_REPEATED = re.compile(r"(.{1,4})\1+")
_FAVOURITES = re.compile(r"(520|521|1314|131|168|518|668|666|888|999)+[0-9]?")  # they sound like good wishes
_YEARS = range(1900, 2100)
# Where year, month and day stand in dates of six and eight digits; a missing day is the first.
_DATES = tuple(
    re.compile(form)
    for form in (
        r"(?P<y>..)(?P<m>..)(?P<d>..)",
        r"(?P<d>..)(?P<m>..)(?P<y>..)",
        r"(?P<m>..)(?P<d>..)(?P<y>..)",
        r"(?P<y>....)(?P<m>..)",
        r"(?P<m>..)(?P<y>....)",
        r"(?P<y>....)(?P<m>..)(?P<d>..)",
        r"(?P<d>..)(?P<m>..)(?P<y>....)",
        r"(?P<m>..)(?P<d>..)(?P<y>....)",
    )
)


class Weakness(Enum):
    """Why something is no PIN."""

    FORM = "form"  # not 6 to 12 digits
    PATTERN = "pattern"  # repeated, in a row, the same backwards
    DATE = "date"
    OWN_NUMBER = "own_number"  # out of a phone or login
    COMMON = "common"  # many others have it


def weakness(pin: str, known: tuple[str, ...] = ()) -> Weakness | None:
    """PURE. What speaks against it, None for nothing. known: whose digits a thief tries first, such as the phone."""
    if not _FORM.fullmatch(pin):
        return Weakness.FORM
    if _is_pattern(pin):
        return Weakness.PATTERN
    if any(_is_date(pin, form) for form in _DATES):
        return Weakness.DATE
    if any(_shares_digits(pin, each) for each in known):
        return Weakness.OWN_NUMBER
    if _FAVOURITES.fullmatch(pin) or int(zxcvbn(pin, user_inputs=list(known))["guesses"]) < _LEAST_GUESSES:
        return Weakness.COMMON
    return None


def hashed(pin: str) -> str:
    """What is kept, in the PHC string format; gates get it in their staff list."""
    with _AT_ONCE:
        return _HASHER.hash(pin)


def _is_pattern(pin: str) -> bool:
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    is_run = len(steps) == 1  # 111111, 123456, 975319
    return is_run or len(set(pin)) <= 2 or pin == pin[::-1] or _REPEATED.fullmatch(pin) is not None


def _is_date(pin: str, form: re.Pattern[str]) -> bool:
    found = form.fullmatch(pin)
    if found is None:
        return False
    parts = {name: int(digits) for name, digits in found.groupdict().items()}
    year = parts["y"] + (2000 if len(found["y"]) == 2 else 0)  # leap as in the century before, but for 1900
    try:
        return date(year, parts["m"], parts.get("d", 1)).year in _YEARS
    except ValueError:
        return False


def _shares_digits(pin: str, other: str) -> bool:
    """Whether six digits in a row of the PIN stand in the other's, either way round."""
    digits = "".join(filter(str.isdecimal, other))
    windows = {pin[at : at + MIN_DIGITS] for at in range(len(pin) - MIN_DIGITS + 1)}
    return any(window in digits or window in digits[::-1] for window in windows)
