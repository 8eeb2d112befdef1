"""What the outbox can fail at. Each is our own fault or our own disk's, never the visitor's."""

from sync.errors import SyncError


class OutboxError(SyncError):
    """The queue cannot be used."""


class OutboxBusy(OutboxError):
    """Another process writes this outbox already."""


class AppendFailed(OutboxError):
    """The record is not known to be on disk; its number is burnt. Nothing may open."""


class OutboxFull(AppendFailed):
    """No room that may be used. An acknowledgement frees space."""


class BadAcknowledgement(OutboxError):
    """A receipt's range is none of this outbox's: it was never written, or runs backwards."""


class OutboxReplaced(BadAcknowledgement):
    """The centre holds more than was ever written here: an old image was put back. `Outbox.renew` is the way on."""


class Immutable(OutboxError):
    """A queued record is evidence: only a receipt takes it away, and a correction is a new record."""
