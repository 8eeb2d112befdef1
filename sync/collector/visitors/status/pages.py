"""The authority's pages: look somebody up, see and set how they stand, take a list in (R3). Numbers go by POST."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, url_for

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.accounts.secrets import AccountKey
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.languages import translate as _
from sync.collector.privacy.access import Personal, personal
from sync.collector.venues.forms import OneButtonForm
from sync.collector.visitors.identity import Document, document_number
from sync.collector.visitors.status import importing, lists, looking, words
from sync.collector.visitors.status.forms import CaseForm, FindForm, ListForm, MarkForm, ResultForm, StatusForm
from sync.collector.visitors.status.looking import MustWait
from sync.collector.visitors.status.model import StatusEntry
from sync.collector.visitors.status.port import Reason
from sync.collector.visitors.status.register import LONGEST_DAYS, Register
from sync.collector.visitors.status.settings import DAY_SECONDS
from sync.wire.passes import Status

MOST_LINES = 5_000
"""Of a list by page; longer ones go by the terminal, which shows how far it is."""
_USUAL_DAYS = 14


def blueprint(centre: Centre, key: AccountKey, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("status", __name__, url_prefix="/status")
    desk = _Desk(centre, key, clock)
    _add_looking(pages, desk)
    _add_changing(pages, desk)
    _add_lists(pages, desk)
    return pages


class _Desk:
    """What the routes share."""

    def __init__(self, centre: Centre, key: AccountKey, clock: Callable[[], float]) -> None:
        self.centre, self.key, self.clock = centre, key, clock
        self.settings = centre.settings.status
        self.register = Register(self.settings)

    def index(self, status: HTTPStatus = HTTPStatus.OK, **more: Any) -> Any:
        """The first page."""
        with self.centre.database.read() as session:
            waiting = looking.waiting(session)
        forms = {"find_form": FindForm(formdata=None), "list_form": ListForm(formdata=None)} | more
        page = render_template("status/index.html", waiting=waiting, words=words, languages=languages, **forms)
        return make_response(page, status)

    def person(self, visitor: str, status: HTTPStatus = HTTPStatus.OK, **more: Any) -> Any:
        """Somebody's page."""
        now = self.clock()
        with personal(self.centre, guard.actor(Action.STATUS_SEE.value), now) as access:
            shown = looking.show(access, self.settings, visitor)
        forms = {
            "status_form": StatusForm(formdata=None, until=_usual(now)),
            "result_form": ResultForm(formdata=None, taken=_day(now)),
            "case_form": CaseForm(formdata=None),
            "button_form": OneButtonForm(),
        } | more
        page = render_template(
            "status/person.html",
            shown=shown,
            now=now,
            words=words,
            languages=languages,
            Status=Status,
            Reason=Reason,
            is_running=lambda entry: _is_running(entry, now),
            **forms,
        )
        return make_response(page, status)

    def change(self, visitor: str, form: Any, name: str, act: Callable[[Personal], str]) -> Any:
        """One act on somebody, by a filled form; what is wrong with it is told there."""
        if form.validate_on_submit():
            try:
                case = form.case.data if "case" in form else Action.STATUS_CHANGE.value
                with personal(self.centre, guard.actor(case.strip()), self.clock()) as access:
                    told = act(access)
                flash(told)
                return redirect(url_for("status.show", visitor=visitor), 303)
            except Mistake as cause:
                flash(words.mistake(cause), "warning")
        return self.person(visitor, HTTPStatus.UNPROCESSABLE_ENTITY, **{name: form})


def _add_looking(pages: Blueprint, desk: _Desk) -> None:
    @pages.get("")
    @requires(Action.STATUS_SEE)
    def index() -> Any:
        return desk.index()

    @pages.post("")
    @requires(Action.STATUS_SEE)
    def find() -> Any:
        form = FindForm()
        if not form.validate_on_submit():
            return desk.index(HTTPStatus.UNPROCESSABLE_ENTITY, find_form=form)
        text = form.number.data.strip()
        try:
            missed = looking.count(desk.centre.database, desk.key, guard.who().account_id, desk.clock())
            with personal(desk.centre, guard.actor(form.case.data.strip()), desk.clock()) as access:
                found = looking.find(access, text)
            if found:
                looking.take_back(desk.centre.database, missed)
        except MustWait as cause:
            form.number.errors = [words.mistake(cause)]
            return desk.index(HTTPStatus.TOO_MANY_REQUESTS, find_form=form)
        except Mistake as cause:
            form.case.errors = [words.mistake(cause)]
            return desk.index(HTTPStatus.UNPROCESSABLE_ENTITY, find_form=form)
        if len(found) == 1:
            return redirect(url_for("status.show", visitor=found[0].visitor), 303)
        return desk.index(find_form=form, found=found, mark_form=_mark_form(form, desk.clock()))

    @pages.get("/<visitor>")
    @requires(Action.STATUS_SEE)
    def show(visitor: str) -> Any:
        return desk.person(visitor)


