"""What was filled in on a form, kept beside what it became, to be shown again in the reader's language."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flask import request
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms import BooleanField, Field, FileField, MultipleFileField, SelectField

from saas.web.forms import Form

_LONGEST = 500


def keep_answers(form: Form, untold: Collection[str]) -> list[list[str]]:
    """Each field that says something, as ``[field, value, text, label]``. Of files only their number."""
    kept = []
    for name, field in form._fields.items():
        if name == "csrf_token" or name in untold:
            continue
        value, text = _read(field)
        if value:
            kept.append([name, value[:_LONGEST], text, str(field.label.text)])
    return kept


def show_answers(form: Form | None, kept: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Labels and values. `form`: an unused one of the same kind, if there still is one; it knows the words."""
    shown = []
    for name, value, text, label in kept:
        field = form._fields.get(name) if form is not None else None
        shown.append((str(field.label.text) if field is not None else label, _say(field, value, text)))
    return shown


def _read(field: Field) -> tuple[str, str]:
    if isinstance(field, FileField | MultipleFileField):
        count = sum(bool(one.filename) for one in request.files.getlist(field.name))
        return (str(count), _files(count)) if count else ("", "")
    if isinstance(field, SelectField):  # a radio field is one, too
        return str(field.data or ""), _label_of(field, field.data)
    if isinstance(field, BooleanField):
        return "yes" if field.data else "no", ""
    return ("" if field.data is None else str(field.data)), ""


def _say(field: Field | None, value: str, text: str) -> str:
    if isinstance(field, FileField | MultipleFileField):
        return _files(int(value))
    if isinstance(field, SelectField):
        return _label_of(field, value) or text
    if isinstance(field, BooleanField):
        return str(_("是") if value == "yes" else _("否"))
    return text or value


def _label_of(field: SelectField, value: str | None) -> str:
    """The choice's words; of a value that is offered no more there are none."""
    return next((str(label) for offered, label, *_more in field.iter_choices() if str(offered) == value), "")


def _files(count: int) -> str:
    return str(ngettext("%(num)d 个文件", "%(num)d 个文件", count))
