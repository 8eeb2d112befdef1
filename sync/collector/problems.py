"""Errors for machines: problem documents (RFC 9457), never a page. Every kind that there is stands here."""

from __future__ import annotations

import json
from enum import Enum
from http import HTTPStatus

from flask import Response

CONTENT_TYPE = "application/problem+json"
PATH = "/v1/problems/"
"""Under it, each kind is explained: `type` is an address of this centre that can be opened (RFC 9457 §3.1.1)."""


class Kind(Enum):
    """What can be wrong: its name in `type` and in the log, the status, and the title for people."""

    NOT_A_MESSAGE = ("not-a-message", HTTPStatus.BAD_REQUEST, "The body is no message of the protocol")
    MALFORMED_BATCH = ("malformed-batch", HTTPStatus.BAD_REQUEST, "A known gate signed what is no batch")
    BAD_REQUEST = ("bad-request", HTTPStatus.BAD_REQUEST, "The request cannot be read")
    NO_TOKEN = ("no-token", HTTPStatus.UNAUTHORIZED, "This is for whoever has its token")
    UNKNOWN_GATE = ("unknown-gate", HTTPStatus.FORBIDDEN, "No gate of this centre has that key")
    BAD_SIGNATURE = ("bad-signature", HTTPStatus.FORBIDDEN, "The signature does not hold")
    OTHER_GATE = ("other-gate", HTTPStatus.FORBIDDEN, "The batch names another gate than its signature")
    UNKNOWN_CODE = ("unknown-code", HTTPStatus.FORBIDDEN, "There is no such enrolment code")
    CODE_OVER = ("code-over", HTTPStatus.FORBIDDEN, "The enrolment code is too old")
    CODE_USED = ("code-used", HTTPStatus.FORBIDDEN, "The enrolment code was used by another device")
    SIGNED_OUT = ("signed-out", HTTPStatus.UNAUTHORIZED, "Nobody is signed in")
    NO_PERMISSION = ("no-permission", HTTPStatus.FORBIDDEN, "Who is signed in may not see this")
    NOT_LOCAL = ("not-local", HTTPStatus.FORBIDDEN, "The pages are not shown on this way")
    NOT_FOUND = ("not-found", HTTPStatus.NOT_FOUND, "There is nothing at this address")
    WRONG_METHOD = ("wrong-method", HTTPStatus.METHOD_NOT_ALLOWED, "This address does not take that method")
    OUTBOX_TAKEN = ("outbox-taken", HTTPStatus.CONFLICT, "The outbox belongs to another gate")
    DEVICE_TAKEN = ("device-taken", HTTPStatus.CONFLICT, "The device is another gate already")
    NO_LENGTH = ("no-length", HTTPStatus.LENGTH_REQUIRED, "The request does not say how long it is")
    TOO_LARGE = ("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is longer than a batch may be")
    WRONG_MEDIA_TYPE = ("wrong-media-type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is of another media type")
    LONG_HEADERS = (
        "long-headers",
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The headers are longer than is read",
    )
    TOO_MANY = ("too-many", HTTPStatus.TOO_MANY_REQUESTS, "Too many tries")
    OUR_FAULT = ("our-fault", HTTPStatus.INTERNAL_SERVER_ERROR, "The centre has a bug")
    UNAVAILABLE = ("unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "The centre takes nothing in at the moment")

    def __init__(self, code: str, status: HTTPStatus, title: str) -> None:
        self.code = code
        self.status = status
        self.title = title

    @property
    def type(self) -> str:
        """The reference in a document, relative to the centre's own address."""
        return PATH + self.code


class Problem(Exception):
    """A request that is refused. detail: one sentence for the one who sends; no payload, no key in it.

    gate: whose it is, where its signature held; for the log.
    """

    def __init__(
        self, kind: Kind, detail: str, *, gate: str | None = None, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.gate = gate
        self.retry_after_seconds = retry_after_seconds


def document(kind: Kind, detail: str, status: HTTPStatus | None = None) -> bytes:
    """The body. status: where routing chose another than the kind's own."""
    status = status or kind.status
    members = {"type": kind.type, "title": kind.title, "status": status.value, "detail": detail}
    return json.dumps(members, ensure_ascii=False).encode()


def response(problem: Problem, status: HTTPStatus | None = None) -> Response:
    """The problem as an answer."""
    status = status or problem.kind.status
    answer = Response(document(problem.kind, problem.detail, status), status, content_type=CONTENT_TYPE)
    if problem.kind.status is HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(problem.retry_after_seconds)
    return answer


def kind_of(status: HTTPStatus) -> Kind:
    """The kind that routing's own refusal of that status is."""
    return _ROUTING.get(status, Kind.OUR_FAULT if status is HTTPStatus.INTERNAL_SERVER_ERROR else Kind.BAD_REQUEST)


_ROUTING = {
    kind.status: kind
    for kind in (
        Kind.NOT_FOUND,
        Kind.WRONG_METHOD,
        Kind.NO_LENGTH,
        Kind.TOO_LARGE,
        Kind.WRONG_MEDIA_TYPE,
        Kind.LONG_HEADERS,
    )
}
