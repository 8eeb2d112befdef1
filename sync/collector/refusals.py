"""One line in the log for what is refused – and under a flood a few a minute of each kind, and a count of the rest.

`Folding` is PURE and decides which lines are written; `Refusals` writes them. A line says what kind of refusal, for
whom and from where, never what was in it (STYLE 13).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Lock

from sync.collector.tally import Tally

LINES_A_MINUTE = 10
_FOLD_SECONDS = 60.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Minute:
    """Since when (monotonic seconds), and how many came of a kind."""

    began: float
    count: int = 0


class Folding:
    """Counts by kind. Kinds are few and ours, so that this does not grow. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._minutes: dict[str, _Minute] = {}

    def note(self, kind: str, now: float) -> bool:
        """Count one; whether it gets a line of its own."""
        minute = self._minutes.setdefault(kind, _Minute(now))
        minute.count += 1
        return minute.count <= LINES_A_MINUTE

    def due(self, now: float) -> Iterator[tuple[str, int]]:
        """(kind, how many had no line) of each kind whose minute is over, where there were such."""
        for kind in [name for name, minute in self._minutes.items() if now - minute.began >= _FOLD_SECONDS]:
            untold = self._minutes.pop(kind).count - LINES_A_MINUTE
            if untold > 0:
                yield kind, untold


class Refusals:
    """The log of what one process refused, and how often each kind (in `tally`). Safe to share between threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, tally: Tally | None = None) -> None:
        self._folding, self._monotonic, self._lock = Folding(), monotonic, Lock()
        self._tally = tally or Tally()
        self._next = 0.0

    def tell(self, kind: str, gate: str | None = None, sender: str | None = None, why: str | None = None) -> None:
        """One refusal. gate: where its signature held. sender: the address that it came from. why: our own trouble."""
        self._tally.refused(kind)
        with self._lock:
            has_line = self._folding.note(kind, self._monotonic())
        if has_line:
            came = (f"from {sender}" if sender else None, why)
            _log.warning("refused: %s", ", ".join(filter(None, (kind, gate or "no known gate", *came))))
        self.tell_rest()

    def tell_rest(self) -> None:
        """What was folded and is due. Called with every request: cheap until a second is over."""
        now = self._monotonic()
        if now < self._next:
            return
        with self._lock:
            self._next = now + 1
            due = list(self._folding.due(now))
        for kind, untold in due:
            _log.warning("refused: %s, and %d more of it in the last minute", kind, untold)


def sender(remote: str | None, forwarded: str | None) -> str | None:
    """Where a request came from: the peer, or what a proxy on this machine says in X-Forwarded-For; None if nobody
    can tell.

    The last address there is the proxy's own word; those before it are the sender's claims.
    """
    try:
        peer = ip_address(remote or "")
        if peer.is_loopback and forwarded:
            peer = ip_address(forwarded.rpartition(",")[2].strip())
        return str(peer).partition("%")[0]  # a zone may hold anything
    except ValueError:
        return None
