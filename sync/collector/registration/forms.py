"""The form of a disinfection round. A tap is no such form: it is parsed by `taps`, whoever sends it."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, StringField
from wtforms.validators import InputRequired, Length, Regexp

from sync.collector.languages import lazy as _l
from sync.collector.registration.model import MAX_NOTE, NONCE_BYTES, Round


class DisinfectionForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """What was disinfected; the same nonce twice is one round."""

    nonce = HiddenField(validators=[Regexp(rf"^[0-9a-f]{{{2 * NONCE_BYTES}}}\Z")])
    what = RadioField(_l("消毒范围"), [InputRequired(_l("请选择一项。"))], validate_choice=True)
    note = StringField(
        _l("备注"),
        [
            Length(max=MAX_NOTE, message=_l("最长 %(max)d 个字符。")),
            Regexp(r"^[^\x00-\x1f\x7f]*\Z", message=_l("请写在一行内。")),
        ],
        description=_l("可不填，例如所用的消毒剂。请勿写姓名。"),
        render_kw={"autocomplete": "off", "maxlength": MAX_NOTE},
    )

    @property
    def nonce_bytes(self) -> bytes:
        """As the table keeps it."""
        return bytes.fromhex(self.nonce.data)

    @property
    def round(self) -> Round:
        """The choice."""
        return Round(self.what.data)
