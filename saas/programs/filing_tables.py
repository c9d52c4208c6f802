"""WeChat's lists that filings choose from. Kept per provider and read anew daily; until then the contract's hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id, settle
from saas.programs.changing import client_of
from saas.programs.filing_models import FilingTable
from saas.programs.models import Program
from saas.queue import enqueue
from saas.wx.contract.operations import code_table

READ = "jobs.filings.read_tables"
PERSON = 5
NO_APPROVAL = 24
_SUBJECTS, _CERTIFICATES, _APPROVALS, _SERVICES, _DISTRICTS = (
    "subject_types", "certificate_types", "nrlx_types", "service_content_types", "districts",
)  # fmt: skip
_OLD = timedelta(days=1)
Choices = list[tuple[str, str]]


@dataclass(frozen=True)
class Tables:
    """The lists, ready to choose from: pairs of WeChat's number, as text, and its words."""

    subjects: Choices
    certificates: Mapping[str, Choices]
    approvals: Choices
    services: Mapping[str, Choices]
    districts: list[dict[str, Any]] = field(default_factory=list)
    read_at: datetime | None = None

    @property
    def provinces(self) -> Choices:
        return _areas(self.districts)

    def areas_in(self, *codes: str) -> Choices:
        """The cities of a province, or the districts of a province's city."""
        level = self.districts
        for code in codes:
            level = next((one.get("sub_list") or [] for one in level if str(one["code"]) == code), [])
        return _areas(level)


def load_tables(db: Session) -> Tables:
    """One query."""
    rows = {row.kind: row for row in db.scalars(select(FilingTable))}
    kept = {kind: rows[kind].items if kind in rows else _from_contract(kind) for kind in _READERS}
    certificates: dict[str, Choices] = {}
    for one in kept[_CERTIFICATES]:
        certificates.setdefault(str(one["subject_type"]), []).append(_choice(one))
    services = {
        parent["name"]: [_choice(one) for one in kept[_SERVICES] if one.get("parent_type") == parent["type"]]
        for parent in kept[_SERVICES]
        if not parent.get("parent_type")
    }
    return Tables(
        [_choice(one) for one in kept[_SUBJECTS]], certificates, [_choice(one) for one in kept[_APPROVALS]], services,
        kept[_DISTRICTS], min((row.read_at for row in rows.values()), default=None),
    )  # fmt: skip


def request_tables(db: Session, program: Program) -> None:
    """Have the lists read, unless they are of today: any mini program may ask for them."""
    read_at = db.scalar(select(func.min(FilingTable.read_at)))
    if read_at is None or clock.now() - read_at > _OLD:
        enqueue(db, READ, program.id)


def read_tables(db: Session, program: Program) -> None:
    """Ask WeChat for all of them."""
    client = client_of(db, program)
    settle(db)
    found = {kind: getattr(client.filing, method)(program.appid)["items"] for kind, method in _READERS.items()}
    for kind, items in found.items():
        if items:
            row = insert(FilingTable).values(
                id=new_id(), created_at=clock.now(), provider_id=program.provider_id, kind=kind, items=items,
                read_at=clock.now(),
            )  # fmt: skip
            kept = {"items": row.excluded["items"], "read_at": row.excluded.read_at}
            db.execute(row.on_conflict_do_update(index_elements=["provider_id", "kind"], set_=kept))


_READERS = {
    _SUBJECTS: "query_icp_subject_types",
    _CERTIFICATES: "query_icp_certificate_types",
    _APPROVALS: "query_icp_nrlx_types",
    _SERVICES: "query_icp_service_content_types",
    _DISTRICTS: "query_icp_district_code",
}


def _from_contract(kind: str) -> list[dict[str, Any]]:
    """In the shape of WeChat's answers; it holds no districts."""
    if kind == _DISTRICTS:
        return []
    table = code_table(kind)
    if kind == _CERTIFICATES:
        return list(table)
    if kind == _SERVICES:
        return [
            one
            for parent in table
            for one in (
                {"type": parent["type"], "parent_type": 0, "name": parent["name"]},
                *(
                    {"type": number, "parent_type": parent["type"], "name": name}
                    for number, name in parent["children"].items()
                ),
            )
        ]
    return [{"type": number, "name": name} for number, name in table.items()]


def _choice(one: Mapping[str, Any]) -> tuple[str, str]:
    return str(one["type"]), str(one["name"])


def _areas(level: list[dict[str, Any]]) -> Choices:
    return [(str(one["code"]), str(one["name"])) for one in level]
