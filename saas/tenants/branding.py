"""What a provider's merchants see of it: name, colour, logo and contact, on its pages and in its mails."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.db import platform_session
from saas.errors import N_, Invalid, NotFound
from saas.pictures import fit_picture
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Provider, ProviderStatus, StoredFile
from saas.tenants.names import clean_name, one_line
from saas.tenants.own_hosts import address_of
from saas.tenants.stored_files import drop_file, keep_file, load_file

LOGO = "brand_logo"
COLOUR = "#0b7a4b"
"""The platform's own, for who has chosen none."""
READABLE = 4.5
"""The contrast that WCAG 2.2 AA asks of text."""
_PAPER = "#f5f7f6"
_TEXT_ON_PAPER = 5.0
"""A little more than readable, because links also stand on tinted cards."""
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_LOGO_BYTES = 120 * 1024
_LOGO_LONGEST = 640
_WIDEST = 6
_TALLEST = 1.1
_LONGEST_NAME = 30
_LONGEST_CONTACT = 60


@dataclass(frozen=True)
class Brand:
    """A provider as her merchants see it.

    `address` is where they find it, without a slash at the end. `colour` is "" when none was chosen. `ink` is what is
    written on it, `text` the nearest shade of it that can be read on our pages' background; both are #rrggbb.
    `provider_name` is whom merchants deal with in law.
    """

    slug: str
    address: str
    name: str
    provider_name: str
    colour: str
    ink: str
    text: str
    contact: str
    logo_id: UUID | None

    @property
    def full_name(self) -> str:
        """Where it matters whom merchants deal with in law: the brand and, if it differs, the provider's name."""
        return self.name if self.name == self.provider_name else f"{self.name}（{self.provider_name}）"

    @property
    def version(self) -> str:
        """Changes with everything that `style_sheet` is made of."""
        return hashlib.sha256(style_sheet(self).encode()).hexdigest()[:12]


def brand_of(provider: Provider) -> Brand:
    """How this provider's merchants see it."""
    shown = provider.brand_colour or COLOUR
    return Brand(
        slug=provider.slug, address=address_of(provider), name=provider.brand_name or provider.name,
        provider_name=provider.name,
        colour=provider.brand_colour, ink=ink_on(shown), text=readable_shade(shown), contact=provider.brand_contact,
        logo_id=provider.brand_logo_file_id,
    )  # fmt: skip


def find_brand(slug: str) -> Brand | None:
    """The brand of the working provider of this slug, for pages outside of its house; None when there is none."""
    working = Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE])
    with platform_session("show a provider's brand") as db:
        provider = db.scalar(select(Provider).where(Provider.slug == slug, working))
    return brand_of(provider) if provider is not None else None


def find_logo(db: Session, slug: str, file_id: UUID) -> StoredFile:
    """The present logo of the working provider of this slug, if it is this file. In a platform session."""
    working = Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE])
    found = db.scalar(
        select(Provider.id).where(Provider.slug == slug, Provider.brand_logo_file_id == file_id, working)
    )  # fmt: skip
    if found is None:
        raise NotFound()
    row = load_file(db, file_id)
    if row.provider_id != found or row.kind != LOGO:
        raise NotFound()
    return row


def change_brand(db: Session, provider: Provider, *, who: Who, name: str, colour: str, contact: str) -> None:
    """Change what merchants see. An empty name is the provider's, an empty colour the platform's. Raises Invalid."""
    require(who, Verb.MANAGE)
    colour = colour.strip().lower()
    if colour and not _COLOUR.fullmatch(colour):
        raise Invalid(N_("颜色要写成 #rrggbb，例如 #0b7a4b"), field="colour")
    new = {
        "brand_name": clean_name(name, field="name", at_most=_LONGEST_NAME) if name.strip() else "",
        "brand_colour": colour,
        "brand_contact": _clean_contact(contact),
    }
    if new["brand_name"] == provider.name:
        new["brand_name"] = ""
    changed = [key for key, value in new.items() if getattr(provider, key) != value]
    for key in changed:
        setattr(provider, key, new[key])
    if changed:
        activity.record(db, who, "provider.change_brand", provider, detail={"changed": changed})


