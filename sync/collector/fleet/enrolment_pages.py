"""On a gate's page: its enrolment code, and the key words of the device that asked with it. Each with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts.enrolment import symbol
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.fleet import enrolment, words
from sync.collector.fleet.forms import ConfirmForm, EnrolForm, RefuseForm
from sync.collector.languages import translate as _
from sync.collector.privacy.access import Personal, personal
from sync.wire.enrolment import write_code

VALID_SECONDS = enrolment.VALID_SECONDS
Again = Callable[[str, Any], Any]
"""The gate's page once more, with the form that was sent and is not right yet."""


def add(pages: Blueprint, centre: Centre, clock: Callable[[], float], again: Again) -> None:
    """The routes. clock: seconds since 1970."""

    @pages.post("/fleet/<gate_id>/enrol")
    @requires(Action.FLEET_CHANGE)
    def enrol(gate_id: str) -> Any:
        form = EnrolForm()
        if form.validate_on_submit():
            try:
                with personal(centre, guard.actor(form.reason.data), clock()) as access:
                    code = enrolment.offer(access, gate_id, centre.address, replace=form.replace.data)
                # The code stands in this answer alone: it has no address where something might keep it.
                return render_template(
                    "fleet/code.html",
                    gate_id=gate_id,
                    symbol=symbol(write_code(code)),
                    until=languages.moment(clock() + VALID_SECONDS),
                )
            except Mistake as cause:
                form.reason.errors = [words.mistake(cause)]
        return again(gate_id, form)

    @pages.post("/fleet/<gate_id>/confirm")
    @requires(Action.FLEET_CHANGE)
    def confirm(gate_id: str) -> Any:
        form, kid = ConfirmForm(), request.form.get("kid", "")
        return _decide(gate_id, form, _("闸机已开通。"), lambda access: enrolment.confirm(access, gate_id, kid))

    @pages.post("/fleet/<gate_id>/refuse")
    @requires(Action.FLEET_CHANGE)
    def refuse(gate_id: str) -> Any:
        return _decide(
            gate_id, RefuseForm(), _("已拒绝，开通码作废。"), lambda access: enrolment.refuse(access, gate_id)
        )

    def _decide(gate_id: str, form: Any, told: str, change: Callable[[Personal], Any]) -> Any:
        if form.validate_on_submit():
            try:
                with personal(centre, guard.actor(form.reason.data), clock()) as access:
                    change(access)
                flash(told)
                return redirect(url_for("fleet.show", gate_id=gate_id), 303)
            except Mistake as cause:
                form.reason.errors = [words.mistake(cause)]
        return again(gate_id, form)
