"""One exchange in a thread of its own: whatever hangs there, a name look-up too, never holds the loop."""

from __future__ import annotations

import threading
from typing import Protocol


class Transport(Protocol):
    """A carrier that answers."""

    def exchange(self, body: bytes) -> bytes:
        """One batch there, one answer back. Raises ExchangeFailed."""
        ...

    def abort(self) -> None:
        """End the exchange under way, from another thread."""
        ...

    def close(self) -> None:
        """Free the connection."""
        ...


class Errand:
    """Sends `body` at once. finished: set when the answer or the failure is there."""

    def __init__(self, transport: Transport, body: bytes, finished: threading.Event) -> None:
        self._transport = transport
        self._finished = finished
        self._answer: bytes | None = None
        self._failure: BaseException | None = None
        # A daemon: a thread that hangs in the name look-up does not keep the program from ending.
        self._thread = threading.Thread(target=self._run, args=(body,), name="exchange", daemon=True)
        self._thread.start()

    def _run(self, body: bytes) -> None:
        try:
            self._answer = self._transport.exchange(body)
        except BaseException as failure:  # noqa: BLE001 - carried over to the loop's thread by `answer`
            self._failure = failure
        self._finished.set()

    @property
    def is_done(self) -> bool:
        """Whether `answer` may be asked."""
        return self._answer is not None or self._failure is not None

    def answer(self) -> bytes:
        """What came back. Raises ExchangeFailed, and whatever else went wrong in the thread (our bug)."""
        if self._failure is not None:
            raise self._failure
        assert self._answer is not None, "ask is_done first"
        return self._answer

    def abandon(self, patience_seconds: float) -> None:
        """Cut it and wait for its end, but no longer than that."""
        self._transport.abort()
        self._thread.join(patience_seconds)
