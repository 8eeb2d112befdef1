"""Alarms to other programs: a signed POST, by the Standard Webhooks scheme (HMAC-SHA-256 over id, time and body)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from sync.collector.alarms.recipients import Recipients
from sync.collector.database import Database
from sync.collector.errors import NotFound
from sync.collector.messages.gateway import undelivered
from sync.collector.messages.port import Message, Never, NotYet
from sync.collector.outbound.errors import OutboundError
from sync.collector.outbound.post import Poster


class WebhookMessenger:
    """Where to, and with which secret, is looked up for each attempt: what was removed gets nothing more.

    clock: seconds since 1970; each attempt has its own time, all have the message's id.
    """

    def __init__(self, database: Database, recipients: Recipients, poster: Poster, clock: Callable[[], float]) -> None:
        self._database, self._recipients, self._poster, self._clock = database, recipients, poster, clock

    def send(self, message: Message) -> None:
        """Raises NotYet, Never."""
        try:
            with self._database.read() as session:
                recipient = self._recipients.find(session, message.to.partition(":")[2])
        except NotFound as cause:
            raise Never("the webhook was removed") from cause
        try:
            self._poster.post(recipient.to, message.text.encode(), signed(message, recipient.secret, self._clock()))
        except OutboundError as cause:
            failure = undelivered(cause)
            if isinstance(failure, NotYet):  # another webhook is another server
                failure = NotYet(str(failure), failure.retry_after)
            raise failure from cause


def signed(message: Message, secret: str, now: float) -> dict[str, str]:
    """The headers of one attempt. now: seconds since 1970."""
    name, moment = f"msg_{message.id}", datetime.fromtimestamp(int(now), UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": Webhook(secret).sign(name, moment, message.text),
    }
