"""What intake kept for people to look at: what it could not read as records, and other bytes under a taken number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import LargeBinary, Text, cast, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from sync.collector.errors import NotFound
from sync.collector.fleet.differences import Difference, compare
from sync.collector.fleet.model import Gate, Placement
from sync.collector.intake.model import (
    ConflictRow,
    Correction,
    Outbox,
    QuarantinedRow,
    RecordRow,
    SetAsideRow,
)
from sync.collector.privacy.model import AuditLine

MAX_LISTED = 200
_DIGEST_BYTES = 8  # enough to tell the few versions of one number apart


class Kind(str, Enum):
    """Why it was kept. Aside: it is no record. Conflict: its number has other bytes."""

    ASIDE = "aside"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Name:
    """What a kept record is called: kind, outbox (its number here), sequence, and of a conflict the digest's begin."""

    kind: Kind
    outbox: int
    sequence: int
    digest: bytes = b""

    def __str__(self) -> str:
        parts = (self.kind.value, str(self.outbox), str(self.sequence), self.digest.hex())
        return "-".join(part for part in parts if part)

    @classmethod
    def parse(cls, text: str) -> Name:
        """Such as aside-3-17 or conflict-3-17-00a1b2c3d4e5f607. Raises NotFound for anything else."""
        if (found := _NAME.fullmatch(text)) is None:
            raise NotFound(f"no kept record has the name {text[:80]!r}; see `collector fleet kept list`")
        kind = Kind(found["aside"] or found["conflict"])
        return cls(kind, int(found["outbox"]), int(found["sequence"]), bytes.fromhex(found["digest"] or ""))


_NUMBERS = r"-(?P<outbox>[0-9]{1,9})-(?P<sequence>[0-9]{1,16})"
_NAME = re.compile(
    rf"(?:(?P<aside>aside)|(?P<conflict>conflict)){_NUMBERS}(?(conflict)-(?P<digest>[0-9a-f]{{{2 * _DIGEST_BYTES}}}))"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept record. reason: why it was set aside, "" for a conflict. venue: where its row stands.

    resolution, resolved_at, audit: what was decided, when (seconds since 1970), and the audit's line of it.
    """

    name: Name
    gate: int
    gate_id: str
    gate_name: str
    outbox_id: str
    venue: int
    received_at: float
    raw: bytes
    reason: str
    resolution: str | None
    resolved_at: float | None
    audit: int | None


@dataclass(frozen=True, slots=True)
class Detail:
    """One of them, with what stands beside it. first: the bytes that have the number, of a conflict, and where.

    fields: of all versions, the first one's first; None where there is no JSON to compare. corrections: records that
    were made at the centre of this number. line: who decided, and why.
    """

    kept: Kept
    first: bytes | None
    first_is: str | None
    fields: Sequence[Difference] | None
    corrections: Sequence[str]
    line: AuditLine | None


def listed(session: Session, gate_id: str | None = None, *, resolved: bool = False) -> tuple[list[Kept], int]:
    """The newest, at most `MAX_LISTED`, and how many there are. resolved: the decided ones, not those that wait."""
    both = union_all(*(_rows(model, gate_id, resolved=resolved) for model in (SetAsideRow, ConflictRow))).subquery()
    order = (both.c.received_at.desc(), both.c.outbox, both.c.sequence, both.c.digest)
    rows = session.execute(select(both).order_by(*order).limit(MAX_LISTED))
    return [_kept(row) for row in rows], session.scalar(select(func.count()).select_from(both)) or 0


def find(session: Session, name: Name) -> Kept:
    """Raises NotFound."""
    model: Any = SetAsideRow if name.kind is Kind.ASIDE else ConflictRow
    wanted = _columns(model).where(model.outbox == name.outbox, model.sequence == name.sequence)
    for row in session.execute(wanted):
        kept = _kept(row)
        if kept.name == name:
            return kept
    raise NotFound(f"there is no kept record {name}; its term may be over (collector privacy terms)")


def detail(session: Session, name: Name) -> Detail:
    """Raises NotFound."""
    kept = find(session, name)
    first, where = first_version(session, kept)
    versions = [raw for raw in (first, kept.raw) if raw is not None]
    made = (
        select(Outbox.id, Correction.sequence)
        .join(Outbox, Outbox.number == Correction.outbox)
        .where(Correction.of_outbox == name.outbox, Correction.of_sequence == name.sequence)
        .order_by(Correction.sequence)
    )
    return Detail(
        kept,
        first,
        where,
        compare(*versions),
        [f"{row.id}/{row.sequence}" for row in session.execute(made)],
        session.get(AuditLine, kept.audit) if kept.audit is not None else None,
    )


def first_version(session: Session, kept: Kept) -> tuple[bytes | None, str | None]:
    """Of a conflict: the bytes that have the number, and which table holds them; None where they were purged."""
    if kept.name.kind is Kind.ASIDE:
        return None, None
    for model in (RecordRow, SetAsideRow, QuarantinedRow):
        for venue in venues(session, kept.gate):
            place = (model.venue == venue, model.outbox == kept.name.outbox, model.sequence == kept.name.sequence)
            raw = session.scalar(select(model.raw).where(*place).limit(1))
            if raw is not None:
                return raw, model.__tablename__
    return None, None


def venues(session: Session, gate: int) -> list[int]:
    """Where a gate ever stood."""
    return sorted(session.scalars(select(Placement.venue).where(Placement.gate_number == gate)))


def _rows(model: Any, gate_id: str | None, *, resolved: bool) -> Any:
    decided = model.resolution.is_not(None) if resolved else model.resolution.is_(None)
    wanted = _columns(model).where(decided)
    return wanted if gate_id is None else wanted.where(Gate.id == gate_id)


def _columns(model: Any) -> Any:
    is_aside = model is SetAsideRow
    names = ("venue", "outbox", "sequence", "gate", "received_at", "raw", "resolution", "resolved_at", "audit")
    return (
        select(
            *(getattr(model, name) for name in names),
            Gate.id.label("gate_id"),
            Gate.name.label("gate_name"),
            Outbox.id.label("outbox_id"),
            (model.reason if is_aside else literal("", Text)).label("reason"),
            (cast(null(), LargeBinary) if is_aside else model.digest).label("digest"),
        )
        .join(Gate, Gate.number == model.gate)
        .join(Outbox, Outbox.number == model.outbox)
    )


def _kept(row: Any) -> Kept:
    if row.digest is None:
        name = Name(Kind.ASIDE, row.outbox, row.sequence)
    else:
        name = Name(Kind.CONFLICT, row.outbox, row.sequence, bytes(row.digest[:_DIGEST_BYTES]))
    return Kept(
        name=name,
        gate=row.gate,
        gate_id=row.gate_id,
        gate_name=row.gate_name,
        outbox_id=row.outbox_id,
        venue=row.venue,
        received_at=row.received_at,
        raw=bytes(row.raw),
        reason=row.reason,
        resolution=row.resolution,
        resolved_at=row.resolved_at,
        audit=row.audit,
    )
