"""A disk that is not asked to flush: for outboxes that only have to be full before a test begins."""

from __future__ import annotations

from sync.outbox.system import System


class Unflushed(System):
    """Fifty times as fast, and lost with the power, which no test of the link cuts."""

    def sync(self, descriptor: int) -> None:
        """As if it had been."""

    def sync_data(self, descriptor: int) -> None:
        """As if it had been."""
