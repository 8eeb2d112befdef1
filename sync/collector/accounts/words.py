"""The words of roles, places and account pages, message ids in Chinese."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.orm import Session

from sync.collector import languages
from sync.collector.accounts import service, sign_up
from sync.collector.accounts.guard import role_names
from sync.collector.accounts.model import Account
from sync.collector.accounts.permissions import EXTENT, Action, Appointment, Extent, Role
from sync.collector.errors import Mistake, NotFound
from sync.collector.languages import translate as _
from sync.collector.organizations.model import Organization
from sync.collector.venues.model import Venue


def role(value: Role) -> str:
    """As the notice calls it."""
    return {
        Role.VENUE_ADMINISTRATOR: _("场所管理员"),
        Role.INSPECTOR: _("检测员"),
        Role.RECORDER: _("采集员"),
        Role.IT: _("信息管理员"),
        Role.CLERK: _("登记员"),
        Role.AUTHORITY: _("属地疫情防控部门"),
    }[value]


def appointment(session: Session, value: Appointment) -> str:
    """A role and where."""
    return _("%(role)s · %(place)s", role=role(value.role), place=place(session, value))


def place(session: Session, value: Appointment) -> str:
    """What an appointment is of."""
    match EXTENT[value.role]:
        case Extent.VENUE:
            venue = session.get(Venue, value.venue)
            return venue.name if venue else _("编号 %(number)s", number=value.venue)
        case Extent.ORGANIZATION:
            organization = session.get(Organization, value.organization)
            return organization.name if organization else _("编号 %(number)s", number=value.organization)
        case Extent.REGION:
            return _("区划 %(code)s", code=value.region) if value.region else _("全部区域")
        case Extent.TOWN:
            return _("全镇")


def needed(action: Action) -> str:
    """Who may do what somebody may not."""
    return languages.separator().join(role(each) for each in role_names(action))


def state(account: Account) -> str:
    """Whether somebody can sign in."""
    if account.disabled_at is not None:
        return _("已停用")
    if account.password is None:
        return _("尚未设置密码")
    return _("可登录")


_BROWSERS = ("MicroMessenger", "Edg", "OPR", "Firefox", "Chrome", "Safari")  # each names those after it too
_MACHINES = ("iPhone", "iPad", "Android", "Windows", "Macintosh", "Linux")
_KNOWN_AS = {"MicroMessenger": "WeChat", "Edg": "Edge", "OPR": "Opera", "Macintosh": "Mac"}


def browser(agent: str) -> str:
    """What a browser is called by people: Chrome · Windows."""
    named = [next((name for name in names if name in agent), "") for names in (_BROWSERS, _MACHINES)]
    return " · ".join(_KNOWN_AS.get(name, name) for name in named if name) or _("未知浏览器")


_MOBILE = re.compile(r"1\d{10}")


def typed_address(text: str | None) -> str:
    """What people type – an e-mail or a phone – as an address; what is neither comes back as it is."""
    text = "".join((text or "").split())
    if "@" in text and not text.startswith("mailto:"):
        return f"mailto:{text}"
    if _MOBILE.fullmatch(text):
        return f"tel:+86{text}"
    return f"tel:{text}" if text.startswith("+") else text


def readable_address(address: str | None) -> str:
    """The other way round."""
    return (address or "").removeprefix("mailto:").removeprefix("tel:").removeprefix("+86")


def mistake(cause: Mistake | NotFound) -> str:
    """Why something cannot be done, for a page; the terminal's sentence stays English."""
    for kind, sentence in (
        (service.LoginTaken, _("这个登录名已经有人使用。")),
        (service.BadLogin, _("登录名只能用小写字母、数字和 . _ @ + -，并以字母或数字开头。")),
        (service.BadAddress, _("请填写邮箱（name@example.org）或手机号（13800138000）。")),
        (service.WrongPlace, _("负责范围与身份不符，请按说明填写。")),
        (service.Held, _("这个身份已经有人担任，或者此人已有场所：一个场所一位管理员，一人管理一个场所。")),
        (service.LastIt, _("这是唯一的信息管理员，请先分配另一位。")),
        (sign_up.NoWay, _("本中心不能发到这样的地址，请换手机号或邮箱，或联系本镇信息管理员。")),
        (NotFound, _("没有这个编号。")),
    ):
        if isinstance(cause, kind):
            return sentence
    return str(cause)


def at_field(form: Any, cause: Mistake) -> None:
    """Say it beside the field that it is about."""
    for kind, name in ((service.BadAddress, "address"), (service.LoginTaken, "login"), (service.BadLogin, "login")):
        if isinstance(cause, kind):
            form[name].errors = [mistake(cause)]
            return
    form["name"].errors = [_("姓名为 1 到 100 个可显示的字符。")]
