"""The form of a privacy guide, for templates and mini programs alike.

Purposes, own words and SDKs are lists of any length, so they are read from the request as they came; a refusal of one
of them lands in `spots`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, ClassVar

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FileField

from saas.errors import AppError, Invalid
from saas.programs.privacy_guides import CONTACTS, MOST_SDKS, Guide, Sdk, key_of, labels
from saas.web.forms import Form, TextField
from saas.web.provider.privacy_words import privacy_word

_PURPOSE = "purpose_"
_COLON = re.compile("[:：]")
_SPARE_WORDS, _SPARE_SDKS = 2, 1


@dataclass(frozen=True)
class Field:
    """The purpose of one kind of information."""

    key: str
    label: str
    purpose: str
    used: bool
    error: str


@dataclass(frozen=True)
class SdkField:
    """`uses`: a line per kind of information, ``手机号：登录``."""

    name: str
    company: str
    uses: str
    error: str


class ContactForm(Form):
    """Whom users reach, how they hear of changes, how long data is kept: all that may change online at once."""

    contact_phone = TextField(_l("电话"))
    contact_email = TextField(_l("邮箱"))
    contact_weixin = TextField(_l("微信号"))
    contact_qq = TextField(_l("QQ 号"))
    notice_method = TextField(_l("指引有变化时怎样通知用户"))
    days = TextField(_l("信息保存天数"))

    NAMES: ClassVar = (*CONTACTS, "notice_method", "days")

    def facts(self) -> dict[str, Any]:
        return {name: self[name].data or "" for name in self.NAMES}


class GuideForm(ContactForm):
    """`used` are the keys that the code collects; they come first."""

    merchants_contact = BooleanField(_l("电话和邮箱用各小程序商家的"))
    own_text = FileField(_l("补充的指引全文"), render_kw={"accept": ".txt,text/plain"})
    drop_text = BooleanField(_l("不要补充的全文"))

    def __init__(self, guide: Guide, used: Collection[str] = ()) -> None:
        super().__init__(**{name: getattr(guide, name) for name in (*self.NAMES, "merchants_contact")})
        self.spots: dict[str, str] = {}
        self.kept_text, self._used = guide.own_text, used
        self._shown = self.guide() if self.is_submitted() else guide

    def guide(self) -> Guide:
        """What was typed; the kept text stays unless it is replaced or dropped by the one who saves."""
        return Guide(
            **self.facts(), merchants_contact=self.merchants_contact.data,
            own_text="" if self.drop_text.data else self.kept_text, purposes=_typed_purposes(), sdks=_typed_sdks(),
        )  # fmt: skip

    def uploaded_text(self) -> bytes:
        file = request.files.get("own_text")
        return file.read() if file else b""

    def refuse(self, error: AppError) -> None:
        field = error.field if isinstance(error, Invalid) else ""
        if field.startswith((_PURPOSE, "sdk_")):
            self.spots[field] = _(error.message, **error.params)
            self.form_errors.append(_("请改正下面标出的一项"))
        else:
            super().refuse(error)

    @property
    def fields_used(self) -> list[Field]:
        return [self._field(key) for key in labels() if key in self._used]

    @property
    def fields_unused(self) -> list[Field]:
        """What WeChat has a word for and the code does not collect; those with a purpose first."""
        fields = [self._field(key) for key in labels() if key not in self._used]
        return sorted(fields, key=lambda one: not (one.purpose or one.error))

    @property
    def own_words(self) -> list[Field]:
        """Information that WeChat has no word for, and empty lines for more."""
        own = [self._field(key) for key in self._shown.purposes if key not in labels()]
        return [*own, *[Field("", "", "", used=False, error="")] * _SPARE_WORDS]

    @property
    def sdks(self) -> list[SdkField]:
        shown = [
            SdkField(
                sdk.name, sdk.company,
                "\n".join(f"{privacy_word(key)}：{text}" if text else privacy_word(key)
                          for key, text in sdk.purposes.items()),
                self.spots.get(f"sdk_{number}", ""),
            )
            for number, sdk in enumerate(self._shown.sdks)
        ]  # fmt: skip
        return [*shown, *[SdkField("", "", "", "")] * _SPARE_SDKS]

    def _field(self, key: str) -> Field:
        error = self.spots.get(f"{_PURPOSE}{key}", "")
        return Field(key, privacy_word(key), self._shown.purposes.get(key, ""), key in self._used, error)


def _typed_purposes() -> dict[str, str]:
    """An own word without a purpose is kept, so that it is refused where it stands."""
    typed = {key: request.form.get(f"{_PURPOSE}{key}", "").strip() for key in labels()}
    own = zip(request.form.getlist("own_name"), request.form.getlist("own_purpose"), strict=False)
    words = {_known(name.strip()): text.strip() for name, text in own if name.strip()}
    return {key: text for key, text in typed.items() if text} | words


def _typed_sdks() -> tuple[Sdk, ...]:
    lists = (request.form.getlist(name) for name in ("sdk_name", "sdk_company", "sdk_uses"))
    rows = zip_longest(*lists, fillvalue="")
    sdks = (Sdk(name.strip(), company.strip(), _uses(uses)) for name, company, uses in rows)
    return tuple(sdk for sdk in sdks if sdk.name or sdk.company or sdk.purposes)[:MOST_SDKS]


def _uses(text: str) -> Mapping[str, str]:
    lines = ([*_COLON.split(line, maxsplit=1), ""] for line in text.splitlines() if line.strip())
    return {_known(line[0].strip()): line[1].strip() for line in lines}


def _known(word: str) -> str:
    """The key of a word in the page's language, or the own word."""
    shown = {privacy_word(key): key for key in labels()}
    return shown.get(word) or key_of(word)


def with_text(guide: Guide, file_id: str) -> Guide:
    """The guide with the text that was uploaded just now, if one was."""
    return replace(guide, own_text=file_id) if file_id else guide
