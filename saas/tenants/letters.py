"""Mails: written from templates in the reader's language, kept as rows, sent by a job after the commit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import i18n
from saas.config import settings
from saas.errors import N_
from saas.queue import Lane, enqueue_for
from saas.tenants.branding import Brand
from saas.tenants.models import OutgoingMail

LOCALES = ("zh_CN", "en")


def send_letter(
    db: Session, template: str, *, to: str, locale: str = "zh_CN", provider_id: UUID | None = None,
    brand: Brand | None = None, **values: Any,
) -> OutgoingMail:  # fmt: skip
    """Write the mail `saas/templates/mail/<template>.<locale>.txt` and send it once this transaction has committed.

    The template's first line is the subject. In a tenant's session `provider_id` must be its own. `brand` is that of
    the provider in whose name a merchant is written to; the mail looks like it and says whose it is.
    """
    subject, text = render_letter(template, locale, values)
    mail = OutgoingMail(
        provider_id=provider_id, to=to, subject=subject, sender=_sender(brand, locale),
        body_text=text + _foot(brand, locale), body_html=_as_html(text, locale, brand),
    )  # fmt: skip
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


def _sender(brand: Brand | None, locale: str) -> str:
    """The name that the mail comes from. It ends with the platform's: the address is the platform's, too."""
    return f"{brand.name} · {i18n.translate(locale, N_('代办'))}" if brand else ""


def _foot(brand: Brand | None, locale: str) -> str:
    lines = _foot_lines(brand, locale)
    return "\n--\n" + "\n".join(lines) + "\n" if lines else ""


def _foot_lines(brand: Brand | None, locale: str) -> list[str]:
    """Whom to ask, and whose mail this is."""
    if brand is None:
        return []
    asked = [i18n.translate(locale, N_("有问题请联系：%(contact)s"), contact=brand.contact)] if brand.contact else []
    return [*asked, i18n.translate(locale, N_("由 %(name)s 通过代办提供服务"), name=brand.provider_name)]


def _as_html(text: str, locale: str, brand: Brand | None) -> str:
    """The same letter for mail programs that prefer HTML: paragraphs, and a button where a line is one of our links.

    Its head is the brand's name in its colour, without a picture: nothing is fetched when the mail is read.
    """
    paragraphs = [paragraph.split("\n") for paragraph in text.strip().split("\n\n")]
    layout = _templates().get_template("_letter.html")
    return layout.render(
        paragraphs=paragraphs, language=locale.replace("_", "-"), brand=brand,
        ours=(settings().public_url + "/", (brand.address if brand else settings().public_url) + "/"),
        foot=_foot_lines(brand, locale),
    )  # fmt: skip


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("saas", "templates/mail"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
