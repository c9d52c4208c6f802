"""Forms: Flask-WTF with our messages; a service's refusal lands on the field it is about."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, StringField
from wtforms.validators import DataRequired, Email, InputRequired, Length

from saas.errors import AppError, Invalid


class Form(FlaskForm):  # type: ignore[misc]
    """A form of ours. `form_errors` are shown above the fields."""

    def refuse(self, error: AppError) -> None:
        """Show a service's refusal at its field, or above the form when it is about none."""
        text = gettext(error.message, **error.params)
        if error.hint:
            text = f"{text} {gettext(error.hint, **error.params)}"
        name = error.field if isinstance(error, Invalid) else ""
        field = self._fields.get(name)
        if field is None:
            self.form_errors.append(text)
        else:
            field.errors = [*field.errors, text]


def stripped(value: str | None) -> str | None:
    """A filter: white space around a text is never meant."""
    return value.strip() if isinstance(value, str) else value


class TextField(StringField):
    """One line of text without white space around it."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, filters=[stripped], **kwargs)


def required() -> DataRequired:
    return DataRequired(_l("请填写这一项"))


def chosen() -> InputRequired:
    return InputRequired(_l("请选择"))


def at_most(length: int) -> Length:
    return Length(max=length, message=_l("不能超过 %(max)d 个字符"))


def email_address() -> Email:
    return Email(_l("邮箱格式不正确"), check_deliverability=False)


def first_error(field: Field) -> str:
    return str(field.errors[0]) if field.errors else ""
