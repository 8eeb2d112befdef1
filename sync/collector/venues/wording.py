"""The words of the rules of venues: what advice and faults say on pages, message ids in Chinese."""

from __future__ import annotations

from sync.collector.languages import translate as _
from sync.collector.venues.naming import Advice, BadCreditCode, CreditCodeFault
from sync.collector.venues.opening import BadOpening, OpeningFault
from sync.collector.venues.positions import BadPosition, PositionFault


def advice_sentence(advice: Advice) -> str:
    """What is odd about a name, and what to do."""
    return {
        Advice.BRAND: _("名称只有字母或数字。请填写营业执照上的完整中文名称。"),
        Advice.ADDRESS: _("名称看起来是地址。请填写单位的完整名称，地址另填。"),
        Advice.CHECKPOINT: _("名称看起来是出入口。请填写整个场所的名称，出入口在“检测点管理”中添加。"),
        Advice.REGION: _("名称只是所在区域。请填写单位的完整名称。"),
        Advice.SHORT: _("名称太短，可能是简称。请填写与统一社会信用代码一致的完整名称。"),
        Advice.ABBREVIATION: _("名称可能是简称。请填写与统一社会信用代码一致的完整名称。"),
    }[advice]


def fault_sentence(mistake: BadCreditCode | BadPosition | BadOpening) -> str:
    """What is wrong with what was typed."""
    words: dict[CreditCodeFault | PositionFault | OpeningFault, str] = {
        CreditCodeFault.LENGTH: _("统一社会信用代码为18位。"),
        CreditCodeFault.CHARACTERS: _(
            "统一社会信用代码由数字和大写字母组成，不使用 I、O、S、V、Z，第3至8位为数字。请核对营业执照。"
        ),
        CreditCodeFault.CHECK: _("统一社会信用代码的校验位不符，可能有一位输错。请核对营业执照。"),
        PositionFault.FORM: _("请输入纬度和经度两个数，例如 23.155800, 112.896700。"),
        PositionFault.RANGE: _("纬度在 -90 至 90 之间，经度在 -180 至 180 之间。"),
        OpeningFault.TIME: _("时间请按 08:00 的格式填写，在 00:00 至 24:00 之间。"),
        OpeningFault.DAYS: _("请至少选择一个营业日。"),
    }
    return words[mistake.fault]
