"""The status list in the updates of each gate: which one, and which of its two files the gate still needs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from sync.collector.database import upsert
from sync.collector.policy.model import GateList, StatusListFiles
from sync.wire.statuslist import StatusList, Withdrawn
from sync.wire.updates import WITHDRAWN, WITHDRAWN_DELTA

Order = tuple[int, int]

_NEWEST = (
    select(StatusListFiles.number, StatusListFiles.snapshot_digest, StatusListFiles.delta_digest)
    .order_by(StatusListFiles.number.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class ListInForce:
    """The newest list by its digests (SHA-256)."""

    number: int
    snapshot_digest: bytes
    delta_digest: bytes

    @property
    def digest(self) -> bytes:
        """Changes with every change of the list."""
        return self.snapshot_digest + self.delta_digest


def newest(connection: Connection) -> ListInForce | None:
    """The list in force, None before the first was built. Cheap: the files are not read."""
    row = connection.execute(_NEWEST).one_or_none()
    return None if row is None else ListInForce(*row)


def read(connection: Connection, number: int) -> Withdrawn:
    """The two files of a list."""
    columns = select(StatusListFiles.snapshot, StatusListFiles.delta)
    row = connection.execute(columns.where(StatusListFiles.number == number)).one()
    return Withdrawn(StatusList(row.snapshot), StatusList(row.delta))


def give(connection: Connection, gate_number: int, given: ListInForce, order: Order) -> None:
    """Note that the updates `order` of a gate hold this list. Within a write transaction."""
    table = GateList.__table__
    row = connection.execute(select(table).where(table.c.gate_number == gate_number)).one_or_none()
    same = row is not None and row.snapshot_digest == given.snapshot_digest and row.since_epoch == order[0]
    since = (row.since_epoch, row.since_number) if row is not None and same else order
    values = {
        "list_number": given.number,
        "snapshot_digest": given.snapshot_digest,
        "since_epoch": since[0],
        "since_number": since[1],
    }
    statement = upsert(GateList, connection.dialect.name).values(gate_number=gate_number, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=[table.c.gate_number], set_=values))


def files(connection: Connection, gate_number: int, have: Order) -> dict[str, bytes]:
    """The list's files for a gate that has updates `have`: without the snapshot where it has that one already."""
    table = GateList.__table__
    row = connection.execute(select(table).where(table.c.gate_number == gate_number)).one_or_none()
    if row is None:
        return {}
    names = {WITHDRAWN_DELTA: "delta"}
    if have < (row.since_epoch, row.since_number):
        names[WITHDRAWN] = "snapshot"
    columns = [StatusListFiles.__table__.c[column].label(name) for name, column in names.items()]
    found = connection.execute(select(*columns).where(StatusListFiles.number == row.list_number)).one()
    return dict(found._mapping)
