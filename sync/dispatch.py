"""Fills one batch from an outbox and turns it into bytes. What to send is the link's decision; here is how.

Never holds more than one batch, and the next one made ready: a gate that was offline for weeks drains in the memory of
an ordinary day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from sync.errors import SyncError
from sync.link import Exchange, Send
from sync.mailbox import Provision
from sync.wire.batch import MAX_BYTES, MAX_RECORDS, Hole, Pressed, Report, numbered
from sync.wire.status import GateStatus
from sync.wire.urgent import is_urgent

# What a batch holds beside its records: the report, the commas and at most 501 holes between 500 records.
_ROOM_BESIDE_RECORDS = 60_000


class Piece(Protocol):
    """What `Source.read` gives: records and holes that fill first … next − 1; first = next for nothing yet."""

    @property
    def first(self) -> int:
        """The number asked for."""
        ...

    @property
    def next(self) -> int:
        """One past the last number told about."""
        ...

    @property
    def records(self) -> Sequence[bytes]:
        """The records' bytes, verbatim, in order."""
        ...

    @property
    def holes(self) -> Sequence[Hole]:
        """The numbers in the range that hold no record."""
        ...


class Source(Protocol):
    """One outbox as its reader sees it (`sync.outbox.OutboxReader`)."""

    @property
    def id(self) -> str:
        """The outbox's random name, 32 hex."""
        ...

    def next(self) -> int:
        """One past the newest readable record."""
        ...

    def first(self) -> int:
        """The oldest kept number."""
        ...

    def read(self, first: int, max_records: int, max_bytes: int) -> Piece:
        """What stands at `first` and after it; on the disk for sure when this returns."""
        ...


class NothingThere(SyncError):
    """The outbox announced records that cannot be read yet."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a `Send` takes along, read and compressed; it may wait for its moment. holes: those that it declares."""

    send: Send
    next: int
    holes: tuple[Hole, ...]
    pressed: Pressed


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A batch ready to leave: what is in it, and its bytes."""

    exchange: Exchange
    body: bytes
    holes: tuple[Hole, ...] = ()


def load(source: Source, send: Send, gate: str) -> Load:
    """Read, encode and compress. Raises NothingThere, OutboxError, OSError; ValueError over a limit."""
    piece = _read(source, send.first, send.max_records) if send.max_records else None
    urgent = dict(_picked(source, send.urgent))
    upto = piece.next if piece else send.first
    records = piece.records if piece else urgent.values()
    holes = tuple(piece.holes) if piece else ()
    raw = [msgspec.Raw(record) for record in records]
    return Load(send, upto, holes, Pressed(gate, source.id, send.first, upto, raw, holes, list(urgent)))


def dispatch(load: Load, provision: Provision, report: Report, *, nonce: str, sent_at: float) -> Dispatch:
    """Stamp, seal and sign. Raises ValueError over a limit."""
    send = load.send
    sealing_key = provision.snapshot.sealing_key
    body = load.pressed.pack(sent_at, nonce, report, provision.signing_key, sealing_key)
    return Dispatch(Exchange(send.outbox, send.first, load.next, nonce, send.urgent), body, load.holes)


def look_for_urgent(source: Source, first: int) -> tuple[int, list[int]]:
    """One piece of the outbox: up to where it was read, and which of its records are urgent.

    Raises NothingThere, OutboxError.
    """
    piece = _read(source, first, MAX_RECORDS)
    found = numbered(piece.first, piece.next, piece.records, piece.holes)
    return piece.next, [number for number, record in found if is_urgent(record)]


def _read(source: Source, first: int, max_records: int) -> Piece:
    piece = source.read(first, max_records, MAX_BYTES - _ROOM_BESIDE_RECORDS)
    if piece.next <= first:
        raise NothingThere(f"record {first} of outbox {source.id} cannot be read")
    return piece


def _picked(source: Source, numbers: tuple[int, ...]) -> Iterator[tuple[int, bytes]]:
    """Those records, wherever they stand; a number that holds none any more is passed over."""
    wanted = set(numbers)
    while wanted:
        piece = _read(source, min(wanted), MAX_RECORDS)
        yield from (
            (number, record)
            for number, record in numbered(piece.first, piece.next, piece.records, piece.holes)
            if number in wanted
        )
        wanted = {number for number in wanted if number >= piece.next}


def report(
    gate: GateStatus | None,
    have: tuple[int, int],
    backlog: int,
    *,
    software: str,
    boot: str,
    mono: float,
    wants_updates: bool,
    sealing_key: str | msgspec.UnsetType = msgspec.UNSET,
) -> Report:
    """How the gate is: its own word where there is one, else only what gate-sync knows."""
    known = Report(have, backlog, software, boot, mono, wants_updates=wants_updates, sealing_key=sealing_key)
    if gate is None:
        return known
    return msgspec.structs.replace(
        known,
        software=gate.software,
        disk_used=gate.disk_used,
        board_celsius=gate.board_celsius,
        damaged=gate.queue.damaged,
        faults=[fault.value for fault in gate.faults],
    )
