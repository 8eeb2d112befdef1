"""`[status]` of collector.toml: what the town decides about who is green."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import msgspec

DAY_SECONDS = 86_400.0
_Days = Annotated[int, msgspec.Meta(ge=1, le=90)]


class Default(str, Enum):
    """How somebody stands who registered and of whom nothing is known. Unknown is referred at every gate."""

    UNKNOWN = "unknown"
    GREEN = "green"


class StatusSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[status]`. default: of who registered and nothing is known.

    positive_days: a positive test is red so long after the sample, unless a later negative or the authority says
    otherwise. declaration_days: symptoms or a contact are yellow so long, unless the authority looks before.
    """

    default: Default = Default.UNKNOWN
    positive_days: _Days = 14
    declaration_days: _Days = 14

    @property
    def counts_days(self) -> int:
        """How long a test or declaration may count."""
        return max(self.positive_days, self.declaration_days)


class NoAnswer(str, Enum):
    """What holds while the platform does not answer: refer everybody, or what it said last, not older than so long."""

    REFER = "refer"
    LAST_KNOWN = "last_known"


class AnswerFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the platform's answer says what; a.b is b within a. Empty: it does not say that.

    id, number: what it repeats of the request, so that nobody gets somebody else's answer; one of them at least.
    asserted_at: since when. tested_at, result: the last test.
    """

    id: str = "id"
    number: str = ""
    status: str = "status"
    asserted_at: str = "asserted_at"
    tested_at: str = "tested_at"
    result: str = "result"

    def __post_init__(self) -> None:
        if not (self.id or self.number) or not self.status:
            raise ValueError("an answer has a status, and repeats the request's id or number")


class Colour(str, Enum):
    """What a platform's word means."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    UNKNOWN = "unknown"


_BODY = {"id": "{id}", "document": "{document}", "number": "{number}"}


class PlatformSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[platform]`: a provincial platform that takes JSON by POST (docs/PROTOCOL.md).

    url: naming it here allows it, also by http and inside a private network. headers, body: {number}, {document},
    {name}, {id} of the request, {secret}. documents: our kinds of document in the platform's words. statuses, results:
    its words in ours. fresh_seconds: an answer so young is not asked for again. no_answer, last_known_hours: what
    holds while it is silent.
    """

    url: str
    headers: dict[str, str] = {}
    body: dict[str, Any] = msgspec.field(default_factory=lambda: dict(_BODY))
    answer: AnswerFields = AnswerFields()
    documents: dict[str, str] = {}
    statuses: dict[str, Colour] = msgspec.field(default_factory=lambda: {each.value: each for each in Colour})
    results: dict[str, bool] = msgspec.field(default_factory=lambda: {"negative": True, "positive": False})
    secret_file: str | None = None
    ca: str | None = None
    connect_seconds: Annotated[float, msgspec.Meta(gt=0, le=10)] = 2.0
    whole_seconds: Annotated[float, msgspec.Meta(gt=0, le=20)] = 4.0
    fresh_seconds: Annotated[float, msgspec.Meta(ge=0, le=3_600)] = 60.0
    no_answer: NoAnswer = NoAnswer.REFER
    last_known_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24
