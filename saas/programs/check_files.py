"""The check files that a host must serve when it leads to us, so that WeChat believes that it is the provider's.

WeChat asks without saying whose the file is, and a host that leads to us proves nothing about who typed it. Names of
files are WeChat's own, so each provider's file has an address of its own; but once WeChat has taken a host for some
provider, no other one gets a file served there. At our own address there are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.components.domains import Kind
from saas.components.hosts import WEBVIEW
from saas.components.models import CheckFile, ComponentDomain
from saas.config import settings
from saas.programs.models import ProgramDomain, ProgramQrRules
from saas.programs.qr_rules import host_of


def check_file_content(db: Session, host: str, name: str) -> str | None:
    """What this host must serve under this name, in a platform session."""
    if host == urlsplit(settings().public_url).hostname:
        return None
    files = _files(db, name)
    claims = list(_claims(db, host)) if files else []
    holders = {claim.provider_id for claim in claims if claim.is_confirmed}
    served = [one for one in claims if one.source in files and (not holders or one.provider_id in holders)]
    first = min(served, key=lambda claim: (not claim.is_confirmed, claim.at), default=None)
    return files[first.source] if first else None


def is_anothers(db: Session, host: str, provider_id: UUID) -> bool:
    """Whether WeChat has taken this host for another provider, in a platform session."""
    return any(claim.is_confirmed and claim.provider_id != provider_id for claim in _claims(db, host))


_Source = tuple[type, UUID]
"""For which kind of check, and whose: a component app's or a mini program's."""


def _files(db: Session, name: str) -> dict[_Source, str]:
    domains = db.execute(select(CheckFile.owner_id, CheckFile.content).where(CheckFile.name == name))
    rules = db.execute(
        select(ProgramQrRules.program_id, ProgramQrRules.file_content).where(ProgramQrRules.file_name == name)
    )
    found: dict[_Source, str] = {(CheckFile, owner_id): content for owner_id, content in domains}
    return found | {(ProgramQrRules, program_id): content for program_id, content in rules}


@dataclass(frozen=True)
class _Claim:
    """Somebody named the host; `is_confirmed` when WeChat has taken it for theirs."""

    source: _Source
    provider_id: UUID
    at: datetime
    is_confirmed: bool


def _claims(db: Session, host: str) -> Iterator[_Claim]:
    business = select(ComponentDomain).where(ComponentDomain.kind == Kind.BUSINESS, ComponentDomain.host == host)
    for row in db.scalars(business):
        yield _Claim((CheckFile, row.component_id), row.provider_id, row.created_at, row.testing or row.published)
    own = select(ProgramDomain).where(ProgramDomain.kind == WEBVIEW, ProgramDomain.address == f"https://{host}")
    for domain in db.scalars(own):
        yield _Claim((CheckFile, domain.program_id), domain.provider_id, domain.created_at, bool(domain.ways))
    for rules in db.scalars(select(ProgramQrRules).where(ProgramQrRules.hosts.contains([host]))):
        is_confirmed = host in map(host_of, rules.rules)
        yield _Claim((ProgramQrRules, rules.program_id), rules.provider_id, rules.created_at, is_confirmed)
