"""The centre's web application: the machine interface, the pages, and what every answer has in common."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter, Map

from sync.collector import health, home, interface, languages, navigation, problems
from sync.collector.access import Reach
from sync.collector.accounts import guard, own_pages, sign_up_pages, staff_pages, words
from sync.collector.accounts import pages as account_pages
from sync.collector.accounts.forgotten import Post
from sync.collector.accounts.guard import Forbidden, NotHere
from sync.collector.alarms import pages as alarm_pages
from sync.collector.centre import Centre
from sync.collector.errors import DatabaseUnavailable, Mistake, NotFound
from sync.collector.fleet import enrolment_api, metrics, rolling_api
from sync.collector.fleet import pages as fleet_pages
from sync.collector.headers import with_headers
from sync.collector.intake import api, pages
from sync.collector.languages import translate as _
from sync.collector.members import own_pages as inspector_pages
from sync.collector.members import pages as member_pages
from sync.collector.messages.port import Message
from sync.collector.messages.queue import Queue
from sync.collector.problems import Kind, Problem
from sync.collector.refusals import Refusals, sender
from sync.collector.registration import pages as registration_pages
from sync.collector.statistics import pages as statistics_pages
from sync.collector.tally import Tally
from sync.collector.venues import code_pages, township_pages
from sync.collector.venues import pages as venue_pages
from sync.collector.visitors.phone import pages as phone_pages
from sync.collector.visitors.status import pages as status_pages
from sync.collector.visitors.status.sources import source_of

_RETRY_AFTER_SECONDS = 5
MACHINE_PATHS = ("/v1/", "/live", metrics.PATH, *health.PATHS)
REFUSALS = "refusals"
"""Where an application keeps its log of them, for whoever serves it."""


def create_app(centre: Centre, clock: Callable[[], float] = time.time, tally: Tally | None = None) -> Flask:
    """clock: seconds since 1970. tally: counts of all workers, where there are several."""
    tally = tally or Tally()
    app = Flask(__name__)
    app.extensions[REFUSALS] = Refusals(tally=tally)
    app.url_map.converters["int"] = _Number
    app.url_map.merge_slashes = False  # a machine is never redirected
    app.config["MAX_CONTENT_LENGTH"] = api.MAX_BODY_BYTES
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    languages.init_app(app)
    machines = [
        health.blueprint(centre),
        api.blueprint(centre, clock, tally),
        enrolment_api.blueprint(centre, clock),
        rolling_api.blueprint(centre, clock),
        interface.blueprint(),
        metrics.blueprint(centre, clock, tally),
    ]
    guard.init_app(app, centre, clock, machines)
    navigation.init_app(app)
    key = guard.key_of(app)
    queue = Queue(key, random.random)
    post = posted_by(queue)
    for blueprint in (
        *machines,
        home.blueprint(centre),
        account_pages.blueprint(centre, key, clock, post),
        sign_up_pages.blueprint(centre, key, clock, post),
        own_pages.blueprint(centre, key, clock),
        staff_pages.blueprint(centre, key, clock),
        pages.blueprint(centre, clock),
        fleet_pages.blueprint(centre, clock),
        alarm_pages.blueprint(centre, key, clock),
        venue_pages.blueprint(centre, clock),
        township_pages.blueprint(centre, clock),
        member_pages.blueprint(centre, key, clock),
        inspector_pages.blueprint(centre, key, clock),
        registration_pages.blueprint(centre, clock),
        statistics_pages.blueprint(centre, clock),
        code_pages.blueprint(centre, clock),
        phone_pages.blueprint(centre, key, clock, posted_by(queue, "visitor"), source_of(centre)),
        status_pages.blueprint(centre, key, clock),
    ):
        app.register_blueprint(blueprint)
    app.after_request(_harden)
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DatabaseUnavailable, _unavailable)
    app.register_error_handler(NotHere, _not_here)
    app.register_error_handler(Forbidden, _forbidden)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Mistake, _mistake)
    return app


class _Number(IntegerConverter):
    """A row's number in an address; one that no column can hold is no page."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**31 - 1)


def posted_by(queue: Queue, about: str = "account") -> Post:
    """Puts what accounts tell, or visitors' phones, into the queue."""

    def post(session: Session, to: str, subject: str, text: str, now: float, expires_at: float) -> None:
        message = Message(to, subject, text, languages.language())
        queue.post(session, message, now, expires_at=expires_at, about=about)

    return post


def _harden(answer: Response) -> Response:
    with_headers(answer)
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
    if isinstance(error, CSRFError):
        answer = _notice(status, _("页面已过期"), [_("请返回上一页，刷新后再提交。")], home=True)
    elif _is_page():
        head = _("没有这个页面") if status is HTTPStatus.NOT_FOUND else _("页面无法打开")
        answer = _notice(status, head, [_why(status)], home=True)
    else:
        answer = problems.response(Problem(kind, error.description or status.phrase), status)
    if allow := error.get_response().headers.get("Allow"):
        answer.headers["Allow"] = allow
    return answer


def _why(status: HTTPStatus) -> str:
    """What happened, in words; what has none of its own is told by its number."""
    known = {
        HTTPStatus.FORBIDDEN: _("请求来自别的网站，未被接受。"),
        HTTPStatus.NOT_FOUND: _("请检查网址，或从首页进入。"),
        HTTPStatus.METHOD_NOT_ALLOWED: _("这个网址不接受这种操作。"),
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _("提交的内容太大。"),
        HTTPStatus.TOO_MANY_REQUESTS: _("请求过于频繁，请稍后再试。"),
        HTTPStatus.INTERNAL_SERVER_ERROR: _("采集中心程序出错，已记入日志。闸机上传记录不受影响。"),
    }
    return known.get(status) or _("错误代码 %(code)s", code=status.value)


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


def _not_here(cause: NotHere) -> Response:
    if not _is_page():
        return _problem(Problem(Kind.NOT_LOCAL, "the pages' data is shown where the pages are"))
    say = {
        Reach.NO_ADDRESS: _("请在 collector.toml 里填写 address（对外网址），并按手册设置 TLS 代理。"),
        Reach.OTHER_NAME: _("请使用采集中心的正式网址打开本页。"),
        Reach.NO_TLS: _("请使用以 https:// 开头的网址：密码不能在网络上明文传送。"),
    }
    return _notice(
        HTTPStatus.FORBIDDEN,
        _("本页不能从这里打开"),
        [say[cause.why], _("闸机上传记录不受影响。")],
    )


def _forbidden(cause: Forbidden) -> Response:
    if not _is_page():
        return _problem(Problem(Kind.NO_PERMISSION, f"{cause.action.value} is for others"))
    return _notice(
        HTTPStatus.FORBIDDEN,
        _("您没有这项权限"),
        [
            _("这里需要的身份：%(roles)s", roles=words.needed(cause.action)),
            _("如果工作需要，请联系本镇信息管理员。"),
        ],
        home=True,
    )


def _not_found(_error: NotFound) -> Response:
    return _notice(HTTPStatus.NOT_FOUND, _("没有这个页面"), [_("要找的内容不存在，或已被删除。")], home=True)


def _mistake(cause: Mistake) -> Response:
    return _notice(HTTPStatus.UNPROCESSABLE_ENTITY, _("无法完成"), [words.mistake(cause)], home=True)


def _notice(status: HTTPStatus, head: str, sentences: list[str], *, home: bool = False) -> Response:
    return make_response(render_template("notice.html", head=head, sentences=sentences, home=home), status)
