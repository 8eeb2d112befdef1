"""The town's own register: the authority's word, tests and declarations written down, and the source that reads them.

Each act is one transaction with its line in the audit, and reaches the gates in it (`reach`). Somebody may be marked by
their document before they ever registered: they register under the id by which they are marked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from sync.collector.database import Database, queue_up
from sync.collector.errors import Mistake, NotFound
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.visitors import marking
from sync.collector.visitors.identity import Document
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.status import reach, records
from sync.collector.visitors.status.judging import judge
from sync.collector.visitors.status.model import (
    MAX_LAB,
    ROW_ID,
    Declaration,
    LabResult,
    MarkedPerson,
    StatusEntry,
)
from sync.collector.visitors.status.port import Health, Reason, Subject
from sync.collector.visitors.status.settings import DAY_SECONDS, StatusSettings
from sync.wire.passes import Status

LONGEST_DAYS = 366
"""The longest term of an entry: nothing holds for ever."""
CHOSEN = tuple(reason for reason in Reason if list(Reason).index(reason) >= list(Reason).index(Reason.CONTACT))
"""Reasons that the authority may give."""
SYMPTOMS = ("fever", "cough", "fatigue", "taste", "breath", "diarrhoea")
"""What a declaration may name."""


class TakenBackAlready(Mistake):
    """The entry was taken back, or has lapsed."""


@dataclass(frozen=True, slots=True)
class RegisterSource:
    """The register as a `StatusSource`."""

    database: Database
    settings: StatusSettings

    def of(self, subject: Subject, now: float) -> Health:
        """How somebody stands. Raises DatabaseUnavailable."""
        with self.database.look() as connection:
            return judge(records.evidence(connection, [subject.visitor])[subject.visitor], self.settings, now)


@dataclass(frozen=True, slots=True)
class Register:
    """Writes into it, within somebody's transaction."""

    settings: StatusSettings

    def mark(self, access: Personal, document: Document, number: str) -> str:
        """The id of whoever has that document: registered, marked before, or marked now. Raises Mistake."""
        known = marking.found(access, document, number)
        if known is not None:
            return known
        made = marking.mark(access, document, number)
        access.note(Act.MARK, made)
        return made

    def set(self, access: Personal, visitor: str, status: Status, reason: Reason, until: float) -> Health:
        """The authority's word; whatever was declared is looked at with it. Raises NotFound, Mistake."""
        check_entry(status, reason, until, access.now)
        self._lock(access, visitor)
        access.session.add(
            StatusEntry(
                visitor=visitor,
                id=row_id(),
                status=int(status),
                reason=reason.value,
                set_at=access.now,
                until=until,
                actor=access.actor.name,
                because=access.actor.reason,
            )
        )
        self._look(access, visitor)
        access.session.flush()
        access.note(Act.STATUS_SET, visitor, f"{status.name.lower()} {reason.value}")
        return self._settled(access, visitor)

    def take_back(self, access: Personal, visitor: str, entry_id: str) -> Health:
        """End an entry before its term: what held without it holds. Raises NotFound, TakenBackAlready."""
        self._lock(access, visitor)
        entry = access.session.get(StatusEntry, (visitor, entry_id))
        if entry is None:
            raise NotFound(f"{visitor} has no entry {entry_id}")
        if entry.ended_at is not None or entry.until <= access.now:
            raise TakenBackAlready("this entry was taken back already, or has lapsed")
        entry.ended_at, entry.ended_by, entry.ended_because = access.now, access.actor.name, access.actor.reason
        access.session.flush()
        access.note(Act.STATUS_END, visitor, f"{Status(entry.status).name.lower()} {entry.reason}")
        return self._settled(access, visitor)

    def tested(self, access: Personal, visitor: str, taken_at: float, *, negative: bool, lab: str = "") -> Health:
        """A test's result. The same one twice changes nothing. Raises NotFound, Mistake."""
        check_result(taken_at, lab, access.now)
        self._lock(access, visitor)
        same = select(LabResult).where(
            LabResult.visitor == visitor, LabResult.taken_at == taken_at, LabResult.lab == lab
        )
        newest = access.session.scalars(same.order_by(LabResult.known_at.desc()).limit(1)).first()
        if newest is None or newest.negative != negative:
            access.session.add(
                LabResult(
                    visitor=visitor,
                    id=row_id(),
                    taken_at=taken_at,
                    negative=negative,
                    lab=lab,
                    known_at=access.now,
                    actor=access.actor.name,
                )
            )
            access.session.flush()
            access.note(Act.TEST_RESULT, visitor, "negative" if negative else "positive")
        return self._settled(access, visitor)

    def declare(self, access: Personal, visitor: str, symptoms: tuple[str, ...], *, contact: bool) -> Health:
        """What somebody says of their day. symptoms: of SYMPTOMS. Raises NotFound, Mistake."""
        if any(each not in SYMPTOMS for each in symptoms):
            raise Mistake(f"symptoms are {', '.join(SYMPTOMS)}")
        self._lock(access, visitor)
        needs_look = bool(symptoms) or contact
        access.session.add(
            Declaration(
                visitor=visitor,
                id=row_id(),
                at=access.now,
                symptoms=",".join(dict.fromkeys(symptoms)),
                contact=contact,
                looked_at=None if needs_look else access.now,
            )
        )
        access.session.flush()
        access.note(Act.DECLARE, visitor)
        return self._settled(access, visitor)

    def look(self, access: Personal, visitor: str) -> Health:
        """The authority has looked at what was declared, and leaves the status as it is without it. Raises NotFound."""
        self._lock(access, visitor)
        self._look(access, visitor)
        access.session.flush()
        access.note(Act.DECLARATION_SEEN, visitor)
        return self._settled(access, visitor)

    def _look(self, access: Personal, visitor: str) -> None:
        waiting = select(Declaration).where(Declaration.visitor == visitor, Declaration.looked_at.is_(None))
        for row in access.session.scalars(waiting):
            row.looked_at, row.looked_by = access.now, access.actor.name

    def _settled(self, access: Personal, visitor: str) -> Health:
        return reach.settle(access.session, self.settings, [visitor], access.now)[visitor]

    def _lock(self, access: Personal, visitor: str) -> None:
        """Whoever issues a pass to them waits, and sees the change. Raises NotFound."""
        queue_up(access.session.connection(), marking.REGISTERING)
        if not _is_there(access, visitor):
            raise NotFound(f"there is no visitor {visitor}")


