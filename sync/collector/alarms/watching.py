"""Applies the rules to the fleet every half minute, in one transaction: what is told, and that it was told.

Two attendants that look at once queue up for each other, so that no alarm is told twice. What does NOT follow from
"told": that it arrived; each recipient's message has a state of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from sync.collector.alarms import telling, troubles
from sync.collector.alarms.model import AlarmRow, WatchRow
from sync.collector.alarms.recipients import Recipients
from sync.collector.alarms.rules import DAY_SECONDS, Alarm, Lasting, Watch, step
from sync.collector.centre import Centre
from sync.collector.database import queue_up
from sync.collector.messages.queue import Queue

EVERY_SECONDS = 30.0
ABOUT = "alarm"
_QUEUE = -4  # gates have positive numbers, the audit -1, keys -2, limits -3
_KEPT_SECONDS = 400 * DAY_SECONDS


@dataclass(frozen=True)
class Watchman:
    """queue: where messages go. recipients: who is told."""

    queue: Queue
    recipients: Recipients

    def look(self, centre: Centre, now: float) -> None:
        """One look. now: seconds since 1970. Raises CollectorError."""
        settings = centre.settings
        with centre.database.write() as session:
            queue_up(session.connection(), _QUEUE)
            seen = troubles.now_seen(session, now, settings)
            lasting = Lasting(settings.alarms, settings.alarm_after_seconds)
            rows = {row.number: row for row in _current(session, now)}
            done = step(_watch(session), [_alarm(row) for row in rows.values()], seen, now, lasting)
            _store(session, rows, done.alarms)
            session.merge(WatchRow(number=1, **asdict(done.watch)))
            if done.begun or done.over:
                told = telling.told(session, done.begun, done.over, now, centre.address)
                for recipient in self.recipients.all(session):
                    message = told.message(recipient)
                    self.queue.post(session, message, now, about=ABOUT, recipient=recipient.id)
            session.execute(delete(AlarmRow).where(AlarmRow.cleared_at < now - _KEPT_SECONDS))


def _watch(session: Session) -> Watch | None:
    row = session.get(WatchRow, 1)
    return None if row is None else Watch(row.looked_at, row.listening_since, row.told_at)


def _current(session: Session, now: float) -> list[AlarmRow]:
    recent = AlarmRow.cleared_at.is_(None) | (AlarmRow.cleared_at > now - DAY_SECONDS)
    return list(session.scalars(select(AlarmRow).where(recent).order_by(AlarmRow.number)))


def _alarm(row: AlarmRow) -> Alarm:
    times = (row.began_at, row.told_at, row.gone_at, row.ended_at, row.cleared_at)
    return Alarm(row.gate_number, row.kind, *times, number=row.number)


def _store(session: Session, rows: dict[int, AlarmRow], alarms: tuple[Alarm, ...]) -> None:
    """New ones get a row, those that went without a trace lose theirs."""
    kept = {alarm.number for alarm in alarms}
    for number, row in rows.items():
        if number not in kept:
            session.delete(row)
    for alarm in alarms:
        row = rows.get(alarm.number) or AlarmRow(gate_number=alarm.gate, kind=alarm.kind)
        row.began_at, row.told_at, row.gone_at = alarm.began_at, alarm.told_at, alarm.gone_at
        row.ended_at, row.cleared_at = alarm.ended_at, alarm.cleared_at
        session.add(row)
