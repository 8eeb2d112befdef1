"""A new key for personal data: every row is encrypted and hashed anew in small transactions while everything goes on.

The key file gets the new key first and loses the old one last, when no row is under it any more. Killed at any moment,
the next run goes on where it stopped. Two at once share the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from sync.collector.centre import Centre
from sync.collector.privacy import audit, keyfile
from sync.collector.privacy.access import alone, personal
from sync.collector.privacy.audit import Act, Actor
from sync.collector.privacy.cipher import Cipher, Unreadable
from sync.collector.privacy.pace import Pace
from sync.collector.visitors import registry
from sync.collector.visitors.model import Visitor

_TABLE: Any = Visitor.__table__
_WRITTEN = ("kid", "name", "number", "phone", "number_hash", "phone_hash")
# Only what was read is replaced: another rotation, or an edit, may have been there meanwhile.
_RENEW = (
    update(_TABLE)
    .where(
        _TABLE.c.id == bindparam("old_id"),
        *(_TABLE.c[name].is_not_distinct_from(bindparam(f"old_{name}")) for name in _WRITTEN),
    )
    .values({name: bindparam(f"new_{name}") for name in _WRITTEN})
)


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
        last = ""
        while True:
            with self.pace.step(), personal(self.centre, self.actor, self.now) as access:
                self.pace.begun()
                connection, cipher = access.session.connection(), access.cipher
                waiting = select(_TABLE).where(_TABLE.c.id > last, _TABLE.c.kid != cipher.current.kid)
                rows = connection.execute(waiting.order_by(_TABLE.c.id).limit(self.pace.size)).all()
                renewed = [values for row in rows if (values := self._renewed(cipher, row))]
                if renewed:
                    connection.execute(_RENEW, renewed)
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

    def _renewed(self, cipher: Cipher, row: Any) -> dict[str, Any] | None:
        try:
            person = registry.opened(cipher, row)
        except Unreadable:
            self.unreadable.append(row.id)
            return None
        renewed = registry.sealed(cipher, row.id, person)
        before = {f"old_{name}": getattr(row, name) for name in ("id", *_WRITTEN)}
        return before | {f"new_{name}": value for name, value in renewed.items()}


def _waiting(connection: Connection, kid: bytes) -> int:
    return connection.scalar(select(func.count()).select_from(_TABLE).where(_TABLE.c.kid != kid)) or 0
