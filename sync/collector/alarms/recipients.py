"""Who is told of alarms: e-mail addresses, phones, and webhooks. Addresses and secrets are sealed in the database."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sync.collector.alarms.model import RecipientRow
from sync.collector.errors import Mistake, NotFound
from sync.collector.messages import addresses, queue
from sync.collector.messages.port import Sealing
from sync.collector.outbound.addresses import Origin, Rules
from sync.wire import jsonform

WEBHOOK = "webhook"
LANGUAGES = ("zh", "en")
MOST = 50
_SECRET_BYTES = 32  # Standard Webhooks: 24 to 64


class TooMany(Mistake):
    """There is no room for another recipient."""


class Taken(Mistake):
    """This recipient is there already."""


class Whom(msgspec.Struct, frozen=True):
    """What is sealed. to: `mailto:`, `tel:` or https. secret: of a webhook, as its receiver was given it."""

    to: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of them. to: the whole address: for sending, never for a list (`shown`)."""

    id: str
    channel: str
    to: str
    secret: str
    language: str
    created_at: float
    created_by: str

    @property
    def message_to(self) -> str:
        """Where the queue sends it: a webhook by its id, so that address and secret stand in one place only."""
        return f"{WEBHOOK}:{self.id}" if self.channel == WEBHOOK else self.to

    @property
    def shown(self) -> str:
        """What a list may show: of a webhook the server alone, for the rest of its address may hold a token."""
        if self.channel != WEBHOOK:
            return addresses.masked(self.to)
        return f"{Origin.of(self.to)}/…"


@dataclass(frozen=True)
class Recipients:
    """sealing: what the addresses are sealed with. rules: to which servers webhooks may go."""

    sealing: Sealing
    rules: Rules

    def add(self, session: Session, asked: str, language: str, by: str, now: float) -> Recipient:
        """asked: an address as people type it. Raises Mistake, NotAllowed. The secret is shown now or never."""
        if language not in LANGUAGES:
            raise Mistake("the language is zh or en")
        if session.scalar(select(func.count()).select_from(RecipientRow)) >= MOST:  # type: ignore[operator]
            raise TooMany(f"there are {MOST} recipients already: remove one first, or use a mailing list")
        whom = self._whom(asked.strip())
        if any(each.to == whom.to for each in self.all(session)):
            raise Taken("this recipient is there already")
        channel = WEBHOOK if whom.secret else whom.to.partition(":")[0]
        row = RecipientRow(id=secrets.token_hex(8), channel=channel, language=language, created_at=now, created_by=by)
        row.sealed = self.sealing.seal(jsonform.encode(whom), _bound(row.id))
        session.add(row)
        session.flush()
        return self._open(row)

    def _whom(self, asked: str) -> Whom:
        if "://" not in asked:
            return Whom(addresses.normalized(asked))
        self.rules.check(Origin.of(asked))
        return Whom(asked, "whsec_" + base64.b64encode(os.urandom(_SECRET_BYTES)).decode())

    def all(self, session: Session) -> list[Recipient]:
        """Oldest first. Raises CollectorError when one cannot be opened."""
        rows = session.scalars(select(RecipientRow).order_by(RecipientRow.created_at, RecipientRow.id))
        return [self._open(row) for row in rows]

    def find(self, session: Session, recipient_id: str) -> Recipient:
        """Raises NotFound."""
        row = session.get(RecipientRow, recipient_id)
        if row is None:
            raise NotFound(f"there is no recipient {recipient_id}: collector alarm list")
        return self._open(row)

    def remove(self, session: Session, recipient_id: str, now: float) -> None:
        """Nobody is told there any more, of what waits neither. Raises NotFound."""
        row = session.get(RecipientRow, recipient_id)
        if row is None:
            raise NotFound(f"there is no recipient {recipient_id}: collector alarm list")
        session.delete(row)
        queue.withdraw(session, recipient_id, now)

    def _open(self, row: RecipientRow) -> Recipient:
        whom = jsonform.decode(self.sealing.open(row.sealed, _bound(row.id)), Whom, "recipient")
        return Recipient(row.id, row.channel, whom.to, whom.secret, row.language, row.created_at, row.created_by)


def _bound(recipient_id: str) -> str:
    return f"alarm_recipient {recipient_id}"
