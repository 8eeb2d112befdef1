"""People as the authority's pages see them: looked up by a number that is never in an address, counted, audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.accounts import limits
from sync.collector.accounts.limits import Limit
from sync.collector.accounts.secrets import AccountKey
from sync.collector.database import Database
from sync.collector.errors import Mistake
from sync.collector.privacy.access import Personal
from sync.collector.privacy.audit import Act
from sync.collector.visitors import marking, registry
from sync.collector.visitors.identity import Document, masked, normal_number
from sync.collector.visitors.status import records
from sync.collector.visitors.status.judging import judge
from sync.collector.visitors.status.model import Declaration, LabResult, MarkedPerson, StatusEntry
from sync.collector.visitors.status.port import Health
from sync.collector.visitors.status.settings import StatusSettings

LOOKS = Limit(free=300, first_wait_seconds=60, longest_wait_seconds=900, forgotten_seconds=1800)
MISSES = Limit(free=30, first_wait_seconds=60, longest_wait_seconds=3600, forgotten_seconds=86_400)
"""Look-ups of an account in a row, and those that found nobody: whoever guesses numbers is slowed down."""
_MOST_WAITING = 50


class MustWait(Mistake):
    """Too many look-ups. wait_seconds: until the next."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"too many look-ups: wait {wait_seconds:.0f} seconds")
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody in a list of several. name: None for who is only marked."""

    visitor: str
    document: Document
    name: str | None = field(repr=False)
    number: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Somebody's own page. number, phone: masked. entries, results, declarations: the newest first."""

    visitor: str
    document: Document
    name: str | None = field(repr=False)
    number: str
    phone: str
    is_verified: bool
    health: Health
    entries: Sequence[StatusEntry]
    results: Sequence[LabResult]
    declarations: Sequence[Declaration]

    @property
    def is_waiting(self) -> bool:
        """Whether a declaration is to be looked at."""
        return any(each.looked_at is None for each in self.declarations)


def count(database: Database, key: AccountKey, account_id: int, now: float) -> bytes:
    """A look-up is counted before it is made; what to take back when it found somebody. Raises MustWait."""
    missed = key.hash("tally", "status missed", str(account_id))
    with database.write() as session:
        counted = [(key.hash("tally", "status looked", str(account_id)), LOOKS), (missed, MISSES)]
        wait = limits.count(session, counted, now)
    if wait > 0:
        raise MustWait(wait)
    return missed


def take_back(database: Database, missed: bytes) -> None:
    """It found somebody. A transaction of its own: who looks up holds the audit, and who counts may wait for that."""
    with database.write() as session:
        limits.take_back(session, missed, all_of_it=False)


def find(access: Personal, text: str) -> list[Found]:
    """Whose number or phone that is, registered or marked. In the audit, also where it is nobody's."""
    found = [
        Found(each.id, each.person.document, each.person.name, masked(each.person.number))
        for each in registry.find(access, text)
    ]
    hashes = access.cipher.hashes(marking.NUMBER, normal_number(text))
    for row in access.session.scalars(select(MarkedPerson).where(MarkedPerson.number_hash.in_(hashes))):
        access.note(Act.FIND, row.id)
        found.append(Found(row.id, Document(row.document), None, masked(marking.opened(access.cipher, row))))
    return found


def show(access: Personal, settings: StatusSettings, visitor: str) -> Shown:
    """Somebody's page; the look stands in the audit. Raises NotFound."""
    session = access.session
    who = _who(access, visitor)
    evidence = records.evidence(session.connection(), [visitor])[visitor]
    entries = select(StatusEntry).where(StatusEntry.visitor == visitor).order_by(StatusEntry.set_at.desc())
    results = select(LabResult).where(LabResult.visitor == visitor).order_by(LabResult.taken_at.desc())
    declared = select(Declaration).where(Declaration.visitor == visitor).order_by(Declaration.at.desc())
    return Shown(
        visitor,
        *who,
        judge(evidence, settings, access.now),
        session.scalars(entries).all(),
        session.scalars(results).all(),
        session.scalars(declared).all(),
    )


def _who(access: Personal, visitor: str) -> tuple[Document, str | None, str, str, bool]:
    """Document, name, number and phone (masked), and whether somebody saw the document."""
    marked = access.session.get(MarkedPerson, visitor)
    if marked is not None:
        access.note(Act.SHOW, visitor)
        return Document(marked.document), None, masked(marking.opened(access.cipher, marked)), "", False
    known = registry.show(access, visitor)
    person = known.person
    is_verified = known.verified_at is not None
    return person.document, person.name, masked(person.number), masked(person.phone), is_verified


def waiting(session: Session) -> Sequence[Declaration]:
    """Declarations that nobody looked at, the oldest first; who they are is on their own pages."""
    open_ones = select(Declaration).where(Declaration.looked_at.is_(None)).order_by(Declaration.at)
    return session.scalars(open_ones.limit(_MOST_WAITING)).all()
