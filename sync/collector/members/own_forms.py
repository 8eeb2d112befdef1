"""The forms of an inspector's own page."""

from __future__ import annotations

import unicodedata
from typing import Any

from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, ValidationError
from wtforms.validators import DataRequired, EqualTo, Length

from sync.collector.accounts import passwords
from sync.collector.languages import lazy as _l
from sync.collector.members import pins
from sync.collector.members.pins import Weakness

_needed = DataRequired(_l("请填写此项。"))
_DIGITS = {"inputmode": "numeric", "autocomplete": "off", "maxlength": pins.MAX_DIGITS}
_WHY = {
    Weakness.FORM: _l("PIN 为 6 到 12 位数字。"),
    Weakness.PATTERN: _l("重复、连续或对称的数字太容易猜到。"),
    Weakness.DATE: _l("日期太容易猜到：生日是别人最先试的。"),
    Weakness.OWN_NUMBER: _l("请不要用自己的手机号或登录名里的数字。"),
    Weakness.COMMON: _l("这个 PIN 太常见，请换一个。"),
}


def _typed(text: str | None) -> str:
    """Full-width digits of a Chinese keyboard are digits."""
    return unicodedata.normalize("NFKC", text or "").strip()


class CheckpointForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Where one stands."""

    checkpoint = RadioField(_l("我在哪个检测点"), coerce=int)


class PinForm(FlaskForm):  # type: ignore[misc]
    """A PIN, typed twice. known: whose digits a thief tries first."""

    present = PasswordField(
        _l("账户密码"),
        [_needed, Length(max=passwords.MAX_LENGTH, message=_l("最长 %(max)d 个字符。"))],
        description=_l("确认是您本人。"),
        render_kw={"autocomplete": "current-password"},
    )
    pin = PasswordField(
        _l("新 PIN"),
        [_needed],
        filters=[_typed],
        description=_l("6 到 12 位数字，建议 8 位以上。在闸机面板上输入。"),
        render_kw=_DIGITS,
    )
    again = PasswordField(
        _l("再输入一次"), [EqualTo("pin", message=_l("两次输入的 PIN 不一致。"))], filters=[_typed], render_kw=_DIGITS
    )

    def __init__(self, known: tuple[str, ...] = (), **arguments: Any) -> None:
        super().__init__(**arguments)
        self.known = known

    def validate_pin(self, field: Any) -> None:
        """WTForms calls it."""
        weak = pins.weakness(field.data, self.known)
        if weak is not None:
            raise ValidationError(_WHY[weak])
