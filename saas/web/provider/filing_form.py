"""One page of the form of a filing or of its template: what it shows, what was sent in, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext as _

from saas.errors import AppError
from saas.programs.filing_checks import FilingFaults, choices_of, find_missing
from saas.programs.filing_fields import (
    APPROVALS,
    CITY,
    LEGAL,
    PROVINCE,
    SAME,
    SERVICES,
    TYPE,
    Field,
    Kind,
    Need,
    Part,
    fields_of,
    legal_in_charge,
    same_person,
)
from saas.programs.filing_forms import Form, masked, merge, shown_value
from saas.programs.filing_models import Values
from saas.programs.filing_tables import Choices, Tables
from saas.web.provider.profile import files_of

_REDRAWING = (TYPE, PROVINCE, CITY, LEGAL, SAME)


@dataclass(frozen=True)
class Shown:
    """A field as its page shows it. `kept` is the masked value of a personal field that is stored and not sent again.

    `redraws`: other fields depend on it.
    """

    field: Field
    value: Any
    kept: str
    choices: Choices
    error: str
    required: bool
    files: tuple[str, ...] = ()

    @property
    def redraws(self) -> bool:
        return self.field.path in _REDRAWING or (
            self.field.path.startswith(APPROVALS) and self.field.kind is Kind.CHOICE
        )


def sent_values(part: Part, stored: Values) -> dict[str, Any]:
    """What was typed on a page, by path; fields that the page did not have are not in it."""
    found: dict[str, Any] = {}
    for field in fields_of({**stored, **request.form.to_dict()}, part):
        if field.path in request.form:
            found[field.path] = request.form.getlist(field.path) if field.path == SERVICES else request.form[field.path]
    return found


def sent_files(form: Form) -> dict[str, list[bytes]]:
    """What was uploaded on the page of materials."""
    found = {field.path: files_of(field.path) for field in fields_of(form.values, Part.MATERIALS)}
    return {path: contents for path, contents in found.items() if contents}


def groups_of(
    form: Form, part: Part, tables: Tables, *, typed: Mapping[str, Any] | None = None, errors: Mapping[str, str]
) -> dict[str, list[Shown]]:
    """The fields of a page under their headings, filled with what was typed, else with what is stored."""
    stored = form.values
    values = merge(stored, typed) if typed is not None else stored
    groups: dict[str, list[Shown]] = {}
    for field in fields_of(values, part):
        groups.setdefault(field.group, []).append(_shown(field, form, stored, values, typed, tables, errors))
    return groups


def _shown(
    field: Field, form: Form, stored: Values, values: Values, typed: Mapping[str, Any] | None, tables: Tables,
    errors: Mapping[str, str],
) -> Shown:  # fmt: skip
    path = field.path
    kept = masked(str(stored[path])) if field.is_personal(stored) and stored.get(path) else ""
    value = "" if kept else stored.get(path, "")
    if typed is not None and path in typed:
        value = typed[path]
    choices: Choices = []
    if field.kind is Kind.YES_NO:
        choices = [("yes", _("是")), ("no", _("否"))]
        value = "yes" if (legal_in_charge if path == LEGAL else same_person)(values) else "no"
    elif field.kind is Kind.CHOICE:
        choices = choices_of(field, values, tables)
    required = field.rule(values) is Need.REQUIRED
    return Shown(field, value, kept, choices, errors.get(path, ""), required, tuple(form.files.get(path, ())))


def errors_of(error: AppError) -> dict[str, str]:
    """A refusal by the field's path; "" for one that is about none."""
    if isinstance(error, FilingFaults):
        return {fault.field: _(fault.message, **fault.params) for fault in error.faults}
    return {getattr(error, "field", ""): _(error.message, **error.params)}


@dataclass(frozen=True)
class Summary:
    """A page of the form at a glance: every field in words under its heading, and what is still missing."""

    part: Part
    groups: dict[str, list[tuple[Field, str]]]
    files: list[tuple[Field, tuple[str, ...]]]
    missing: list[Field]


def summaries(form: Form, tables: Tables, *, whole: bool = False) -> list[Summary]:
    """All pages of a form, personal values masked unless `whole`."""
    return [_summary(form, part, tables, whole) for part in Part]


def _summary(form: Form, part: Part, tables: Tables, whole: bool) -> Summary:
    values = form.values
    groups: dict[str, list[tuple[Field, str]]] = {}
    files = []
    for field in fields_of(values, part):
        if field.is_file:
            if form.files.get(field.path):
                files.append((field, tuple(form.files[field.path])))
        elif text := shown_value(field, values, tables, whole=whole):
            groups.setdefault(field.group, []).append((field, _(text) if field.kind is Kind.YES_NO else text))
    return Summary(part, groups, files, find_missing(values, form.files, part))


def names_of(fields: Iterable[Field]) -> str:
    """Fields in words, each with its group in front."""
    return str(_("、")).join(_("%(group)s：%(label)s", group=_(one.group), label=_(one.label)) for one in fields)
