"""PURE: the staff list – the inspectors of a gate's venue, as they cross in the updates (DESIGN 4, R18).

Decides what a list may hold and whom a number or a badge names. It does NOT check a PIN: that takes a second and lots
of memory (`edge.staff`), which is why the cost of each hash is bounded here: no list, hostile or mistaken, makes a gate
allocate more than it has.

A name stands there masked, its first character and ＊: the card of a gate holds no full name in the clear.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from sync.wire import jsonform
from sync.wire.badges import MAX_NUMBER, Badge, badge_hash
from sync.wire.errors import WireError

VERSION = 1
MAX_INSPECTORS = 1_000
MAX_STAFF_BYTES = 400_000
MASK = "＊"

# The cost of a PIN's hash (RFC 9106 §3.1): from what OWASP calls the least to what a Raspberry Pi 3 with 1 GB can give
# for a moment.
MEMORY_KIB = range(19_456, 131_072 + 1)
PASSES = range(2, 6 + 1)
LANES = range(1, 4 + 1)

_PHC = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{4,5}),t=([1-9]),p=([1-9])\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}"
)  # a salt of 16 bytes, a hash of 32

_Number = Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
_Masked = Annotated[str, msgspec.Meta(pattern=rf"^.{MASK}\Z", max_length=2)]
_Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class StaffEntry(msgspec.Struct, frozen=True):
    """One inspector (检测员).

    number: as records and roll-ups name them. name: masked. checkpoint: where they stand, 0 before they chose. pin:
    Argon2id in the PHC string format, None before they set one. badge: `badges.badge_hash`, None for none. until: from
    then on (seconds since 1970) the entry is worth nothing, also on a gate that hears of nothing.
    """

    number: _Number
    name: _Masked
    checkpoint: _Count
    pin: str | None
    badge: _Hash | None
    until: _Count

    def __post_init__(self) -> None:
        if self.pin is not None and not is_bounded(self.pin):
            raise ValueError("a PIN is kept as Argon2id of a bounded cost")

    def counts_at(self, now: float) -> bool:
        """Whether it has not lapsed. now: seconds since 1970."""
        return now < self.until


class StaffList(msgspec.Struct, frozen=True):
    """As it crosses."""

    inspectors: Annotated[list[StaffEntry], msgspec.Meta(max_length=MAX_INSPECTORS)]
    v: int = VERSION


@dataclass(frozen=True)
class Staff:
    """A venue's inspectors, by number; each number stands there once."""

    entries: tuple[StaffEntry, ...] = ()
    _places: dict[int, StaffEntry] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places = {entry.number: entry for entry in self.entries}
        if len(places) != len(self.entries):
            raise WireError("a staff list names an inspector twice")
        if len(places) > MAX_INSPECTORS:
            raise WireError(f"a staff list has at most {MAX_INSPECTORS} inspectors")
        object.__setattr__(self, "_places", places)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[StaffEntry]:
        return iter(self.entries)

    def numbered(self, number: int) -> StaffEntry | None:
        """The inspector of that number, lapsed or not."""
        return self._places.get(number)

    def with_badge(self, badge: Badge) -> StaffEntry | None:
        """The inspector whose badge that is now, lapsed or not."""
        entry = self.numbered(badge.number)
        if entry is None or entry.badge is None:
            return None
        return entry if hmac.compare_digest(entry.badge, badge_hash(badge)) else None


def encode_staff(staff: Staff) -> bytes:
    """`staff.json`."""
    return jsonform.encode(StaffList(list(staff.entries)))


def read_staff(data: bytes) -> Staff:
    """Read a staff list. Raises WireError naming what is wrong: then the whole set is refused."""
    if len(data) > MAX_STAFF_BYTES:
        raise WireError(f"a staff list has at most {MAX_STAFF_BYTES} bytes")
    read = jsonform.decode(data, StaffList, "staff.json")
    if read.v != VERSION:
        raise WireError(f"version {read.v} of the staff list; this gate reads version {VERSION}")
    return Staff(tuple(read.inspectors))


def is_bounded(pin: str) -> bool:
    """Whether that is Argon2id in the PHC string format, of a cost that a gate may be asked for."""
    found = _PHC.fullmatch(pin)
    if found is None:
        return False
    memory, passes, lanes = map(int, found.groups())
    return memory in MEMORY_KIB and passes in PASSES and lanes in LANES


def masked(name: str) -> str:
    """What of a name may stand on a gate's card."""
    return f"{name.strip()[:1] or MASK}{MASK}"


def staff_of(entries: Iterable[StaffEntry]) -> Staff:
    """A list in the order of the numbers, so that the same people are the same bytes. Raises WireError."""
    return Staff(tuple(sorted(entries, key=lambda entry: entry.number)))
