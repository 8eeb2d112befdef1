"""The words of the inspector's page, message ids in Chinese."""

from __future__ import annotations

from sync.collector import languages
from sync.collector.languages import translate as _
from sync.collector.registration.model import Round
from sync.collector.registration.taps import COLDEST, HOTTEST, Refusal
from sync.wire.record import Outcome, Registered


def refusal(why: Refusal) -> str:
    """Why a tap is not taken, and what to do."""
    match why:
        case Refusal.TEMPERATURE:
            return _("体温应在 %(low)s 到 %(high)s ℃ 之间，请重新输入。", low=COLDEST, high=HOTTEST)
        case Refusal.TOO_OLD:
            return _("超过 24 小时，未能登记。请在纸上补记，并告知场所管理员。")
        case Refusal.MUST_MEASURE:
            return _("按现行措施必须测温，未测不能登记。")
        case Refusal.OTHER_TAP:
            return _("本页已用过，这一次没有登记。请重新登记。")
        case Refusal.CHECKPOINT:
            return _("检测点不属于本场所，或已停用。请重新选择。")
        case Refusal.NOT_ACTIVE:
            return _("本场所目前不能登记。")
        case Refusal.NOT_THERE | Refusal.TAKEN_BACK:
            return _("要撤销的登记不存在，或已经撤销。")
        case Refusal.TOO_LATE:
            return _("只能撤销一分钟之内的登记。")
        case _:
            return _("登记内容有误，请刷新本页后重试。")


def result(record: Registered) -> str:
    """What was registered."""
    if record.outcome is Outcome.DENY:
        return _("不得进入")
    if record.temperature is not None:
        return _("已登记：%(celsius)s ℃", celsius=f"{record.temperature:g}")
    return _("已登记：体温正常") if record.said_normal else _("已登记：未测体温")


def people(count: int) -> str:
    """How many."""
    return _("%(count)s 人", count=count)


def what(code: str) -> str:
    """What was disinfected."""
    return rounds().get(code, code)


def rounds() -> dict[str, str]:
    """What can be, by code."""
    return {
        Round.EVERYTHING.value: _("全场所"),
        Round.SURFACES.value: _("门把手、扶手、柜台等表面"),
        Round.AIR.value: _("通风和空气"),
        Round.EQUIPMENT.value: _("闸机、测温仪等设备"),
        Round.TOILETS.value: _("卫生间"),
    }


def moment(at: float) -> str:
    """In China time."""
    return languages.moment(at)
