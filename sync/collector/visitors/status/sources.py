"""Which status source this centre asks: its own register, or the province's platform together with it."""

from __future__ import annotations

from sync.collector.centre import Centre
from sync.collector.visitors.status.platform import PlatformSource
from sync.collector.visitors.status.port import StatusSource
from sync.collector.visitors.status.register import RegisterSource


def source_of(centre: Centre) -> StatusSource:
    """Made once, then asked; safe to share between threads. Raises Mistake for settings that cannot be meant."""
    settings = centre.settings
    if settings.platform is None:
        return RegisterSource(centre.database, settings.status)
    return PlatformSource(centre.database, settings.status, settings.platform)
