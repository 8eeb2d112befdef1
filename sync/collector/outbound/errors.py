"""Why a request to somebody else's server did not do its work: our mistake, the peer's word, or no network."""

from __future__ import annotations

from sync.collector.errors import CollectorError


class OutboundError(CollectorError):
    """No good answer came back. The sentence holds no header, no body and no query of ours: those may be secrets."""


class NotAllowed(OutboundError):
    """Our mistake: an address that is none, or that this centre never speaks to. Nothing was sent."""


class PeerFault(OutboundError):
    """Somebody answered, and not as asked. status: of HTTP, None where it did not come so far.

    retry_after: seconds that the peer asked for, None where it did not.
    """

    def __init__(self, sentence: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.status, self.retry_after = status, retry_after


class Unreached(OutboundError):
    """No network: no name, no route, a time-out, a cut connection. Whether the peer took the request is not known."""
