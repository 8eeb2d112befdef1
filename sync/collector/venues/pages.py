"""A venue's pages: founding it, what it is, changing it (R11, R14), and its checkpoints (R17)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts import words as account_words
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action, Role
from sync.collector.centre import Centre
from sync.collector.errors import Mistake, NotFound
from sync.collector.fleet.model import Gate
from sync.collector.languages import translate as _
from sync.collector.members import binding, declaration, handing_over
from sync.collector.privacy.access import personal
from sync.collector.venues import acts, divisions, founding, history, opening, service, words
from sync.collector.venues.forms import CheckpointForm, OneButtonForm, VenueForm
from sync.collector.venues.founding import Particulars
from sync.collector.venues.maps import Asked, allowing
from sync.collector.venues.model import Venue, VenueState
from sync.collector.venues.naming import Advice, advice
from sync.collector.venues.positions import System
from sync.collector.venues.wording import advice_sentence
from sync.wire.record import Direction


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("venues", __name__)
    _add_founding(pages, centre, clock)
    _add_venue(pages, centre, clock)
    _add_checkpoints(pages, centre, clock)
    return pages


def _add_founding(pages: Blueprint, centre: Centre, clock: Callable[[], float]) -> None:
    @pages.get("/venues/mine")
    @requires(Action.VENUE_BIND)
    def mine() -> Any:
        """What somebody without a role in the town begins with: 我是管理员, 我是检测员."""
        visit = guard.who()
        with centre.database.read() as session:
            return render_template(
                "venues/mine.html",
                venues=_of_visit(session),
                offers=handing_over.offers_to(session, visit.account_id, clock()),
                waiting=binding.waiting_for(session, visit.account_id),
                may_found=_may_found(session),
                languages=languages,
                words=words,
            )

    @pages.get("/venues/new")
    @requires(Action.VENUE_CREATE)
    def choose_region() -> Any:
        """Region by region, down to the township: links alone, for any phone."""
        begin = centre.settings.venues.region
        return _region_page(request.args.get("within", begin), begin, lambda code: url_for("venues.new", region=code))

    @pages.route("/venues/new/<region>", methods=["GET", "POST"])
    @requires(Action.VENUE_CREATE)
    def new(region: str) -> Any:
        form = VenueForm()
        if not divisions.is_lowest(region):
            return redirect(url_for("venues.choose_region"), 303)
        told = _particulars(form, region)
        found = None if told is None else _advised(form, told)
        if told is not None and not found:
            try:
                with personal(centre, guard.actor(Action.VENUE_CREATE.value), clock()) as access:
                    approval = centre.settings.venues.approval
                    venue = founding.found(access, acts.own_account(access), told, needs_approval=approval)
                    number = venue.id
                flash(
                    _("场所已创建，等待镇街审核。") if approval else _("场所已创建。下一步：张贴场所码，邀请检测员。")
                )
                return redirect(url_for("venues.show", venue_id=number), 303)
            except Mistake as cause:
                _tell(form, cause)
        return _form_page(form, region, found or [], url_for("venues.choose_region"))


def _add_venue(pages: Blueprint, centre: Centre, clock: Callable[[], float]) -> None:
    @pages.get("/venues/<int:venue_id>")
    @requires(Action.VENUE_SEE)
    def show(venue_id: int) -> Any:
        with centre.database.read() as session:
            venue = guard.venue_for(session, Action.VENUE_SEE, venue_id)
            return render_template("venues/show.html", **_told(session, venue, clock()))

    @pages.get("/venues/<int:venue_id>/region")
    @requires(Action.VENUE_EDIT)
    def move(venue_id: int) -> Any:
        with centre.database.read() as session:
            guard.venue_for(session, Action.VENUE_EDIT, venue_id)
        begin = centre.settings.venues.region
        chosen = request.args.get("within", begin)
        return _region_page(chosen, begin, lambda code: url_for("venues.edit", venue_id=venue_id, region=code))

    @pages.route("/venues/<int:venue_id>/edit", methods=["GET", "POST"])
    @requires(Action.VENUE_EDIT)
    def edit(venue_id: int) -> Any:
        with centre.database.read() as session:
            venue = guard.venue_for(session, Action.VENUE_EDIT, venue_id)
            region = request.args.get("region", venue.region)
            form = VenueForm(**({} if request.method == "POST" else _filled(venue)))
        if not divisions.is_lowest(region):
            return redirect(url_for("venues.move", venue_id=venue_id), 303)
        told = _particulars(form, region)
        found = None if told is None or told.name == venue.name else _advised(form, told)
        if told is not None and not found:
            try:
                with acts.acting(centre, Action.VENUE_EDIT, venue_id, clock()) as (access, present):
                    approval = centre.settings.venues.approval
                    founding.amend(access, acts.own_account(access), present, told, needs_approval=approval)
                flash(_("已保存。"))
                return redirect(url_for("venues.show", venue_id=venue_id), 303)
            except Mistake as cause:
                _tell(form, cause)
        return _form_page(form, region, found or [], url_for("venues.move", venue_id=venue_id), venue)


def _add_checkpoints(pages: Blueprint, centre: Centre, clock: Callable[[], float]) -> None:
    @pages.get("/venues/<int:venue_id>/checkpoints")
    @requires(Action.CHECKPOINTS_CHANGE)
    def checkpoints(venue_id: int) -> Any:
        return _checkpoints_page(centre, venue_id)

    @pages.post("/venues/<int:venue_id>/checkpoints")
    @requires(Action.CHECKPOINTS_CHANGE)
    def add_checkpoint(venue_id: int) -> Any:
        form = CheckpointForm()
        if form.validate_on_submit():
            try:
                with acts.acting(centre, Action.CHECKPOINTS_CHANGE, venue_id, clock()) as (access, venue):
                    acts.add_checkpoint(access, venue, form.name.data, Direction(form.direction.data))
                flash(_("检测点已新建。"))
                return redirect(url_for("venues.checkpoints", venue_id=venue_id), 303)
            except Mistake as cause:
                _tell(form, cause)
        return _checkpoints_page(centre, venue_id, form)

    @pages.route("/venues/<int:venue_id>/checkpoints/<int:number>", methods=["GET", "POST"])
    @requires(Action.CHECKPOINTS_CHANGE)
    def change_checkpoint(venue_id: int, number: int) -> Any:
        with centre.database.read() as session:
            guard.venue_for(session, Action.CHECKPOINTS_CHANGE, venue_id)
            checkpoint = service.checkpoint_at(session, venue_id, number)
        form = CheckpointForm(name=checkpoint.name, direction=checkpoint.direction)
        if form.validate_on_submit():
            try:
                with acts.acting(centre, Action.CHECKPOINTS_CHANGE, venue_id, clock()) as (access, _venue):
                    present = service.checkpoint_at(access.session, venue_id, number)
                    acts.change_checkpoint(access, present, form.name.data, Direction(form.direction.data))
                flash(_("已保存。"))
                return redirect(url_for("venues.checkpoints", venue_id=venue_id), 303)
            except Mistake as cause:
                _tell(form, cause)
        return _page("venues/checkpoint.html", bool(form.errors), form=form, checkpoint=checkpoint)

    @pages.post("/venues/<int:venue_id>/checkpoints/<int:number>/<any(close, open):what>")
    @requires(Action.CHECKPOINTS_CHANGE)
    def close_checkpoint(venue_id: int, number: int, what: str) -> Any:
        form = OneButtonForm()
        if form.validate_on_submit():
            try:
                with acts.acting(centre, Action.CHECKPOINTS_CHANGE, venue_id, clock()) as (access, _venue):
                    present = service.checkpoint_at(access.session, venue_id, number)
                    (acts.close_checkpoint if what == "close" else acts.open_checkpoint)(access, present)
                flash(_("检测点已停用，已有记录保留。") if what == "close" else _("检测点已恢复使用。"))
            except Mistake as cause:
                flash(words.mistake(cause), "warning")
        return redirect(url_for("venues.checkpoints", venue_id=venue_id), 303)


def _of_visit(session: Session) -> list[tuple[Venue, list[str]]]:
    """Venues where who is signed in has a role, and which."""
    found: dict[int, list[str]] = {}
    for each in guard.who().appointments:
        if each.venue is not None:
            found.setdefault(each.venue, []).append(account_words.role(each.role))
    return [(service.find_venue(session, number), roles) for number, roles in sorted(found.items())]


def _may_found(session: Session) -> bool:
    """Nobody has two venues (R12); one that was closed is none."""
    own = (each.venue for each in guard.who().appointments if each.role is Role.VENUE_ADMINISTRATOR)
    states = (service.find_venue(session, number).state for number in own if number is not None)
    return all(state == VenueState.CLOSED.value for state in states)


def _told(session: Session, venue: Venue, now: float) -> dict[str, Any]:
    is_members = guard.allowed_at(Action.MEMBERS_CHANGE, venue)
    return {
        "venue": venue,
        "region": words.region(venue.region),
        "hours": words.hours(founding.opening(venue)),
        "versions": history.versions(session, venue.id) if guard.allowed_at(Action.VENUE_EDIT, venue) else [],
        "code": declaration.of_venue(session, venue.id) if is_members else None,
        "asking": len(binding.requests(session, venue.id)) if is_members else 0,
        "members": binding.count_members(session, venue.id),
        "checkpoints": [each for each in service.checkpoints_of(session, venue.id) if each.closed_at is None],
        "offer": handing_over.offer_of(session, venue.id, now) if is_members else None,
        "may_at": {action.value: guard.allowed_at(action, venue) for action in Action if action.value in _SHOWN},
        "bind_url": f"{guard.the_guard().centre.address}{url_for('members.bind')}",
        "languages": languages,
        "words": words,
        "now": now,
    }


_SHOWN = ("venue.edit", "members.change", "checkpoints.change", "statistics.see", "inspect", "venues.decide")


def _region_page(within: str, begin: str, onward: Callable[[str], str]) -> Any:
    """The divisions to choose from; what lies above `begin` is one link away."""
    if divisions.is_lowest(within):
        return redirect(onward(within), 303)
    if within and divisions.find(within) is None:
        raise NotFound(f"there is no division {within[:20]}")
    return render_template(
        "venues/region.html",
        path=divisions.path(within),
        below=divisions.below(within),
        onward=onward,
        is_lowest=divisions.is_lowest,
        begin=begin,
    )


def _particulars(form: VenueForm, region: str) -> Particulars | None:
    """What was typed, None where something is missing or wrong: the fields then say it."""
    if not form.validate_on_submit():
        return None
    try:
        return Particulars(
            name=form.name.data,
            region=region,
            address=form.address.data,
            kind=form.kind.data,
            credit_code=form.credit_code.data or "",
            position=_asked(form).position(),
            opening=opening.read(form.opens.data, form.closes.data, form.days.data),
        )
    except Mistake as cause:
        _tell(form, cause)
        return None


def _asked(form: VenueForm) -> Asked:
    """The position's fields, as they were typed."""
    return Asked(
        system_name="system",
        latitude=form.latitude.data or "",
        longitude=form.longitude.data or "",
        system=form.system.data or System.WGS84.value,
        faults=tuple(form.latitude.errors),
    )


