"""The words of paper passes, message ids in Chinese."""

from __future__ import annotations

from typing import Any

from sync.collector import languages
from sync.collector.languages import translate as _
from sync.collector.passes.batches import State
from sync.collector.passes.lists import BadLine, Fault, Whole
from sync.collector.passes.model import MAX_MEMBERS, PassBatch
from sync.collector.visitors.identity import Document


def card() -> dict[str, Any]:
    """What stands on a card and on the list behind it."""
    return {
        "head": _("纸质通行码"),
        "alt": _("通行码"),
        "until": _("有效期至"),
        "steps": [_("二维码朝镜头，放平拿稳"), _("屏幕提示时，把本卡交给检测员")],
        "short": _("二维码朝闸机镜头。屏幕提示时，交给检测员。"),
        "lost": _("仅限本人使用。遗失请告知发卡处，旧卡作废。"),
        "list": _("发放清单"),
        "destroy": _("按清单发放，发完请销毁本页。遗失、打印损坏的卡，请在系统里重印：旧卡随即作废。"),
        "hint": _("姓名"),
        "last": _("证件尾号"),
        "number": _("编号"),
    }


def batch(row: PassBatch) -> str:
    """What a batch is called."""
    return row.name if row.day is None else _("单独办理 %(day)s", day=row.day)


def state(value: State) -> str:
    """How a card stands."""
    return {
        State.WAITING: _("待打印"),
        State.IN_FORCE: _("有效"),
        State.WITHDRAWN: _("已作废"),
        State.STATUS: _("因状态变化停用"),
        State.EXPIRED: _("已过期"),
    }[value]


def documents() -> dict[str, str]:
    """Kinds of documents, by code."""
    return {
        Document.RESIDENT.value: _("居民身份证、港澳台居民居住证"),
        Document.HK_MACAU.value: _("港澳居民来往内地通行证"),
        Document.TAIWAN.value: _("台湾居民来往大陆通行证"),
        Document.PASSPORT.value: _("护照"),
        Document.FOREIGNER.value: _("外国人永久居留身份证"),
        Document.OTHER.value: _("其他证件"),
    }


def fault(value: Fault) -> str:
    """What is wrong with a line or a field, and what to do."""
    return {
        Fault.COLUMNS: _("列数或长度不对。"),
        Fault.NAME: _("姓名为 1 到 100 个可显示的字符。"),
        Fault.NUMBER: _("证件号码为 4 到 40 位字母和数字。"),
        Fault.RESIDENT: _("身份证号码不对：应为 18 位，出生日期和末位校验码相符。"),
        Fault.ROUNDED: _("号码被表格软件改成了科学计数。请把该列设为文本，重新填写。"),
        Fault.PHONE: _("电话为 5 到 20 位数字。"),
        Fault.DOCUMENT: _("证件类型不认识。"),
        Fault.TWICE: _("同一证件在名单里出现两次。"),
        Fault.OTHER_NAME: _("该证件已用另一姓名登记。请核对证件原件。"),
    }[value]


def bad_line(bad: BadLine) -> str:
    """One line of the report; what stands in the list is not repeated."""
    return _("第 %(line)s 行：%(fault)s", line=bad.line, fault=fault(bad.fault))


def whole(value: Whole) -> str:
    """What is wrong with a list."""
    return {
        Whole.EMPTY: _("名单里没有人。"),
        Whole.TOO_LONG: _("名单太长：一批最多 %(most)s 人。", most=MAX_MEMBERS),
        Whole.NO_TEXT: _("这不是文本名单。请在表格软件里另存为 CSV。"),
        Whole.HEAD: _("表头要有“姓名”和“证件号码”，每列只出现一次。"),
    }[value]


def moment(at: float) -> str:
    """In China time."""
    return languages.moment(at)


def day(at: float) -> str:
    """The date alone."""
    return languages.moment(at).partition(" ")[0]
