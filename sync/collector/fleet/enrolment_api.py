"""`POST /v1/enrolments`: a device asks to become a gate (`fleet.enrolment`)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Blueprint, Request, Response, request

from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.fleet.enrolment import Tries, ask
from sync.collector.intake.api import ANSWER_TYPE, CONTENT_TYPE
from sync.collector.keys import NoKey
from sync.collector.problems import Kind, Problem
from sync.collector.refusals import sender
from sync.wire.enrolment import encode_answer
from sync.wire.envelope import MessageType

PATH = "/v1/enrolments"
MAX_BODY_BYTES = MessageType.ENROL.max_bytes
_log = logging.getLogger(__name__)


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    machine = Blueprint("enrolment", __name__)
    tries = Tries()

    @machine.post(PATH)
    def enrolments() -> Response:
        body = bounded_body(request, MAX_BODY_BYTES)
        who = sender(request.remote_addr, request.headers.get("X-Forwarded-For")) or ""
        try:
            answer = ask(centre, body, clock(), tries, who)
        except (Mistake, NoKey) as cause:
            _log.error("an enrolment cannot be answered: %s", cause)
            raise Problem(Kind.UNAVAILABLE, "the centre cannot answer at the moment: its log says why") from cause
        return Response(encode_answer(answer), content_type=ANSWER_TYPE)

    return machine


def bounded_body(incoming: Request, most: int) -> bytes:
    """The body of a signed message. Raises Problem."""
    if incoming.mimetype != CONTENT_TYPE:
        raise Problem(Kind.WRONG_MEDIA_TYPE, f"it is sent as {CONTENT_TYPE}")
    if incoming.content_length is None:
        raise Problem(Kind.NO_LENGTH, "it says its length before it comes")
    if incoming.content_length > most:
        raise Problem(Kind.TOO_LARGE, f"it has at most {most} bytes")
    return incoming.get_data(cache=False)
