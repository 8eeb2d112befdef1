"""The areas of the pages: each has a first page, a word, and the action that opens it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, request, url_for

from sync.collector.accounts import guard
from sync.collector.accounts.permissions import Action, Role
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
    own = [_own_venues()] if _has_place_of_its_own() else []
    return own + [
        Area(url_for(endpoint), word, about, request.blueprint == endpoint.partition(".")[0])
        for endpoint, action, word, about in (
            ("records.index", Action.RECORDS_SEE, _("实时记录"), _("闸机上传的记录，随到随显示。")),
            ("fleet.index", Action.FLEET_SEE, _("闸机"), _("每台闸机现在怎样，有问题的排在前面。")),
            ("township.index", Action.VENUES_SEE, _("辖区场所"), _("新场所、待审核的、开放时间无人登记的。")),
            ("status.index", Action.STATUS_SEE, _("健康码"), _("谁是绿码、黄码、红码：查询、设置、导入名单。")),
            ("alarms.index", Action.ALARM_SEE, _("告警"), _("哪些闸机出了问题，通知了谁。")),
            ("staff.index", Action.ACCOUNTS_SEE, _("账户"), _("谁能登录，负责什么。")),
        )
        if guard.allowed(action)
    ]


def _has_place_of_its_own() -> bool:
    """Everybody but the town's own staff begins with a venue: founding one, or inspecting there."""
    found = guard.visit()
    staff = (Role.IT, Role.AUTHORITY, Role.CLERK)
    return found is not None and found.is_complete and not any(each.role in staff for each in found.appointments)


def _own_venues() -> Area:
    is_here = request.blueprint in _OF_VENUES
    return Area(url_for("venues.mine"), _("公共场所"), _("创建场所，绑定检测员，登记进场人员。"), is_here)


_OF_VENUES = ("venues", "members", "venue_codes", "inspection", "inspector", "statistics")
