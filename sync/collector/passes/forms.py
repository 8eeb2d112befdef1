"""The forms of the clerk's desk."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from sync.collector.languages import lazy as _l
from sync.collector.passes.cards import Size
from sync.collector.passes.lists import MAX_LIST_BYTES
from sync.collector.passes.model import MAX_BATCH_NAME
from sync.collector.privacy.audit import MAX_WORDS
from sync.collector.visitors.identity import MAX_NAME

_needed = DataRequired(_l("请填写此项。"))
_PRIVATE = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _at_most(length: int) -> Length:
    return Length(max=length, message=_l("最长 %(max)d 个字符。"))


class BatchForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """A new batch."""

    name = StringField(
        _l("批次名称"),
        [_needed, _at_most(MAX_BATCH_NAME)],
        description=_l("如“西南小学二（3）班”。请勿写个人姓名。"),
        render_kw={"autocomplete": "off"},
    )


class PersonForm(FlaskForm):  # type: ignore[misc]
    """Somebody at the desk."""

    name = StringField(_l("姓名"), [_needed, _at_most(MAX_NAME)], render_kw=_PRIVATE)
    document = SelectField(_l("证件类型"))
    number = StringField(_l("证件号码"), [_needed, _at_most(60)], render_kw=_PRIVATE)
    phone = StringField(
        _l("电话"), [_at_most(30)], description=_l("没有可不填。"), render_kw=_PRIVATE | {"inputmode": "tel"}
    )
    seen = BooleanField(_l("我已看过证件原件，与本人相符"))


class ListForm(FlaskForm):  # type: ignore[misc]
    """Many at once."""

    text = TextAreaField(
        _l("粘贴名单"),
        [_at_most(MAX_LIST_BYTES)],
        description=_l("每行一人：姓名、身份证号码、电话（可不填）。其他证件请加表头：姓名,证件类型,证件号码,电话。"),
        render_kw=_PRIVATE | {"rows": 6},
    )
    file = FileField(_l("或上传 CSV 文件"), render_kw={"accept": ".csv,.txt,text/csv,text/plain"})
    seen = BooleanField(_l("名单中每个人的证件原件都已看过，与本人相符"))


class PrintForm(FlaskForm):  # type: ignore[misc]
    """How large the cards are."""

    size = RadioField(_l("卡片大小"), default=Size.LARGE.value)


class ReprintForm(PrintForm):
    """Again, and the old cards are withdrawn."""

    reason = StringField(
        _l("原因"), [_needed, _at_most(MAX_WORDS)], description=_l("记入审计，请勿写姓名。旧卡随即作废。")
    )


class WithdrawForm(FlaskForm):  # type: ignore[misc]
    """No card any more."""

    because = StringField(_l("原因"), [_needed, _at_most(MAX_WORDS)], description=_l("记入审计，请勿写姓名。"))
    sure = BooleanField(_l("我知道：作废的卡不能恢复，只能重印。"), [DataRequired(_l("请勾选确认。"))])
