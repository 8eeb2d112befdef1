"""The clerk's desk: people without a phone are registered, and get their passes on paper (R6).

A print is the answer to a form: the PDF is made of new passes and kept nowhere. When it did not arrive, it is printed
again, and what the lost one held is withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

from flask import Blueprint, Response, current_app, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select

from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.languages import translate as _
from sync.collector.passes import batches, cards, lists, words
from sync.collector.passes.batches import BadName, Full, Member, NotAdded, State, WithdrawnAlready
from sync.collector.passes.cards import Size
from sync.collector.passes.forms import BatchForm, ListForm, PersonForm, PrintForm, ReprintForm, WithdrawForm
from sync.collector.passes.hints import hint_of
from sync.collector.passes.lists import Fault, Unreadable
from sync.collector.passes.model import MAX_MEMBERS, BatchMember, PassBatch
from sync.collector.privacy.access import personal
from sync.collector.venues import symbol
from sync.collector.venues.code_pages import PRESS
from sync.collector.venues.press import DEBIAN_PACKAGE, NoFont, Press
from sync.collector.visitors.identity import Document, Person, masked
from sync.collector.visitors.status.sources import source_of

_SHOWN = 100
_AT_DESK = "registration at the desk"
_PRINTED = "paper passes printed"
_FIELD_OF = {
    Fault.NAME: "name",
    Fault.OTHER_NAME: "name",
    Fault.NUMBER: "number",
    Fault.RESIDENT: "number",
    Fault.PHONE: "phone",
}


@dataclass
class Filled:
    """Forms of a batch's page as they were sent and are not right yet; fresh ones where none was. bad: of a list."""

    person: PersonForm | None = None
    listed: ListForm | None = None
    bad: list[str] = field(default_factory=list)
    again: ReprintForm | None = None
    withdraw: WithdrawForm | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether there is something to correct."""
        return any(each is not None for each in (self.person, self.listed, self.again, self.withdraw))


def blueprint(centre: Centre, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("passes", __name__, url_prefix="/passes")

    @pages.get("")
    @requires(Action.PASSES_SEE)
    def index() -> Any:
        return _index(centre)

    @pages.post("")
    @requires(Action.PASSES_CHANGE)
    def create() -> Any:
        form = BatchForm()
        if form.validate_on_submit():
            try:
                with personal(centre, guard.actor(_AT_DESK), clock()) as access:
                    number = batches.create(access, form.name.data).id
                return _to(number)
            except BadName:
                form.name.errors = [_("批次名称为 1 到 60 个可显示的字符。")]
        return _index(centre, form)

    @pages.post("/single")
    @requires(Action.PASSES_CHANGE)
    def single() -> Any:
        with personal(centre, guard.actor(_AT_DESK), clock()) as access:
            number = batches.of_day(access, words.day(clock())).id
        return _to(number)

    @pages.get("/<int:batch_id>")
    @requires(Action.PASSES_SEE)
    def show(batch_id: int) -> Any:
        return _page(centre, batch_id, clock())

    @pages.post("/<int:batch_id>/person")
    @requires(Action.PASSES_CHANGE)
    def add_person(batch_id: int) -> Any:
        form = _person_form()
        if form.validate_on_submit():
            document = Document(form.document.data)
            read = lists.checked(form.name.data, document, form.number.data, form.phone.data or None)
            if isinstance(read, Fault):
                form[_FIELD_OF[read]].errors = [words.fault(read)]
                return _page(centre, batch_id, clock(), Filled(person=form))
            try:
                _add(centre, batch_id, [(1, read)], clock(), seen=form.seen.data)
                return _to(batch_id)
            except NotAdded as cause:
                form.name.errors = [words.fault(cause.bad[0].fault)]
            except Full:
                form.name.errors = [words.whole(lists.Whole.TOO_LONG)]
        return _page(centre, batch_id, clock(), Filled(person=form))

    @pages.post("/<int:batch_id>/list")
    @requires(Action.PASSES_CHANGE)
    def add_list(batch_id: int) -> Any:
        form, bad = ListForm(), []
        if form.validate_on_submit():
            try:
                listed = lists.read(_text(form))
                bad = listed.bad
                if not bad:
                    _add(centre, batch_id, listed.people, clock(), seen=form.seen.data)
                    return _to(batch_id)
            except Unreadable as cause:
                form.text.errors = [words.whole(cause.why)]
            except NotAdded as cause:
                bad = cause.bad
            except Full:
                form.text.errors = [words.whole(lists.Whole.TOO_LONG)]
        return _page(centre, batch_id, clock(), Filled(listed=form, bad=[words.bad_line(each) for each in bad]))

    @pages.post("/<int:batch_id>/print")
    @requires(Action.PASSES_CHANGE)
    def print_waiting(batch_id: int) -> Any:
        form = _sized(PrintForm())
        if not form.validate_on_submit():
            return _to(batch_id)
        return _print(centre, batch_id, Size(form.size.data), _PRINTED, clock(), [State.WAITING])

    @pages.post("/<int:batch_id>/print-again")
    @requires(Action.PASSES_CHANGE)
    def print_again(batch_id: int) -> Any:
        form = _sized(ReprintForm())
        if form.validate_on_submit() and _is_reason(form):
            wanted = request.form.getlist("visitor")[:MAX_MEMBERS]
            return _print(centre, batch_id, Size(form.size.data), form.reason.data, clock(), list(State), wanted)
        return _page(centre, batch_id, clock(), Filled(again=form))

    @pages.post("/<int:batch_id>/withdraw")
    @requires(Action.PASSES_CHANGE)
    def withdraw(batch_id: int) -> Any:
        form = WithdrawForm()
        if not (form.validate_on_submit() and _is_reason(form, "because")):
            return _page(centre, batch_id, clock(), Filled(withdraw=form))
        wanted = request.form.getlist("visitor")[:MAX_MEMBERS]
        try:
            with personal(centre, guard.actor(form.because.data), clock()) as access:
                batch = batches.find(access.session, batch_id)
                count = batches.withdraw(access, batch, wanted or _everybody(access.session, batch))
            flash(_("已作废 %(count)s 张卡。闸机下次更新后不再放行。", count=count))
        except WithdrawnAlready:
            flash(_("没有可作废的有效卡。"), "warning")
        return _to(batch_id)

    return pages


def _to(batch_id: int) -> Any:
    return redirect(url_for("passes.show", batch_id=batch_id), 303)


def _index(centre: Centre, form: BatchForm | None = None) -> Any:
    printed = func.count(BatchMember.serial)
    wanted = (
        select(PassBatch, func.count(BatchMember.visitor), printed)
        .outerjoin(BatchMember, BatchMember.batch == PassBatch.id)
        .group_by(PassBatch.id)
        .order_by(PassBatch.id.desc())
        .limit(_SHOWN)
    )
    with centre.database.read() as session:
        rows = [
            {"row": row, "name": words.batch(row), "at": words.moment(row.created_at), "people": people, "cards": some}
            for row, people, some in session.execute(wanted)
        ]
    page = render_template("passes/index.html", rows=rows, form=form or BatchForm(formdata=None), shown=_SHOWN)
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if form else HTTPStatus.OK)


def _page(centre: Centre, batch_id: int, now: float, filled: Filled | None = None) -> Any:
    filled = filled or Filled()
    with personal(centre, guard.actor(_AT_DESK), now) as access:
        batch = batches.find(access.session, batch_id)
        found = batches.members(access, batch)
    page = render_template(
        "passes/batch.html",
        batch=batch,
        name=words.batch(batch),
        rows=[_row(each) for each in found],
        waiting=sum(each.state is State.WAITING for each in found),
        in_force=sum(each.state is State.IN_FORCE for each in found),
        may_change=guard.allowed(Action.PASSES_CHANGE),
        person=filled.person or _person_form(formdata=None),
        listed=filled.listed or ListForm(formdata=None),
        bad=filled.bad,
        sheet=_sized(PrintForm(formdata=None)),
        again=filled.again or _sized(ReprintForm(formdata=None)),
        withdraw=filled.withdraw or WithdrawForm(formdata=None),
        filled=filled,
        chosen=set(request.form.getlist("visitor")),
    )
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if filled.is_wrong else HTTPStatus.OK)


def _row(each: Member) -> dict[str, Any]:
    return {
        "visitor": each.visitor,
        "place": each.place,
        "hint": hint_of(each.person.name),
        "last": masked(each.person.number),
        "is_verified": each.is_verified,
        "state": each.state.value,
        "word": words.state(each.state),
        "number": "" if each.serial is None else cards.shown(each.serial),
        "until": "" if each.expires_at is None else words.day(each.expires_at - 1),
        "prints": each.prints,
    }


def _add(centre: Centre, batch_id: int, people: Sequence[tuple[int, Person]], now: float, *, seen: bool) -> None:
    with personal(centre, guard.actor(_AT_DESK), now) as access:
        added = batches.add(access, batches.find(access.session, batch_id), people, seen=seen)
    told = _("已登记 %(count)s 人。", count=added.new)
    flash(told + (_("另有 %(count)s 人原已在本批次。", count=added.known) if added.known else ""))


def _print(
    centre: Centre,
    batch_id: int,
    size: Size,
    reason: str,
    now: float,
    states: Sequence[State],
    wanted: Sequence[str] = (),
) -> Any:
    """The PDF of new passes: of the members in these states, or of `wanted` alone."""
    try:
        _press().check([])  # before anything is issued
    except NoFont:
        flash(_("采集中心没有中文字体，不能打印。请信息管理员安装：%(package)s", package=DEBIAN_PACKAGE), "warning")
        return _to(batch_id)
    with personal(centre, guard.actor(reason), now) as access:
        batch = batches.find(access.session, batch_id)
        found = [
            each
            for each in batches.members(access, batch)
            if each.state in states and (not wanted or each.visitor in wanted)
        ]
    known = batches.healths(source_of(centre), found, now)
    with personal(centre, guard.actor(reason), now) as access:
        made = batches.issue(centre, access, batch, [each.visitor for each in found], known)
    if not made.cards:
        told = _("现在没有可打印的卡：健康状态为黄码或红码的人不发卡。") if made.withheld else _("没有待打印的卡。")
        flash(told, "warning")
        return _to(batch_id)
    name = words.batch(batch)
    pdf = cards.draw(_press(), made.cards, name, size, now)
    if made.withheld:
        places = "、".join(map(str, made.withheld))
        flash(_("未打印（健康状态为黄码或红码）：第 %(places)s 号。", places=places), "warning")
    headers = {"Content-Disposition": symbol.disposition(f"{symbol.file_name(name)}.pdf", f"passes-{batch_id}.pdf")}
    return Response(pdf, content_type="application/pdf", headers=headers)


def _everybody(session: Any, batch: PassBatch) -> list[str]:
    return list(session.scalars(select(BatchMember.visitor).where(BatchMember.batch == batch.id)))


def _text(form: ListForm) -> str:
    """What was uploaded, else what was pasted. Raises Unreadable."""
    if form.file.data:
        return lists.decoded(form.file.data.read(lists.MAX_LIST_BYTES + 1))
    return form.text.data or ""


def _person_form(**arguments: Any) -> PersonForm:
    form = PersonForm(**arguments)
    form.document.choices = list(words.documents().items())
    return form


def _sized(form: Any) -> Any:
    form.size.choices = [
        (Size.LARGE.value, _("大字卡 A6，每张 A4 纸 4 张")),
        (Size.SMALL.value, _("钱包卡 85.6 × 54 毫米，每张 A4 纸 10 张")),
    ]
    return form


def _is_reason(form: Any, name: str = "reason") -> bool:
    """Whether the audit takes it; says so beside the field."""
    try:
        guard.actor(form[name].data)
    except Mistake:
        form[name].errors = [_("原因为 1 到 200 个可显示的字符。")]
        return False
    return True


def _press() -> Press:
    return cast(Press, current_app.extensions[PRESS])
