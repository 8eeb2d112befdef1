"""For a proxy or a supervisor: does the process answer, and can it take records in. No word about anything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from flask import Blueprint, Response
from sqlalchemy import Connection, text

from sync.collector import schema
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.problems import Kind, Problem

PATHS = ("/healthz", "/readyz")
LEAST_FREE_BYTES = 64_000_000
"""Below that a batch may meet a full disk: SQLite's log alone may grow by a quarter of it between two checkpoints."""


def blueprint(centre: Centre, free_bytes: Callable[[], int] | None = None) -> Blueprint:
    """`/healthz` answers while the process does, `/readyz` while its database would take a batch too (else 503).

    free_bytes: on the disk of the state directory; None asks the system.
    """
    health = Blueprint("health", __name__)
    free = free_bytes or (lambda: shutil.disk_usage(centre.state.path).free)

    @health.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain")

    @health.get("/readyz")
    def readyz() -> Response:
        with centre.database.look() as connection:
            try:
                schema.require_current(connection)
            except Mistake as cause:
                raise Problem(Kind.UNAVAILABLE, str(cause)) from cause
            if not centre.database.is_sqlite and _is_read_only(connection):
                raise Problem(Kind.UNAVAILABLE, "the database is read-only, a standby perhaps")
        if centre.database.is_sqlite and free() < LEAST_FREE_BYTES:
            raise Problem(Kind.UNAVAILABLE, "the disk of the database is full")
        return Response("ready\n", content_type="text/plain")

    return health


def _is_read_only(connection: Connection) -> bool:
    return str(connection.scalar(text("SHOW transaction_read_only"))) == "on"
