"""The way in: signing in and out, the second factor, one-time links, and what to do about a forgotten password."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm

from sync.collector import languages
from sync.collector.accounts import browsers, guard, service, totp
from sync.collector.accounts.enrolment import confirm, symbol
from sync.collector.accounts.forgotten import Post, send_link
from sync.collector.accounts.forms import (
    CodeForm,
    EnrolByPasswordForm,
    EnrolForm,
    ForgottenForm,
    LinkForm,
    LinkWithCodeForm,
    SignInForm,
)
from sync.collector.accounts.guard import open_to_all, requires
from sync.collector.accounts.permissions import Action
from sync.collector.accounts.secrets import AccountKey, AccountKeyTrouble
from sync.collector.accounts.sessions import Visit
from sync.collector.accounts.signing import Attempt, Door, LinkBusy, LinkOver, Outcome, Refusal, WrongCode
from sync.collector.centre import Centre
from sync.collector.languages import translate as _
from sync.collector.refusals import sender

_FRESH_SECONDS = 15 * 60


def blueprint(centre: Centre, key: AccountKey, clock: Callable[[], float], post: Post) -> Blueprint:
    """clock: seconds since 1970. post: puts a message on its way."""
    pages = Blueprint("accounts", __name__)
    door = Door(centre.database, key)

    @pages.route("/sign-in", methods=["GET", "POST"])
    @open_to_all
    def sign_in() -> Any:
        form = SignInForm()
        if guard.visit() is not None and request.method == "GET":
            return redirect(_onward(), 303)
        if not form.validate_on_submit():
            return _page("sign_in.html", form)
        attempt = _attempt(form.login.data, key)
        outcome = door.knock(attempt, form.password.data, clock())
        if outcome.token is None:
            form.password.errors = [refusal(outcome, _("登录名或密码不正确。"))]
            return _page("sign_in.html", form, HTTPStatus.UNAUTHORIZED)
        guard.sign_in(outcome.token)
        return browsers.remember(redirect(_onward(), 303), key, attempt.login)

    @pages.post("/sign-out")
    @open_to_all
    def sign_out() -> Any:
        guard.sign_out()
        flash(_("您已退出。"))
        return redirect(url_for("accounts.sign_in"), 303)

    @pages.route("/sign-in/code", methods=["GET", "POST"])
    @requires(Action.SECOND_FACTOR)
    def second_factor() -> Any:
        visit = guard.who()
        if visit.is_complete:
            return redirect(_onward(), 303)
        if not visit.has_second_factor:
            return redirect(url_for("accounts.enrol", next=guard.path_back(request.args.get("next"))), 303)
        form = CodeForm()
        if not form.validate_on_submit():
            return _page("second_factor.html", form)
        outcome = door.show(visit, form.code.data, _attempt(visit.login, key), clock())
        if outcome.token is None:
            form.code.errors = [refusal(outcome, _("验证码不正确，或已经用过。请等下一个。"))]
            return _page("second_factor.html", form, HTTPStatus.UNAUTHORIZED)
        guard.sign_in(outcome.token)
        return redirect(_onward(), 303)

    @pages.route("/sign-in/phone", methods=["GET", "POST"])
    @requires(Action.SECOND_FACTOR)
    def enrol() -> Any:
        """Set up the second factor: at the first sign-in of whoever needs one, or of one's own will."""
        visit = guard.who()
        if visit.has_second_factor:
            return redirect(url_for("accounts.second_factor"), 303)
        form, place = _enrol_form(visit, clock()), f"account/totp/{visit.account_id}"
        secret = _carried(form, key, place)
        is_sent = form.validate_on_submit() and secret is not None
        if is_sent and "present" in form:
            outcome = door.confirm_password(visit, form.present.data, clock())
            is_sent = outcome.refusal is None
            form.present.errors = [] if is_sent else [refusal(outcome, _("密码不正确。"))]
        if not is_sent or secret is None:
            secret = secret or totp.new_secret()
            form.sealed.data = key.seal(secret.encode(), place).hex()
            return _page("enrol.html", form, secret=secret, symbol=symbol(totp.uri(secret, visit.login)))
        token = confirm(centre.database, key, visit, secret, form.code.data, clock(), request.user_agent.string)
        if token is None:
            form.code.errors = [_("验证码不正确。请核对手机的时间，再输入现在显示的六位数字。")]
            page = _page("enrol.html", form, secret=secret, symbol=symbol(totp.uri(secret, visit.login)))
            return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY)
        guard.sign_in(token)
        flash(_("两步验证已启用。以后登录时，请输入手机上的验证码。"))
        return redirect(_onward(), 303)

    @pages.route("/link/<token>", methods=["GET", "POST"])
    @open_to_all
    def link(token: str) -> Any:
        with centre.database.read() as session:
            owner = service.link_owner(session, token, clock())
        if owner is None:
            return _page("link_over.html", None, HTTPStatus.NOT_FOUND)
        form = (LinkForm if owner.totp is None else LinkWithCodeForm)(known=(owner.login, owner.name))
        if not form.validate_on_submit():  # opening it uses nothing up: mail programs look at links
            return _page("link.html", form, owner=owner)
        code = form.code.data if owner.totp is not None else ""
        try:
            door.choose_password(token, form.password.data, code, clock())
        except LinkOver:
            return _page("link_over.html", None, HTTPStatus.NOT_FOUND)
        except LinkBusy:
            form.code.errors = [_("错误次数过多，请稍后再试。")]
            return _page("link.html", form, HTTPStatus.TOO_MANY_REQUESTS, owner=owner)
        except WrongCode:
            form.code.errors = [_("验证码不正确，或已经用过。请等下一个。")]
            return _page("link.html", form, HTTPStatus.UNAUTHORIZED, owner=owner)
        guard.sign_out()
        flash(_("密码已设置，请登录。"))
        return redirect(url_for("accounts.sign_in"), 303)

    @pages.route("/enter/<token>", methods=["GET", "POST"])
    @open_to_all
    def enter(token: str) -> Any:
        form = FlaskForm()
        if centre.settings.second_factor:
            return _page("link_over.html", None, HTTPStatus.NOT_FOUND)
        if not form.validate_on_submit():
            return _page("enter.html", form)
        session_token = door.enter(token, request.user_agent.string, clock())
        if session_token is None:
            return _page("link_over.html", None, HTTPStatus.NOT_FOUND)
        guard.sign_in(session_token)
        return redirect(url_for("home.index"), 303)

    @pages.route("/forgotten", methods=["GET", "POST"])
    @open_to_all
    def forgotten() -> Any:
        form = ForgottenForm()
        if not form.validate_on_submit():
            return _page("forgotten.html", form)
        wait = send_link(centre, key, form.login.data, _address(), clock(), post)
        if wait > 0:
            form.login.errors = [refusal(Outcome(refusal=Refusal.WAIT, wait_seconds=wait), "")]
            return _page("forgotten.html", form, HTTPStatus.TOO_MANY_REQUESTS)
        return _page("forgotten_sent.html", None)

    return pages


