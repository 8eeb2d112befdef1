"""The centre's web application: the machine interface, the pages, and what every answer has in common."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from sync.collector import problems
from sync.collector.centre import Centre
from sync.collector.errors import DatabaseUnavailable
from sync.collector.intake import api
from sync.collector.problems import Problem

_RETRY_AFTER_SECONDS = 5
_HEADERS = {
    # No inline script or style, nothing from elsewhere: town networks are closed.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_log = logging.getLogger(__name__)


def create_app(centre: Centre, clock: Callable[[], float] = time.time) -> Flask:
    """clock: seconds since 1970."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = api.MAX_BODY_BYTES
    app.register_blueprint(api.blueprint(centre, clock))
    app.after_request(_harden)
    app.register_error_handler(Problem, problems.response)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(DatabaseUnavailable, _unavailable)
    return app


def _harden(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def _http_problem(error: HTTPException) -> Response:
    """Routing's own refusals, and a bug of ours (500, whose traceback Flask has logged)."""
    status = HTTPStatus(error.code or 500)
    answer = problems.response(Problem(status, error.description or status.phrase))
    if allow := error.get_response().headers.get("Allow"):
        answer.headers["Allow"] = allow
    return answer


def _unavailable(error: DatabaseUnavailable) -> Response:
    _log.error("%s", error)
    return problems.response(
        Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the centre's database did not take it: nothing was stored, send it again",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    )
