"""A gate's page: how it is, what was the matter, and what IT does with it. Every act has a reason in the audit."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from sync.collector import charts, languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.fleet import acts, contacts, curve, enrolment, enrolment_pages, history, words
from sync.collector.fleet.conditions import CLOCK_LIMIT_SECONDS
from sync.collector.fleet.forms import ConfirmForm, EnrolForm, MoveForm, NewGateForm, RefuseForm, RetireForm, RevokeForm
from sync.collector.fleet.history import Sample
from sync.collector.fleet.overview import gate_states
from sync.collector.fleet.service import find_gate
from sync.collector.languages import translate as _
from sync.collector.privacy.access import Personal, personal
from sync.collector.venues.service import checkpoints

_WEEK_SECONDS = 7 * 86_400
_MOST_EVENTS = 30
_CREATED = "new gate"


def add(pages: Blueprint, centre: Centre, clock: Callable[[], float]) -> None:
    """The routes. clock: seconds since 1970."""

    @pages.route("/fleet/new", methods=["GET", "POST"])
    @requires(Action.FLEET_CHANGE)
    def new() -> Any:
        form = NewGateForm()
        _offer_places(centre, form)
        if form.checkpoint.choices and form.validate_on_submit():
            try:
                with personal(centre, guard.actor(_CREATED), clock()) as access:
                    made = acts.create(access, form.checkpoint.data, form.name.data, form.id.data)
                    gate_id = made.id
                flash(_("闸机已新建。下一步：开通。"))
                return redirect(url_for("fleet.show", gate_id=gate_id), 303)
            except Mistake as cause:
                form.name.errors = [words.mistake(cause)]
        return _page("fleet/new.html", bool(form.errors), form=form)

    @pages.get("/fleet/<gate_id>")
    @requires(Action.FLEET_SEE)
    def show(gate_id: str) -> Any:
        return _gate_page(centre, gate_id, clock())

    @pages.get("/fleet/<gate_id>/backlog.svg")
    @requires(Action.FLEET_SEE)
    def backlog(gate_id: str) -> Any:
        with centre.database.read() as session:
            week = _week(session, find_gate(session, gate_id).number, clock())
        return charts.response(charts.draw(curve.backlog(week), languages.language(), **charts.wanted_size()))

    @pages.post("/fleet/<gate_id>/move")
    @requires(Action.FLEET_CHANGE)
    def move(gate_id: str) -> Any:
        form = MoveForm()
        _offer_places(centre, form)
        return _act(centre, gate_id, clock(), form, _("闸机已移动；它下次联系时得知。"), _move(form))

    @pages.post("/fleet/<gate_id>/revoke")
    @requires(Action.FLEET_CHANGE)
    def revoke(gate_id: str) -> Any:
        return _act(centre, gate_id, clock(), RevokeForm(), _("闸机已吊销。"), acts.revoke)

    @pages.post("/fleet/<gate_id>/retire")
    @requires(Action.FLEET_CHANGE)
    def retire(gate_id: str) -> Any:
        return _act(centre, gate_id, clock(), RetireForm(), _("闸机已退役。"), acts.retire)

    enrolment_pages.add(pages, centre, clock, lambda gate_id, form: _gate_page(centre, gate_id, clock(), form))


def _move(form: MoveForm) -> Callable[[Personal, str], Any]:
    return lambda access, gate_id: acts.move(access, gate_id, form.checkpoint.data)


def _act(centre: Centre, gate_id: str, now: float, form: Any, told: str, change: Callable[[Personal, str], Any]) -> Any:
    """One act with a reason; the page again where something is missing."""
    if form.validate_on_submit():
        try:
            with personal(centre, guard.actor(form.reason.data), now) as access:
                change(access, gate_id)
            flash(told)
            return redirect(url_for("fleet.show", gate_id=gate_id), 303)
        except Mistake as cause:
            form.reason.errors = [words.mistake(cause)]
    return _gate_page(centre, gate_id, now, form)


def _gate_page(centre: Centre, gate_id: str, now: float, filled: Any = None) -> Any:
    """filled: the form that was sent and is not right yet."""
    forms = {name: form(formdata=None) for name, form in _FORMS.items()}
    _offer_places(centre, forms["move"])
    if filled is not None:
        forms[next(name for name, form in _FORMS.items() if isinstance(filled, form))] = filled
    with centre.database.read() as session:
        told = _told(session, centre, gate_id, now)
    return _page("fleet/gate.html", filled is not None, forms=forms, **told)


_FORMS: dict[str, Any] = {
    "move": MoveForm,
    "revoke": RevokeForm,
    "retire": RetireForm,
    "enrol": EnrolForm,
    "confirm": ConfirmForm,
    "refuse": RefuseForm,
}


def _told(session: Session, centre: Centre, gate_id: str, now: float) -> dict[str, Any]:
    row = find_gate(session, gate_id)
    (gate,) = gate_states(session, now, centre.settings, with_retired=True, only=gate_id)
    samples = _week(session, row.number, now)
    return {
        "gate": gate,
        "row": row,
        "now": now,
        "curve": charts.figures(curve.backlog(samples), languages.language()),
        "gaps": history.gaps(samples),
        "hours": history.hours(samples)[::-1],
        "events": history.events(samples, CLOCK_LIMIT_SECONDS)[:_MOST_EVENTS],
        "done": acts.of_gate(session, gate_id),
        "asked": enrolment.waiting(session, gate_id),
    }


def _week(session: Session, number: int, now: float) -> list[Sample]:
    return contacts.samples(session, now - _WEEK_SECONDS, number).get(number, [])


def _offer_places(centre: Centre, form: Any) -> None:
    with centre.database.read() as session:
        form.checkpoint.choices = [
            SelectChoice(each.id, f"{each.venue.name} · {each.name} · {words.direction(each.direction)}")
            for each in checkpoints(session)
            if each.closed_at is None
        ]


def _page(template: str, is_wrong: bool, **told: Any) -> Any:
    page = render_template(template, words=words, languages=languages, **told)
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK)
