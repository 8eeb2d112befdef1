"""The form of somebody who has nothing to show."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import DataRequired, Length, Regexp

from sync.collector.languages import lazy as _l
from sync.collector.registration.model import NONCE_BYTES
from sync.collector.visitors.identity import MAX_NAME

_needed = DataRequired(_l("请填写此项。"))
_PRIVATE = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _at_most(length: int) -> Length:
    return Length(max=length, message=_l("最长 %(max)d 个字符。"))


class ByHandForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Who it is, who came along, how warm; checkpoint and direction stand beside it, and `taps` reads those."""

    nonce = HiddenField(validators=[Regexp(rf"^[0-9a-f]{{{2 * NONCE_BYTES}}}\Z")])
    name = StringField(_l("姓名"), [_needed, _at_most(MAX_NAME)], render_kw=_PRIVATE)
    document = SelectField(_l("证件类型"))
    number = StringField(_l("证件号码"), [_needed, _at_most(60)], render_kw=_PRIVATE)
    phone = StringField(
        _l("电话"), [_at_most(30)], description=_l("没有可不填。"), render_kw=_PRIVATE | {"inputmode": "tel"}
    )
    seen = BooleanField(_l("我已看过证件原件，与本人相符"))
    people = SelectField(_l("一行人数"), description=_l("含本人。同行的人请逐一查看。"))
    temperature = StringField(
        _l("体温（℃）"),
        [_at_most(8)],
        description=_l("多人时填最高的。"),
        render_kw=_PRIVATE | {"inputmode": "decimal"},
    )
    finding = RadioField(
        _l("没有读数时"),
        choices=[("normal", _l("已测，体温正常")), ("not_measured", _l("未测体温"))],
        default="normal",
    )
