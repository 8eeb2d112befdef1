"""A status source for tests of whoever asks one: says what it was told to, and does not answer where it was told so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sync.collector.errors import DatabaseUnavailable
from sync.collector.visitors.status.port import Health, Reason, Source, Subject
from sync.wire.passes import Status


@dataclass
class FakeStatusSource:
    """known: by the visitor's id. is_down: its database is gone."""

    known: dict[str, Health] = field(default_factory=dict)
    is_down: bool = False

    @classmethod
    def saying(cls, known: Mapping[str, Status], now: float) -> FakeStatusSource:
        """Each visitor with that status from now on, for no end."""
        return cls(
            {visitor: Health(status, Reason.CHECKED, Source.REGISTER, now, now) for visitor, status in known.items()}
        )

    def of(self, subject: Subject, now: float) -> Health:
        """As it was told. Raises DatabaseUnavailable where it is down."""
        if self.is_down:
            raise DatabaseUnavailable("the database did not take it: it is a fake that is down")
        told = self.known.get(subject.visitor)
        if told is None or (told.until is not None and told.until <= now):
            return Health(Status.UNKNOWN, Reason.NOT_REGISTERED, Source.REGISTER, now)
        return replace(told, asserted_at=now)
