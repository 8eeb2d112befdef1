"""Members of a venue: the declaration code, requests, inspectors, and the administrator's role (R13-R18)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.accounts.secrets import AccountKey
from sync.collector.centre import Centre
from sync.collector.errors import Mistake, NotFound
from sync.collector.languages import lazy as _l
from sync.collector.languages import translate as _
from sync.collector.members import binding, declaration, handing_over, words
from sync.collector.members.binding import MustWait
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Act
from sync.collector.refusals import sender
from sync.collector.venues import acts, service
from sync.collector.venues.forms import OneButtonForm
from sync.collector.venues.model import Venue


class BindForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """The code that the administrator shared."""

    code = StringField(
        _l("场所申报码"),
        [DataRequired(_l("请填写此项。")), Length(max=20, message=_l("最长 %(max)d 个字符。"))],
        description=_l("六位数字，由场所管理员分享给您。"),
        render_kw={"inputmode": "numeric", "autocomplete": "off", "maxlength": 20},
    )


def blueprint(centre: Centre, key: AccountKey, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("members", __name__)
    _add_binding(pages, centre, key, clock)
    _add_members(pages, centre, clock)
    return pages


def _add_binding(pages: Blueprint, centre: Centre, key: AccountKey, clock: Callable[[], float]) -> None:
    @pages.route("/bind", methods=["GET", "POST"])
    @requires(Action.VENUE_BIND)
    def bind() -> Any:
        form, status, counted = BindForm(), HTTPStatus.OK, list[bytes]()
        if form.validate_on_submit():
            try:
                address = sender(request.remote_addr, request.headers.get("X-Forwarded-For")) or "unknown"
                counted = binding.count_guess(centre.database, key, guard.who().account_id, address, clock())
                with personal(centre, guard.actor(Action.VENUE_BIND.value), clock()) as access:
                    venue, is_bound = binding.ask(access, acts.own_account(access), form.code.data, counted)
                    name, number = venue.name, venue.id
                if is_bound:
                    flash(_("您已绑定为本场所的检测员。"))
                    return redirect(url_for("venues.show", venue_id=number), 303)
                flash(_("申请已发给%(venue)s的场所管理员，同意后即可开始检测。", venue=name))
                return redirect(url_for("venues.mine"), 303)
            except MustWait as cause:
                form.code.errors = [_wait(cause)]
                status = HTTPStatus.TOO_MANY_REQUESTS
            except Mistake as cause:
                form.code.errors = [words.mistake(cause)]
                if not isinstance(cause, binding.UnknownCode):
                    binding.was_right(centre.database, counted)
        if form.errors and status is HTTPStatus.OK:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        return make_response(render_template("members/bind.html", form=form), status)

    @pages.post("/bind/<int:number>/withdraw")
    @requires(Action.VENUE_BIND)
    def withdraw(number: int) -> Any:
        def change(access: Personal) -> str:
            binding.withdraw(access, guard.who().account_id, number)
            return _("申请已撤回。")

        return _own_act(centre, clock(), change)

    @pages.post("/offers/<int:number>/<any(accept, decline):what>")
    @requires(Action.VENUE_BIND)
    def answer_offer(number: int, what: str) -> Any:
        def change(access: Personal) -> str:
            handing_over.answer(access, acts.own_account(access), number, accept=what == "accept")
            return _("您现在是场所管理员。") if what == "accept" else _("您没有接受管理员身份。")

        return _own_act(centre, clock(), change)


def _add_members(pages: Blueprint, centre: Centre, clock: Callable[[], float]) -> None:
    @pages.get("/venues/<int:venue_id>/members")
    @requires(Action.MEMBERS_CHANGE)
    def index(venue_id: int) -> Any:
        with centre.database.read() as session:
            venue = guard.venue_for(session, Action.MEMBERS_CHANGE, venue_id)
            return render_template(
                "members/members.html",
                venue=venue,
                code=declaration.of_venue(session, venue_id),
                bind_url=f"{centre.address}{url_for('members.bind')}",
                requests=binding.requests(session, venue_id),
                members=binding.members(session, venue_id),
                checkpoints={each.id: each.name for each in service.checkpoints_of(session, venue_id)},
                offer=handing_over.offer_of(session, venue_id, clock()),
                own=guard.who().login,
                languages=languages,
            )

    @pages.post("/venues/<int:venue_id>/declaration-code")
    @requires(Action.MEMBERS_CHANGE)
    def renew(venue_id: int) -> Any:
        def change(access: Personal, venue: Venue) -> str:
            declaration.issue(access.session, venue.id, access.now)
            access.note(Act.DECLARATION_CODE, detail=f"venue {venue.id}")
            return _("已换新的场所申报码，旧码不再有效。")

        return _act(centre, venue_id, clock(), change)

    @pages.post("/venues/<int:venue_id>/requests/<int:number>/<any(accept, refuse):what>")
    @requires(Action.MEMBERS_CHANGE)
    def answer(venue_id: int, number: int, what: str) -> Any:
        def change(access: Personal, venue: Venue) -> str:
            account = binding.answer(access, venue.id, number, accept=what == "accept")
            if what == "accept":
                return _("%(name)s 已成为检测员。", name=account.name)
            return _("已拒绝 %(name)s。", name=account.name)

        return _act(centre, venue_id, clock(), change)

    @pages.post("/venues/<int:venue_id>/inspectors/<login>/unbind")
    @requires(Action.MEMBERS_CHANGE)
    def unbind(venue_id: int, login: str) -> Any:
        def change(access: Personal, venue: Venue) -> str:
            binding.unbind(access, venue.id, login)
            return _("检测员已解绑，闸机下次更新后生效。")

        return _act(centre, venue_id, clock(), change)

    @pages.post("/venues/<int:venue_id>/inspectors/<login>/hand-over")
    @requires(Action.MEMBERS_CHANGE)
    def offer(venue_id: int, login: str) -> Any:
        def change(access: Personal, venue: Venue) -> str:
            handing_over.offer(access, venue, acts.own_account(access), login)
            return _("已请对方接任场所管理员，对方同意后生效。")

        return _act(centre, venue_id, clock(), change)

    @pages.post("/venues/<int:venue_id>/hand-over/take-back")
    @requires(Action.MEMBERS_CHANGE)
    def take_back(venue_id: int) -> Any:
        def change(access: Personal, venue: Venue) -> str:
            handing_over.take_back(access, venue.id)
            return _("已撤回。您仍是场所管理员。")

        return _act(centre, venue_id, clock(), change)


def _act(centre: Centre, venue_id: int, now: float, change: Callable[[Personal, Venue], str]) -> Any:
    """One button of the members' page; what came of it is told there."""
    if OneButtonForm().validate_on_submit():
        try:
            with acts.acting(centre, Action.MEMBERS_CHANGE, venue_id, now) as (access, venue):
                told = change(access, venue)
            flash(told)
        except (Mistake, NotFound) as cause:
            flash(words.mistake(cause), "warning")
    return redirect(url_for("members.index", venue_id=venue_id), 303)


def _own_act(centre: Centre, now: float, change: Callable[[Personal], str]) -> Any:
    """The same of somebody's own page."""
    if OneButtonForm().validate_on_submit():
        try:
            with personal(centre, guard.actor(Action.VENUE_BIND.value), now) as access:
                told = change(access)
            flash(told)
        except (Mistake, NotFound) as cause:
            flash(words.mistake(cause), "warning")
    return redirect(url_for("venues.mine"), 303)


def _wait(cause: MustWait) -> str:
    return _("错误次数过多，请在 %(time)s后再试。", time=languages.duration(max(cause.wait_seconds, 1)))
