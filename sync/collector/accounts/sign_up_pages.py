"""Making one's own account: the page that sends a link, and the page behind the link."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for

from sync.collector import languages
from sync.collector.accounts import guard, sign_up, words
from sync.collector.accounts.forgotten import Post
from sync.collector.accounts.forms import LinkForm, SignUpForm
from sync.collector.accounts.guard import open_to_all
from sync.collector.accounts.secrets import AccountKey
from sync.collector.accounts.service import BadAddress, BadLogin, LoginTaken
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.languages import translate as _
from sync.collector.refusals import sender


def blueprint(centre: Centre, key: AccountKey, clock: Callable[[], float], post: Post) -> Blueprint:
    """clock: seconds since 1970. post: puts a message on its way."""
    pages = Blueprint("sign_up", __name__)

    @pages.app_context_processor
    def offered() -> dict[str, bool]:
        return {"may_sign_up": sign_up.is_offered(centre)}

    @pages.route("/sign-up", methods=["GET", "POST"])
    @open_to_all
    def ask() -> Any:
        if not sign_up.is_offered(centre):
            abort(HTTPStatus.NOT_FOUND)
        form = SignUpForm()
        if not form.validate_on_submit():
            return _page("sign_up.html", form)
        where = sender(request.remote_addr, request.headers.get("X-Forwarded-For")) or "unknown"
        told = (form.name.data, form.contact.data, languages.language(), where)
        try:
            wait = sign_up.ask(centre, key, *told, clock(), post)
        except Mistake as cause:
            field = form.contact if isinstance(cause, _OF_CONTACT) else form.name
            field.errors = [words.mistake(cause) if field is form.contact else _("姓名为 1 到 100 个可显示的字符。")]
            return _page("sign_up.html", form)
        if wait > 0:
            form.contact.errors = [_("请求过于频繁，请在 %(time)s后再试。", time=languages.duration(wait))]
            return _page("sign_up.html", form, HTTPStatus.TOO_MANY_REQUESTS)
        return _page("sign_up_sent.html", None)

    @pages.route("/join/<token>", methods=["GET", "POST"])
    @open_to_all
    def join(token: str) -> Any:
        who = sign_up.applicant(key, token, clock()) if sign_up.is_offered(centre) else None
        if who is None:
            return _page("link_over.html", None, HTTPStatus.NOT_FOUND)
        form = LinkForm(known=(who.login, who.name))
        if not form.validate_on_submit():  # opening it uses nothing up: messengers look at links
            return _page("link.html", form, owner=who)
        try:
            sign_up.join(centre, key, who, form.password.data, clock())
        except LoginTaken:
            return _page("link_over.html", None, HTTPStatus.NOT_FOUND)
        guard.sign_out()
        flash(_("账户已建立，请登录。"))
        return redirect(url_for("accounts.sign_in", next=url_for("venues.mine")), 303)

    return pages


_OF_CONTACT = (sign_up.NoWay, BadAddress, BadLogin)


def _page(template: str, form: Any, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Any:
    if status is HTTPStatus.OK and form is not None and form.errors:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return make_response(render_template(f"accounts/{template}", form=form, **values), status)
