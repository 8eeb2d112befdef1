"""The centre's web application: the machine interface, the pages, and what every answer has in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from sync.collector import health, interface, languages, problems
from sync.collector.centre import Centre
from sync.collector.errors import DatabaseUnavailable
from sync.collector.intake import api, pages
from sync.collector.intake.pages import NotHere
from sync.collector.languages import translate as _
from sync.collector.problems import Kind, Problem
from sync.collector.refusals import Refusals, sender

_RETRY_AFTER_SECONDS = 5
_HEADERS = {
    # No inline script or style, nothing from elsewhere: town networks are closed.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",  # static files bring their own
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MACHINE_PATHS = ("/v1/", "/live", *health.PATHS)
REFUSALS = "refusals"
"""Where an application keeps its log of them, for whoever serves it."""


def create_app(centre: Centre, clock: Callable[[], float] = time.time) -> Flask:
    """clock: seconds since 1970."""
    app = Flask(__name__)
    app.extensions[REFUSALS] = Refusals()
    app.url_map.merge_slashes = False  # a machine is never redirected
    app.config["MAX_CONTENT_LENGTH"] = api.MAX_BODY_BYTES
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    languages.init_app(app)
    app.register_blueprint(health.blueprint(centre))
    app.register_blueprint(api.blueprint(centre, clock))
    app.register_blueprint(interface.blueprint())
    app.register_blueprint(pages.blueprint(centre, clock))
    app.after_request(_harden)
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DatabaseUnavailable, _unavailable)
    app.register_error_handler(NotHere, _not_here)
    return app


def _harden(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    _refusals().tell_rest()
    return answer


def _refusals() -> Refusals:
    log: Refusals = current_app.extensions[REFUSALS]
    return log


def _problem(problem: Problem) -> Response:
    _refusals().tell(problem.kind.code, problem.gate, _sender())
    return problems.response(problem)


def _sender() -> str | None:
    return sender(request.remote_addr, request.headers.get("X-Forwarded-For"))


def _is_page() -> bool:
    """Whether a person asked; machines get problem documents."""
    return not f"/{request.path.lstrip('/')}".startswith(MACHINE_PATHS)


def _http_error(error: HTTPException) -> Response:
    """Routing's own refusals, and a bug of ours (500, whose traceback Flask has logged)."""
    status = HTTPStatus(error.code or 500)
    kind = problems.kind_of(status)
    _refusals().tell(kind.code, sender=_sender())
    if _is_page():
        head = _("没有这个页面") if status is HTTPStatus.NOT_FOUND else _("页面无法打开")
        answer = _notice(status, head, [f"{status.value} {status.phrase}"], home=True)
    else:
        answer = problems.response(Problem(kind, error.description or status.phrase), status)
    if allow := error.get_response().headers.get("Allow"):
        answer.headers["Allow"] = allow
    return answer


def _unavailable(error: DatabaseUnavailable) -> Response:
    _refusals().tell(Kind.UNAVAILABLE.code, sender=_sender(), why=str(error))
    if _is_page():
        answer = _notice(
            HTTPStatus.SERVICE_UNAVAILABLE,
            _("数据库暂时不可用"),
            [_("闸机的记录保存在闸机上，不会丢失。请检查磁盘空间和采集中心的日志，然后重新打开本页。")],
        )
        answer.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
        return answer
    return problems.response(
        Problem(
            Kind.UNAVAILABLE,
            "the centre's database did not take it: nothing was stored, send it again",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    )


def _not_here(_error: NotHere) -> Response:
    if not _is_page():
        return _problem(Problem(Kind.NOT_LOCAL, "without accounts nobody else may see it"))
    return _notice(
        HTTPStatus.FORBIDDEN,
        _("本页只能在采集中心本机打开"),
        [
            _("账户功能尚未启用，因此页面只对本机浏览器开放；闸机上传记录不受影响。"),
            _("在别的电脑上查看：用 SSH 把本机端口转发过来，再打开转发后的 localhost 地址。"),
        ],
    )


def _notice(status: HTTPStatus, head: str, sentences: list[str], *, home: bool = False) -> Response:
    return make_response(render_template("notice.html", head=head, sentences=sentences, home=home), status)