def _page(template: str, form: Any, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Response:
    if status is HTTPStatus.OK and form is not None and form.errors:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return make_response(render_template(f"accounts/{template}", form=form, **values), status)


def _onward() -> str:
    return guard.path_back(request.args.get("next")) or url_for("home.index")


def _address() -> str:
    return sender(request.remote_addr, request.headers.get("X-Forwarded-For")) or "unknown"


def _attempt(login: str, key: AccountKey) -> Attempt:
    agent = request.user_agent.string
    return Attempt(login, _address(), agent, known_browser=browsers.is_known(key, login))


def refusal(outcome: Outcome, wrong: str) -> str:
    """What to say beside the field. wrong: the sentence for what was simply not right."""
    if outcome.refusal is Refusal.WAIT:
        return _("错误次数过多，请在 %(time)s后再试。", time=languages.duration(max(outcome.wait_seconds, 1)))
    return wrong


def _enrol_form(visit: Visit, now: float) -> EnrolForm:
    """Who was just led here by signing in gave the password; anybody else gives it now."""
    is_fresh = not visit.is_complete and 0 <= now - visit.began_at < _FRESH_SECONDS
    return EnrolForm() if is_fresh else EnrolByPasswordForm()


def _carried(form: EnrolForm, key: AccountKey, place: str) -> str | None:
    """The secret that the form brought back, None when it brought none of ours."""
    try:
        return key.open(bytes.fromhex(form.sealed.data or ""), place).decode() if form.sealed.data else None
    except (ValueError, AccountKeyTrouble):
        return None
