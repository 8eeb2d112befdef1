"""A list into the register: checked as a whole first, then taken in steps that hold nobody up.

Cut off at any moment, the same list goes on where it stopped: what it says already changes nothing. Each step withdraws
passes in its own transaction; the status list is built every few seconds and at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from sqlalchemy import insert, select, update

from sync.collector.centre import Centre
from sync.collector.database import queue_up
from sync.collector.errors import Mistake
from sync.collector.policy import withdrawals
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Act, Actor
from sync.collector.privacy.pace import Pace
from sync.collector.visitors import marking
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.status import files, lists, reach
from sync.collector.visitors.status.lists import Bad, Line, StatusLine, TestLine
from sync.collector.visitors.status.model import Declaration, LabResult, MarkedPerson, StatusEntry
from sync.collector.visitors.status.register import row_id
from sync.wire.passes import Status

SHOWN = 1_000
"""So many bad lines are kept to be shown; all are counted."""
_BUILD_SECONDS = 5.0


@dataclass(frozen=True)
class Checked:
    """What a list holds. bad: the first of them."""

    good: int
    bad: Sequence[Bad]
    bad_count: int


@dataclass
class Taken:
    """What became of the good lines. taken_back: the register knew them, and somebody took them back since."""

    new: int = 0
    known: int = 0
    taken_back: int = 0
    marked: int = 0


class BadLines(Mistake):
    """Nothing was taken, since some lines are bad."""


def check(file: BinaryIO, now: float) -> Checked:
    """Read all of it, change nothing. Raises Mistake for what is no list."""
    good, bad_count = 0, 0
    bad: list[Bad] = []
    for found in lists.read(files.lines(file), now):
        if isinstance(found, Bad):
            bad_count += 1
            if len(bad) < SHOWN:
                bad.append(found)
        else:
            good += 1
    return Checked(good, bad, bad_count)


@dataclass
class Import:
    """One run. actor: who imports it, and on what ground. clock: seconds since 1970."""

    centre: Centre
    actor: Actor
    clock: Callable[[], float] = time.time
    pace: Pace = field(default_factory=Pace)
    taken: Taken = field(default_factory=Taken)

    def run(self, file: BinaryIO, *, only_good: bool = False) -> Iterator[int]:
        """Take it; says how many lines each step did. Raises BadLines, Mistake."""
        now = self.clock()
        if not only_good and check(file, now).bad_count:
            raise BadLines("some lines are bad: nothing was taken")
        good = (found for found in lists.read(files.lines(file), now) if not isinstance(found, Bad))
        built_at = time.monotonic()
        while step := list(islice(good, self.pace.size)):
            with self.pace.step(), personal(self.centre, self.actor, self.clock()) as access:
                self.pace.begun()
                self._take(access, step)
                if time.monotonic() - built_at > _BUILD_SECONDS:
                    withdrawals.build_list(access.session, access.now)
                    built_at = time.monotonic()
            yield len(step)
        with personal(self.centre, self.actor, self.clock()) as access:
            access.note(Act.STATUS_IMPORT, detail=f"new={self.taken.new} known={self.taken.known}")
            withdrawals.build_list(access.session, access.now)

    def _take(self, access: Personal, step: Sequence[Line]) -> None:
        queue_up(access.session.connection(), marking.REGISTERING)
        people = self._people(access, step)
        ids = sorted(set(people.values()))
        # Whoever issues a pass to them waits.
        access.session.scalars(select(Visitor.id).where(Visitor.id.in_(ids)).order_by(Visitor.id).with_for_update())
        of = [(line, people[line.document, line.number]) for line in step]
        statuses = [(line, visitor) for line, visitor in of if isinstance(line, StatusLine)]
        tests = [(line, visitor) for line, visitor in of if isinstance(line, TestLine)]
        changed = {*self._statuses(access, statuses), *self._tests(access, tests)}
        reach.settle(access.session, self.centre.settings.status, changed, access.now, build=False)

    def _people(self, access: Personal, step: Sequence[Line]) -> dict[tuple[Any, str], str]:
        """Whoever they are by document and number; those whom nobody knows are marked."""
        by_hash = {
            (line.document.value, each): (line.document, line.number)
            for line in step
            for each in access.cipher.hashes(marking.NUMBER, line.number)
        }
        people: dict[tuple[Any, str], str] = {}
        for model in (MarkedPerson, Visitor):
            columns = select(model.id, model.document, model.number_hash)
            for row in access.session.execute(columns.where(model.number_hash.in_({each for _, each in by_hash}))):
                if (key := by_hash.get((row.document, row.number_hash))) is not None:
                    people[key] = row.id
        missing = {(line.document, line.number) for line in step} - people.keys()
        rows = []
        for document, number in sorted(missing):
            people[document, number] = made = marking.new_id()
            sealed = marking.sealed(access.cipher, made, number)
            rows.append({"id": made, "document": document.value, "created_at": access.now, **sealed})
        if rows:
            access.session.execute(insert(MarkedPerson), rows)
            access.note_all(Act.MARK, [(row["id"], "") for row in rows])
        self.taken.marked += len(rows)
        return people

    def _statuses(self, access: Personal, of: Sequence[tuple[StatusLine, str]]) -> set[str]:
        known: dict[tuple[str, int, str, float], bool] = {}
        ids = [visitor for _, visitor in of]
        for row in access.session.scalars(select(StatusEntry).where(StatusEntry.visitor.in_(ids))):
            key = (row.visitor, row.status, row.reason, row.until)
            known[key] = known.get(key, True) and row.ended_at is not None
        rows: list[dict[str, Any]] = []
        for line, visitor in of:
            is_taken_back = known.get((visitor, int(line.status), line.reason.value, line.until))
            if is_taken_back is not None:
                self.taken.known += 1
                self.taken.taken_back += is_taken_back
                continue
            rows.append(
                {
                    "visitor": visitor,
                    "id": row_id(),
                    "status": int(line.status),
                    "reason": line.reason.value,
                    "set_at": access.now,
                    "until": line.until,
                    "actor": access.actor.name,
                    "because": access.actor.reason,
                }
            )
        changed = {row["visitor"] for row in rows}
        if rows:
            access.session.execute(insert(StatusEntry), rows)
            seen = update(Declaration).where(Declaration.visitor.in_(changed), Declaration.looked_at.is_(None))
            access.session.execute(seen.values(looked_at=access.now, looked_by=access.actor.name))
            said = [(row["visitor"], f"{Status(row['status']).name.lower()} {row['reason']}") for row in rows]
            access.note_all(Act.STATUS_SET, said)
        self.taken.new += len(rows)
        return changed

    def _tests(self, access: Personal, of: Sequence[tuple[TestLine, str]]) -> set[str]:
        newest: dict[tuple[str, float, str], tuple[float, bool]] = {}
        ids = [visitor for _, visitor in of]
        for row in access.session.scalars(select(LabResult).where(LabResult.visitor.in_(ids))):
            key = (row.visitor, row.taken_at, row.lab)
            newest[key] = max(newest.get(key, (0.0, False)), (row.known_at, row.negative))
        rows: list[dict[str, Any]] = []
        for line, visitor in of:
            key = (visitor, line.taken_at, line.lab)
            if key in newest and newest[key][1] == line.negative:
                self.taken.known += 1
                continue
            rows.append(
                {
                    "visitor": visitor,
                    "id": row_id(),
                    "taken_at": line.taken_at,
                    "negative": line.negative,
                    "lab": line.lab,
                    "known_at": access.now,
                    "actor": access.actor.name,
                }
            )
        if rows:
            access.session.execute(insert(LabResult), rows)
            access.note_all(
                Act.TEST_RESULT, [(row["visitor"], "negative" if row["negative"] else "positive") for row in rows]
            )
        self.taken.new += len(rows)
        return {row["visitor"] for row in rows}
