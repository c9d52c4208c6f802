"""A merchant takes her data with her: one ZIP with everything as JSON, as a page to read, and with her papers.

It is made by a job, sealed in the file store, and forgotten after a day.
"""

from __future__ import annotations

import json
import mimetypes
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock, i18n
from saas.db import new_id, settle
from saas.errors import N_, NotFound
from saas.onboarding.kept_data import GROUPS, Entry, Group, entries_of
from saas.onboarding.models import DataExport, ExportStatus
from saas.onboarding.notices import tell
from saas.queue import Lane, enqueue
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.letters import LOCALES
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Merchant, StoredFile
from saas.tenants.providers import own_provider
from saas.tenants.stored_files import drop_file, drop_files_before, find_files, load_file, read_file, writing_file

JOB = "jobs.data_exports.make_data_export"
STORED_AS = "data_export"
LIVES = timedelta(hours=24)
_NAME = N_("我的资料")
_TOLD_EVERY = 5
_Groups = Mapping[Group, Sequence[Entry]]


def ask_for_export(db: Session, merchant: Merchant, *, who: Who, locale: str) -> DataExport:
    """Have everything put into one file; one that is in the making already is the answer. An earlier file is forgotten.

    The caller has seen to it that the person has just shown who she is.
    """
    require(who, Verb.ANSWER)
    if not who.is_merchant or who.user_id is None:
        raise NotFound()
    db.refresh(merchant, with_for_update={"key_share": True})
    added = db.scalar(
        insert(DataExport)
        .values(
            id=new_id(), created_at=clock.now(), provider_id=merchant.provider_id, merchant_id=merchant.id,
            asked_by=who.name, asked_by_id=who.user_id, locale=locale if locale in LOCALES else LOCALES[0],
        )
        .on_conflict_do_nothing()
        .returning(DataExport.id)
    )  # fmt: skip
    if added is not None:
        forget_exports(db, merchant, but=added)
        activity.record(db, who, "merchant.data.export", merchant)
        enqueue(db, JOB, added, lane=Lane.BULK)
    newest = newest_export(db, merchant)
    assert newest is not None
    return newest


def newest_export(db: Session, merchant: Merchant) -> DataExport | None:
    """The export that her page shows; None when there is none that still counts."""
    query = select(DataExport).where(DataExport.merchant_id == merchant.id).order_by(DataExport.id.desc()).limit(1)
    found = db.scalar(query.execution_options(populate_existing=True))
    return None if found is None or _is_over(found) else found


def take_export(db: Session, merchant: Merchant, *, who: Who) -> StoredFile:
    """The finished file, for the merchant's owner; the log keeps who took it, and her colleagues are told."""
    require(who, Verb.ANSWER)
    found = newest_export(db, merchant)
    if not who.is_merchant or found is None or found.status != ExportStatus.READY:
        raise NotFound()
    row = load_file(db, found.file_id)
    activity.record(db, who, "merchant.data.download", merchant)
    tell(
        db, merchant.provider_id, merchant.id, kind="merchant.data.download", key=f"data_export:{found.id}",
        detail={"title": N_("您的全部资料被下载了，请确认是自己人"), "name": who.name},
    )  # fmt: skip
    return row


