"""From what was filled in to what WeChat takes: files handed in, values in WeChat's shape."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from saas.db import settle
from saas.programs.filing_fields import (
    APPROVALS,
    LEGAL,
    MOST_APPROVALS,
    SAME,
    SERVICES,
    TYPE,
    Field,
    Kind,
    fields_of,
    needs_approval,
    of_person,
    same_person,
)
from saas.programs.filing_models import Filing, Values
from saas.programs.filing_tables import NO_APPROVAL
from saas.programs.models import Program
from saas.tenants.stored_files import load_file, read_file
from saas.wx.api.filing import FilingApplication
from saas.wx.chapter import Upload
from saas.wx.client import WxClient

_NUMBERS = ("type", "certificate_type")


def hand_in_all(db: Session, client: WxClient, program: Program, filing: Filing) -> dict[str, list[str]]:
    """Give WeChat every file of the filing; answers the media ids by the field's path. They live a few days only."""
    values, files = filing.values, filing.files
    media: dict[str, list[str]] = {}
    for field in fields_of(values):
        for file_id in files.get(field.path, ()) if field.is_file else ():
            media.setdefault(field.path, []).append(_hand_in(db, client, program, field, file_id, values))
    return media


def _hand_in(db: Session, client: WxClient, program: Program, field: Field, file_id: str, values: Values) -> str:
    row = load_file(db, UUID(file_id))
    upload = Upload(row.name, read_file(row), row.content_type)
    kind: Literal["image", "video"] = "video" if field.kind is Kind.VIDEO else "image"
    certificate = int(values[field.certificate]) if field.certificate else None
    settle(db)
    answer = client.filing.upload_icp_media(
        program.appid, media=upload, icp_order_field=field.path, type=kind, certificate_type=certificate
    )
    return str(answer["media_id"])


def assemble(values: Values, media: Mapping[str, list[str]], task_id: str) -> FilingApplication:
    """The application. Fields that do not apply stay out, a person's paper is that of the subject, too."""
    parts: dict[str, Any] = {"icp_subject": {}, "icp_applets": {}, "icp_materials": {}}
    for path, value in _plain(values, media):
        *steps, last = path.split(".")
        place = parts
        for step in steps:
            place = place.setdefault(step, {})
        place[last] = value
    subject, applets = parts["icp_subject"], parts["icp_applets"]
    if of_person(values):
        person = subject["principal_info"]
        subject["organize_info"] |= {name: person[name] for name in ("certificate_type", "certificate_number")}
    if same_person(values):
        applets["principal_info"] = copy.deepcopy(subject["principal_info"])
    applets["principal_info"]["verify_task_id"] = task_id
    applets["base_info"]["nrlx_details"] = list(_approvals(values, media))
    return FilingApplication(
        icp_subject=subject, icp_applets=applets, icp_materials=parts["icp_materials"]
    )  # fmt: skip


def _plain(values: Values, media: Mapping[str, list[str]]) -> Iterator[tuple[str, Any]]:
    for field in fields_of(values):
        path = field.path
        if path in (LEGAL, SAME) or path.startswith(APPROVALS):
            continue
        if field.is_file:
            if path in media:
                yield path, media[path] if path.startswith("icp_materials.") else media[path][0]
        elif values.get(path):
            value = values[path]
            if path == SERVICES:
                value = [int(one) for one in value]
            elif path == TYPE or path.endswith(_NUMBERS):
                value = int(value)
            yield path, value


def _approvals(values: Values, media: Mapping[str, list[str]]) -> Iterator[dict[str, Any]]:
    needed = [number for number in range(MOST_APPROVALS) if needs_approval(values, number)]
    for number in needed:
        place = f"{APPROVALS}.{number}"
        yield {
            "type": int(values[f"{place}.type"]), "code": values[f"{place}.code"], "media": media[f"{place}.media"][0],
        }  # fmt: skip
    if not needed:
        yield {"type": NO_APPROVAL}
