"""The check files that a host must serve when it leads to us, so that WeChat believes that it is the provider's.

WeChat asks without saying whose the file is. Two providers may name the same host, and a host that leads to us proves
nothing about who typed it: the file of the one who named it first is served, and none at our own address.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import ColumnElement, select, union
from sqlalchemy.orm import Session

from saas.components.domains import Kind
from saas.components.hosts import WEBVIEW
from saas.components.models import CheckFile, ComponentDomain
from saas.config import settings
from saas.programs.models import ProgramDomain, ProgramQrRules


def check_file_content(db: Session, host: str, name: str) -> str | None:
    """What this host must serve under this name, in a platform session."""
    provider_id = None if host == urlsplit(settings().public_url).hostname else _first_of(db, host)
    if provider_id is None:
        return None
    owners = union(
        select(ComponentDomain.component_id).where(*_business(host)),
        select(ProgramDomain.program_id).where(*_own(host)),
    )
    files = union(
        select(CheckFile.content).where(
            CheckFile.name == name, CheckFile.provider_id == provider_id, CheckFile.owner_id.in_(owners)
        ),
        select(ProgramQrRules.file_content).where(
            ProgramQrRules.file_name == name, ProgramQrRules.provider_id == provider_id, _is_ruled(host)
        ),
    )
    return db.scalars(files.limit(1)).first()


def _first_of(db: Session, host: str) -> UUID | None:
    """Who named the host first as a business domain; else who alone has a rule for QR codes on it."""
    claims = union(
        select(ComponentDomain.provider_id, ComponentDomain.created_at).where(*_business(host)),
        select(ProgramDomain.provider_id, ProgramDomain.created_at).where(*_own(host)),
    ).subquery()
    first: UUID | None = db.scalar(select(claims.c.provider_id).order_by(claims.c.created_at).limit(1))
    if first is not None:
        return first
    ruling = list(db.scalars(select(ProgramQrRules.provider_id).where(_is_ruled(host)).distinct().limit(2)))
    return ruling[0] if len(ruling) == 1 else None


def _business(host: str) -> tuple[ColumnElement[bool], ...]:
    return ComponentDomain.kind == Kind.BUSINESS, ComponentDomain.host == host


def _own(host: str) -> tuple[ColumnElement[bool], ...]:
    return ProgramDomain.kind == WEBVIEW, ProgramDomain.address == f"https://{host}"


def _is_ruled(host: str) -> ColumnElement[bool]:
    return ProgramQrRules.hosts.contains([host])
