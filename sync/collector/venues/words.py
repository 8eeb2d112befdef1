"""The words of venues: states, directions, days, and why something cannot be done. Message ids in Chinese."""

from __future__ import annotations

from sync.collector import languages
from sync.collector.accounts import words as account_words
from sync.collector.errors import Mistake, NotFound
from sync.collector.languages import language
from sync.collector.languages import translate as _
from sync.collector.venues import acts, approval, divisions, founding, kinds, service
from sync.collector.venues.approval import Shown
from sync.collector.venues.model import Venue, VenueState
from sync.collector.venues.naming import BadCreditCode
from sync.collector.venues.opening import EVERY_DAY, BadOpening, Opening
from sync.collector.venues.positions import BadPosition
from sync.collector.venues.wording import fault_sentence


def state(value: str) -> str:
    """Where a venue stands with its township."""
    return {
        VenueState.ACTIVE: _("使用中"),
        VenueState.WAITING: _("等待镇街审核"),
        VenueState.REFUSED: _("审核未通过"),
        VenueState.CLOSED: _("已关闭"),
    }[VenueState(value)]


def shown(value: Shown) -> str:
    """What part of the list."""
    return {
        Shown.ALL: _("全部"),
        Shown.NEW: _("新场所"),
        Shown.WAITING: _("待审核"),
        Shown.SILENT: _("无登记"),
        Shown.REFUSED: _("审核未通过"),
        Shown.CLOSED: _("已关闭"),
    }[value]


def direction(value: str) -> str:
    """Of a checkpoint."""
    return _("进") if value == "in" else _("出")


def kind(code: str) -> str:
    """What sort of place; a code that this version does not know is shown as it is."""
    found = kinds.find(code)
    if found is None:
        return code or _("未填写")
    return found.named(language())


def region(code: str) -> str:
    """Where it lies, in official names."""
    return divisions.full_name(code) or (_("区划 %(code)s", code=code) if code else _("未填写"))


def weekday(day: int) -> str:
    """1 is Monday."""
    return (_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日"))[day - 1]


def hours(value: Opening) -> str:
    """When it is open."""
    is_all_day = value.open_minute == value.close_minute
    times = _("24 小时") if is_all_day else f"{clock(value.open_minute)}–{clock(value.close_minute)}"
    if value.days == EVERY_DAY:
        return _("每天 %(times)s", times=times)
    days = (
        "、".join(map(weekday, sorted(value.days)))
        if language() == "zh"
        else ", ".join(map(weekday, sorted(value.days)))
    )
    return f"{days} {times}"


def clock(minute: int) -> str:
    """A minute of the day as people write it."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def quiet(seconds: float) -> str:
    """How long nobody was registered while it was open."""
    return _("开放 %(time)s无人登记", time=languages.duration(seconds))


def coordinates(venue: Venue) -> str:
    """Latitude and longitude as they are kept."""
    position = founding.position(venue)
    return _("未填写") if position is None else f"{position.latitude:.5f}, {position.longitude:.5f}"


def mistake(cause: Mistake | NotFound) -> str:
    """Why something cannot be done, for a page."""
    if isinstance(cause, BadCreditCode | BadPosition | BadOpening):
        return fault_sentence(cause)
    for kind_of, sentence in (
        (service.NameTaken, _("这个名称已经有了。同一单位的另一处场所，请在名称后加括号注明地点。")),
        (service.BadName, _("名称为 1 到 100 个可显示的字符。")),
        (service.LastCheckpoint, _("场所至少要有一个检测点。")),
        (founding.NoTownship, _("所在区域要选到乡镇、街道一级。")),
        (founding.NoKind, _("请选择场所类型。")),
        (founding.NoAddress, _("请填写详细地址，最长 200 个字符。")),
        (service.TooManyCheckpoints, _("一个场所最多 %(most)d 个检测点。", most=service.MOST_CHECKPOINTS)),
        (approval.BadReason, _("原因为 1 到 200 个可显示的字符。")),
        (approval.NotSo, _("场所的状态刚刚改变，请重新打开本页。")),
        (acts.GatesStandThere, _("这里还有闸机。请信息管理员先移走闸机。")),
    ):
        if isinstance(cause, kind_of):
            return sentence
    return account_words.mistake(cause)


_FIELD = {
    service.NameTaken: "name",
    service.BadName: "name",
    founding.NoKind: "kind",
    founding.NoAddress: "address",
    BadCreditCode: "credit_code",
    BadOpening: "opens",
    BadPosition: "latitude",
}


def at_field(form: object, cause: Mistake) -> bool:
    """Say it beside the field that it is about; False where it is about none."""
    name = next((field for kind_of, field in _FIELD.items() if isinstance(cause, kind_of)), None)
    if name is None or not hasattr(form, name):
        return False
    getattr(form, name).errors = [mistake(cause)]
    return True
