"""Retention: records whose term is over go, in small transactions; roll-ups stay, and a purged record never comes back.

An outbox is purged from its lowest number up: `Outbox.purged` says how far. A number below it is known, whatever comes
again; what had come out of turn is remembered by its number. What purged records had added to the roll-up is kept as
`PurgedCount`, so that `collector db check` stays exact. Two purges at once, or one that was killed, do no harm: each
step looks at the database anew. Every statement on a record table is of one venue (R27).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    func,
    select,
    tuple_,
    update,
)

from sync.collector.database import Database, insert_new, insert_or_add, queue_up
from sync.collector.fleet.model import Placement
from sync.collector.intake import own
from sync.collector.intake.hours import KEY, TOTALS, recount
from sync.collector.intake.model import (
    ConflictRow,
    HoleRow,
    Outbox,
    QuarantinedRow,
    RecordRow,
    Resolution,
    SetAsideRow,
)
from sync.collector.intake.rows import BELIEVED
from sync.collector.privacy.model import PurgedCount, PurgedNumber
from sync.collector.privacy.pace import Pace
from sync.collector.privacy.terms import DAY_SECONDS, Terms
from sync.collector.visitors.model import IssuedPass
from sync.collector.visitors.phone import records as visits
from sync.collector.visitors.status import records

_APART = (SetAsideRow, ConflictRow, QuarantinedRow)


@dataclass
class Purged:
    """What a purge took away so far."""

    records: int = 0
    apart: int = 0
    passes: int = 0
    health: int = 0
    visits: int = 0


@dataclass(frozen=True)
class Purge:
    """One run. now: seconds since 1970. counts_days: so long a test or declaration counts, whatever the terms say."""

    database: Database
    terms: Terms
    now: float
    pace: Pace = field(default_factory=Pace)
    done: Purged = field(default_factory=Purged)
    counts_days: int = 0

    @property
    def records_before(self) -> float:
        """What happened before it is over."""
        return self.now - self.terms.records * DAY_SECONDS

    def outboxes(self) -> list[int]:
        """Their numbers: what `run` goes through."""
        with self.database.look() as connection:
            return list(connection.scalars(select(Outbox.number).order_by(Outbox.number)))

    def run(self) -> Iterator[Purged]:
        """Everything whose term is over; says after each outbox what is done so far. Raises DatabaseUnavailable."""
        for outbox in self.outboxes():
            self._records(outbox)
            self._ahead(outbox)
            yield self.done
        for model in _APART:
            self._apart(model)
        for outbox in self._remembered():
            self._close_up(outbox)
        self._passes()
        self._visits()
        self._health()
        yield self.done

    def overdue(self) -> int:
        """Records whose term is over, counted without taking any."""
        with self.database.look() as connection:
            over = [
                select(func.count()).where(RecordRow.venue == venue, happened() < self.records_before)
                for venue in _all_venues(connection)
            ]
            return sum(connection.scalar(each) or 0 for each in over)

    @contextmanager
    def _step(self) -> Iterator[Connection]:
        with self.pace.step(), self.database.change() as connection:
            self.pace.begun()
            yield connection

    def _records(self, outbox: int) -> None:
        """From the lowest number up to the first record whose term is not over."""
        more = True
        while more:
            with self._step() as connection:
                line = _lock(connection, outbox)
                rows, complete = self._lowest(connection, line)
                gone = list(takewhile(_is_over, rows))
                if gone:  # not over holes at the end: a record of theirs may still turn up
                    self._take(connection, line, gone)
                    _move(connection, outbox, gone[-1].sequence + 1)
                more = not complete and len(gone) == len(rows)

    def _lowest(self, connection: Connection, line: Row[Any]) -> tuple[list[Row[Any]], bool]:
        """The first records in order of an outbox below its cursor, and whether those are all."""
        found: list[Row[Any]] = []
        ends = []
        for venue in _venues(connection, line):
            rows = connection.execute(_ROWS, self._span(venue, line, line.purged, line.next)).all()
            found += rows
            if len(rows) == self.pace.size:
                ends.append(rows[-1].sequence)
        found.sort(key=lambda row: row.sequence)
        return [row for row in found if not ends or row.sequence <= min(ends)], not ends

    def _ahead(self, outbox: int) -> None:
        """Urgent records whose turn never came: by their numbers, since those below are still to come."""
        more = True
        while more:
            with self._step() as connection:
                line = _lock(connection, outbox)
                rows: list[Row[Any]] = []
                for venue in _venues(connection, line) if line.ahead > line.next else ():
                    span = self._span(venue, line, line.next, line.ahead)
                    rows += filter(_is_over, connection.execute(_ROWS, span))
                self._take(connection, line, rows)
                insert_new(connection, PurgedNumber, [{"outbox": outbox, "sequence": row.sequence} for row in rows])
                more = bool(rows)

    def _span(self, venue: int, line: Row[Any], first: int, end: int) -> dict[str, Any]:
        where = {"at_venue": venue, "at_outbox": line.number, "first": first, "end": end}
        return where | {"before": self.records_before, "most": self.pace.size}

    def _take(self, connection: Connection, line: Row[Any], rows: Sequence[Row[Any]]) -> None:
        """Delete records, keeping what they had added to the roll-up."""
        for venue in sorted({row.venue for row in rows}):
            these: dict[str, Any] = {"at_venue": venue, "at_outbox": line.number}
            these["numbers"] = [row.sequence for row in rows if row.venue == venue]
            counted = [_plain(row) for row in connection.execute(_COUNTED, these)]
            # Two purges at once lock the rows of one hour in one order, and never each other.
            counted.sort(key=lambda row: [row[name] for name in KEY])
            insert_or_add(connection, PurgedCount, TOTALS, counted)
            connection.execute(_GONE, these)
        if rows:
            lost = update(Outbox).where(Outbox.number == line.number).values(records=Outbox.records - len(rows))
            connection.execute(lost)
            self.done.records += len(rows)

    def _apart(self, model: Any) -> None:
        """What came too long ago of what is kept apart. Looked for without holding the database up."""
        key = list(model.__table__.primary_key)
        with self.database.look() as connection:
            venues = _all_venues(connection)
        for venue in venues:
            wanted = select(*key, *_decided(model)).where(
                model.venue == bindparam("at_venue", venue),
                model.received_at < self.now - self.terms.apart * DAY_SECONDS,
            )
            while True:
                with self.database.look() as connection:
                    rows = connection.execute(wanted.limit(self.pace.size)).all()
                if not rows:
                    break
                with self._step() as connection:
                    these = tuple_(*key[1:]).in_([tuple(row)[1 : len(key)] for row in rows])
                    gone = delete(model).where(model.venue == bindparam("at_venue", venue), these)
                    self.done.apart += connection.execute(gone).rowcount
                    if model is not ConflictRow:  # its number is another row's
                        _remember(connection, {(row.outbox, row.sequence) for row in rows if not _has_record(row)})

    def _remembered(self) -> list[int]:
        with self.database.look() as connection:
            return list(connection.scalars(select(PurgedNumber.outbox).distinct()))

    def _close_up(self, outbox: int) -> None:
        """Single numbers that follow on the mark: the mark moves over them."""
        reached = None
        while reached != (reached := self._moved_over(outbox)):
            pass

    def _moved_over(self, outbox: int) -> int:
        numbers = select(PurgedNumber.sequence).where(PurgedNumber.outbox == outbox).order_by(PurgedNumber.sequence)
        with self._step() as connection:
            line = _lock(connection, outbox)
            reached: int = line.purged
            for number in connection.scalars(numbers.where(PurgedNumber.sequence >= reached).limit(self.pace.size)):
                if number != reached or number >= line.next:
                    break
                reached += 1
            if reached > line.purged:
                _move(connection, outbox, reached)
        return reached

    def _passes(self) -> None:
        """Whose pass a serial was, as long as a record could name it."""
        over = select(IssuedPass.serial).where(IssuedPass.expires_at < self.records_before)
        while True:
            with self.database.look() as connection:
                serials = connection.scalars(over.limit(self.pace.size)).all()
            if not serials:
                return
            with self._step() as connection:
                gone = delete(IssuedPass).where(IssuedPass.serial.in_(serials))
                self.done.passes += connection.execute(gone).rowcount

    def _visits(self) -> None:
        """Where phones registered somebody: the term of a record."""
        gone = self.pace.size
        while gone >= self.pace.size:
            with self._step() as connection:
                gone = visits.forget_old(connection, self.records_before, self.pace.size)
                self.done.visits += gone

    def _health(self) -> None:
        """How people stood, once that counts no longer."""
        before = self.now - max(self.terms.health, self.counts_days) * DAY_SECONDS
        gone = self.pace.size
        while gone >= self.pace.size:
            with self._step() as connection:
                gone = records.forget_old(connection, before, self.pace.size)
                self.done.health += gone


def happened() -> ColumnElement[float]:
    """When a record's term begins: when it happened, as far as that is believed, and when it came at the latest.

    A clock that nobody vouches for must not purge what came today, nor keep for ever what it puts into next year.
    """
    told = func.coalesce(
        RecordRow.corrected_at, case((RecordRow.clock.in_(BELIEVED), RecordRow.at), else_=RecordRow.received_at)
    )
    return case((told < RecordRow.received_at, told), else_=RecordRow.received_at)


_ROWS: Any = (
    select(RecordRow.venue, RecordRow.sequence, (happened() < bindparam("before")).label("is_over"))
    .where(
        RecordRow.venue == bindparam("at_venue"),
        RecordRow.outbox == bindparam("at_outbox"),
        RecordRow.sequence >= bindparam("first"),
        RecordRow.sequence < bindparam("end"),
    )
    .order_by(RecordRow.sequence)
    .limit(bindparam("most"))
)
# Built once: a step makes them anew otherwise, which took longer than the database did (measured).
_THESE = (
    RecordRow.venue == bindparam("at_venue"),
    RecordRow.outbox == bindparam("at_outbox"),
    RecordRow.sequence.in_(bindparam("numbers", expanding=True)),
)
_COUNTED = recount(select(RecordRow).where(*_THESE).subquery())
_GONE = delete(RecordRow).where(*_THESE)
_LINE: Any = select(Outbox.number, Outbox.gate_number, Outbox.venue_id, Outbox.next, Outbox.ahead, Outbox.purged).where(
    Outbox.number == bindparam("number")
)


def _lock(connection: Connection, outbox: int) -> Row[Any]:
    """The outbox as it is, with its gate's intake – or its venue's inspectors – waiting until this transaction ends."""
    line = connection.execute(_LINE, {"number": outbox}).one()
    if line.venue_id is not None:
        own.queue_up_for(connection, line.venue_id)
    else:
        queue_up(connection, line.gate_number)
    return connection.execute(_LINE, {"number": outbox}).one()


def _is_over(row: Row[Any]) -> bool:
    return bool(row.is_over)


def _all_venues(connection: Connection) -> list[int]:
    """Where gates ever stood, or inspectors registered somebody."""
    registered = select(Outbox.venue_id).where(Outbox.venue_id.is_not(None))
    return sorted(connection.scalars(select(Placement.venue).union(registered)))


def _venues(connection: Connection, line: Row[Any]) -> list[int]:
    if line.venue_id is not None:
        return [line.venue_id]
    stood = select(Placement.venue).where(Placement.gate_number == line.gate_number)
    return sorted(connection.scalars(stood))


def _plain(row: Row[Any]) -> dict[str, Any]:
    """Sums as whole numbers: PostgreSQL's are numeric."""
    return {name: int(value) if name in TOTALS else value for name, value in row._mapping.items()}


def _move(connection: Connection, outbox: int, reached: int) -> None:
    """Everything below `reached` is over: the mark says so, what told of single numbers is not needed any more."""
    connection.execute(update(Outbox).where(Outbox.number == outbox).values(purged=reached))
    connection.execute(delete(HoleRow).where(HoleRow.outbox == outbox, HoleRow.last < reached))
    connection.execute(delete(PurgedNumber).where(PurgedNumber.outbox == outbox, PurgedNumber.sequence < reached))


def _decided(model: Any) -> list[Any]:
    return [] if model is QuarantinedRow else [model.resolution]


def _has_record(row: Row[Any]) -> bool:
    """Whether a record of its own name stands beside it, whose term is another."""
    return getattr(row, "resolution", None) == Resolution.ACCEPTED


def _remember(connection: Connection, numbers: Iterable[tuple[int, int]]) -> None:
    """Numbers above their outbox's mark: the mark does not tell of them."""
    for outbox, sequence in sorted(numbers):
        above = select(Outbox.number).where(and_(Outbox.number == outbox, Outbox.purged <= sequence))
        if connection.scalar(above) is not None:
            insert_new(connection, PurgedNumber, [{"outbox": outbox, "sequence": sequence}])