def _advised(form: VenueForm, told: Particulars) -> list[Advice]:
    """What speaks against the name, unless whoever typed it is sure."""
    return [] if form.sure.data else list(advice(told.name, told.region))


def _filled(venue: Venue) -> dict[str, Any]:
    at, hours = founding.position(venue), founding.opening(venue)
    return {
        "name": venue.name,
        "credit_code": venue.credit_code,
        "kind": venue.kind,
        "address": venue.address,
        "latitude": "" if at is None else f"{at.latitude:.6f}",
        "longitude": "" if at is None else f"{at.longitude:.6f}",
        "opens": words.clock(hours.open_minute),
        "closes": words.clock(hours.close_minute),
        "days": sorted(hours.days),
    }


def _tell(form: Any, cause: Mistake) -> None:
    if not words.at_field(form, cause):
        form.name.errors = [words.mistake(cause)]


def _form_page(form: VenueForm, region: str, found: list[Advice], other: str, venue: Venue | None = None) -> Any:
    """other: where another region is chosen."""
    said = [advice_sentence(each) for each in found]
    maps_of_town = guard.the_guard().centre.settings.map
    told = {"form": form, "region": words.region(region), "said": said, "other": other, "venue": venue}
    page = _page("venues/form.html", bool(form.errors or said), **told, asked=_asked(form), map=maps_of_town)
    return allowing(page, maps_of_town)


def _checkpoints_page(centre: Centre, venue_id: int, form: CheckpointForm | None = None) -> Any:
    with centre.database.read() as session:
        venue = guard.venue_for(session, Action.CHECKPOINTS_CHANGE, venue_id)
        every = service.checkpoints_of(session, venue_id)
        standing = select(Gate).where(Gate.checkpoint_id.in_([each.id for each in every]), Gate.retired_at.is_(None))
        gates: dict[int, list[Gate]] = {}
        for gate in session.scalars(standing.order_by(Gate.number)):
            gates.setdefault(gate.checkpoint_id, []).append(gate)
    told = {"venue": venue, "checkpoints": every, "gates": gates, "form": form or CheckpointForm(formdata=None)}
    return _page("venues/checkpoints.html", bool(form is not None and form.errors), **told)


def _page(template: str, is_wrong: bool, **told: Any) -> Any:
    page = render_template(template, words=words, languages=languages, **told)
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK)
