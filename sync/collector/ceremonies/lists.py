"""PURE: what a ceremony does to the key list – who is good for what, from when until when.

The list keeps its order: of the keys of one purpose that are good at a moment, the last one signs (`KeySet.signer`) or
is sealed to. Each is good until its successor begins, so that a roll-over needs no second ceremony.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

from sync.collector.keys import verification_key
from sync.wire.keys import Purpose, key_id
from sync.wire.updates import KeyEntry, KeyList

WITHDRAWN = 0
"""`reject_issued_after` of a key that is believed in nothing: whoever has it can also lie about when he signed."""

Entries = tuple[KeyEntry, ...]


class State(Enum):
    """How a listed key is at a moment."""

    IN_USE = "in use"
    NEXT = "next"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Standing:
    """A listed key at a moment."""

    entry: KeyEntry
    state: State

    @property
    def kid(self) -> str:
        """Its name, in hex."""
        return key_id(self.entry.public).hex()


def standings(entries: Sequence[KeyEntry], now: float) -> tuple[Standing, ...]:
    """Each key as it is, in the order of the list."""
    return tuple(Standing(entry, _state(entry, entries, now)) for entry in entries)


def with_next(entries: Sequence[KeyEntry], public: bytes, purpose: Purpose, begins_at: int, now: int) -> Entries:
    """One key more, published now and used from then on; the one before it is good until then."""
    return _chained((*entries, KeyEntry(public, purpose, not_before=begins_at)), now)


def without(entries: Sequence[KeyEntry], kid: bytes, now: int, issued_until: int = WITHDRAWN) -> Entries:
    """That key is believed no longer; in nothing, or in what was issued until then (seconds since 1970)."""
    changed = (
        msgspec.structs.replace(entry, reject_issued_after=issued_until) if key_id(entry.public) == kid else entry
        for entry in entries
    )
    return _chained(tuple(changed), now)


def with_replacement(entries: Sequence[KeyEntry], public: bytes, purpose: Purpose, now: int) -> Entries:
    """A key that is good at once, before any that begins later."""
    later = [index for index, entry in enumerate(entries) if entry.purpose is purpose and (entry.not_before or 0) > now]
    place = later[0] if later else len(entries)
    return _chained((*entries[:place], KeyEntry(public, purpose, not_before=now), *entries[place:]), now)


def good(entries: Sequence[KeyEntry], purpose: Purpose, at: float) -> Entries:
    """The keys of a purpose that may sign, or be sealed to, at that time."""
    return tuple(entry for entry in entries if entry.purpose is purpose and verification_key(entry).covers(at))


def signed_next(listed: KeyList, entries: Entries, now: int) -> KeyList:
    """The list that follows. Its time is later than the one before's, whatever the clock says: gates go by that."""
    return KeyList(listed.epoch, listed.number + 1, max(now, listed.issued_at + 1), list(entries))


def _chained(entries: Entries, now: int) -> Entries:
    """Each key that is believed is good until the next one of its purpose that is believed begins.

    One that has ended does not come back, whatever becomes of its successor.
    """
    chained, ends = [], dict[Purpose, int | None]()
    for entry in reversed(entries):
        has_ended = entry.not_after is not None and entry.not_after < now  # good to the end of that second
        if entry.reject_issued_after is None and not has_ended:
            chained.append(msgspec.structs.replace(entry, not_after=ends.get(entry.purpose)))
            ends[entry.purpose] = entry.not_before
        else:
            chained.append(entry)
    return tuple(reversed(chained))


def _state(entry: KeyEntry, entries: Sequence[KeyEntry], now: float) -> State:
    if entry.reject_issued_after is not None and entry.reject_issued_after <= now:
        return State.WITHDRAWN
    if entry.not_before is not None and now < entry.not_before:
        return State.NEXT
    usable = good(entries, entry.purpose, now)
    return State.IN_USE if usable and usable[-1] == entry else State.ENDED
