"""Kept records: the list of those that wait, and a page of each with its versions side by side."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.fleet import kept, resolving, words
from sync.collector.fleet.differences import editable, visible
from sync.collector.fleet.forms import CorrectForm, DiscardForm, ReasonForm
from sync.collector.fleet.kept import Name
from sync.collector.fleet.resolving import Decided
from sync.collector.languages import translate as _
from sync.collector.privacy.access import Personal, personal


def add(pages: Blueprint, centre: Centre, clock: Callable[[], float]) -> None:
    """The routes. clock: seconds since 1970."""

    @pages.get("/kept")
    @requires(Action.FLEET_SEE)
    def kept_index() -> str:
        gate_id, resolved = request.args.get("gate") or None, request.args.get("resolved") == "yes"
        with centre.database.read() as session:
            rows, total = kept.listed(session, gate_id, resolved=resolved)
        return render_template(
            "fleet/kept.html",
            rows=rows,
            total=total,
            gate_id=gate_id,
            resolved=resolved,
            words=words,
            languages=languages,
        )

    @pages.get("/kept/<name>")
    @requires(Action.FLEET_SEE)
    def kept_one(name: str) -> Any:
        return _kept_page(centre, Name.parse(name))

    @pages.post("/kept/<name>/accept")
    @requires(Action.KEPT_DECIDE)
    def accept(name: str) -> Any:
        return _decide(centre, Name.parse(name), clock(), "accept", ReasonForm(), resolving.accept)

    @pages.post("/kept/<name>/correct")
    @requires(Action.KEPT_DECIDE)
    def correct(name: str) -> Any:
        form = CorrectForm()
        return _decide(centre, Name.parse(name), clock(), "correct", form, _typed(form))

    @pages.post("/kept/<name>/discard")
    @requires(Action.KEPT_DECIDE)
    def discard(name: str) -> Any:
        return _decide(centre, Name.parse(name), clock(), "discard", DiscardForm(), resolving.discard)


def _typed(form: CorrectForm) -> Callable[[Personal, Name], Decided]:
    return lambda access, name: resolving.correct(access, name, form.document.data.encode())


def _decide(
    centre: Centre, name: Name, now: float, act: str, form: Any, decide: Callable[[Personal, Name], Decided]
) -> Any:
    if form.validate_on_submit():
        try:
            with personal(centre, guard.actor(form.reason.data), now) as access:
                done = decide(access, name)
            flash(_("%(what)s，审计第 %(line)s 行。", what=words.resolution(done.resolution.value), line=done.audit))
            return redirect(url_for("fleet.kept_one", name=name), 303)
        except resolving.DecidedAlready as cause:  # somebody else was faster: the page says by whom
            flash(words.mistake(cause), "warning")
            return redirect(url_for("fleet.kept_one", name=name), 303)
        except Mistake as cause:
            field = form.document if act == "correct" else form.reason
            field.errors = [words.mistake(cause)]
    return _kept_page(centre, name, {act: form})


def _kept_page(centre: Centre, name: Name, filled: dict[str, Any] | None = None) -> Any:
    with centre.database.read() as session:
        detail = kept.detail(session, name)
    forms: dict[str, Any] = {"accept": ReasonForm(formdata=None), "discard": DiscardForm(formdata=None)}
    forms["correct"] = CorrectForm(formdata=None, data={"document": editable(detail.kept.raw)})
    page = render_template(
        "fleet/kept_one.html",
        detail=detail,
        forms=forms | (filled or {}),
        filled=set(filled or {}),
        words=words,
        languages=languages,
        visible=visible,
    )
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if filled else HTTPStatus.OK)
