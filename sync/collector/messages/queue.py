"""The queue of messages in the database (outbox pattern): posted in the transaction that gives the reason for it.

Two senders at once never send one message twice, as long as neither dies: whoever claims it has it for LEASE_SECONDS,
and an attempt is over before that. A sender that is killed between the peer's yes and its own commit leaves a message
that is sent once more; its id is the same. Machines that share a database must agree on the time to half a lease.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from sync.collector.database import Database
from sync.collector.messages.model import MessageRow
from sync.collector.messages.port import Message, Sealing
from sync.wire import jsonform

LEASE_SECONDS = 120.0
"""Longer than any attempt may take: `MailPatience` and outbound's `Patience`."""
TERM_SECONDS = 24 * 3600.0
"""A message that nobody took for so long is given up, unless its poster said a time."""
KEPT_SECONDS = 30 * 86_400.0
"""How long it is remembered that there was a message, once it has an end."""
MAX_RETRY_AFTER_SECONDS = 6 * 3600.0
_LEAST_SECONDS, _BASE_SECONDS, _LONGEST_SECONDS = 1.0, 10.0, 3600.0
_MAX_ERROR = 300


class State(str, Enum):
    """Where a message is. GIVEN_UP: refused for good, or its time was over."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that nobody else sends at this moment."""

    id: str
    claim: bytes
    channel: str
    sealed: bytes
    tries: int
    expires_at: float


class Queue:
    """sealing: what encrypts text and address. draw: numbers in [0, 1), as `random.random`."""

    def __init__(self, sealing: Sealing, draw: Callable[[], float]) -> None:
        self._sealing, self._draw = sealing, draw

    def post(
        self,
        session: Session,
        message: Message,
        now: float,
        *,
        expires_at: float | None = None,
        about: str = "",
        recipient: str = "",
    ) -> str:
        """Put it into the caller's transaction: sent if that is committed, and not otherwise. Its id."""
        named = Message(message.to, message.subject, message.text, message.language, _draw_id(now))
        row = MessageRow(
            id=named.id,
            channel=named.channel,
            about=about,
            recipient=recipient,
            state=State.WAITING.value,
            sealed=self._sealing.seal(jsonform.encode(named), _bound(named.id)),
            tries=0,
            posted_at=now,
            due_at=now,
            expires_at=now + TERM_SECONDS if expires_at is None else expires_at,
            last_error="",
        )
        session.add(row)
        return named.id

    def open(self, claimed: Claimed) -> Message:
        """What is to be sent. Raises CollectorError when it cannot be opened."""
        content = self._sealing.open(claimed.sealed, _bound(claimed.id))
        return jsonform.decode(content, Message, "message")

    def claim(self, database: Database, now: float, without: Collection[str] = ()) -> Claimed | None:
        """The message that is due longest, for this sender alone; None when none is. without: channels to leave out."""
        due = (
            select(MessageRow)
            .where(MessageRow.state == State.WAITING.value, MessageRow.due_at <= now, MessageRow.expires_at > now)
            .where(MessageRow.channel.not_in(without))
            .order_by(MessageRow.due_at, MessageRow.id)
            .limit(1)
        )
        with database.look() as connection:  # an empty queue takes nobody's turn to write
            if connection.scalar(due.with_only_columns(MessageRow.id)) is None:
                return None
        with database.write() as session:
            row = session.scalars(due.with_for_update(skip_locked=True)).one_or_none()  # SQLite has one writer anyway
            if row is None:
                return None
            row.claim, row.due_at, row.tries = os.urandom(16), now + LEASE_SECONDS, row.tries + 1
            return Claimed(row.id, row.claim, row.channel, row.sealed or b"", row.tries, row.expires_at)

    def delivered(self, database: Database, claimed: Claimed, now: float) -> None:
        """It left; its text is forgotten."""
        self._end(database, claimed, State.SENT, now, "")

    def given_up(self, database: Database, claimed: Claimed, now: float, why: str) -> None:
        """It never will; its text is forgotten."""
        self._end(database, claimed, State.GIVEN_UP, now, why)

    def postponed(
        self, database: Database, claimed: Claimed, now: float, why: str, retry_after: float | None = None
    ) -> float:
        """It failed; when it is tried again: ever more seldom, full jitter, the peer's wish honoured."""
        longest = min(_LONGEST_SECONDS, _BASE_SECONDS * 2.0 ** min(claimed.tries - 1, 32))
        asked = min(max(retry_after or 0.0, 0.0), MAX_RETRY_AFTER_SECONDS)
        due_at = now + max(_LEAST_SECONDS, asked + self._draw() * longest)
        self._settle(database, claimed, claim=None, due_at=due_at, last_error=why[:_MAX_ERROR])
        return due_at

    def _end(self, database: Database, claimed: Claimed, state: State, now: float, why: str) -> None:
        self._settle(
            database, claimed, claim=None, state=state.value, sealed=None, ended_at=now, last_error=why[:_MAX_ERROR]
        )

    def _settle(self, database: Database, claimed: Claimed, **values: object) -> None:
        """Changes nothing where the claim lapsed and somebody else has it."""
        ours = (MessageRow.id == claimed.id) & (MessageRow.claim == claimed.claim)
        with database.change() as connection:
            connection.execute(update(MessageRow).where(ours).values(**values))


def expire(database: Database, now: float) -> int:
    """Give up what is past its time, and forget what ended long ago; how many were given up."""
    under_way = MessageRow.claim.is_not(None) & (MessageRow.due_at > now)
    late = (MessageRow.state == State.WAITING.value) & (MessageRow.expires_at <= now) & ~under_way
    old = MessageRow.ended_at < now - KEPT_SECONDS
    with database.look() as connection:
        if connection.scalar(select(MessageRow.id).where(late | old).limit(1)) is None:
            return 0
    with database.change() as connection:
        given_up = connection.execute(update(MessageRow).where(late).values(_given_up(now))).rowcount
        connection.execute(delete(MessageRow).where(old))
    return given_up


def withdraw(session: Session, recipient: str, now: float) -> None:
    """Give up what still waits for a recipient who is none any more."""
    waiting = (MessageRow.recipient == recipient) & (MessageRow.state == State.WAITING.value)
    why = {"last_error": "the recipient was removed"}
    session.execute(update(MessageRow).where(waiting).values(_given_up(now) | why))


def newest(session: Session, limit: int) -> list[MessageRow]:
    """Newest first."""
    return list(session.scalars(select(MessageRow).order_by(MessageRow.id.desc()).limit(limit)))


def _given_up(now: float) -> dict[str, object]:
    return {"state": State.GIVEN_UP.value, "sealed": None, "claim": None, "ended_at": now}


def _draw_id(now: float) -> str:
    return f"{int(now * 1000):012x}{secrets.token_hex(10)}"


def _bound(message_id: str) -> str:
    return f"message {message_id}"
