"""The one way to personal data: a transaction with the keys in force and somebody who answers for it.

The key file is read within the transaction, under a lock that a rotation takes for itself alone when it brings in a key
or takes one away: nobody writes under a key that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from sync.collector.centre import Centre
from sync.collector.database import queue_up, share
from sync.collector.privacy import audit, keyfile
from sync.collector.privacy.audit import Act, Actor
from sync.collector.privacy.cipher import Cipher

_QUEUE = -2


@dataclass(frozen=True)
class Personal:
    """What reads and writes personal data: within one write transaction. now: seconds since 1970."""

    session: Session
    cipher: Cipher
    actor: Actor
    now: float
    audit_key: bytes = field(repr=False)

    def note(self, act: Act, visitor: str | None = None, detail: str = "") -> int:
        """The audit's line for what is about to be shown or done; its number."""
        connection = self.session.connection()
        return audit.note(connection, self.audit_key, act, self.actor, self.now, visitor=visitor, detail=detail)

    def note_all(self, act: Act, said: Sequence[tuple[str | None, str]]) -> None:
        """A line for each visitor and detail."""
        audit.note_all(self.session.connection(), self.audit_key, act, self.actor, self.now, said)


@contextmanager
def personal(centre: Centre, actor: Actor, now: float) -> Iterator[Personal]:
    """One transaction. Show nothing before it ends: then the audit is on disk. Raises CollectorError."""
    with centre.database.write() as session:
        share(session.connection(), _QUEUE)
        keys = keyfile.load(centre.state)
        yield Personal(session, keys.cipher, actor, now, keys.audit)


def alone(connection: Connection) -> None:
    """Wait until nobody else holds keys, and let nobody load any until this transaction ends."""
    queue_up(connection, _QUEUE)
