"""A message to one person, and the port by which it leaves: e-mail, SMS, or a directory that somebody reads."""

from __future__ import annotations

from typing import Protocol

import msgspec

from sync.collector.errors import CollectorError, Mistake

MAX_SUBJECT, MAX_TEXT = 200, 60_000


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """to: `mailto:` or `tel:`, as `addresses.normalized` gives it. text: plain, lines end with \\n. language: zh or en.

    id: the same for every attempt, so that whoever gets it twice can tell. Raises Mistake.
    """

    to: str
    subject: str
    text: str
    language: str = "zh"
    id: str = ""

    def __post_init__(self) -> None:
        if not self.subject.isprintable() or len(self.subject) > MAX_SUBJECT:
            raise Mistake(f"a subject is one line of at most {MAX_SUBJECT} characters")
        if not self.text.strip() or len(self.text) > MAX_TEXT or not self.text.replace("\n", "").isprintable():
            raise Mistake(f"a message has 1 to {MAX_TEXT} printable characters")

    @property
    def channel(self) -> str:
        """`mailto`, `tel`, or another messenger's."""
        return self.to.partition(":")[0]


class NotDelivered(CollectorError):
    """The message did not leave, as far as we know. The sentence holds no address, text, password or token."""


class NotYet(NotDelivered):
    """It may go better later. retry_after: seconds that the peer asked for.

    concerns_all: not this message failed but the way itself, so that others need not try it at this moment.
    """

    def __init__(self, sentence: str, retry_after: float | None = None, *, concerns_all: bool = False) -> None:
        super().__init__(sentence)
        self.retry_after, self.concerns_all = retry_after, concerns_all


class Never(NotDelivered):
    """This message will not be taken, however often it is tried."""


class Messenger(Protocol):
    """One way to people."""

    def send(self, message: Message) -> None:
        """Returns when the next one on the way has taken it over, within a bounded time. Raises NotYet, Never.

        What it does NOT establish: that anybody read it, or that it was not sent before (see `Message.id`).
        """
        ...


class Sealing(Protocol):
    """Encrypts what the database holds; `bound` names the place, and it opens nowhere else."""

    def seal(self, content: bytes, bound: str) -> bytes: ...

    def open(self, sealed: bytes, bound: str) -> bytes:
        """Raises CollectorError."""
        ...
