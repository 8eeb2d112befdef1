"""Which status source this centre asks: its own register."""

from __future__ import annotations

from sync.collector.centre import Centre
from sync.collector.visitors.status.port import StatusSource
from sync.collector.visitors.status.register import RegisterSource


def source_of(centre: Centre) -> StatusSource:
    """Asks; holds nothing open. Safe to share between threads."""
    return RegisterSource(centre.database, centre.settings.status)
