"""The words of a visitor's page. The colour is there for the gate's people; why is for its owner, who opens it."""

from __future__ import annotations

from dataclasses import dataclass

from sync.collector.languages import moment
from sync.collector.languages import translate as _
from sync.collector.visitors.phone.party import Standing
from sync.collector.visitors.status.port import Health, LastTest, Reason
from sync.wire.passes import Status


@dataclass(frozen=True, slots=True)
class Sign:
    """key: of the style and the shape. word: beside it. next: what to do now."""

    key: str
    word: str
    next: str


def sign(health: Health, *, is_withheld: bool, has_code: bool) -> Sign:
    """What a status looks like and asks for. has_code: there is a scan result for a gate below."""
    show = _("请把下面的二维码对准闸机的摄像头。") if has_code else _("请给检测员看本页。")
    ask = _("还不知道您的码色。请找检测员，带上证件。")
    if is_withheld:
        ask = _("您的证件还没有核验。请找检测员，出示证件和本页。")
    return {
        Status.GREEN: Sign("green", _("绿码"), show),
        Status.YELLOW: Sign("yellow", _("黄码"), _("请不要自行进入。请找检测员，由检测员决定。")),
        Status.RED: Sign("red", _("红码"), _("请不要进入。请戴好口罩，与他人保持距离，在原地联系工作人员。")),
        Status.UNKNOWN: Sign("unknown", _("码色未知"), ask),
    }[health.status]


def why(standing: Standing) -> str:
    """For the owner's eyes."""
    if standing.is_withheld:
        return _("这部手机能代表谁，还没有人核验；核验以前不显示码色。")
    return {
        Reason.DEFAULT: _("没有关于您的不利记录。"),
        Reason.NOTHING_KNOWN: _("还没有关于您的记录。"),
        Reason.NOT_REGISTERED: _("还没有登记。"),
        Reason.TEST_POSITIVE: _("最近一次检测结果为阳性。"),
        Reason.DECLARED: _("您申报了症状或接触史，属地还没有处理。"),
        Reason.PLATFORM: _("健康码平台的结果。"),
        Reason.NO_ANSWER: _("健康码平台没有答复，请稍后再试。"),
        Reason.CONTACT: _("属地认定：密切接触者。"),
        Reason.SECONDARY_CONTACT: _("属地认定：密接的密接。"),
        Reason.RISK_AREA: _("属地认定：到过风险地区。"),
        Reason.CONFIRMED: _("属地认定：确诊。"),
        Reason.SYMPTOMS: _("属地认定：有症状。"),
        Reason.ISOLATION: _("属地认定：正在隔离。"),
        Reason.TEST_DUE: _("需要做检测。"),
        Reason.RELEASED: _("属地已解除管理。"),
        Reason.CHECKED: _("属地已核查。"),
    }.get(standing.health.reason, _("属地防控部门的决定。"))


def last_test(test: LastTest | None) -> str:
    """When, and what came of it."""
    if test is None:
        return _("没有检测记录")
    return f"{moment(test.at)[:16]} {_('阴性') if test.negative else _('阳性')}"


def direction(key: str) -> str:
    """Entry or exit; "" for a venue without checkpoints."""
    return {"in": _("进"), "out": _("出")}.get(key, "")


def colour(status: Status) -> str:
    """A companion's, in a list."""
    return {
        Status.GREEN: _("绿码"),
        Status.YELLOW: _("黄码"),
        Status.RED: _("红码"),
        Status.UNKNOWN: _("未知"),
    }[status]