def _add_changing(pages: Blueprint, desk: _Desk) -> None:
    @pages.post("/mark")
    @requires(Action.STATUS_CHANGE)
    def mark() -> Any:
        form = MarkForm()
        try:
            if form.validate_on_submit():
                document = Document(form.document.data)
                number = _number(document, form.number.data)
                with personal(desk.centre, guard.actor(form.case.data.strip()), desk.clock()) as access:
                    visitor = desk.register.mark(access, document, number)
                    _set(desk.register, access, visitor, form)
                flash(_("码色已更改，已签发的通行码随之更新。"))
                return redirect(url_for("status.show", visitor=visitor), 303)
        except Mistake as cause:
            flash(words.mistake(cause), "warning")
        return desk.index(HTTPStatus.UNPROCESSABLE_ENTITY, mark_form=form, found=[])

    @pages.post("/<visitor>/set")
    @requires(Action.STATUS_CHANGE)
    def change(visitor: str) -> Any:
        form = StatusForm()

        def act(access: Personal) -> str:
            _set(desk.register, access, visitor, form)
            return _("码色已更改，已签发的通行码随之更新。")

        return desk.change(visitor, form, "status_form", act)

    @pages.post("/<visitor>/entries/<entry>/take-back")
    @requires(Action.STATUS_CHANGE)
    def take_back(visitor: str, entry: str) -> Any:
        def act(access: Personal) -> str:
            desk.register.take_back(access, visitor, entry)
            return _("这一条已撤销，已签发的通行码随之更新。")

        return desk.change(visitor, CaseForm(), "case_form", act)

    @pages.post("/<visitor>/test")
    @requires(Action.STATUS_CHANGE)
    def tested(visitor: str) -> Any:
        form = ResultForm()

        def act(access: Personal) -> str:
            taken_at = lists.moment(form.taken.data.strip())
            if taken_at is None:
                raise Mistake(_("请填写日期，例如 2026-09-21。"))
            if not access.now - LONGEST_DAYS * DAY_SECONDS <= taken_at <= access.now:
                raise Mistake(_("采样日期应在过去一年以内。"))
            negative, lab = form.negative.data == "yes", (form.lab.data or "").strip()
            desk.register.tested(access, visitor, taken_at, negative=negative, lab=lab)
            return _("检测结果已登记。")

        return desk.change(visitor, form, "result_form", act)

    @pages.post("/<visitor>/look")
    @requires(Action.STATUS_CHANGE)
    def look(visitor: str) -> Any:
        def act(access: Personal) -> str:
            desk.register.look(access, visitor)
            return _("申报已核查。")

        return desk.change(visitor, OneButtonForm(), "button_form", act)


def _add_lists(pages: Blueprint, desk: _Desk) -> None:
    @pages.post("/lists")
    @requires(Action.STATUS_CHANGE)
    def take_list() -> Any:
        form = ListForm()
        if not form.validate_on_submit():
            return desk.index(HTTPStatus.UNPROCESSABLE_ENTITY, list_form=form)
        content = BytesIO(form.file.data.read())  # bounded by the request's own limit
        run = importing.Import(desk.centre, guard.actor(form.case.data.strip()), desk.clock)
        checked, status = None, HTTPStatus.OK
        try:
            checked = importing.check(content, desk.clock())
            if checked.good + checked.bad_count > MOST_LINES:
                raise Mistake(_("网页一次最多导入 %(most)s 行。更大的文件请信息管理员在终端导入。", most=MOST_LINES))
            for _step in run.run(content, only_good=form.only_good.data):
                pass
        except Mistake as cause:
            form.file.errors = [words.mistake(cause)]
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        taken = run.taken if status is HTTPStatus.OK else None
        return desk.index(status, list_form=form, checked=checked, taken=taken)


def _set(register: Register, access: Personal, visitor: str, form: Any) -> None:
    until = lists.last_second(form.until.data.strip())
    if until is None:
        raise Mistake(_("请填写日期，例如 2026-09-21。"))
    if not access.now < until <= access.now + LONGEST_DAYS * DAY_SECONDS:
        raise Mistake(_("到期日应在一年以内，并且不早于今天。"))
    register.set(access, visitor, Status[form.status.data.upper()], Reason(form.reason.data), until)


def _number(document: Document, text: str) -> str:
    try:
        return document_number(document, text)
    except Mistake as cause:
        raise Mistake(_("证件号码不正确，请核对位数和最后一位。")) from cause


def _mark_form(form: FindForm, now: float) -> MarkForm:
    return MarkForm(formdata=None, number=form.number.data, case=form.case.data, until=_usual(now))


def _is_running(entry: StatusEntry, now: float) -> bool:
    return entry.ended_at is None and entry.until > now


def _usual(now: float) -> str:
    return _day(now + _USUAL_DAYS * DAY_SECONDS)


def _day(at: float) -> str:
    return languages.moment(at)[:10]
