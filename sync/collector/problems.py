"""Errors for machines: problem documents (RFC 9457), never a page."""

from __future__ import annotations

import json
from http import HTTPStatus

from flask import Response

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is refused. detail: one sentence for the one who sends; no payload, no key in it."""

    def __init__(self, status: HTTPStatus, detail: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


def document(status: HTTPStatus, detail: str) -> bytes:
    """The body. `type` "about:blank": the status says what kind of problem it is (RFC 9457 §4.2.1)."""
    members = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return json.dumps(members, ensure_ascii=False).encode()


def response(problem: Problem) -> Response:
    """The problem as an answer."""
    answer = Response(document(problem.status, problem.detail), problem.status, content_type=CONTENT_TYPE)
    if problem.retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(problem.retry_after_seconds)
    return answer
