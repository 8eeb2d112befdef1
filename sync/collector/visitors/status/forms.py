"""The forms of the authority's pages. Every sentence is ours, so that both languages are complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from sync.collector.languages import lazy as _l
from sync.collector.languages import translate as _
from sync.collector.privacy.audit import MAX_WORDS
from sync.collector.visitors.identity import Document
from sync.collector.visitors.status import words
from sync.collector.visitors.status.model import MAX_LAB
from sync.collector.visitors.status.register import CHOSEN
from sync.wire.passes import Status

_needed = DataRequired(_l("请填写此项。"))
_MOST_NUMBER = 60
_OFF = {"autocomplete": "off", "spellcheck": "false"}


def _at_most(length: int) -> Length:
    return Length(max=length, message=_l("最长 %(max)d 个字符。"))


class CaseForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """On what ground; for the audit."""

    case = StringField(
        _l("依据"),
        [_needed, _at_most(MAX_WORDS)],
        description=_l("通知或案件的编号，记入审计。不要写姓名。"),
        render_kw=_OFF,
    )

    def __iter__(self) -> Iterator[Any]:
        """Who it is about first, the ground last, wherever a subclass writes them down."""
        places = {"document": -2, "number": -1, "case": 1}
        return iter(sorted(super().__iter__(), key=lambda field: places.get(field.name, 0)))


class FindForm(CaseForm):
    """Whom to look up."""

    number = StringField(_l("证件号码或手机号"), [_needed, _at_most(_MOST_NUMBER)], render_kw=_OFF)


class StatusForm(CaseForm):
    """The authority's word."""

    status = RadioField(_l("码色"), [_needed])
    reason = SelectField(_l("原因"), [_needed])
    until = StringField(
        _l("到期日"),
        [_needed, _at_most(10)],
        description=_l("当天结束时失效，恢复为没有这一条时的状态。最长一年。"),
        render_kw={"type": "date"},
    )

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.status.choices = [
            SelectChoice(each.name.lower(), words.status(each)) for each in (Status.GREEN, Status.YELLOW, Status.RED)
        ]
        self.reason.choices = [SelectChoice("", _("请选择"))] + [
            SelectChoice(each.value, words.reason(each)) for each in CHOSEN
        ]


class MarkForm(StatusForm):
    """The same of somebody whom only their document names."""

    document = SelectField(_l("证件类型"), [_needed])
    number = StringField(_l("证件号码"), [_needed, _at_most(_MOST_NUMBER)], render_kw=_OFF)

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.document.choices = [SelectChoice(each.value, words.document(each)) for each in Document]


class ResultForm(CaseForm):
    """A test."""

    taken = StringField(_l("采样日期"), [_needed, _at_most(16)], render_kw={"type": "date"})
    negative = RadioField(_l("结果"), [_needed])
    lab = StringField(_l("检测机构"), [_at_most(MAX_LAB)], render_kw=_OFF)

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.negative.choices = [SelectChoice("yes", _("阴性")), SelectChoice("no", _("阳性"))]


class ListForm(CaseForm):
    """A file."""

    file = FileField(
        _l("文件"),
        [FileRequired(_l("请填写此项。"))],
        description=_l(
            "CSV，UTF-8 或 GBK。码色：证件号码、码色、原因、到期日；检测：证件号码、采样时间、结果、检测机构。"
            "身份证以外的证件另加一列证件类型。"
        ),
        render_kw={"accept": ".csv,.txt,text/csv,text/plain"},
    )
    only_good = BooleanField(_l("有错误的行时，仍然导入正确的行"))
