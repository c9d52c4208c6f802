"""Mails: written from templates in the reader's language, kept as rows, sent by a job after the commit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.config import settings
from saas.queue import Lane, enqueue_for
from saas.tenants.models import OutgoingMail

LOCALES = ("zh_CN", "en")


def send_letter(
    db: Session, template: str, *, to: str, locale: str = "zh_CN", provider_id: UUID | None = None, **values: Any
) -> OutgoingMail:
    """Write the mail `saas/templates/mail/<template>.<locale>.txt` and send it once this transaction has committed.

    The template's first line is the subject. In a tenant's session `provider_id` must be its own.
    """
    subject, text = render_letter(template, locale, values)
    mail = OutgoingMail(
        provider_id=provider_id, to=to, subject=subject, body_text=text, body_html=_as_html(text, locale)
    )
    db.add(mail)
    db.flush()
    enqueue_for(db, provider_id, "jobs.tenants.send_mail", mail.id, lane=Lane.URGENT)
    return mail


def render_letter(template: str, locale: str, values: dict[str, Any]) -> tuple[str, str]:
    """Subject and text. A name with a line break cannot add a header or a paragraph."""
    locale = locale if locale in LOCALES else LOCALES[0]
    flat = {key: " ".join(value.split()) if isinstance(value, str) else value for key, value in values.items()}
    written = _templates().get_template(f"{template}.{locale}.txt").render(flat)
    subject, _, text = written.strip().partition("\n")
    return subject.strip(), text.strip() + "\n"


def list_mails(db: Session, limit: int = 100) -> list[OutgoingMail]:
    """The newest mails, for the demo's mailbox. In a platform session."""
    return list(db.scalars(select(OutgoingMail).order_by(OutgoingMail.id.desc()).limit(limit)))


def link(path: str) -> str:
    """The public address of a path."""
    return settings().public_url + path


def _as_html(text: str, locale: str) -> str:
    """The same letter for mail programs that prefer HTML: paragraphs, and a button where a line is one of our links."""
    paragraphs = [paragraph.split("\n") for paragraph in text.strip().split("\n\n")]
    layout = _templates().get_template("_letter.html")
    return layout.render(paragraphs=paragraphs, language=locale.replace("_", "-"), ours=settings().public_url + "/")


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("saas", "templates/mail"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
