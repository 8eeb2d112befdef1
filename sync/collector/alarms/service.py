"""What pages and commands ask of alarms: recipients, what became of their last message, and the alarms."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sync.collector.accounts import secrets
from sync.collector.alarms import telling
from sync.collector.alarms.model import AlarmRow
from sync.collector.alarms.recipients import Recipient, Recipients
from sync.collector.alarms.watching import ABOUT
from sync.collector.centre import Centre
from sync.collector.messages.model import MessageRow
from sync.collector.messages.port import Message, Sealing
from sync.collector.messages.queue import Queue

_TRIAL_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A recipient, and the newest message to them: None where there was none in 30 days."""

    recipient: Recipient
    newest: MessageRow | None


def recipients_of(centre: Centre, sealing: Sealing | None = None) -> Recipients:
    """As the centre's settings and key say. Raises Mistake, AccountKeyTrouble."""
    return Recipients(sealing or secrets.load(centre.state), centre.settings.outbound.rules())


def deliveries(session: Session, recipients: Recipients) -> list[Delivery]:
    """Each recipient, oldest first."""
    newest = select(func.max(MessageRow.id)).where(MessageRow.recipient != "").group_by(MessageRow.recipient)
    rows = {row.recipient: row for row in session.scalars(select(MessageRow).where(MessageRow.id.in_(newest)))}
    return [Delivery(each, rows.get(each.id)) for each in recipients.all(session)]


def present(session: Session) -> list[AlarmRow]:
    """Alarms that somebody was told of and that are not over, newest first."""
    statement = select(AlarmRow).where(AlarmRow.told_at.is_not(None), AlarmRow.ended_at.is_(None))
    return list(session.scalars(statement.order_by(AlarmRow.told_at.desc(), AlarmRow.number.desc())))


def past(session: Session, limit: int) -> list[AlarmRow]:
    """Alarms that are over, newest first."""
    statement = select(AlarmRow).where(AlarmRow.ended_at.is_not(None))
    return list(session.scalars(statement.order_by(AlarmRow.ended_at.desc(), AlarmRow.number.desc()).limit(limit)))


def trial(centre: Centre, recipient: Recipient, now: float) -> Message:
    """A message to try a recipient with."""
    return telling.trial(recipient, now, centre.address)


def post_trial(session: Session, queue: Queue, centre: Centre, recipient: Recipient, now: float) -> str:
    """The same into the queue; its id."""
    return queue.post(
        session,
        trial(centre, recipient, now),
        now,
        expires_at=now + _TRIAL_SECONDS,
        about=f"{ABOUT} test",
        recipient=recipient.id,
    )
