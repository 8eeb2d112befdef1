"""The inspector photographs a visitor's code, or registers by hand who has none (R6, R20). Works without a script.

A photograph is looked at in a process of its own and kept nowhere. What was registered is shown again when the same
form comes twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, current_app, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select

from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.bodies import takes
from sync.collector.centre import Centre
from sync.collector.errors import NotFound
from sync.collector.languages import translate as _
from sync.collector.members.inspectors import inspector_of
from sync.collector.passes import lists
from sync.collector.passes import words as pass_words
from sync.collector.passes.desk import OtherName
from sync.collector.passes.lists import Fault as PersonFault
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Actor
from sync.collector.registration import taps
from sync.collector.registration import words as tap_words
from sync.collector.registration.model import NONCE_BYTES
from sync.collector.registration.taps import Refused, Tap
from sync.collector.reverse import by_hand, checking, words
from sync.collector.reverse.checking import Checked, Inspection
from sync.collector.reverse.forms import ByHandForm
from sync.collector.reverse.judging import Entrance
from sync.collector.reverse.reading import Busy, PhotographReader
from sync.collector.reverse.worker import MAX_PICTURE_BYTES
from sync.collector.venues.model import Checkpoint, Venue, VenueState
from sync.collector.visitors.identity import Document, Person
from sync.collector.visitors.service import StatusChanged
from sync.collector.visitors.status.sources import source_of
from sync.wire.record import MAX_PEOPLE, Outcome

MAX_BODY_BYTES = MAX_PICTURE_BYTES + 64_000
"""A photograph and the fields beside it."""
_MOST_VENUES = 2**31
_RETRY_AFTER_SECONDS = 5
_FIELD_OF = {
    PersonFault.NAME: "name",
    PersonFault.NUMBER: "number",
    PersonFault.RESIDENT: "number",
    PersonFault.PHONE: "phone",
}


def blueprint(centre: Centre, clock: Callable[[], float], reader: PhotographReader | None = None) -> Blueprint:
    """clock: seconds since 1970. reader: of photographs."""
    pages = Blueprint("reverse", __name__, url_prefix="/venues/<int:venue_id>")
    looks = reader or PhotographReader()

    @pages.get("/scan")
    @requires(Action.INSPECT)
    def scan(venue_id: int) -> Any:
        return _page(centre, "reverse/scan.html", venue_id)

    @pages.post("/scan")
    @takes(MAX_BODY_BYTES)
    @requires(Action.INSPECT)
    def photographed(venue_id: int) -> Any:
        now = clock()
        try:
            tap = _tap()
            picture = _picture()
            inspection, entrance = _before(centre, venue_id, tap, picture, now)
            if done := checking.known(centre, inspection):
                return _result(centre, venue_id, Checked(done=done))
            seen = looks.read(picture)
            if seen.fault is not None or len(seen.texts) != 1:
                told = words.two() if len(seen.texts) > 1 else words.fault(seen.fault)
                return _page(centre, "reverse/scan.html", venue_id, told)
            found = checking.measured(tap)
            decision = checking.judge_text(centre, seen.texts[0], entrance, found)
            secret, actor = current_app.secret_key, _actor(venue_id)
            return _result(
                centre, venue_id, checking.settle(centre, secret, actor, inspection, entrance, found, decision)
            )
        except Refused as cause:
            return _page(centre, "reverse/scan.html", venue_id, [tap_words.refusal(cause.why)])
        except Busy:
            answer = _page(centre, "reverse/scan.html", venue_id, words.busy(), HTTPStatus.SERVICE_UNAVAILABLE)
            answer.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
            return answer

    @pages.post("/decided")
    @requires(Action.INSPECT)
    def decided(venue_id: int) -> Any:
        with centre.database.read() as session:
            venue = _venue(session, venue_id)
        try:
            outcome = Outcome.PASS if request.form.get("outcome") == Outcome.PASS.value else Outcome.DENY
            people = taps.number(request.form.get("people") or "1")
            token, account = request.form.get("token", ""), guard.who().account_id
            secret, actor = current_app.secret_key, _actor(venue_id)
            made = checking.decided(centre, secret, actor, account, venue, token, outcome, people, clock())
        except Refused as cause:
            flash(tap_words.refusal(cause.why), "warning")
            return redirect(url_for("reverse.scan", venue_id=venue_id), 303)
        return _result(centre, venue_id, made)

    @pages.route("/by-hand", methods=["GET", "POST"])
    @requires(Action.INSPECT)
    def without(venue_id: int) -> Any:
        form = _form()
        if request.method == "GET" or not form.validate_on_submit():
            return _by_hand_page(centre, venue_id, form)
        read = lists.checked(form.name.data, Document(form.document.data), form.number.data, form.phone.data or None)
        if not isinstance(read, Person):
            form[_FIELD_OF[read]].errors = [pass_words.fault(read)]
            return _by_hand_page(centre, venue_id, form)
        try:
            return _result(centre, venue_id, _registered_by_hand(centre, venue_id, form, read, clock()))
        except OtherName:
            form.name.errors = [pass_words.fault(PersonFault.OTHER_NAME)]
        except Refused as cause:
            form.temperature.errors = [tap_words.refusal(cause.why)]
        except StatusChanged:
            form.name.errors = [_("此人的健康状态刚刚变化，请再提交一次。")]
        return _by_hand_page(centre, venue_id, form)

    return pages


def _registered_by_hand(centre: Centre, venue_id: int, form: ByHandForm, somebody: Person, now: float) -> Checked:
    """Raises Refused, OtherName, StatusChanged."""
    tap, actor = _tap(), _actor(venue_id)
    what = f"{somebody.document.value} {somebody.number}".encode()
    inspection, entrance = _before(centre, venue_id, tap, what, now)
    if done := checking.known(centre, inspection):
        return Checked(done=done)
    with personal(centre, actor, now) as access:
        visitor = by_hand.registered(access, somebody, seen=form.seen.data)
    claims = by_hand.issued(centre, source_of(centre), actor, visitor, somebody, entrance, tap.people)
    found = checking.measured(tap)
    decision = checking.judge_claims(centre, claims, entrance, found)
    secret = current_app.secret_key
    return checking.settle(centre, secret, actor, inspection, entrance, found, decision, tap.people)


def _before(centre: Centre, venue_id: int, tap: Tap, what: bytes, now: float) -> tuple[Inspection, Entrance]:
    """Who looks at it, and where. Raises Refused, NotFound, Forbidden."""
    with centre.database.read() as session:
        venue = _venue(session, venue_id)
        entrance = checking.entrance_of(session, venue, tap, now)
    return Inspection(guard.who().account_id, venue_id, tap.nonce, checking.digest(tap, what)), entrance


def _tap() -> Tap:
    """What stands beside the photograph or the name; a figure outranks what was ticked. Raises Refused."""
    form = request.form.to_dict()
    if form.get("temperature", "").strip():
        form["finding"] = taps.Finding.READING.value
    elif form.get("finding") not in (taps.Finding.NORMAL.value, taps.Finding.NOT_MEASURED.value):
        form["finding"] = taps.Finding.NOT_MEASURED.value
    return taps.read(form)


def _picture() -> bytes:
    sent = request.files.get("picture")
    return b"" if sent is None else sent.read(MAX_PICTURE_BYTES + 1)


def _actor(venue_id: int) -> Actor:
    return guard.actor(f"at the entrance of venue {venue_id}")


def _venue(session: Any, venue_id: int) -> Venue:
    if venue_id >= _MOST_VENUES:
        raise NotFound("there is no such venue")
    return guard.venue_for(session, Action.INSPECT, venue_id)


def _standing(centre: Centre, venue_id: int) -> dict[str, Any]:
    """The venue, and where who asks stands in it; None before they chose."""
    with centre.database.write() as session:
        venue = _venue(session, venue_id)
        inspector = inspector_of(session, guard.who().account_id, venue.id)
        rows = select(Checkpoint).where(Checkpoint.venue_id == venue.id, Checkpoint.closed_at.is_(None))
        checkpoints = list(session.scalars(rows.order_by(Checkpoint.id)))
        chosen = [each for each in checkpoints if each.id == inspector.checkpoint_id]
    standing = chosen[0] if chosen else checkpoints[0] if len(checkpoints) == 1 else None
    return {"venue": venue, "standing": standing, "is_active": venue.state == VenueState.ACTIVE.value}


def _page(
    centre: Centre, template: str, venue_id: int, wrong: list[str] | None = None, status: HTTPStatus | None = None
) -> Response:
    page = render_template(
        template,
        **_standing(centre, venue_id),
        nonce=secrets.token_hex(NONCE_BYTES),
        wrong=wrong,
        coldest=taps.COLDEST,
        hottest=taps.HOTTEST,
    )
    return make_response(page, status or (HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK))


def _by_hand_page(centre: Centre, venue_id: int, form: ByHandForm) -> Any:
    told = _standing(centre, venue_id)
    if not form.nonce.data:
        form.nonce.data = secrets.token_hex(NONCE_BYTES)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return make_response(render_template("reverse/by_hand.html", **told, form=form), status)


def _result(centre: Centre, venue_id: int, made: Checked) -> Any:
    decision, done = made.decision, made.done
    record = None if done is None else done.record
    outcome = record.outcome if record is not None else decision.outcome if decision is not None else Outcome.DENY
    codes = list(record.reasons if record is not None else decision.reasons if decision is not None else ())
    head, advice = words.head(outcome, codes[0]) if codes else ("", "")
    page = render_template(
        "reverse/result.html",
        **_standing(centre, venue_id),
        made=made,
        record=record,
        outcome=outcome.value,
        head=head,
        advice=advice,
        reasons=words.reasons(codes),
        claims=None if decision is None else decision.claims,
        words=words,
        most=min(made.people, MAX_PEOPLE),
    )
    return make_response(page)


def _form() -> ByHandForm:
    form = ByHandForm()
    form.document.choices = list(pass_words.documents().items())
    form.people.choices = [(str(n), str(n)) for n in range(1, MAX_PEOPLE + 1)]
    return form
