"""The forms of venues' pages. Every sentence is ours, so that both languages are complete."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from sync.collector.languages import language
from sync.collector.languages import lazy as _l
from sync.collector.languages import translate as _
from sync.collector.venues import kinds, words
from sync.collector.venues.model import MAX_ADDRESS, MAX_NAME, MAX_REASON
from sync.wire.record import Direction

_needed = DataRequired(_l("请填写此项。"))
_OFF = {"autocomplete": "off"}
_TIME = {"type": "time"}


def _at_most(length: int) -> Length:
    return Length(max=length, message=_l("最长 %(max)d 个字符。"))


class _Ticks(SelectMultipleField):  # type: ignore[misc]  # wtforms has no types
    """Several of a few: a tick for each."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class VenueForm(FlaskForm):  # type: ignore[misc]
    """What a venue is (R11, R14). sure: the name was advised against, and stays."""

    name = StringField(
        _l("场所名称"),
        [_needed, _at_most(MAX_NAME)],
        description=_l("填写完整的单位名称，与统一社会信用代码证照一致；不填简称，不填地址。"),
        render_kw={"autocomplete": "organization"},
    )
    sure = BooleanField(_l("名称无误，就用这个名称。"))
    credit_code = StringField(
        _l("统一社会信用代码"),
        [_at_most(40)],
        description=_l("18 位，在营业执照上。没有代码的场所（如居民楼）可不填。"),
        render_kw=_OFF | {"autocapitalize": "characters", "spellcheck": "false", "maxlength": 40},
    )
    kind = SelectField(_l("场所类型"), [_needed])
    address = StringField(
        _l("详细地址"),
        [_needed, _at_most(MAX_ADDRESS)],
        description=_l("街道、门牌号，不必重复省市区。"),
        render_kw={"autocomplete": "street-address"},
    )
    latitude, longitude, system = StringField(), StringField(), StringField()  # drawn by venues/position.html
    opens = StringField(_l("开门"), [_needed, _at_most(5)], default="08:00", render_kw=_TIME)
    closes = StringField(_l("关门"), [_needed, _at_most(5)], default="20:00", render_kw=_TIME)
    days = _Ticks(_l("开放日"), coerce=int, default=list(range(1, 8)))

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.kind.choices = {
            "": [SelectChoice("", _("请选择"))],
            **{
                each.named(language()): [SelectChoice(kind.code, kind.named(language())) for kind in each.kinds]
                for each in kinds.CLASSES
            },
        }
        self.days.choices = [SelectChoice(day, words.weekday(day)) for day in range(1, 8)]


class CheckpointForm(FlaskForm):  # type: ignore[misc]
    """A way in or out (R17)."""

    name = StringField(_l("名称"), [_needed, _at_most(MAX_NAME)], description=_l("如南门、北门。"), render_kw=_OFF)
    direction = RadioField(_l("方向"), [_needed], default=Direction.IN.value)

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.direction.choices = [SelectChoice(each.value, words.direction(each.value)) for each in Direction]


class RefusalForm(FlaskForm):  # type: ignore[misc]
    """Why the township says no: its administrator reads it."""

    refusal = StringField(
        _l("不同意的原因"), [_needed, _at_most(MAX_REASON)], description=_l("场所管理员会看到这句话。"), render_kw=_OFF
    )


class OneButtonForm(FlaskForm):  # type: ignore[misc]
    """Nothing but the token."""
