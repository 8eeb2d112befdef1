"""What recipients of alarms read: one message for all that began and ended since the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sync.collector import languages
from sync.collector.alarms import words
from sync.collector.alarms.recipients import WEBHOOK, Recipient
from sync.collector.alarms.rules import SILENT, Alarm
from sync.collector.fleet.model import Contact, Gate
from sync.collector.messages.addresses import PHONE
from sync.collector.messages.port import Message
from sync.wire import jsonform

_MOST_LINES = {PHONE: 3}
_MOST_LINES_OF_MAIL, _MOST_OF_WEBHOOK = 30, 200
_MANY = 5
"""So many gates, and half of all, that fall silent together point to a line and not to gates."""


class Told(msgspec.Struct, frozen=True):
    """One alarm in a webhook's body (docs/PROTOCOL.md). since, until: RFC 3339; until: None while it lasts."""

    gate: str
    name: str
    venue: str
    checkpoint: str
    kind: str
    since: str
    until: str | None


class Data(msgspec.Struct, frozen=True):
    """more: alarms that are not listed, for there were too many. gates: of the whole fleet that were ever heard of."""

    begun: list[Told]
    over: list[Told]
    more: int
    gates: int


class Event(msgspec.Struct, frozen=True):
    """A webhook's body. type: "gates.alarm", or "gates.test", which lists nothing."""

    type: str
    timestamp: str
    data: Data


@dataclass(frozen=True, slots=True)
class Line:
    """An alarm with the names of its gate."""

    alarm: Alarm
    gate: str
    name: str
    venue: str
    checkpoint: str

    @property
    def is_over(self) -> bool:
        """Whether the all-clear is told."""
        return self.alarm.ended_at is not None


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told at `now` (seconds since 1970). gates: heard of at least once. page: where more is to be seen."""

    begun: Sequence[Line]
    over: Sequence[Line]
    gates: int
    now: float
    page: str

    def message(self, recipient: Recipient) -> Message:
        """As that recipient reads it."""
        if recipient.channel == WEBHOOK:
            return Message(recipient.message_to, "gates.alarm", self._event("gates.alarm"))
        with languages.spoken(recipient.language):
            return Message(recipient.message_to, self._subject(), self._text(recipient.channel), recipient.language)

    def _event(self, kind: str) -> str:
        shown = [*self.begun, *self.over][:_MOST_OF_WEBHOOK]
        data = Data(
            [_told(line) for line in shown if not line.is_over],
            [_told(line) for line in shown if line.is_over],
            len(self.begun) + len(self.over) - len(shown),
            self.gates,
        )
        return jsonform.encode(Event(kind, languages.machine_time(self.now), data)).decode()

    def _subject(self) -> str:
        lines = [*self.begun, *self.over]
        if len(lines) == 1:
            line = lines[0]
            return words.subject_of_one(_place(line), line.alarm.kind, is_over=line.is_over)
        return words.subject_of_many(len(self.begun), len(self.over))

    def _text(self, channel: str) -> str:
        most = _MOST_LINES.get(channel, _MOST_LINES_OF_MAIL)
        silent = sum(line.alarm.kind == SILENT for line in self.begun)
        parts = []
        if silent >= _MANY and silent * 2 >= self.gates:
            parts.append(words.line_is_cut(silent, self.gates))
        for lines, head in ((self.begun, words.head_of_begun), (self.over, words.head_of_over)):
            if lines:
                parts.append(head(len(lines)))
                parts += [
                    words.line(_place(each), each.alarm.kind, each.alarm.began_at, _until(each))
                    for each in lines[:most]
                ]
                parts += [words.and_more(len(lines) - most)] if len(lines) > most else []
        return "\n".join([*parts, words.see(self.page)])


def told(session: Session, begun: Sequence[Alarm], over: Sequence[Alarm], now: float, address: str) -> Telling:
    """Alarms with the names of their gates. address: of the centre's pages."""
    numbers = {alarm.gate for alarm in (*begun, *over)}
    known = {gate.number: gate for gate in session.scalars(select(Gate).where(Gate.number.in_(numbers)))}
    gates = session.scalar(select(func.count()).select_from(Contact)) or 0
    lines = [[_line(alarm, known[alarm.gate]) for alarm in alarms] for alarms in (begun, over)]
    return Telling(lines[0], lines[1], gates, now, f"{address}/alarms")


def trial(recipient: Recipient, now: float, address: str) -> Message:
    """A message that tells of nothing, to see whether it comes."""
    if recipient.channel == WEBHOOK:
        event = Telling((), (), 0, now, address)._event("gates.test")
        return Message(recipient.message_to, "gates.test", event)
    with languages.spoken(recipient.language):
        text = "\n".join([words.trial_text(), words.see(f"{address}/alarms")])
        return Message(recipient.message_to, words.trial_subject(), text, recipient.language)


def _line(alarm: Alarm, gate: Gate) -> Line:
    return Line(alarm, gate.id, gate.name, gate.checkpoint.venue.name, gate.checkpoint.name)


def _place(line: Line) -> str:
    return f"{line.venue} {line.checkpoint} {line.name}"


def _until(line: Line) -> float | None:
    """When it was not seen any more."""
    return (line.alarm.gone_at or line.alarm.ended_at) if line.is_over else None


def _told(line: Line) -> Told:
    until, since = _until(line), languages.machine_time(line.alarm.began_at)
    ended = None if until is None else languages.machine_time(until)
    return Told(line.gate, line.name, line.venue, line.checkpoint, line.alarm.kind, since, ended)
