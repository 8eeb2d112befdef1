"""The forms of accounts. Every sentence is ours, so that both languages are complete."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, EqualTo, Length

from sync.collector.accounts import passwords
from sync.collector.accounts.model import MAX_LOGIN
from sync.collector.languages import lazy as _l
from sync.collector.venues.model import MAX_NAME

_needed = DataRequired(_l("请填写此项。"))


def _at_most(length: int) -> Length:
    return Length(max=length, message=_l("最长 %(max)d 个字符。"))


_CODE = {"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": 8, "spellcheck": "false"}
_LOGIN = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "maxlength": MAX_LOGIN}


class SignInForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """Login and password."""

    login = StringField(_l("登录名"), [_needed, _at_most(MAX_LOGIN)], render_kw=_LOGIN)
    password = PasswordField(
        _l("密码"), [_needed, _at_most(passwords.MAX_LENGTH)], render_kw={"autocomplete": "current-password"}
    )


class CodeForm(FlaskForm):  # type: ignore[misc]
    """Six digits of the phone."""

    code = StringField(_l("手机上的六位验证码"), [_needed, _at_most(8)], render_kw=_CODE)


class EnrolForm(CodeForm):
    """The first code of a new secret. sealed: that secret, which only we can open."""

    sealed = HiddenField()


class EnrolByPasswordForm(EnrolForm):
    """The same for whoever signed in a while ago: a browser left open sets up nobody's phone."""

    present = PasswordField(_l("现在的密码"), [_needed], render_kw={"autocomplete": "current-password"})


class ForgottenForm(FlaskForm):  # type: ignore[misc]
    """Whose password was forgotten."""

    login = StringField(_l("登录名"), [_needed, _at_most(MAX_LOGIN)], render_kw=_LOGIN)


class SignUpForm(FlaskForm):  # type: ignore[misc]
    """Who wants an account of their own."""

    name = StringField(_l("姓名"), [_needed, _at_most(MAX_NAME)], render_kw={"autocomplete": "name"})
    contact = StringField(_l("手机号或邮箱"), [_needed, _at_most(260)], render_kw={"autocomplete": "tel"})


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    """A password, typed twice. known: words that a guesser tries first."""

    password = PasswordField(
        _l("新密码"),
        [_needed, _at_most(passwords.MAX_LENGTH)],
        description=_l("至少 10 个字符。几个不相关的词连在一起，好记又难猜。"),
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        _l("再输入一次"),
        [EqualTo("password", message=_l("两次输入的密码不一致。"))],
        render_kw={"autocomplete": "new-password"},
    )

    def __init__(self, known: tuple[str, ...] = (), **arguments: Any) -> None:
        super().__init__(**arguments)
        self.known = known

    def validate_password(self, field: Any) -> None:
        """WTForms calls it."""
        if len(field.data) < passwords.MIN_LENGTH:
            raise ValidationError(_l("密码至少 10 个字符。"))
        if not passwords.is_strong(field.data, *self.known):
            raise ValidationError(_l("这个密码太容易猜到。请换一个更长、更少见的。"))


class LinkForm(NewPasswordForm):
    """The same by a one-time link."""


class LinkWithCodeForm(NewPasswordForm):
    """The same for an account with a second factor: a stolen mailbox is not enough."""

    code = StringField(_l("手机上的六位验证码"), [_needed, _at_most(8)], render_kw=_CODE)


class ChangePasswordForm(NewPasswordForm):
    """The same for somebody who knows the present one."""

    present = PasswordField(_l("现在的密码"), [_needed], render_kw={"autocomplete": "current-password"})


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The present password, before something that matters."""

    present = PasswordField(_l("现在的密码"), [_needed], render_kw={"autocomplete": "current-password"})


class NewAccountForm(FlaskForm):  # type: ignore[misc]
    """A new account."""

    login = StringField(
        _l("登录名"),
        [_needed, _at_most(MAX_LOGIN)],
        description=_l("小写字母、数字和 . _ @ + -"),
        render_kw={"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"},
    )
    name = StringField(_l("姓名"), [_needed, _at_most(MAX_NAME)], render_kw={"autocomplete": "off"})
    address = StringField(
        _l("邮箱或手机号"),
        [_at_most(260)],
        description=_l("用于发送一次性链接；可不填。"),
        render_kw={"autocomplete": "off"},
    )
    language = SelectField(_l("语言"), choices=[SelectChoice("zh", "中文"), SelectChoice("en", "English")])


class AddressForm(FlaskForm):  # type: ignore[misc]
    """Where messages go. With the present password: links for a new one go there."""

    address = StringField(_l("邮箱或手机号"), [_at_most(260)], description=_l("用于发送一次性链接；清空即不再发送。"))
    present = PasswordField(_l("现在的密码"), [_needed], render_kw={"autocomplete": "current-password"})


class AppointForm(FlaskForm):  # type: ignore[misc]
    """A role and its place; which place is asked for follows from the role."""

    role = SelectField(_l("身份"))
    place = StringField(
        _l("负责范围"),
        [_at_most(MAX_NAME)],
        description=_l(
            "场所管理员、检测员填场所编号；采集员填单位编号；防控部门填行政区划代码，留空为全部；其他身份不填。"
        ),
        render_kw={"autocomplete": "off"},
    )
    reason = StringField(_l("原因"), [_needed, _at_most(200)], description=_l("记入审计，请勿写姓名。"))


class ReasonForm(FlaskForm):  # type: ignore[misc]
    """Why, for the audit."""

    reason = StringField(_l("原因"), [_needed, _at_most(200)], description=_l("记入审计，请勿写姓名。"))
