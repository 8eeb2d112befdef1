"""The province's platform as a status source: asked about one person by JSON, POST and HTTPS.

Its answer is believed only where it is whole, is of this very request, and says a word that collector.toml translates.
Everything else is no answer: then everybody is referred, unless the town takes what it said last. What was red or
yellow stays so. No number, name or body is ever in a log.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from sqlalchemy import select

from sync.collector.database import Database, upsert
from sync.collector.errors import CollectorError, Mistake
from sync.collector.messages.gateway import filled
from sync.collector.messages.settings import secret
from sync.collector.outbound.addresses import Rules
from sync.collector.outbound.errors import NotAllowed, OutboundError
from sync.collector.outbound.post import Patience, Poster
from sync.collector.visitors.identity import Person, normal_number
from sync.collector.visitors.model import Visitor
from sync.collector.visitors.status import lists, reach, records
from sync.collector.visitors.status.breaker import Breaker
from sync.collector.visitors.status.judging import Answered, judge
from sync.collector.visitors.status.model import PlatformAnswer
from sync.collector.visitors.status.port import Health, LastTest, Reason, Source, Subject
from sync.collector.visitors.status.settings import NoAnswer, PlatformSettings, StatusSettings
from sync.wire.passes import Status

SECRET_VARIABLE = "COLLECTOR_PLATFORM_SECRET"  # noqa: S105 - the name of a variable
MAX_ANSWER_BYTES = 16_384
_AHEAD_SECONDS = 300.0
_OLDEST_SECONDS = 10 * 366 * 86_400.0
_MOST_SECONDS, _MOST_TIME = 1e11, 1e16  # what is more is milliseconds, or no time
_ID_BYTES = 16
_log = logging.getLogger(__name__)


class NotBelieved(CollectorError):
    """Something answered, and not as a platform that was asked this. The sentence repeats nothing of it."""


@dataclass
class PlatformSource:
    """Raises Mistake for an address that is none. monotonic: seconds, for the breaker. Safe to share."""

    database: Database
    settings: StatusSettings
    platform: PlatformSettings
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        try:
            rules = Rules.allowing([self.platform.url])
        except NotAllowed as cause:
            raise Mistake(f"platform.url in collector.toml: {cause}") from cause
        whole = self.platform.whole_seconds
        patience = Patience(min(self.platform.connect_seconds, whole), whole, whole)
        self._poster = Poster(rules, self.platform.ca, patience, MAX_ANSWER_BYTES)
        self._breaker, self._lock = Breaker(), Lock()

    def of(self, subject: Subject, now: float) -> Health:
        """How somebody stands, by the platform and the town's register. Raises DatabaseUnavailable."""
        with self.database.look() as connection:
            evidence = records.evidence(connection, [subject.visitor])[subject.visitor]
        if not evidence.is_registered:
            return judge(evidence, self.settings, now)
        known = evidence.answered
        if known is not None and 0 <= now - known.at < self.platform.fresh_seconds:
            return judge(evidence, self.settings, now)
        answered = None if subject.person is None else self._asked(subject.person, now)
        if answered is not None:
            return self._kept(subject.visitor, answered, now)
        found = judge(evidence, self.settings, now)
        if self._is_recent(known, now) or found.status in (Status.YELLOW, Status.RED):
            return found
        return replace(
            found, status=Status.UNKNOWN, reason=Reason.NO_ANSWER, source=Source.PLATFORM, since=None, until=None
        )

    def _is_recent(self, known: Answered | None, now: float) -> bool:
        if known is None or self.platform.no_answer is not NoAnswer.LAST_KNOWN:
            return False
        return 0 <= now - known.at <= self.platform.last_known_hours * 3600

    def _asked(self, person: Person, now: float) -> Answered | None:
        with self._lock:
            breaker = self._breaker.asked(self.monotonic())
            if breaker is None:
                return None
            self._breaker = breaker
        try:
            answered = self._ask(person, now)
        except (OutboundError, NotBelieved, Mistake) as failure:
            with self._lock:
                before, self._breaker = self._breaker, self._breaker.failed(self.monotonic())
                rests = self._breaker.is_resting and not before.is_resting
            if before.failures == 0 or rests:
                _log.warning("the platform does not answer%s: %s", ", it is left alone" if rests else "", failure)
            return None
        with self._lock:
            before, self._breaker = self._breaker, Breaker()
        if before.is_resting:
            _log.warning("the platform answers again")
        return answered

    def _ask(self, person: Person, now: float) -> Answered:
        """Raises OutboundError, NotBelieved, Mistake."""
        request_id = os.urandom(_ID_BYTES).hex()
        fill = {
            "id": request_id,
            "number": person.number,
            "name": person.name,
            "document": self.platform.documents.get(person.document.value, person.document.value),
            "secret": secret(self.platform.secret_file, SECRET_VARIABLE) or "",
        }
        headers = {name: filled(value, fill) for name, value in self.platform.headers.items()}
        with_type = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", **headers}
        body = json.dumps(filled(self.platform.body, fill), ensure_ascii=False).encode()
        answer = self._poster.post(self.platform.url, body, with_type)
        if answer.is_cut:
            raise NotBelieved(f"its answer has more than {MAX_ANSWER_BYTES} bytes")
        return read(answer.body, self.platform, request_id, person.number, now)

    def _kept(self, visitor: str, answered: Answered, now: float) -> Health:
        """Written down, and on its way to the gates where it changes something."""
        test = answered.test
        values = {
            "status": int(answered.status),
            "asked_at": answered.at,
            "asserted_at": answered.asserted_at,
            "tested_at": None if test is None else test.at,
            "negative": None if test is None else test.negative,
        }
        with self.database.write() as session:
            still_there = session.scalar(select(Visitor.id).where(Visitor.id == visitor).with_for_update())
            if still_there is None:
                return Health(Status.UNKNOWN, Reason.NOT_REGISTERED, Source.REGISTER, now)
            statement = upsert(PlatformAnswer, session.connection().dialect.name).values(visitor=visitor, **values)
            session.execute(statement.on_conflict_do_update(index_elements=["visitor"], set_=values))
            return reach.settle(session, self.settings, [visitor], now)[visitor]


