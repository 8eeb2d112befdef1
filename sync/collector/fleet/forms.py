"""The forms of the fleet's pages. What cannot be taken back asks for a reason and a tick."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Regexp

from sync.collector.fleet.service import MAX_ID
from sync.collector.languages import lazy as _l
from sync.collector.privacy.audit import MAX_WORDS
from sync.collector.venues.model import MAX_NAME
from sync.wire.record import MAX_RECORD_BYTES

_needed = DataRequired(_l("请填写此项。"))
_ticked = DataRequired(_l("请勾选确认。"))


def _at_most(length: int) -> Length:
    return Length(max=length, message=_l("最长 %(max)d 个字符。"))


class ReasonForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Why, for the audit."""

    reason = StringField(_l("原因"), [_needed, _at_most(MAX_WORDS)], description=_l("记入审计，请勿写姓名。"))


class NewGateForm(FlaskForm):  # type: ignore[misc]
    """A new gate and where it stands."""

    name = StringField(_l("名称"), [_needed, _at_most(MAX_NAME)], render_kw={"autocomplete": "off"})
    checkpoint = SelectField(_l("检测点"), coerce=int)
    id = StringField(
        _l("编号"),
        [_at_most(MAX_ID), Regexp(r"^([a-z0-9](-?[a-z0-9])*)?$", message=_l("只能用小写字母、数字和单个连字符。"))],
        description=_l("如 south-1；留空自动编号。以后不能更改。"),
        render_kw={"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"},
    )


class MoveForm(ReasonForm):
    """Where it stands from now on."""

    checkpoint = SelectField(_l("新的检测点"), coerce=int)


class RevokeForm(ReasonForm):
    """Trust it no longer."""

    sure = BooleanField(_l("我知道：此后它上传的记录只进隔离区，不计入统计；这台设备不能恢复信任。"), [_ticked])


class RetireForm(ReasonForm):
    """Out of the fleet."""

    sure = BooleanField(_l("我知道：闸机已拆除，将移出列表，密钥不再有效；已有记录保留。"), [_ticked])


class EnrolForm(ReasonForm):
    """A code for a device that is to become this gate."""

    replace = BooleanField(_l("换上新设备（已有设备的闸机必选）：旧设备的密钥在确认后失效。"))


class ConfirmForm(ReasonForm):
    """The key words are the same."""

    sure = BooleanField(_l("我已逐个核对：设备屏幕上的钥匙词与此处相同。"), [_ticked])


class RefuseForm(ReasonForm):
    """They are not, or the code is in the wrong hands."""


class CorrectForm(ReasonForm):
    """What counts in a kept record's place."""

    document = TextAreaField(
        _l("更正后的记录"),
        [_needed, _at_most(MAX_RECORD_BYTES)],
        description=_l("JSON，字段与闸机的记录相同；请勿写姓名、证件号或电话。"),
        render_kw={"rows": 12, "spellcheck": "false", "autocomplete": "off"},
    )


class DiscardForm(ReasonForm):
    """It counts nowhere."""
