"""A new key for personal data: every row is encrypted and hashed anew in small transactions while everything goes on.

The key file gets the new key first and loses the old one last, when no row is under it any more. Killed at any moment,
the next run goes on where it stopped. Two at once share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from sync.collector.centre import Centre
from sync.collector.privacy import audit, keyfile
from sync.collector.privacy.access import alone, personal
from sync.collector.privacy.audit import Act, Actor
from sync.collector.privacy.cipher import Cipher, Unreadable
from sync.collector.privacy.pace import Pace
from sync.collector.visitors import marking, registry
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.phone import party
from sync.collector.visitors.phone.model import PhonePerson
from sync.collector.visitors.status.model import MarkedPerson


@dataclass(frozen=True)
class Sealed:
    """A table with fields under the key. renewed: a row's columns that depend on it, under the current one."""

    table: Any
    columns: tuple[str, ...]
    renewed: Callable[[Cipher, Any], dict[str, Any]]

    def renewal(self) -> Any:
        """The UPDATE of one row. Only what was read is replaced: another rotation, or an edit, may have been there."""
        written = self.table.c
        return (
            update(self.table)
            .where(
                written.id == bindparam("old_id"),
                *(written[name].is_not_distinct_from(bindparam(f"old_{name}")) for name in self.columns),
            )
            .values({name: bindparam(f"new_{name}") for name in self.columns})
        )


SEALED = (
    Sealed(
        Visitor.__table__,
        ("kid", "name", "number", "phone", "number_hash", "phone_hash"),
        lambda cipher, row: registry.sealed(cipher, row.id, registry.opened(cipher, row)),
    ),
    Sealed(
        MarkedPerson.__table__,
        ("kid", "number", "number_hash"),
        lambda cipher, row: marking.sealed(cipher, row.id, marking.opened(cipher, row)),
    ),
    Sealed(
        PhonePerson.__table__,
        ("kid", "name"),
        lambda cipher, row: party.sealed(cipher, row.id, party.opened(cipher, row)),
    ),
)
"""Every table that a rotation goes through."""


@dataclass
class Rotation:
    """One run. actor: who asked for it. unreadable: rows that no key opens; as long as there are any, the keys stay."""

    centre: Centre
    actor: Actor
    now: float
    pace: Pace = field(default_factory=Pace)
    unreadable: list[str] = field(default_factory=list)

    def begin(self) -> bool:
        """Bring in a new key; False where an earlier rotation was not finished. Raises KeyFileTrouble."""
        with self.centre.database.change() as connection:
            alone(connection)
            keys = keyfile.load(self.centre.state)
            if _waiting(connection, keys.cipher.current.kid):
                return False
            audit.note(connection, keys.audit, Act.ROTATE, self.actor, self.now, detail="begun")
            keyfile.begin_generation(self.centre.state)
        return True

    def waiting(self) -> int:
        """Rows under another key than the current one."""
        kid = keyfile.load(self.centre.state).cipher.current.kid
        with self.centre.database.look() as connection:
            return _waiting(connection, kid)

    def run(self) -> Iterator[int]:
        """Row after row; says how many each transaction did."""
        for sealed in SEALED:
            yield from self._renew(sealed)

    def _renew(self, sealed: Sealed) -> Iterator[int]:
        last, table, renewal = "", sealed.table, sealed.renewal()
        while True:
            with self.pace.step(), personal(self.centre, self.actor, self.now) as access:
                self.pace.begun()
                connection, cipher = access.session.connection(), access.cipher
                waiting = select(table).where(table.c.id > last, table.c.kid != cipher.current.kid)
                rows = connection.execute(waiting.order_by(table.c.id).limit(self.pace.size)).all()
                renewed = [values for row in rows if (values := self._renewed(sealed, cipher, row))]
                if renewed:
                    connection.execute(renewal, renewed)
            if not rows:
                return
            last = rows[-1].id
            yield len(rows)

    def end(self) -> bool:
        """Take the earlier keys away; False where a row still needs them."""
        with self.centre.database.change() as connection:
            alone(connection)
            keys = keyfile.load(self.centre.state)
            if _waiting(connection, keys.cipher.current.kid):
                return False
            audit.note(connection, keys.audit, Act.ROTATE, self.actor, self.now, detail="ended")
            # Still alone: another rotation's new key must not come in between, and take the one in use for an old one.
            keyfile.end_generations(self.centre.state)
        return True

    def _renewed(self, sealed: Sealed, cipher: Cipher, row: Any) -> dict[str, Any] | None:
        try:
            renewed = sealed.renewed(cipher, row)
        except Unreadable:
            self.unreadable.append(row.id)
            return None
        before = {f"old_{name}": getattr(row, name) for name in ("id", *sealed.columns)}
        return before | {f"new_{name}": value for name, value in renewed.items()}


def _waiting(connection: Connection, kid: bytes) -> int:
    return sum(
        connection.scalar(select(func.count()).select_from(each.table).where(each.table.c.kid != kid)) or 0
        for each in SEALED
    )
