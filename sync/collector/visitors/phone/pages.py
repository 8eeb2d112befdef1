"""The visitor's phone: registering, the tap at a venue, the scan result, companions, visits (R1, R5, R6).

Open to all and light; a phone is known by a cookie of its own, which is no staff session. Every page works without
a script.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import open_to_all
from sync.collector.accounts.secrets import AccountKey
from sync.collector.centre import Centre
from sync.collector.languages import translate as _
from sync.collector.refusals import sender
from sync.collector.venues import codes
from sync.collector.venues.code_model import VenueCode
from sync.collector.venues.symbol import svg
from sync.collector.visitors.identity import masked
from sync.collector.visitors.phone import party, remembering, visiting, words
from sync.collector.visitors.phone.forms import ConfirmForm, PersonForm, RegisterForm
from sync.collector.visitors.phone.model import HOLDER
from sync.collector.visitors.phone.party import REMEMBERED_SECONDS, Party
from sync.collector.visitors.phone.registering import Desk, Full, Outcome, Post
from sync.collector.visitors.phone.visiting import NotInForce, TooOften
from sync.collector.visitors.status.port import StatusSource
from sync.wire.passes import MAX_COMPANIONS

_COOKIE = "venue-gate-visitor"
_VISIT = re.compile(r"[0-9a-f]{16}")
_ASKED = re.compile(r"[A-Za-z0-9_-]{1,64}")
RENEW_SECONDS = 15
"""So long before its end a page asks for the next scan result."""


def blueprint(
    centre: Centre, key: AccountKey, clock: Callable[[], float], post: Post, source: StatusSource
) -> Blueprint:
    """clock: seconds since 1970. post: puts a code on its way. source: who is green."""
    pages = Blueprint("phone", __name__)
    desk = Desk(centre, key, post)

    def known() -> Party | None:
        return this_phone(centre, clock())

    @pages.app_template_global("phone_at")
    def phone_at(code: VenueCode) -> dict[str, Any]:
        """What the page behind a venue code says to a visitor."""
        with centre.database.read() as session:
            there = visiting.doors(session, code)
        return {"party": known(), "doors": there, "is_open": desk.is_open, "words": words}

    @pages.route("/phone/register", methods=["GET", "POST"])
    @open_to_all
    def register() -> Any:
        at = _at()
        if not desk.is_open:
            return _page("closed.html", HTTPStatus.OK, at=at)
        form = RegisterForm()
        if not form.validate_on_submit():
            return _page("register.html", _status(form), form=form, at=at, needs_code=desk.needs_code)
        where = sender(request.remote_addr, request.headers.get("X-Forwarded-For")) or "unknown"
        begin = desk.ask if desk.needs_code else desk.take_word
        told, wait = begin(form.person, at, where, clock())
        if wait > 0:
            form.phone.errors = [_("请求过于频繁，请在 %(time)s后再试。", time=languages.duration(wait))]
            return _page("register.html", HTTPStatus.TOO_MANY_REQUESTS, form=form, at=at, needs_code=desk.needs_code)
        if desk.needs_code:
            return redirect(url_for("phone.confirm", asked=told, at=at or None), 303)
        return _entered(told, at)

    @pages.route("/phone/confirm/<asked>", methods=["GET", "POST"])
    @open_to_all
    def confirm(asked: str) -> Any:
        form, at = ConfirmForm(), _at()
        if not form.validate_on_submit():
            return _page("confirm.html", _status(form), form=form, at=at)
        outcome = desk.confirm(asked, form.digits.data, clock()) if _ASKED.fullmatch(asked) else Outcome.OVER
        if isinstance(outcome, str):
            return _entered(outcome, at)
        form.digits.errors = [
            _("验证码不对，请再看一遍短信。")
            if outcome is Outcome.WRONG
            else _("这个验证码已经失效。请返回，重新登记。")
        ]
        return _page("confirm.html", HTTPStatus.UNPROCESSABLE_ENTITY, form=form, at=at)

    @pages.post("/v/<token>/visit")
    @open_to_all
    def visit(token: str) -> Any:
        there = known()
        if there is None:
            return redirect(url_for("phone.register", at=codes.read_token(token)), 303)
        door = request.form.get("door", "")
        try:
            made = visiting.enter(
                centre,
                there,
                token,
                int(door) if re.fullmatch(r"[0-9]{1,9}", door) else None,
                {int(each) for each in request.form.getlist("with") if re.fullmatch(r"[1-9]", each)},
                clock(),
            )
        except NotInForce:
            return redirect(url_for("venue_codes.public", token=token[:40]), 303)
        except TooOften as cause:
            return _too_often(cause)
        return redirect(url_for("phone.result", visit=made), 303)

    @pages.get("/phone/result/<visit>")
    @open_to_all
    def result(visit: str) -> Any:
        there = known()
        if there is None:
            return redirect(url_for("phone.people"), 303)
        if not _VISIT.fullmatch(visit):
            abort(HTTPStatus.NOT_FOUND)
        now = clock()
        try:
            shown = visiting.result(centre, source, there, visit, now)
        except TooOften as cause:
            return _too_often(cause)
        withheld = any(each.is_withheld for each in shown.standings)
        return _page(
            "result.html",
            HTTPStatus.OK,
            shown=shown,
            sign=words.sign(shown.health, is_withheld=withheld, has_code=shown.text is not None),
            symbol=None if shown.text is None else svg(shown.text, error="m").decode(),
            now=now,
            renew_seconds=RENEW_SECONDS,
            withheld=[each for each in shown.standings if each.is_withheld],
            call=centre.settings.visitors.call,
        )

    @pages.get("/phone")
    @open_to_all
    def people() -> Any:
        return _people(known(), centre)

    @pages.route("/phone/companions", methods=["GET", "POST"])
    @open_to_all
    def companions() -> Any:
        there = known()
        if there is None:
            return redirect(url_for("phone.people"), 303)
        form, at = PersonForm(), _at()
        if not form.validate_on_submit():
            return _page("companion.html", _status(form), form=form, at=at)
        try:
            wait = desk.bring(there.token, form.person, clock())
        except Full:
            form.name.errors = [_("一部手机最多登记 %(most)d 位同行人。", most=MAX_COMPANIONS)]
            return _page("companion.html", HTTPStatus.UNPROCESSABLE_ENTITY, form=form, at=at)
        if wait > 0:
            form.name.errors = [_("请求过于频繁，请在 %(time)s后再试。", time=languages.duration(wait))]
            return _page("companion.html", HTTPStatus.TOO_MANY_REQUESTS, form=form, at=at)
        return redirect(_back(at), 303)

    @pages.post("/phone/leave/<int:place>")
    @open_to_all
    def leave(place: int) -> Any:
        there = known()
        if there is not None:
            remembering.leave(centre, there.token, place)
        answer = make_response(redirect(_back(_at()), 303))
        if place == HOLDER:
            answer.delete_cookie(_cookie_name(), secure=guard.is_front(), httponly=True, samesite="Lax")
        return answer

    @pages.get("/phone/visits")
    @open_to_all
    def visits() -> Any:
        there = known()
        if there is None:
            return redirect(url_for("phone.people"), 303)
        return _page("visits.html", HTTPStatus.OK, visits=visiting.visits(centre, there, clock()))

    return pages


def this_phone(centre: Centre, now: float) -> Party | None:
    """Who is on the phone that asks; None for one that is not remembered."""
    return party.load(centre, party.cookie_hash(request.cookies.get(_cookie_name())), now)


def _people(there: Party | None, centre: Centre) -> Response:
    shown = there and [
        (each, masked(each.person.number), party.may_show(each, centre.settings.visitors.colour_needs))
        for each in there.members
    ]
    return _page("people.html", HTTPStatus.OK, shown=shown, most=MAX_COMPANIONS)


def codes_shown(desk: str) -> str:
    """PURE. What staff type, in two halves for the eye."""
    return f"{desk[:4]}-{desk[4:]}"


_WORDS: dict[str, Any] = {
    "words": words,
    "moment": languages.moment,
    "machine": languages.machine_time,
    "desk": codes_shown,
}


def _entered(cookie: str, at: str) -> Response:
    """The phone is remembered for a year, under a name that only this host can set over TLS (RFC 6265bis §4.1.3.2)."""
    answer = make_response(redirect(_back(at), 303))
    answer.set_cookie(
        _cookie_name(),
        cookie,
        max_age=int(REMEMBERED_SECONDS),
        secure=guard.is_front(),
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return answer


def _cookie_name() -> str:
    return f"__Host-{_COOKIE}" if guard.is_front() else _COOKIE


def _at() -> str:
    """The venue code that somebody came from, "" for none."""
    return codes.read_token(request.args.get("at", "")) or ""


def _back(at: str) -> str:
    return url_for("venue_codes.public", token=at) if at else url_for("phone.people")


def _status(form: Any) -> HTTPStatus:
    return HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK


def _too_often(cause: TooOften) -> Response:
    answer = _page("often.html", HTTPStatus.TOO_MANY_REQUESTS, time=languages.duration(cause.wait_seconds))
    answer.headers["Retry-After"] = str(int(cause.wait_seconds) + 1)
    return answer


def _page(template: str, status: HTTPStatus, **values: Any) -> Response:
    return make_response(render_template(f"visitors/{template}", **_WORDS, **values), status)
