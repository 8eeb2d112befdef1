"""For a proxy or a supervisor: does the process answer, and can it take records in. No word about anything else."""

from __future__ import annotations

from flask import Blueprint, Response

from sync.collector import schema
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.problems import Kind, Problem

PATHS = ("/healthz", "/readyz")


def blueprint(centre: Centre) -> Blueprint:
    """`/healthz` answers while the process does, `/readyz` while its database does too (else 503)."""
    health = Blueprint("health", __name__)

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
        return Response("ready\n", content_type="text/plain")

    return health
