"""The error family of the collector. Each is one sentence that a person at a terminal can act on."""

from sync.errors import SyncError


class CollectorError(SyncError):
    """The collector could not do what was asked. The sentence says what to do."""


class NotInitialized(CollectorError):
    """The state directory holds no collector yet, or only a part of one."""


class NotFound(CollectorError):
    """There is no venue, checkpoint or gate of that name."""


class Mistake(CollectorError):
    """What was asked for cannot be done as it was asked."""


class DatabaseUnavailable(CollectorError):
    """The database did not take the transaction now (locked, full disk, gone). Nothing of it is stored."""
