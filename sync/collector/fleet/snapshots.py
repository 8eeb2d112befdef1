"""The updates of each gate: numbered anew when what they say changes, and often enough that they do not grow stale."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from sync.collector.centre import Centre
from sync.collector.database import upsert
from sync.collector.fleet.model import Epoch, Gate, PolicyDocument, SnapshotFiles
from sync.collector.fleet.service import KnownGate
from sync.collector.members import staff
from sync.collector.policy import lists
from sync.wire import jsonform
from sync.wire.errors import WireError
from sync.wire.keys import Purpose
from sync.wire.policy import Policy, read_policy
from sync.wire.updates import KEYS, MANIFEST, POLICY, STAFF, VENUE, build

_log = logging.getLogger(__name__)
_MAX_AGE_SECONDS = 6 * 3600
_COLUMNS = {KEYS: "keys", MANIFEST: "manifest", POLICY: "policy", VENUE: "venue", STAFF: "staff"}

_NEWEST_POLICY = select(PolicyDocument.document).order_by(PolicyDocument.number.desc()).limit(1)
_IN_FORCE = (
    select(
        _NEWEST_POLICY.scalar_subquery().label("document"),
        select(func.max(Epoch.number)).scalar_subquery().label("centre_epoch"),
        SnapshotFiles.epoch,
        SnapshotFiles.number,
        SnapshotFiles.issued_at,
        SnapshotFiles.content,
    )
    .select_from(Gate)
    .outerjoin(SnapshotFiles, SnapshotFiles.gate_number == Gate.number)
    .where(Gate.number == bindparam("gate_number"))
)


@dataclass(frozen=True, slots=True)
class InForce:
    """The centre's epoch, and the order of a gate's newest snapshot: (epoch, number), (0, 0) without one."""

    epoch: int
    order: tuple[int, int]


def ensure_current(
    connection: Connection, centre: Centre, gate: KnownGate, now: float, max_age_seconds: float = _MAX_AGE_SECONDS
) -> InForce:
    """The snapshot that `gate` should have now; a new one is stored when it must be, or would be older than said.

    Within a write transaction. A stored policy that this version cannot read leaves the gate what it has: taking
    records in never depends on it.
    """
    row = connection.execute(_IN_FORCE, {"gate_number": gate.number}).one()
    epoch = int(row.centre_epoch)
    try:
        policy = read_policy(row.document)
    except WireError as cause:
        _log.error("no updates for %s: %s; set the policy again", gate.id, cause)
        return InForce(epoch, (row.epoch or 0, row.number or 0))
    listed, roll = lists.newest(connection), staff.roll_of(connection, gate.card.venue)
    held = centre.keys.current()
    said = (held.key_list, row.document, jsonform.encode(gate.card), listed.digest if listed else b"", roll.digest)
    content = sha256(b"\n".join(said)).digest()
    lasts = min(_renewal_seconds(policy), max_age_seconds)
    if (row.content, row.epoch) == (content, epoch) and now - row.issued_at < lasts:
        return InForce(epoch, (row.epoch, row.number))
    order = (epoch, (row.number or 0) + 1)
    withdrawn = lists.read(connection, listed.number) if listed else None
    people = staff.staff_list(roll, staff.accounts_key(centre.state), now)
    signer = held.signer(Purpose.UPDATE, int(now))
    contents = build(held.key_list, policy, gate.card, order, int(now), signer, withdrawn, people)
    columns = {column: contents[name] for name, column in _COLUMNS.items()}
    place = {"gate_number": gate.number, "epoch": order[0], "number": order[1]}
    connection.execute(_store(connection.dialect.name), place | columns | {"issued_at": int(now), "content": content})
    if listed:
        lists.give(connection, gate.number, listed, order)
    return InForce(epoch, order)


def files(connection: Connection, gate: KnownGate, have: tuple[int, int] = (0, 0)) -> dict[str, bytes]:
    """The files of the newest snapshot, by the names of `sync.wire.updates`; without what updates `have` hold too."""
    columns = [SnapshotFiles.__table__.c[column].label(name) for name, column in _COLUMNS.items()]
    row = connection.execute(select(*columns).where(SnapshotFiles.gate_number == gate.number)).one()
    stored = {name: content for name, content in row._mapping.items() if content is not None}
    return stored | lists.files(connection, gate.number, have)


def begin_above(connection: Connection, gate_number: int, have: tuple[int, int]) -> None:
    """The gate's next snapshot is a new one, with a number above those that its device already has."""
    epoch = connection.scalar(select(func.max(Epoch.number)))
    mine = SnapshotFiles.gate_number == gate_number
    kept = connection.execute(select(SnapshotFiles.epoch, SnapshotFiles.number).where(mine)).one_or_none()
    number = max([each[1] for each in (kept, have) if each is not None and each[0] == epoch], default=0)
    if kept is not None:
        connection.execute(update(SnapshotFiles).where(mine).values(epoch=epoch, number=number, content=b""))
        return
    nothing = {"content": b"", "keys": b"", "manifest": b"", "policy": b"", "venue": b""}
    place = {"gate_number": gate_number, "epoch": epoch, "number": number, "issued_at": 0}
    connection.execute(_store(connection.dialect.name), place | nothing)


def _renewal_seconds(policy: Policy) -> float:
    """A quarter of what the policy allows: a gate with a link never meets `stale_trust`."""
    return min(policy.trust_hours * 3600 / 4, _MAX_AGE_SECONDS)


@cache
def _store(dialect: str) -> Any:
    statement = upsert(SnapshotFiles, dialect)
    names = ("epoch", "number", "issued_at", "content", *_COLUMNS.values())
    return statement.on_conflict_do_update(
        index_elements=[SnapshotFiles.gate_number], set_={name: statement.excluded[name] for name in names}
    )
