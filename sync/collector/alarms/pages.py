"""/alarms, for IT: what is the matter now, who is told of it, what they were told, and what is over."""

from __future__ import annotations

import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from sync.collector import languages
from sync.collector.accounts import guard
from sync.collector.accounts.guard import requires
from sync.collector.accounts.permissions import Action
from sync.collector.accounts.secrets import AccountKey
from sync.collector.alarms import service, words
from sync.collector.alarms.recipients import WEBHOOK, Recipients, Taken, TooMany
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.languages import lazy as _l
from sync.collector.languages import translate as _
from sync.collector.messages.queue import Queue
from sync.collector.outbound.addresses import MAX_URL
from sync.collector.outbound.errors import NotAllowed

_PAST = 50


class RecipientForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Who else is told."""

    address = StringField(
        _l("邮箱、手机号或 Webhook 网址"),
        [DataRequired(_l("请填写此项。")), Length(max=MAX_URL, message=_l("最长 %(max)d 个字符。"))],
        description=_l("it@example.org、13800138000，或以 https:// 开头的网址。"),
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"},
    )
    language = SelectField(_l("语言"), choices=[SelectChoice("zh", "中文"), SelectChoice("en", "English")])


def blueprint(centre: Centre, key: AccountKey, clock: Callable[[], float]) -> Blueprint:
    """clock: seconds since 1970."""
    pages = Blueprint("alarms", __name__, url_prefix="/alarms")
    recipients = service.recipients_of(centre, key)
    queue = Queue(key, random.random)

    @pages.get("")
    @requires(Action.ALARM_SEE)
    def index() -> Any:
        return _page(centre, recipients, clock())

    @pages.post("/recipients")
    @requires(Action.ALARM_CONFIGURE)
    def add() -> Any:
        form = RecipientForm()
        if not form.validate_on_submit():
            return _page(centre, recipients, clock(), form)
        try:
            with centre.database.write() as session:
                by = f"account {guard.who().login}"
                new = recipients.add(session, form.address.data, form.language.data, by, clock())
        except (Mistake, NotAllowed) as cause:
            form.address.errors = [_mistake(cause)]
            return _page(centre, recipients, clock(), form)
        if new.channel == WEBHOOK:
            return render_template("alarms/secret.html", recipient=new)
        flash(_("%(address)s 已加入，请试发一条。", address=new.shown))
        return redirect(url_for("alarms.index"), 303)

    @pages.post("/recipients/<recipient_id>/test")
    @requires(Action.ALARM_CONFIGURE)
    def test(recipient_id: str) -> Any:
        with centre.database.write() as session:
            recipient = recipients.find(session, recipient_id)
            service.post_trial(session, queue, centre, recipient, clock())
        flash(_("试发消息已交出，几秒后在本页查看结果。"))
        return redirect(url_for("alarms.index"), 303)

    @pages.post("/recipients/<recipient_id>/remove")
    @requires(Action.ALARM_CONFIGURE)
    def remove(recipient_id: str) -> Any:
        with centre.database.write() as session:
            recipients.remove(session, recipient_id, clock())
        flash(_("已移除，不再通知。"))
        return redirect(url_for("alarms.index"), 303)

    return pages


def _page(centre: Centre, recipients: Recipients, now: float, form: RecipientForm | None = None) -> Any:
    with centre.database.read() as session:
        page = render_template(
            "alarms/index.html",
            present=service.present(session),
            past=service.past(session, _PAST),
            deliveries=service.deliveries(session, recipients),
            form=form or RecipientForm(formdata=None),
            now=now,
            settings=centre.settings,
            words=words,
            languages=languages,
        )
    wrong = form is not None and form.errors
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK)


def _mistake(cause: Mistake | NotAllowed) -> str:
    """Beside the field; the terminal's sentence stays English."""
    if isinstance(cause, NotAllowed):
        return _(
            "这个网址不能用：必须以 https:// 开头，不含用户名和密码，也不能指向内部网络。"
            "确需通知内部服务器时，在 collector.toml 的 outbound.allow 里写明。"
        )
    if isinstance(cause, Taken):
        return _("这个接收人已在列表中。")
    if isinstance(cause, TooMany):
        return _("接收人已满，请先移除一个，或改用邮件组。")
    return _("请填写邮箱（name@example.org）、手机号（13800138000）或 https:// 网址。")