def read(body: bytes, platform: PlatformSettings, request_id: str, number: str, now: float) -> Answered:
    """PURE: what an answer says. Raises NotBelieved."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as cause:
        raise NotBelieved("its answer is no JSON") from cause
    fields = platform.answer
    if fields.id and _at(said, fields.id) != request_id:
        raise NotBelieved("its answer is another request's")
    if fields.number:
        told = _at(said, fields.number)
        if not isinstance(told, str) or normal_number(told) != number:
            raise NotBelieved("its answer is about somebody else")
    colour = platform.statuses.get(str(_at(said, fields.status)))
    if colour is None:
        raise NotBelieved("its answer has no status that collector.toml knows (platform.statuses)")
    asserted_at = _time(_at(said, fields.asserted_at), now) if fields.asserted_at else None
    return Answered(Status[colour.name], now, now if asserted_at is None else asserted_at, _test(said, platform, now))


def _test(said: Any, platform: PlatformSettings, now: float) -> LastTest | None:
    fields = platform.answer
    if not fields.tested_at or not fields.result:
        return None
    at, result = _time(_at(said, fields.tested_at), now), _at(said, fields.result)
    if at is None and result is None:
        return None
    negative = platform.results.get(str(result))
    if at is None or negative is None:
        raise NotBelieved("its answer has a test without a time or a result that collector.toml knows")
    return LastTest(at, negative)


def _at(said: Any, path: str) -> Any:
    for name in path.split("."):
        said = said.get(name) if isinstance(said, dict) else None
    return said


def _time(told: Any, now: float) -> float | None:
    """Seconds or milliseconds since 1970, or a time as text in China; None for none. A little ahead is now."""
    if told is None or told == "":
        return None
    if isinstance(told, str):
        at = lists.moment(told)
    elif isinstance(told, int | float) and not isinstance(told, bool) and abs(told) < _MOST_TIME:
        at = told / 1000 if told > _MOST_SECONDS else float(told)
    else:
        at = None
    # Written so that NaN is refused too.
    if at is None or not now - _OLDEST_SECONDS <= at <= now + _AHEAD_SECONDS:
        raise NotBelieved("its answer has a time that cannot be: its clock or its form is another")
    return min(at, now)
