"""One's own account: password, second factor, address, and where one is signed in."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select

from sync.collector import languages
from sync.collector.accounts import guard, passwords, service, sessions, words
from sync.collector.accounts.forms import AddressForm, ChangePasswordForm, ConfirmForm
from sync.collector.accounts.guard import requires
from sync.collector.accounts.model import Account, SignedIn
from sync.collector.accounts.pages import refusal
from sync.collector.accounts.permissions import Action, needs_second_factor
from sync.collector.accounts.secrets import AccountKey, AccountKeyTrouble
from sync.collector.accounts.service import BadAddress
from sync.collector.accounts.signing import Door
from sync.collector.centre import Centre
from sync.collector.languages import translate as _


def blueprint(centre: Centre, key: AccountKey, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("own", __name__, url_prefix="/account")
    door = Door(centre.database, key)

    @pages.get("")
    @requires(Action.OWN_ACCOUNT)
    def account() -> Any:
        visit = guard.who()
        with centre.database.read() as session:
            mine = session.get_one(Account, visit.account_id)
            rows = select(SignedIn).where(SignedIn.account_id == mine.id).order_by(SignedIn.seen_at.desc())
            return render_template(
                "accounts/own.html",
                roles=[words.appointment(session, each) for each in visit.appointments],
                address=_shown(mine, key),
                browsers=session.scalars(rows).all(),
                must_have_second_factor=needs_second_factor(visit.appointments),
                visit_token=visit.token,
                languages=languages,
                words=words,
            )

    @pages.route("/password", methods=["GET", "POST"])
    @requires(Action.OWN_ACCOUNT)
    def password() -> Any:
        visit = guard.who()
        form = ChangePasswordForm(known=(visit.login, visit.name))
        if form.validate_on_submit():
            outcome = door.confirm_password(visit, form.present.data, clock())
            if outcome.refusal is None:
                kept = passwords.hashed(form.password.data)
                with centre.database.write() as session:
                    mine = session.get_one(Account, visit.account_id)
                    mine.password = kept
                    service.revoke_links(session, mine)
                    sessions.end_all(session, mine.id, but=visit.token)
                    token = sessions.renew(session, visit.token)
                guard.sign_in(token)
                flash(_("密码已更改，其他设备已退出。"))
                return redirect(url_for("own.account"), 303)
            form.present.errors = [refusal(outcome, _("密码不正确。"))]
        return _form("accounts/password.html", form)

    @pages.route("/second-factor/remove", methods=["GET", "POST"])
    @requires(Action.OWN_ACCOUNT)
    def remove_second_factor() -> Any:
        """To set up a new phone; whoever must have one is asked for it at once."""
        visit, form = guard.who(), ConfirmForm()
        if form.validate_on_submit():
            outcome = door.confirm_password(visit, form.present.data, clock())
            if outcome.refusal is None:
                with centre.database.write() as session:
                    session.get_one(Account, visit.account_id).totp = None
                    sessions.end_all(session, visit.account_id, but=visit.token)
                flash(_("旧手机的两步验证已取消。"))
                return redirect(url_for("accounts.enrol" if _must(visit) else "own.account"), 303)
            form.present.errors = [refusal(outcome, _("密码不正确。"))]
        return _form("accounts/remove_second_factor.html", form)

    @pages.route("/address", methods=["GET", "POST"])
    @requires(Action.OWN_ACCOUNT)
    def address() -> Any:
        visit, form = guard.who(), AddressForm()
        if request.method == "GET":
            with centre.database.read() as session:
                form.address.data = words.readable_address(_shown(session.get_one(Account, visit.account_id), key))
        if not form.validate_on_submit():
            return _form("accounts/address.html", form)
        outcome = door.confirm_password(visit, form.present.data, clock())
        if outcome.refusal is not None:
            form.present.errors = [refusal(outcome, _("密码不正确。"))]
            return _form("accounts/address.html", form)
        try:
            with centre.database.write() as session:
                mine = session.get_one(Account, visit.account_id)
                service.set_address(mine, key, words.typed_address(form.address.data))
        except BadAddress as cause:
            form.address.errors = [words.mistake(cause)]
            return _form("accounts/address.html", form)
        flash(_("已保存。"))
        return redirect(url_for("own.account"), 303)

    @pages.post("/sign-out-others")
    @requires(Action.OWN_ACCOUNT)
    def sign_out_others() -> Any:
        visit = guard.who()
        with centre.database.write() as session:
            sessions.end_all(session, visit.account_id, but=visit.token)
            token = sessions.renew(session, visit.token)
        guard.sign_in(token)
        flash(_("其他设备已退出。"))
        return redirect(url_for("own.account"), 303)

    return pages


def _must(visit: sessions.Visit) -> bool:
    return guard.the_guard().centre.settings.second_factor and needs_second_factor(visit.appointments)


def _form(template: str, form: Any) -> Any:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return make_response(render_template(template, form=form), status)


def _shown(account: Account, key: AccountKey) -> str | None:
    try:
        return service.address_of(account, key)
    except AccountKeyTrouble:
        return None