def change_logo(db: Session, provider: Provider, content: bytes, *, who: Who) -> None:
    """Put another logo: square or wide, made small. Raises Invalid at `logo`."""
    require(who, Verb.MANAGE)
    picture = fit_picture(content, field="logo", most_bytes=_LOGO_BYTES, longest=_LOGO_LONGEST)
    if picture.height > picture.width * _TALLEST:
        raise Invalid(N_("标志太高，请用正方形或横向的图片"), field="logo")
    if picture.width > picture.height * _WIDEST:
        raise Invalid(N_("标志太宽，宽度不能超过高度的 %(most)d 倍"), field="logo", most=_WIDEST)
    _drop_logo(db, provider)
    row = keep_file(
        db, provider.id, LOGO, picture.content, content_type=picture.content_type, name=f"logo.{picture.ending}"
    )  # fmt: skip
    provider.brand_logo_file_id = row.id
    activity.record(db, who, "provider.change_brand", provider, detail={"changed": ["logo"]})


def remove_logo(db: Session, provider: Provider, *, who: Who) -> None:
    """Show the name alone again; nothing happens where there is no logo."""
    require(who, Verb.MANAGE)
    if provider.brand_logo_file_id is None:
        return
    _drop_logo(db, provider)
    activity.record(db, who, "provider.change_brand", provider, detail={"changed": ["logo"]})


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (#rrggbb) as WCAG defines it: 1 for none, 21 for black on white."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def ink_on(colour: str) -> str:
    """White where it can be read on this colour, else black, which then can."""
    return "#ffffff" if contrast(colour, "#ffffff") >= READABLE else "#000000"


def readable_shade(colour: str) -> str:
    """The colour, or the lightest darker shade of it that can be read as text on our pages."""
    parts = _parts(colour)
    for percent in range(100, 0, -2):
        shade = "#" + "".join(f"{part * percent // 100:02x}" for part in parts)
        if contrast(shade, _PAPER) >= _TEXT_ON_PAPER:
            return shade
    return "#000000"


def style_sheet(brand: Brand) -> str:
    """The provider's colours for our pages, as CSS. Without a chosen colour there is nothing to say."""
    if not brand.colour:
        return "/* the platform's own colours */\n"
    fill = brand.colour if contrast(brand.colour, _PAPER) >= 3 else brand.text  # edges of buttons: 3 to 1
    ink = ink_on(fill)
    values = {
        "brand": brand.colour, "brand-ink": brand.ink, "brand-text": brand.text, "brand-fill": fill,
        "brand-fill-ink": ink, "tblr-primary": fill, "tblr-primary-rgb": _rgb(fill), "tblr-primary-fg": ink,
        "tblr-primary-darken": brand.text if ink == "#ffffff" else fill, "tblr-link-color": brand.text,
        "tblr-link-color-rgb": _rgb(brand.text), "tblr-link-hover-color": brand.text,
        "tblr-link-hover-color-rgb": _rgb(brand.text),
    }  # fmt: skip
    lines = "".join(f"  --{name}: {value};\n" for name, value in values.items())
    return f".branded {{\n{lines}}}\n"


def _drop_logo(db: Session, provider: Provider) -> None:
    if provider.brand_logo_file_id is not None:
        row = load_file(db, provider.brand_logo_file_id)
        provider.brand_logo_file_id = None
        db.flush()
        drop_file(db, row)


def _clean_contact(contact: str) -> str:
    """One line. A number or an address is what it is for, a web address would make our mails carry it."""
    contact = one_line(contact)
    if not contact:
        return ""
    if len(contact) > _LONGEST_CONTACT:
        raise Invalid(N_("不能超过 %(max)d 个字符"), field="contact", max=_LONGEST_CONTACT)
    if "://" in contact or "www." in contact.lower():
        raise Invalid(N_("联系方式里不能有网址，请写电话、微信号或邮箱"), field="contact")
    return contact


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _rgb(colour: str) -> str:
    return ", ".join(map(str, _parts(colour)))


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in _parts(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