def check_entry(status: Status, reason: Reason, until: float, now: float) -> None:
    """PURE. Raises Mistake."""
    if status is Status.UNKNOWN:
        raise Mistake("the authority says green, yellow or red")
    if reason not in CHOSEN:
        raise Mistake(f"reasons are {', '.join(each.value for each in CHOSEN)}")
    if not now < until <= now + LONGEST_DAYS * DAY_SECONDS:
        raise Mistake(f"a status ends in the future, within {LONGEST_DAYS} days")


def check_result(taken_at: float, lab: str, now: float) -> None:
    """PURE. Raises Mistake."""
    if not now - LONGEST_DAYS * DAY_SECONDS <= taken_at <= now + 300:
        raise Mistake(f"a sample was taken within the last {LONGEST_DAYS} days, and not in the future")
    if len(lab) > MAX_LAB or not (lab == "" or lab.isprintable()):
        raise Mistake(f"a laboratory has at most {MAX_LAB} printable characters")


def row_id() -> str:
    """A new row's."""
    return os.urandom(ROW_ID // 2).hex()


def _is_there(access: Personal, visitor: str) -> bool:
    known: Any = select(Visitor.id).where(Visitor.id == visitor).with_for_update()
    marked: Any = select(MarkedPerson.id).where(MarkedPerson.id == visitor)
    return access.session.scalar(known) is not None or access.session.scalar(marked) is not None
