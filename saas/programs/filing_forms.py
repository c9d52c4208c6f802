"""Filling in a filing or a template of filings: typed values, uploaded files, and showing what is there.

Everything that is typed is kept, however little it is; what is typed wrong is refused at its field.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.orm import Session

from saas.errors import N_, Invalid, NotFound
from saas.pictures import fit_picture, is_film
from saas.programs.changing import keep_picture
from saas.programs.filing_checks import FilingFaults, choices_of, find_faults, tidy
from saas.programs.filing_fields import (
    BY_PATH,
    LEGAL,
    SAME,
    SERVICES,
    Field,
    Kind,
    Part,
    field_at,
    fields_of,
    legal_in_charge,
    same_person,
)
from saas.programs.filing_models import Filing, FilingTemplate, Values
from saas.programs.filing_tables import Tables
from saas.tenants.models import StoredFile
from saas.tenants.stored_files import copy_file, drop_file, keep_file, load_file

Form = Filing | FilingTemplate

KIND = "filing"
LARGEST_VIDEO = 10 * 1024 * 1024


def merge(stored: Values, typed: Mapping[str, Any]) -> dict[str, Any]:
    """The values after a page was filled in. A personal field that was left empty keeps what is stored: no page ever
    shows it whole.
    """
    values = dict(stored)
    for path, value in typed.items():
        field = BY_PATH[path]
        value = [one for one in value if one] if field.kind is Kind.SERVICES else tidy(field, str(value))
        if not value and field.is_personal(stored):
            continue
        if value:
            values[path] = value
        else:
            values.pop(path, None)
    return values


def fill_in(form: Form, part: Part, typed: Mapping[str, Any], tables: Tables) -> list[str]:
    """Keep what was typed on one page; answers the labels of what changed. Raises FilingFaults."""
    before = form.values
    values = merge(before, typed)
    if faults := find_faults(values, tables, part):
        raise FilingFaults(faults)
    changed = sorted(path for path in {*before, *values} if before.get(path) != values.get(path))
    if changed:
        form.values = values
        _forget_faults(form, changed)
    return [BY_PATH[path].label for path in changed]


def attach(db: Session, form: Form, uploads: Mapping[str, Sequence[bytes]]) -> list[str]:
    """Keep uploaded files; answers the labels. A single file replaces, several are added. Raises FilingFaults."""
    fields = {field.path: field for field in fields_of(form.values, Part.MATERIALS)}
    faults, fitted = [], {}
    for path, contents in uploads.items():
        field = fields.get(path)
        if field is None or not contents:
            continue
        kept = [] if field.most == 1 else form.files.get(path, [])
        try:
            if len(kept) + len(contents) > field.most:
                raise Invalid(N_("最多 %(most)d 个文件"), field=path, most=field.most)
            fitted[path] = [fit_file(field, content) for content in contents]
        except Invalid as fault:
            faults.append(fault)
    if faults:
        raise FilingFaults(faults)
    for path, parts in fitted.items():
        new = [_keep(db, form.provider_id, part) for part in parts]
        if fields[path].most == 1:
            detach(db, form, path)
        form.files = {**form.files, path: [*form.files.get(path, []), *new]}
    _forget_faults(form, fitted)
    return [fields[path].label for path in fitted]


def take_over(db: Session, form: Form, values: Values, files: Mapping[str, Sequence[str]]) -> list[str]:
    """Put these values, and copies of these kept files, over what a form holds; answers the labels of what changed.
    Nothing is checked: who filled it in was told of faults, and they are told again before anything is sent.
    """
    before = form.values
    changed = [path for path, value in values.items() if before.get(path) != value]
    form.values = {**before, **values}
    for path, file_ids in files.items():
        copies = [str(copy_file(db, load_file(db, UUID(file_id)), KIND).id) for file_id in file_ids]
        detach(db, form, path)
        form.files = {**form.files, path: copies}
    changed += files
    _forget_faults(form, changed)
    return [BY_PATH[path].label for path in changed]


def fit_file(field: Field, content: bytes) -> Any:
    """An uploaded file as WeChat takes it: a Picture, or the bytes of a video; raises Invalid at the field."""
    if field.kind is Kind.VIDEO:
        if len(content) > LARGEST_VIDEO or not is_film(content):
            raise Invalid(N_("请上传不超过 10 MB 的 MP4 视频"), field=field.path)
        return content
    return fit_picture(content, field=field.path)


def _keep(db: Session, provider_id: UUID, part: Any) -> str:
    if isinstance(part, bytes):
        return str(keep_file(db, provider_id, KIND, part, content_type="video/mp4", name="video.mp4").id)
    return keep_picture(db, provider_id, KIND, part)


def detach(db: Session, form: Form, path: str, file_id: str = "") -> None:
    """Take one file of a field away, or all; the content is forgotten once no form holds it any more."""
    gone = [one for one in form.files.get(path, []) if file_id in ("", one)]
    rest = [one for one in form.files.get(path, []) if one not in gone]
    form.files = {key: ids for key, ids in {**form.files, path: rest}.items() if ids}
    db.flush()
    forget_files(db, gone)


def forget_files(db: Session, file_ids: Collection[str]) -> None:
    """Drop kept files that no template and no filing holds."""
    for file_id in file_ids:
        held = (
            select(one.id).where(cast(one.files, Text).contains(file_id)).exists() for one in (Filing, FilingTemplate)
        )
        if not db.scalar(select(or_(*held))):
            with suppress(NotFound):
                drop_file(db, load_file(db, UUID(file_id)))


def get_file(db: Session, form: Form, file_id: UUID) -> StoredFile:
    """A file of this form, and of no other."""
    if not any(str(file_id) in ids for ids in form.files.values()):
        raise NotFound()
    return load_file(db, file_id)


def _forget_faults(form: Form, paths: Collection[str]) -> None:
    """What WeChat found is over once the field is changed."""
    if isinstance(form, Filing):
        fields = {path: field_at(path, form.values) for path in form.faults}
        form.faults = {path: text for path, text in form.faults.items() if _place(fields[path]) not in paths}


def _place(field: Field | None) -> str:
    return field.path if field is not None else ""


# Showing


def masked(text: str) -> str:
    """Enough to recognise what is known already, too little to read it out."""
    if len(text) < 6:
        return text[:1] + "＊" * max(1, len(text) - 1)
    edge = 3 if len(text) >= 9 else 1
    return f"{text[:edge]}{'＊' * 4}{text[-edge:]}"


def shown_value(field: Field, values: Values, tables: Tables, *, whole: bool = False) -> str:
    """What a field holds, in words."""
    value = values.get(field.path)
    if field.path in (LEGAL, SAME):
        is_so = legal_in_charge(values) if field.path == LEGAL else same_person(values)
        return N_("是") if is_so else N_("否")
    if not value:
        return ""
    if field.kind is Kind.CHOICE:
        return dict(choices_of(field, values, tables)).get(str(value), str(value))
    if field.path == SERVICES:
        names = {number: name for kinds in tables.services.values() for number, name in kinds}
        return "、".join(names.get(one, one) for one in value)
    return value if whole or not field.is_personal(values) else masked(str(value))
