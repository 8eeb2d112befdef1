"""PURE: what did not go the plain way, kept until IT has seen it – never silent (STYLE 11).

Records that the centre set aside, numbers that hold no record, conflicts, a restored centre, an old copy of the card.
Bounded: of each kind the newest stay here; the centre keeps them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TypeVar

import msgspec

from sync.link import Exchange, Verdict
from sync.wire.batch import Hole
from sync.wire.receipt import Receipt

KEPT = 200


class SetAsideRecord(msgspec.Struct, frozen=True, array_like=True):
    """A record that the centre keeps and cannot read."""

    outbox: str
    sequence: int
    reason: str


class MissingRecords(msgspec.Struct, frozen=True, array_like=True):
    """Numbers first … last, declared to the centre as holes: "burnt", "damaged" or "pruned"."""

    outbox: str
    first: int
    last: int
    reason: str


class Conflict(msgspec.Struct, frozen=True, array_like=True):
    """A number under which the centre holds other bytes than this gate's; it keeps both."""

    outbox: str
    sequence: int


class Turn(str, Enum):
    """Which side goes on from an old state."""

    CENTRE_RESTORED = "centre_restored"
    CARD_REPLACED = "card_replaced"


class Setback(msgspec.Struct, frozen=True, array_like=True):
    """The centre went on at `next`, behind or ahead of this gate's records. at: the centre's time, since 1970."""

    outbox: str
    turn: Turn
    epoch: int
    next: int
    at: float


class Incidents(msgspec.Struct, frozen=True):
    """Of each kind the newest KEPT, oldest first; and one conflict of each outbox that has any."""

    set_aside: list[SetAsideRecord] = []
    missing: list[MissingRecords] = []
    conflicts: list[Conflict] = []
    setbacks: list[Setback] = []

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.set_aside) + len(self.missing) + len(self.conflicts) + len(self.setbacks)

    @property
    def contested(self) -> frozenset[str]:
        """Outboxes of which some numbers have two versions."""
        return frozenset(conflict.outbox for conflict in self.conflicts)


_TURNS = {
    Verdict.RESENT: Turn.CENTRE_RESTORED,
    Verdict.DOUBTED: Turn.CENTRE_RESTORED,
    Verdict.BEYOND: Turn.CARD_REPLACED,
}


def noted(
    before: Incidents, exchange: Exchange, holes: Iterable[Hole], receipt: Receipt, verdict: Verdict
) -> Incidents:
    """With what this exchange brought; the same object if that is nothing new. holes: those that were sent."""
    outbox = exchange.outbox
    # What is declared beyond the receipt's word is sent again, and noted then.
    missing = [MissingRecords(outbox, h.first, h.last, h.reason) for h in holes if h.last < receipt.next]
    set_aside = [SetAsideRecord(outbox, one.sequence, one.reason) for one in receipt.set_aside]
    conflicts = [Conflict(outbox, sequence) for sequence in receipt.conflicts]
    turn = _TURNS.get(verdict)
    setbacks = [] if turn is None else [Setback(outbox, turn, receipt.epoch, receipt.next, receipt.centre_time)]
    if any(_is_same_word(setback, before.setbacks) for setback in setbacks):
        setbacks = []
    after = Incidents(
        _newest(before.set_aside, set_aside),
        _newest(before.missing, missing),
        _with_each_outbox(before.conflicts, _newest(before.conflicts, conflicts)),
        _newest(before.setbacks, setbacks),
    )
    return before if after == before else after


def _is_same_word(setback: Setback, kept: list[Setback]) -> bool:
    """Whether it is what this outbox was told last; two old copies are told in turn, at each greeting."""
    last = next((one for one in reversed(kept) if one.outbox == setback.outbox), None)
    return last is not None and (last.turn, last.epoch, last.next) == (setback.turn, setback.epoch, setback.next)


def _with_each_outbox(kept: list[Conflict], newest: list[Conflict]) -> list[Conflict]:
    """The newest, and one of each outbox that they crowd out: which are contested must be known for good."""
    told = {conflict.outbox for conflict in newest}
    crowded_out = {conflict.outbox: conflict for conflict in kept if conflict.outbox not in told}
    return [*crowded_out.values(), *newest]


_Incident = TypeVar("_Incident")


def _newest(kept: list[_Incident], more: list[_Incident]) -> list[_Incident]:
    return [*kept, *(one for one in more if one not in kept)][-KEPT:]
