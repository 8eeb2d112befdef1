"""An inspector's own page at a venue: where they stand, the PIN and the badge for the panel at the gate (R18, R19).

What is set here reaches the gates of the venue at their next contact.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import segno
from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.accounts import guard, service
from sync.collector.accounts.guard import requires
from sync.collector.accounts.model import Account
from sync.collector.accounts.pages import refusal
from sync.collector.accounts.permissions import Action
from sync.collector.accounts.secrets import AccountKey, AccountKeyTrouble
from sync.collector.accounts.signing import Door
from sync.collector.centre import Centre
from sync.collector.charts.web import POLICY
from sync.collector.errors import Mistake
from sync.collector.intake import words as record_words
from sync.collector.languages import translate as _
from sync.collector.members import pins
from sync.collector.members.inspectors import inspector_of, known_inspector
from sync.collector.members.model import Inspector
from sync.collector.members.own_forms import CheckpointForm, PinForm
from sync.collector.members.staff import badge_of
from sync.collector.privacy.access import Personal, personal
from sync.collector.privacy.audit import Act
from sync.collector.venues.model import Checkpoint, Venue, VenueState
from sync.wire.badges import text_of

_PATH = "/venues/<int:venue_id>/inspector"
_NOWHERE = 0
_REASON = "own inspector's page"


def blueprint(centre: Centre, key: AccountKey, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("inspector", __name__)
    door = Door(centre.database, key)

    @pages.get(_PATH)
    @requires(Action.INSPECT)
    def show(venue_id: int) -> Any:
        return _own_page(centre, venue_id)

    @pages.post(f"{_PATH}/checkpoint")
    @requires(Action.INSPECT)
    def checkpoint(venue_id: int) -> Any:
        form = CheckpointForm()
        with centre.database.write() as session:
            _venue(session, venue_id)
            form.checkpoint.choices = _places(session, venue_id)
            if form.validate_on_submit():
                inspector_of(session, guard.who().account_id, venue_id).checkpoint_id = form.checkpoint.data or None
        if form.errors:
            return _own_page(centre, venue_id, form)
        flash(_("已保存。闸机下次联系时得知。"))
        return redirect(url_for("inspector.show", venue_id=venue_id), 303)

    @pages.route(f"{_PATH}/pin", methods=["GET", "POST"])
    @requires(Action.INSPECT)
    def pin(venue_id: int) -> Any:
        visit, (venue, _mine) = guard.who(), _me(centre, venue_id)
        form = PinForm(known=_own_digits(centre, key))
        if form.validate_on_submit():
            outcome = door.confirm_password(visit, form.present.data, clock())
            if outcome.refusal is None:
                kept = pins.hashed(form.pin.data)
                with _acting(centre, venue_id, clock()) as (access, mine):
                    mine.pin = kept
                    access.note(Act.INSPECTOR_PIN, detail=_said(mine))
                flash(_("PIN 已保存。闸机下次联系时得知。"))
                return redirect(url_for("inspector.show", venue_id=venue_id), 303)
            form.present.errors = [refusal(outcome, _("密码不正确。"))]
        return _page("members/pin.html", form.errors, form=form, venue=venue)

    @pages.get(f"{_PATH}/badge")
    @requires(Action.INSPECT)
    def badge(venue_id: int) -> Any:
        venue, mine = _me(centre, venue_id)
        return _page("members/badge.html", None, venue=venue, mine=mine)

    @pages.get(f"{_PATH}/badge.svg")
    @requires(Action.INSPECT)
    def symbol(venue_id: int) -> Any:
        drawn = _drawn(text_of(badge_of(key, _me(centre, venue_id)[1])))
        answer = Response(drawn, content_type="image/svg+xml; charset=utf-8")
        answer.headers["Content-Security-Policy"] = POLICY  # no-store, as every page: it is a key
        return answer

    @pages.post(f"{_PATH}/badge/new")
    @requires(Action.INSPECT)
    def new_badge(venue_id: int) -> Any:
        with _acting(centre, venue_id, clock()) as (access, mine):
            mine.badge += 1
            access.note(Act.INSPECTOR_BADGE, detail=_said(mine))
        flash(_("已换新工作证，旧的在闸机下次联系后失效。"))
        return redirect(url_for("inspector.show", venue_id=venue_id), 303)

    return pages


def _me(centre: Centre, venue_id: int) -> tuple[Venue, Inspector]:
    """The venue, and who is signed in as its inspector. Raises NotFound, Forbidden, Mistake."""
    account_id = guard.who().account_id
    with centre.database.read() as session:
        venue = _venue(session, venue_id)
        mine = known_inspector(session, account_id, venue_id)
    if mine is None:
        with centre.database.write() as writing:
            mine = inspector_of(writing, account_id, venue_id)
    return venue, mine


@contextmanager
def _acting(centre: Centre, venue_id: int, now: float) -> Iterator[tuple[Personal, Inspector]]:
    """The same to change something, with the audit."""
    with personal(centre, guard.actor(_REASON), now) as access:
        _venue(access.session, venue_id)
        yield access, inspector_of(access.session, guard.who().account_id, venue_id)


def _venue(session: Session, venue_id: int) -> Venue:
    venue = guard.venue_for(session, Action.INSPECT, venue_id)
    if venue.state != VenueState.ACTIVE.value:
        raise Mistake(_("这个场所目前没有启用，检测员的设置暂时不能使用。"))
    return venue


def _own_page(centre: Centre, venue_id: int, filled: CheckpointForm | None = None) -> Any:
    """filled: the form that was sent and is not right."""
    venue, mine = _me(centre, venue_id)
    form = filled or CheckpointForm(formdata=None)
    with centre.database.read() as session:
        form.checkpoint.choices = _places(session, venue_id)
    if filled is None:
        numbers = {number for number, _name in form.checkpoint.choices}
        form.checkpoint.data = mine.checkpoint_id if mine.checkpoint_id in numbers else _NOWHERE
    return _page("members/inspector.html", filled and filled.errors, form=form, venue=venue, mine=mine)


def _places(session: Session, venue_id: int) -> list[tuple[int, str]]:
    """What can be chosen: checkpoints in use, or none of them."""
    in_use = select(Checkpoint).where(Checkpoint.venue_id == venue_id, Checkpoint.closed_at.is_(None))
    found = session.scalars(in_use.order_by(Checkpoint.id)).all()
    named = [(each.id, f"{each.name} · {record_words.direction(each.direction)}") for each in found]
    return [*named, (_NOWHERE, _("不固定"))]


def _own_digits(centre: Centre, key: AccountKey) -> tuple[str, ...]:
    with centre.database.read() as session:
        account = session.get_one(Account, guard.who().account_id)
    try:
        return account.login, service.address_of(account, key) or ""
    except AccountKeyTrouble:
        return (account.login,)


def _drawn(text: str) -> bytes:
    """A symbol of version 3: large modules, for a camera at arm's length; Q, for a worn card."""
    drawn = io.BytesIO()
    symbol = segno.make(text, error="q", micro=False, boost_error=False)
    symbol.save(drawn, kind="svg", border=4, light="#fff", omitsize=True, svgclass=None, lineclass=None)
    return drawn.getvalue()


def _said(mine: Inspector) -> str:
    return f"inspector {mine.id} of venue {mine.venue_id}"


def _page(template: str, errors: Any, **values: Any) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return make_response(render_template(template, **values), status)
