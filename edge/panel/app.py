"""The visitor display as a Flask application: one page, its state as JSON, its health, its metrics.

Read-only towards the gate. Decides nothing about a visitor; what is shown for what is in `edge.panel.view`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec
from flask import Flask, Response, render_template, request
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from edge.panel import metrics, words
from edge.panel.config import PanelConfig
from edge.panel.demo import Demo, DemoView, pages
from edge.panel.freshness import Now, Readings, Silence
from edge.panel.reading import read_both, read_now
from edge.panel.view import View, panel_silent, view
from sync.wire.statedir import StateDir

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Page(msgspec.Struct, frozen=True):
    """What /status answers. instance: this start of gate-panel; an earlier one's page loads itself anew."""

    instance: str
    view: View
    demo: DemoView | None


def create_app(
    state: StateDir, config: PanelConfig, demo: Demo | None = None, now: Callable[[], Now] = read_now
) -> Flask:
    """Build the application over `state`. demo: the demo's directory, None on a real gate. now: the clock."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        TRUSTED_HOSTS=config.allowed_names,
        MAX_CONTENT_LENGTH=4096,
        SESSION_COOKIE_NAME="gate-panel",  # cookies do not tell ports, and the collector, apart
        SESSION_COOKIE_SAMESITE="Strict",
        WTF_CSRF_TIME_LIMIT=None,  # a display stands open for weeks; the token ends with the session
    )
    CSRFProtect(app)
    instance = secrets.token_hex(8)

    def page(at: Now) -> Page:
        return Page(instance, view(read_both(state, at), at), demo.view() if demo else None)

    @app.get("/")
    def display() -> str:
        silent = msgspec.to_builtins(panel_silent())
        return render_template("display.html", page=page(now()), silent=silent, words=words)

    @app.get("/status")
    def status() -> Response:
        response = _json(page(now()))
        response.add_etag()
        response.make_conditional(request)
        return response

    @app.get("/healthz")
    def health() -> Response:
        at = now()
        readings = read_both(state, at)
        return _json(_health(readings, at), 503 if isinstance(readings.gate, Silence) else 200)

    @app.get("/metrics")
    def prometheus() -> Response:
        at = now()
        return Response(metrics.exposition(read_both(state, at), at), content_type=metrics.CONTENT_TYPE)

    @app.errorhandler(HTTPException)
    def problem(error: HTTPException) -> tuple[str, int, list[tuple[str, str]]]:
        code = error.code or 500
        return render_template("problem.html", code=code, text=words.problem(code)), code, error.get_headers()

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    if demo is not None:
        app.register_blueprint(pages(demo))
    return app


def _json(value: object, code: int = 200) -> Response:
    return Response(msgspec.json.encode(value), code, mimetype="application/json")


def _health(readings: Readings, at: Now) -> dict[str, object]:
    gate, sync = readings.gate, readings.sync
    health: dict[str, object] = {"sync": sync if isinstance(sync, Silence) else "fresh"}
    if isinstance(gate, Silence):
        return health | {"gate": gate}
    return health | {
        "gate": "fresh",
        "age_seconds": round(at.mono - gate.mono, 3),
        "signal": gate.signal,
        "faults": gate.faults,
        "backlog": gate.backlog,
    }
