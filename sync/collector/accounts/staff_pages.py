"""Everybody's accounts, for IT: create, appoint, dismiss, disable, and a fresh link for who lost password or phone.

Nobody changes their own appointments, and every act stands in the audit with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from sync.collector import languages
from sync.collector.accounts import guard, service, words
from sync.collector.accounts.forms import AppointForm, NewAccountForm, ReasonForm
from sync.collector.accounts.guard import requires
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import EXTENT, Action, Appointment, Extent, Role
from sync.collector.accounts.secrets import AccountKey
from sync.collector.centre import Centre
from sync.collector.errors import Mistake, NotFound
from sync.collector.languages import translate as _
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Act


def blueprint(centre: Centre, key: AccountKey, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("staff", __name__, url_prefix="/accounts")

    @pages.get("")
    @requires(Action.ACCOUNTS_SEE)
    def index() -> Any:
        with centre.database.read() as session:
            rows = [_row(session, account) for account in service.accounts(session)]
        return render_template("accounts/index.html", rows=rows)

    @pages.route("/new", methods=["GET", "POST"])
    @requires(Action.ACCOUNTS_CHANGE)
    def new() -> Any:
        form = NewAccountForm()
        if form.validate_on_submit():
            try:
                login = _create(centre, key, form, clock())
                return redirect(url_for("staff.show", login=login), 303)
            except Mistake as cause:
                words.at_field(form, cause)
        return _form("accounts/new.html", form)

    @pages.get("/<login>")
    @requires(Action.ACCOUNTS_SEE)
    def show(login: str) -> Any:
        return _account_page(centre, login)

    @pages.post("/<login>/appoint")
    @requires(Action.ACCOUNTS_CHANGE)
    def appoint(login: str) -> Any:
        form = _appoint_form()
        if form.validate_on_submit():
            try:
                with _changing(centre, login, form.reason.data, clock()) as (access, account):
                    asked = _appointment(Role(form.role.data), form.place.data)
                    service.appoint(access.session, account, asked, access.now)
                    access.note(Act.APPOINT, detail=f"{account.named} {_said(asked)}")
                flash(_("身份已分配。"))
                return redirect(url_for("staff.show", login=login), 303)
            except (Mistake, NotFound) as cause:
                form.place.errors = [words.mistake(cause)]
        return _account_page(centre, login, form)

    @pages.post("/<login>/dismiss/<int:number>")
    @requires(Action.ACCOUNTS_CHANGE)
    def dismiss(login: str, number: int) -> Any:
        def change(access: Personal, account: Account) -> str:
            taken = service.dismiss(access.session, account, number)
            access.note(Act.DISMISS, detail=f"{account.named} {_said(taken)}")
            return _("身份已收回。")

        return _act(centre, login, clock(), change)

    @pages.post("/<login>/disable")
    @requires(Action.ACCOUNTS_CHANGE)
    def disable(login: str) -> Any:
        def change(access: Personal, account: Account) -> str:
            service.disable(access.session, account, access.now)
            access.note(Act.DISABLE, detail=account.named)
            return _("账户已停用，所有设备已退出。")

        return _act(centre, login, clock(), change)

    @pages.post("/<login>/enable")
    @requires(Action.ACCOUNTS_CHANGE)
    def enable(login: str) -> Any:
        def change(access: Personal, account: Account) -> str:
            service.enable(access.session, account)
            access.note(Act.ENABLE, detail=account.named)
            return _("账户已恢复。")

        return _act(centre, login, clock(), change)

    @pages.post("/<login>/link")
    @requires(Action.ACCOUNTS_CHANGE)
    def link(login: str) -> Any:
        """A fresh link is shown once, to be handed over; with it goes the second factor of a lost phone."""
        form = ReasonForm()
        if not form.validate_on_submit():
            return _account_page(centre, login, reason_form=form)
        forget = request.form.get("forget_second_factor") == "yes"
        with _changing(centre, login, form.reason.data, clock()) as (access, account):
            service.revoke_links(access.session, account)
            token = service.issue_link(access.session, account, access.now)
            if forget:
                service.forget_second_factor(access.session, account)
            access.note(Act.LINK, detail=f"{account.named}{' without second factor' if forget else ''}")
            name = account.name
        return render_template("accounts/link_made.html", name=name, login=login, link=f"{centre.address}/link/{token}")

    return pages


def _act(centre: Centre, login: str, now: float, change: Callable[[Personal, Account], str]) -> Any:
    """One change with a reason; what it says is told on the account's page."""
    form = ReasonForm()
    if not form.validate_on_submit():
        return _account_page(centre, login, reason_form=form)
    try:
        with _changing(centre, login, form.reason.data, now) as (access, account):
            told = change(access, account)
        flash(told)
    except Mistake as cause:
        flash(words.mistake(cause), "warning")
    return redirect(url_for("staff.show", login=login), 303)


@contextmanager
def _changing(centre: Centre, login: str, reason: str, now: float) -> Iterator[tuple[Personal, Account]]:
    """A write transaction with the audit, and an account that is not one's own. Raises NotFound, Mistake."""
    with personal(centre, guard.actor(reason), now) as access:
        account = service.find(access.session, login)
        if account.id == guard.who().account_id:
            raise Mistake(_("自己的身份和状态要由另一位信息管理员更改。"))
        yield access, account


def _create(centre: Centre, key: AccountKey, form: NewAccountForm, now: float) -> str:
    with personal(centre, guard.actor(_CREATED), now) as access:
        account = service.create(access.session, form.login.data, form.name.data, now, form.language.data)
        service.set_address(account, key, words.typed_address(form.address.data))
        access.note(Act.ACCOUNT, detail=account.named)
        return account.login


_CREATED = "new account"


def _account_page(centre: Centre, login: str, form: Any = None, reason_form: Any = None) -> Any:
    with centre.database.read() as session:
        account = service.find(session, login)
        page = render_template(
            "accounts/account.html",
            account=account,
            roles=[(row.id, words.appointment(session, row.appointment())) for row in account.appointments],
            form=form or _appoint_form(formdata=None),
            reason_form=reason_form or ReasonForm(formdata=None),
            is_own=account.id == guard.who().account_id,
            languages=languages,
        )
    wrong = any(each is not None and each.errors for each in (form, reason_form))
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK)


def _appoint_form(**arguments: Any) -> AppointForm:
    form = AppointForm(**arguments)
    form.role.choices = [SelectChoice(role.value, words.role(role)) for role in Role]
    return form


def _appointment(role: Role, place: str) -> Appointment:
    """What was typed. Raises WrongPlace for what is no number where one is needed."""
    place = place.strip()
    match EXTENT[role]:
        case Extent.TOWN:
            return Appointment(role)
        case Extent.REGION:
            return Appointment(role, region=place)
    if not place.isascii() or not place.isdigit() or len(place) > _MOST_DIGITS:
        raise service.WrongPlace(f"{role.value} needs a number")
    if EXTENT[role] is Extent.VENUE:
        return Appointment(role, venue=int(place))
    return Appointment(role, organization=int(place))


_MOST_DIGITS = 9


def _said(appointment: Appointment) -> str:
    """For the audit."""
    place = (appointment.venue, appointment.organization, appointment.region)
    return " ".join([appointment.role.value, *(str(each) for each in place if each is not None)])


def _row(session: Session, account: Account) -> dict[str, Any]:
    return {
        "login": account.login,
        "name": account.name,
        "roles": [words.appointment(session, each) for each in account.roles()],
        "state": words.state(account),
    }


def _form(template: str, form: Any) -> Any:
    return make_response(
        render_template(template, form=form), HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    )
