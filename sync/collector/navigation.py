"""The areas of the pages: each has a first page, a word, and the action that opens it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, request, url_for

from sync.collector.accounts import guard
from sync.collector.accounts.permissions import Action
from sync.collector.languages import translate as _


@dataclass(frozen=True, slots=True)
class Area:
    """One entry of the navigation, for who may open it. about: a sentence for the first page."""

    url: str
    word: str
    about: str
    is_here: bool


def init_app(app: Flask) -> None:
    """Templates ask for `navigation()`."""
    app.jinja_env.globals["navigation"] = areas


def areas() -> list[Area]:
    """What the one who is signed in may open, in order; nothing for a stranger."""
    return [
        Area(url_for(endpoint), word, about, request.blueprint == endpoint.partition(".")[0])
        for endpoint, action, word, about in (
            ("records.index", Action.RECORDS_SEE, _("实时记录"), _("闸机上传的记录，随到随显示。")),
            ("fleet.index", Action.FLEET_SEE, _("闸机"), _("每台闸机现在怎样，有问题的排在前面。")),
            ("alarms.index", Action.ALARM_SEE, _("告警"), _("哪些闸机出了问题，通知了谁。")),
            ("staff.index", Action.ACCOUNTS_SEE, _("账户"), _("谁能登录，负责什么。")),
        )
        if guard.allowed(action)
    ]
