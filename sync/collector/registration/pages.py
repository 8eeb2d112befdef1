"""The inspector's page at the entrance: one thumb, a queue in front, and a network that comes and goes (R19, R4, R4b).

Without a script it is a form. With it a tap is kept in the browser until the centre has acknowledged it; `taps` takes
one, `state` says what the page needs to go on after a while: numbers of today, the limit, a token for its next tap.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.errors import NotFound
from sync.collector.languages import translate as _
from sync.collector.members.inspectors import inspector_of, known_inspector
from sync.collector.members.model import Inspector
from sync.collector.problems import Kind, Problem
from sync.collector.registration import service, taps, words
from sync.collector.registration.forms import DisinfectionForm
from sync.collector.registration.model import NONCE_BYTES
from sync.collector.registration.service import UNDO_SECONDS, Done
from sync.collector.registration.taps import COLDEST, HOTTEST, Refused
from sync.collector.statistics import counts, figures
from sync.collector.statistics.figures import Figures
from sync.collector.venues.model import Checkpoint, Venue, VenueState
from sync.wire.policy import Policy
from sync.wire.record import Direction, Outcome

_ROUNDS_SHOWN = 5
_MOST_VENUES = 2**31


@dataclass(frozen=True, slots=True)
class Today:
    """People of today, registered by the one who asks, and at the venue by everybody and every gate."""

    mine: Figures
    venue: Figures


class Answer(msgspec.Struct, frozen=True):
    """What became of a tap, for the page's script. taken_back: it took one back."""

    nonce: str
    outcome: str | None
    taken_back: bool
    today: Today


class RefusedAnswer(msgspec.Struct, frozen=True):
    """A tap that will never be taken: why, and a sentence."""

    nonce: str
    refused: str
    sentence: str


class State(msgspec.Struct, frozen=True):
    """Who is signed in here, and what the page needs to go on."""

    inspector: int
    token: str
    limit: float
    must_measure: bool
    today: Today


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("inspection", __name__, url_prefix="/venues/<int:venue_id>/inspect")

    @pages.get("")
    @requires(Action.INSPECT)
    def index(venue_id: int) -> Any:
        return _page(centre, venue_id, clock())

    @pages.post("")
    @requires(Action.INSPECT)
    def register(venue_id: int) -> Any:
        back = redirect(url_for("inspection.index", venue_id=venue_id, direction=request.form.get("direction")), 303)
        try:
            done = _register(centre, venue_id, clock())
        except Refused as cause:
            flash(words.refusal(cause.why), "warning")
            return back
        if done.record is not None and done.record.takes_back is not None:
            flash(_("已撤销上一次登记。"))
        return back

    @pages.post("/taps")
    @requires(Action.INSPECT, data=True)
    def tapped(venue_id: int) -> Response:
        try:
            done = _register(centre, venue_id, clock())
        except Refused as cause:
            nonce = request.form.get("nonce", "")[: 2 * NONCE_BYTES]
            told = RefusedAnswer(nonce, cause.why.value, words.refusal(cause.why))
            return _json(told, HTTPStatus.UNPROCESSABLE_ENTITY)
        with centre.database.read() as session:
            today = _today(session, venue_id, _inspector(session, venue_id), clock())
        record = done.record
        outcome = None if record is None else record.outcome.value
        return _json(Answer(done.nonce.hex(), outcome, record is not None and record.takes_back is not None, today))

    @pages.get("/state")
    @requires(Action.INSPECT, data=True)
    def state(venue_id: int) -> Response:
        with centre.database.read() as session:
            _venue(session, venue_id)
            rules, inspector = service.policy(session), _inspector(session, venue_id)
            today = _today(session, venue_id, inspector, clock())
        return _json(State(inspector, generate_csrf(), rules.fever_celsius, _must_measure(rules), today))

    @pages.get("/worker.js")
    @requires(Action.INSPECT, data=True)
    def worker(venue_id: int) -> Response:
        with centre.database.read() as session:
            _venue(session, venue_id)
        answer = current_app.send_static_file("inspect-worker.js")
        answer.headers["Service-Worker-Allowed"] = url_for("inspection.index", venue_id=venue_id)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @pages.post("/checkpoint")
    @requires(Action.INSPECT)
    def stand(venue_id: int) -> Any:
        try:
            with centre.database.write() as session:
                venue = _venue(session, venue_id)
                inspector = inspector_of(session, guard.who().account_id, venue.id)
                service.stand_at(session, venue.id, inspector, taps.number(request.form.get("checkpoint")))
        except Refused as cause:
            flash(words.refusal(cause.why), "warning")
        return redirect(url_for("inspection.index", venue_id=venue_id), 303)

    @pages.post("/disinfection")
    @requires(Action.INSPECT)
    def disinfect(venue_id: int) -> Any:
        form = DisinfectionForm()
        form.what.choices = list(words.rounds().items())
        if not form.validate_on_submit():
            return _page(centre, venue_id, clock(), form)
        told = (form.nonce_bytes, form.round, form.note.data or "")
        try:
            with centre.database.write() as session:
                venue = _venue(session, venue_id)
                inspector = inspector_of(session, guard.who().account_id, venue.id)
                service.disinfected(session, venue, inspector, *told, clock())
        except Refused as cause:
            form.note.errors, form.nonce.data = [words.refusal(cause.why)], secrets.token_hex(NONCE_BYTES)
            return _page(centre, venue_id, clock(), form)
        flash(_("消毒已记录。"))
        return redirect(url_for("inspection.index", venue_id=venue_id), 303)

    return pages


