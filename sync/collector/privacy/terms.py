"""The terms: how long the centre keeps what. Numbered documents in the database, like the policy; no gate needs them.

What has no term here stays: roll-ups, which name nobody, and the audit, which names no visitor and must outlive what it
speaks of (the law of the PRC on personal information, art. 56, asks for three years).
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from sqlalchemy import Connection, insert, select

from sync.collector.errors import Mistake
from sync.collector.privacy.model import TermsDocument
from sync.wire import jsonform
from sync.wire.errors import WireError

DAY_SECONDS = 86_400
_Days = Annotated[int, msgspec.Meta(ge=1, le=3_660)]


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days.

    records: passages, from when they happened, and whose pass a serial was, from when that pass expired. apart: what
    could not be counted – set aside, conflicts, quarantine – from when it came: people must look at it first. visitors:
    a registration, from when its newest pass expired. health: what the authority said of somebody, from when that
    ended; tests and declarations, from their day.
    """

    records: _Days = 21
    apart: _Days = 90
    visitors: _Days = 365
    health: _Days = 90


def in_force(connection: Connection) -> Terms:
    """The newest; the defaults where nobody set any."""
    newest = select(TermsDocument.document).order_by(TermsDocument.number.desc()).limit(1)
    document = connection.scalar(newest)
    return Terms() if document is None else jsonform.decode(document, Terms, "terms")


def read(document: bytes) -> Terms:
    """Raises Mistake naming what is wrong with it."""
    try:
        return jsonform.decode(document, Terms, "terms")
    except WireError as cause:
        raise Mistake(f"the terms in force stay: {cause}") from cause


def put(connection: Connection, terms: Terms, now: float) -> None:
    """In force from the next purge on."""
    connection.execute(insert(TermsDocument), {"created_at": now, "document": jsonform.encode(terms)})
