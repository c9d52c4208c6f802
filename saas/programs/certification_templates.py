"""Certification templates of a provider: what many certifications have in common, filled in once."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_, Invalid
from saas.programs.certification_filling import (
    Filling,
    all_papers,
    drop_unused,
    fill,
    fill_identity,
    find_identities,
)
from saas.programs.certification_models import CertificationTemplate
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

_MOST = 60


def add_template(db: Session, name: str, filling: Filling, *, who: Who) -> CertificationTemplate:
    """A new template with its first part."""
    require(who, Verb.WORK)
    template = CertificationTemplate(provider_id=who.provider_id, name=_free_name(db, name), papers={})
    template.made_by, template.changed_at = who.name, clock.now()
    fill(db, template, filling, who=who)
    db.add(template)
    db.flush()
    activity.record(db, who, "certification_template.add", template)
    return template


def edit_template(
    db: Session, template: CertificationTemplate, filling: Filling, *, who: Who, name: str | None = None
) -> None:
    """Keep one part of it, and maybe another name."""
    require(who, Verb.WORK)
    db.refresh(template, with_for_update=True)
    if name is not None:
        template.name = _free_name(db, name, template)
    template.changed_at = clock.now()
    fill(db, template, filling, who=who)
    activity.record(db, who, "certification_template.edit", template)


def choose_identity(db: Session, template: CertificationTemplate, name: str, *, who: Who) -> None:
    """Keep what a person is certified as; raises Invalid for what is no leaf of WeChat's tree."""
    require(who, Verb.WORK)
    db.refresh(template, with_for_update=True)
    fill_identity(template, name, find_identities(db, None))
    template.changed_at = clock.now()
    activity.record(db, who, "certification_template.edit", template)


def copy_template(db: Session, template: CertificationTemplate, *, who: Who) -> CertificationTemplate:
    """Another one with the same data; they share the pictures."""
    require(who, Verb.WORK)
    taken = set(db.scalars(select(CertificationTemplate.name)))
    names = (f"{template.name[: _MOST - 4]} ({number})" for number in range(2, len(taken) + 3))
    copy = CertificationTemplate(
        provider_id=who.provider_id, name=next(name for name in names if name not in taken), papers=template.papers,
        made_by=who.name, changed_at=clock.now(),
    )  # fmt: skip
    copy.values = template.values
    db.add(copy)
    db.flush()
    activity.record(db, who, "certification_template.add", copy)
    return copy


def delete_template(db: Session, template: CertificationTemplate, *, who: Who) -> None:
    """Forget it; certifications that were made from it keep their data."""
    require(who, Verb.WORK)
    activity.record(db, who, "certification_template.delete", template)
    papers = all_papers(template)
    db.delete(template)
    db.flush()
    drop_unused(db, papers)


def _free_name(db: Session, name: str, template: CertificationTemplate | None = None) -> str:
    name = name.strip()
    if not name:
        raise Invalid(N_("请填写这一项"), field="name")
    if len(name) > _MOST:
        raise Invalid(N_("不能超过 %(max)d 个字符"), field="name", max=_MOST)
    with db.no_autoflush:
        taken = db.scalar(select(CertificationTemplate.id).where(CertificationTemplate.name == name))
    if taken is not None and (template is None or taken != template.id):
        raise Invalid(N_("已经有同名的模板"), field="name")
    return name
