"""The forms of visitors' phones: every sentence is ours, so that both languages are complete."""

from __future__ import annotations

import unicodedata
from typing import Any

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from sync.collector.errors import Mistake
from sync.collector.languages import lazy as _l
from sync.collector.messages import addresses
from sync.collector.visitors import identity
from sync.collector.visitors.identity import MAX_NAME, Document, Person

DOCUMENTS = (
    (Document.RESIDENT, _l("居民身份证（含港澳台居民居住证）")),
    (Document.HK_MACAU, _l("港澳居民来往内地通行证（回乡证）")),
    (Document.TAIWAN, _l("台湾居民来往大陆通行证（台胞证）")),
    (Document.PASSPORT, _l("护照")),
    (Document.FOREIGNER, _l("外国人永久居留身份证")),
    (Document.OTHER, _l("其他证件")),
)
_needed = InputRequired(_l("请填写此项。"))
_MAX_NUMBER, _MAX_PHONE = 60, 30


def _at_most(length: int) -> Length:
    return Length(max=length, message=_l("最长 %(max)d 个字符。"))


class PersonForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Who somebody says they are."""

    name = StringField(
        _l("姓名"), [_needed, _at_most(MAX_NAME)], render_kw={"autocomplete": "name", "maxlength": MAX_NAME}
    )
    document = SelectField(
        _l("证件"), choices=[SelectChoice(each.value, word) for each, word in DOCUMENTS], validate_choice=False
    )
    number = StringField(
        _l("证件号码"),
        [_needed, _at_most(_MAX_NUMBER)],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "maxlength": 60},
    )

    def validate_name(self, field: Any) -> None:
        """WTForms calls it."""
        name = unicodedata.normalize("NFC", field.data).strip()
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
            raise ValidationError(_l("姓名为 1 到 100 个可显示的字符。"))

    def validate_document(self, field: Any) -> None:
        """WTForms calls it."""
        if field.data not in [each.value for each in Document]:
            raise ValidationError(_l("请选择一项。"))

    def validate_number(self, field: Any) -> None:
        """WTForms calls it."""
        try:
            document = Document(self.document.data)
            identity.document_number(document, field.data)
        except Mistake:
            wrong = {
                Document.RESIDENT: _l("身份证号码不对：应有 18 位，出生日期和最后一位要相符。请核对。"),
            }
            raise ValidationError(wrong.get(document, _l("证件号码为 4 到 40 个字母和数字，请照证件填写。"))) from None
        except ValueError:
            return  # said beside the document

    @property
    def person(self) -> Person:
        """Raises Mistake."""
        return identity.person(self.name.data, Document(self.document.data), self.number.data, None)


class RegisterForm(PersonForm):
    """The same with a phone."""

    phone = StringField(
        _l("手机号"),
        [_needed, _at_most(_MAX_PHONE)],
        render_kw={"type": "tel", "inputmode": "tel", "autocomplete": "tel", "maxlength": _MAX_PHONE},
    )

    def validate_phone(self, field: Any) -> None:
        """WTForms calls it."""
        try:
            addresses.normalized(f"tel:{identity.normal_phone(field.data)}")
        except Mistake:
            raise ValidationError(_l("手机号为 11 位数字；境外号码以 + 和国家（地区）代码开头，例如 +852。")) from None

    @property
    def person(self) -> Person:
        """Raises Mistake."""
        return identity.person(self.name.data, Document(self.document.data), self.number.data, self.phone.data)


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The code that came."""

    digits = StringField(
        _l("六位验证码"),
        [_needed, _at_most(40)],
        render_kw={"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": 12, "spellcheck": "false"},
    )
