"""Templates of privacy guides: what many mini programs of a provider say alike, kept once."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.errors import N_, Invalid, NotFound
from saas.programs.privacy_guides import Guide, check_guide
from saas.programs.privacy_models import PrivacyTemplate
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

LONGEST_NAME = 60
MOST = 100


def list_templates(db: Session) -> list[PrivacyTemplate]:
    """By name."""
    return list(db.scalars(select(PrivacyTemplate).order_by(PrivacyTemplate.name).limit(MOST)))


def get_template(db: Session, who: Who, template_id: UUID, verb: Verb) -> PrivacyTemplate:
    """A template of the acting member's provider; merchants have nothing to do with them."""
    row = None if who.is_merchant else _find(db, template_id)
    if row is None or row.provider_id != who.provider_id:
        raise NotFound()
    require(who, verb)
    return row


def load_template(db: Session, template_id: UUID) -> PrivacyTemplate:
    """A template for a step; Invalid when it was deleted meanwhile."""
    row = _find(db, template_id)
    if row is None:
        raise Invalid(N_("隐私模板已被删除"))
    return row


def add_template(db: Session, name: str, guide: Guide, *, who: Who) -> PrivacyTemplate:
    require(who, Verb.WORK)
    if len(list_templates(db)) >= MOST:
        raise Invalid(N_("最多保存 %(most)d 个隐私模板"), field="name", most=MOST)
    row = PrivacyTemplate(
        id=new_id(), provider_id=who.provider_id, name=_free_name(db, name), changed_at=clock.now(),
        changed_by=who.name,
    )  # fmt: skip
    row.guide = check_guide(guide)
    db.add(row)
    db.flush()
    activity.record(db, who, "privacy_template.add", row)
    return row


def edit_template(db: Session, template: PrivacyTemplate, name: str, guide: Guide, *, who: Who) -> None:
    """Mini programs that it was applied to keep what they have until it is applied again."""
    require(who, Verb.WORK)
    if name.strip() != template.name:
        template.name = _free_name(db, name)
    template.guide = check_guide(guide)
    template.changed_at, template.changed_by = clock.now(), who.name
    activity.record(db, who, "privacy_template.edit", template)


def delete_template(db: Session, template: PrivacyTemplate, *, who: Who) -> None:
    require(who, Verb.WORK)
    activity.record(db, who, "privacy_template.delete", template)
    db.delete(template)


def _find(db: Session, template_id: UUID) -> PrivacyTemplate | None:
    return db.scalar(select(PrivacyTemplate).where(PrivacyTemplate.id == template_id))


def _free_name(db: Session, name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid(N_("请填写这一项"), field="name")
    if len(name) > LONGEST_NAME:
        raise Invalid(N_("不能超过 %(most)d 个字"), field="name", most=LONGEST_NAME)
    if db.scalar(select(PrivacyTemplate.id).where(PrivacyTemplate.name == name)):
        raise Invalid(N_("已经有同名的隐私模板"), field="name")
    return name
