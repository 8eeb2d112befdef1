"""The durable queue on TinyDB: `Outbox` writes it, `OutboxReader` reads it from any process."""

from sync.outbox.disk import Limits
from sync.outbox.errors import (
    AppendFailed,
    BadAcknowledgement,
    Immutable,
    OutboxBusy,
    OutboxError,
    OutboxFull,
    OutboxReplaced,
)
from sync.outbox.inspection import OutboxSummary, Verification, export, summary, verify
from sync.outbox.outbox import Outbox, OutboxHealth
from sync.outbox.reader import Extract, OutboxReader, readers

__all__ = [
    "AppendFailed",
    "BadAcknowledgement",
    "Extract",
    "Immutable",
    "Limits",
    "Outbox",
    "OutboxBusy",
    "OutboxError",
    "OutboxFull",
    "OutboxHealth",
    "OutboxReader",
    "OutboxReplaced",
    "OutboxSummary",
    "Verification",
    "export",
    "readers",
    "summary",
    "verify",
]