def _register(centre: Centre, venue_id: int, now: float) -> Done:
    """One tap of this request. Raises Refused, NotFound, Forbidden; Problem for a tap of somebody else's.

    A phone keeps what its inspector tapped through the end of a session, and sends it with whatever cookie it has then.
    """
    tap, whose = taps.read(request.form), request.form.get("inspector")
    with centre.database.write() as session:
        venue = _venue(session, venue_id)
        inspector = inspector_of(session, guard.who().account_id, venue.id)
        if whose not in (None, str(inspector.id)):
            raise Problem(Kind.SIGNED_OUT, "somebody else is signed in here")
        return service.register(session, venue, inspector, tap, now)


def _venue(session: Session, venue_id: int) -> Venue:
    if venue_id >= _MOST_VENUES:
        raise NotFound("there is no such venue")
    return guard.venue_for(session, Action.INSPECT, venue_id)


def _inspector(session: Session, venue_id: int) -> int:
    """Their number; 0 before they did anything here since they were appointed."""
    known = known_inspector(session, guard.who().account_id, venue_id)
    return 0 if known is None else known.id


def _today(session: Session, venue_id: int, inspector: int, now: float) -> Today:
    cells = counts.of_days(session, venue_id, figures.today(now))
    return Today(figures.registered_by(cells, inspector), figures.total(cells))


def _must_measure(policy: Policy) -> bool:
    return policy.not_measured is Outcome.DENY


def _page(centre: Centre, venue_id: int, now: float, form: DisinfectionForm | None = None) -> Any:
    """form: the disinfection that is not right yet."""
    with centre.database.read() as session:
        venue, number = _venue(session, venue_id), _inspector(session, venue_id)
    if not number:  # whoever comes for the first time gets one
        with centre.database.write() as session:
            number = inspector_of(session, guard.who().account_id, venue.id).id
    with centre.database.read() as session:
        inspector = session.get_one(Inspector, number)
        told: dict[str, Any] = {
            "venue": venue,
            "inspector": inspector,
            "checkpoints": _open_checkpoints(session, venue.id),
            "last": service.last(session, venue.id, inspector.id, now),
            "today": _today(session, venue.id, inspector.id, now),
            "policy": service.policy(session),
            "rounds": service.disinfections(session, venue.id, _ROUNDS_SHOWN),
            "names": counts.names(session, venue.id),
        }
    page = render_template(
        "inspection/index.html",
        **told,
        standing=_standing(told["checkpoints"], inspector),
        direction=_direction(),
        is_active=venue.state == VenueState.ACTIVE.value,
        must_measure=_must_measure(told["policy"]),
        nonce=secrets.token_hex(NONCE_BYTES),
        undo_nonce=secrets.token_hex(NONCE_BYTES),
        form=form or _empty_form(),
        words=words,
        coldest=COLDEST,
        hottest=HOTTEST,
        undo_seconds=int(UNDO_SECONDS),
        now=now,
    )
    return make_response(page, HTTPStatus.OK if form is None else HTTPStatus.UNPROCESSABLE_ENTITY)


def _empty_form() -> DisinfectionForm:
    form = DisinfectionForm(formdata=None)
    form.what.choices = list(words.rounds().items())
    form.nonce.data = secrets.token_hex(NONCE_BYTES)
    return form


def _open_checkpoints(session: Session, venue_id: int) -> list[Checkpoint]:
    wanted = select(Checkpoint).where(Checkpoint.venue_id == venue_id, Checkpoint.closed_at.is_(None))
    return list(session.scalars(wanted.order_by(Checkpoint.id)))


def _standing(checkpoints: list[Checkpoint], inspector: Inspector) -> Checkpoint | None:
    """Where the inspector stands; where there is only one way in, there."""
    chosen = [each for each in checkpoints if each.id == inspector.checkpoint_id]
    return chosen[0] if chosen else checkpoints[0] if len(checkpoints) == 1 else None


def _direction() -> str | None:
    """What the address asks for, None for the checkpoint's own."""
    asked = request.args.get("direction")
    return asked if asked in {direction.value for direction in Direction} else None


def _json(told: msgspec.Struct, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(told), status, content_type="application/json")