def make_export(db: Session, export_id: UUID) -> None:
    """Write the file, a paper at a time: neither their number nor their size costs memory. Safe to repeat.

    Runs in the provider's session; no transaction is open while files are read and written.
    """
    export = _load(db, export_id)
    if export is None or export.status != ExportStatus.QUEUED:
        return
    merchant = load_merchant(db, export.merchant_id)
    who = system(merchant.provider_id)
    groups = {group: entries_of(db, merchant, group, who=who) for group in Group}
    papers = [paper.file_id for entries in groups.values() for entry in entries for paper in entry.papers]
    rows = find_files(db, papers)
    names = _names(groups, rows)
    page = _page(groups, names, own_provider(db).name, merchant.name, export.locale)
    export.papers, export.papers_done = len(rows), 0
    settle(db)
    with writing_file(
        db, merchant.provider_id, STORED_AS, content_type="application/zip", name=f"{merchant.name}.zip"
    ) as (target, file_id), zipfile.ZipFile(target, "w") as archive:  # fmt: skip
        archive.writestr("data.json", _json(groups, names), zipfile.ZIP_DEFLATED)
        archive.writestr(f"{i18n.translate(export.locale, _NAME)}.html", page, zipfile.ZIP_DEFLATED)
        for number, paper in enumerate(rows.values(), 1):
            with suppress(NotFound):
                archive.writestr(names[paper.id], read_file(paper), zipfile.ZIP_STORED)
            if number % _TOLD_EVERY == 0:
                export.papers_done = number
                settle(db)
    finished = db.execute(
        update(DataExport)
        .where(DataExport.id == export.id, DataExport.status == ExportStatus.QUEUED)
        .values(
            status=ExportStatus.READY, file_id=file_id, expires_at=clock.now() + LIVES, papers_done=len(rows)
        )
        .returning(DataExport.id)
    ).first()  # fmt: skip
    if finished is None:  # her data were deleted meanwhile
        drop_file(db, load_file(db, file_id))


def give_up_export(db: Session, export_id: UUID) -> None:
    """Say that it did not work, so that she may ask again."""
    export = _load(db, export_id)
    if export is not None and export.status == ExportStatus.QUEUED:
        export.status = ExportStatus.FAILED


def forget_exports(db: Session, merchant: Merchant, *, but: UUID | None = None) -> None:
    """Forget her exports, files and all."""
    query = select(DataExport).where(DataExport.merchant_id == merchant.id, DataExport.id.is_distinct_from(but))
    for row in db.scalars(query).all():
        if row.file_id is not None:
            with suppress(NotFound):
                drop_file(db, load_file(db, row.file_id))
        db.delete(row)
    db.flush()


def forget_old_exports(db: Session) -> None:
    """Forget what is over, in a platform session."""
    db.execute(delete(DataExport).where(DataExport.expires_at < clock.now()))
    drop_files_before(db, STORED_AS, clock.now() - LIVES)


def _load(db: Session, export_id: UUID) -> DataExport | None:
    return db.scalar(select(DataExport).where(DataExport.id == export_id))


def _is_over(export: DataExport) -> bool:
    return export.expires_at is not None and export.expires_at <= clock.now()


def _names(groups: _Groups, rows: Mapping[UUID, StoredFile]) -> dict[UUID, str]:
    """Where each paper lies in the ZIP; one that two things share lies there once, and one that is gone nowhere."""
    found: dict[UUID, str] = {}
    for group, entries in groups.items():
        for number, entry in enumerate(entries, 1):
            for paper in entry.papers:
                if paper.file_id in rows and paper.file_id not in found:
                    ending = mimetypes.guess_extension(rows[paper.file_id].content_type) or ""
                    found[paper.file_id] = f"papers/{group.value}-{number}/{len(found) + 1}{ending}"
    return found


def _json(groups: _Groups, names: Mapping[UUID, str]) -> str:
    told: dict[str, Any] = {
        group.value: [
            {
                "about": entry.heading, "at": entry.at.isoformat() if entry.at else None,
                "values": {line.name: line.value for line in entry.lines},
                "papers": [
                    {"name": paper.name, "file": names[paper.file_id]}
                    for paper in entry.papers if paper.file_id in names
                ],
            }
            for entry in entries
        ]
        for group, entries in groups.items()
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False, indent=1)


def _page(groups: _Groups, names: Mapping[UUID, str], provider: str, merchant: str, locale: str) -> str:
    return _templates().get_template("export.html").render(
        groups=groups, words=GROUPS, names=names, provider=provider, merchant=merchant, locale=locale,
        _=lambda text, **params: i18n.translate(locale, text, **params), made_at=clock.now(),
    )  # fmt: skip


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("saas", "templates/merchant"), autoescape=select_autoescape(), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
