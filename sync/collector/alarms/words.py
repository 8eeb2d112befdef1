"""The words of alarms, message ids in Chinese; outside of a request within `languages.spoken`."""

from __future__ import annotations

from sync.collector import languages
from sync.collector.alarms.rules import SILENT
from sync.collector.fleet.conditions import Kind
from sync.collector.fleet.words import fault
from sync.collector.languages import translate as _


def kind(code: str) -> str:
    """What is the matter, short and without figures, which change; what has no word is shown as it is."""
    head, _dot, subject = code.partition(".")
    if head == Kind.FAULT.value:
        return fault(subject)
    known = {
        SILENT: _("失去联系"),
        Kind.SHARED_OUTBOX.value: _("两台设备使用同一队列，数据被拒收"),
        Kind.CLOCK_RUNAWAY.value: _("时钟越走越偏"),
        Kind.DISK_FULL.value: _("存储空间已满"),
    }
    return known.get(code, code)


def subject_of_one(place: str, code: str, *, is_over: bool) -> str:
    """A message about one gate."""
    if is_over:
        return _("告警解除：%(place)s（%(kind)s）", place=place, kind=kind(code))
    return _("闸机告警：%(place)s %(kind)s", place=place, kind=kind(code))


def subject_of_many(begun: int, over: int) -> str:
    """One about several."""
    if not over:
        return _("闸机告警：%(count)s 项", count=begun)
    if not begun:
        return _("告警解除：%(count)s 项", count=over)
    return _("闸机告警：新增 %(begun)s 项，解除 %(over)s 项", begun=begun, over=over)


def line_is_cut(silent: int, gates: int) -> str:
    """What so many at once most likely are."""
    return _(
        "%(gates)s 台闸机中有 %(silent)s 台同时失去联系：多半是本镇线路或采集中心的网络中断，请先查线路。"
        "闸机仍在本地放行，记录不会丢失。",
        gates=gates,
        silent=silent,
    )


def head_of_begun(count: int) -> str:
    """Above what began."""
    return _("新告警 %(count)s 项：", count=count)


def head_of_over(count: int) -> str:
    """Above what ended."""
    return _("已恢复 %(count)s 项：", count=count)


def line(place: str, code: str, since: float, until: float | None) -> str:
    """One alarm. until: None while it lasts."""
    began = languages.moment(since)
    if until is None:
        return _("- %(place)s：%(kind)s，%(time)s 起", place=place, kind=kind(code), time=began)
    ended = languages.moment(until)
    return _("- %(place)s：%(kind)s，%(since)s 至 %(until)s", place=place, kind=kind(code), since=began, until=ended)


def and_more(count: int) -> str:
    """Those for which there was no room."""
    return _("- 另有 %(count)s 项", count=count)


def see(page: str) -> str:
    """Where more is to be seen."""
    return _("详情：%(page)s", page=page)


def trial_subject() -> str:
    """Of a test."""
    return _("场所通行：告警试发")


def trial_text() -> str:
    """Of a test."""
    return _("这是一条试发消息：闸机告警会发到这里。无需处理。")


def channel(name: str) -> str:
    """How somebody is told."""
    return {"mailto": _("邮件"), "tel": _("短信"), "webhook": "Webhook"}.get(name, name)


def message_state(state: str) -> str:
    """What became of a message."""
    return {"waiting": _("等待发送"), "sent": _("已发出"), "given_up": _("未能发出")}.get(state, state)
