"""The apps by which people sign in with WeChat: a website app (QR code on a computer) and an official account (inside
WeChat), of a provider or of the platform.

Whoever owns such an app can make WeChat vouch for anybody who uses it. A provider's own app therefore opens nothing
beyond that provider's merchant pages (`SignInApp.within`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.config import settings
from saas.db import platform_session
from saas.errors import N_, Invalid
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Provider, ProviderStatus, WeChatSignIn
from saas.tenants.names import slug_of_merchant_page

_APPID = re.compile(r"wx[0-9a-f]{16}")
_SECRET = re.compile(r"[0-9A-Za-z]{32}")


class Kind(StrEnum):
    SITE = "site"
    ACCOUNT = "account"


@dataclass(frozen=True)
class SignInApp:
    """One app. `within` is the provider's slug when the app is hers, and empty when it is the platform's."""

    kind: Kind
    appid: str
    secret: str
    within: str = ""

    @property
    def issuer(self) -> str:
        return f"wechat:{self.appid}"


def app_for(path: str, *, in_wechat: bool) -> SignInApp | None:
    """The app to sign in with on the way to a page of ours: on a merchant's page the provider's own, if she has one."""
    kind = Kind.ACCOUNT if in_wechat else Kind.SITE
    slug = slug_of_merchant_page(path)
    own = app_of(slug, kind) if slug else None
    return own or app_of("", kind)


def app_of(slug: str, kind: Kind) -> SignInApp | None:
    """The app of a provider, or with an empty slug the platform's; None when there is none."""
    if not slug:
        given = settings().wechat_sign_in_site if kind is Kind.SITE else settings().wechat_sign_in_account
        appid, _, secret = given.partition(":")
        return SignInApp(kind, appid, secret) if given else None
    working = Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE])
    with platform_session("find a provider's app for signing in with WeChat") as db:
        row = db.scalar(
            select(WeChatSignIn)
            .join(Provider, Provider.id == WeChatSignIn.provider_id)
            .where(Provider.slug == slug, working)
        )
    return _app(row, kind, slug) if row is not None else None


def own_apps(db: Session) -> WeChatSignIn | None:
    """What the provider of a tenant's session has set."""
    return db.scalar(select(WeChatSignIn))


def own_app(db: Session, provider: Provider, kind: Kind) -> SignInApp | None:
    """One of the provider's own apps."""
    row = own_apps(db)
    return _app(row, kind, provider.slug) if row is not None else None


def change_apps(
    db: Session, provider: Provider, *, who: Who, site_appid: str, site_secret: str, account_appid: str,
    account_secret: str,
) -> None:  # fmt: skip
    """Set the provider's apps; an empty appid takes one away, an empty secret keeps the present one. Raises Invalid."""
    require(who, Verb.MANAGE)
    row = own_apps(db)
    if row is None:
        row = WeChatSignIn(provider_id=provider.id)
        db.add(row)
    given = {"site": (site_appid, site_secret), "account": (account_appid, account_secret)}
    if site_appid and site_appid == account_appid:
        raise Invalid(N_("网站应用和服务号是两个不同的 AppID"), field="account_appid")
    changed, account_before = [], row.account_appid
    for kind, (appid, secret) in given.items():
        before = getattr(row, f"{kind}_appid")
        if appid and not _APPID.fullmatch(appid):
            raise Invalid(N_("AppID 以 wx 开头，共 18 位"), field=f"{kind}_appid")
        if appid and secret and not _SECRET.fullmatch(secret):
            raise Invalid(N_("AppSecret 是 32 位字母和数字"), field=f"{kind}_secret")
        if appid and not secret and appid != before:
            raise Invalid(N_("请填写这个 AppID 的 AppSecret"), field=f"{kind}_secret")
        if appid != before or (appid and secret):
            changed.append(kind)
        setattr(row, f"{kind}_appid", appid)
        if secret or not appid:
            setattr(row, f"{kind}_secret", secret if appid else "")
    if Kind.ACCOUNT in changed:
        row.account_token, row.account_token_ends_at = "", None
    if row.account_appid != account_before:
        row.reminder_template, row.reminder_fields = "", {}
    if changed:
        activity.record(db, who, "provider.change_wechat_sign_in", provider, detail={"changed": changed})


def _app(row: WeChatSignIn, kind: Kind, slug: str) -> SignInApp | None:
    appid = row.site_appid if kind is Kind.SITE else row.account_appid
    if not appid:
        return None
    return SignInApp(kind, appid, row.site_secret if kind is Kind.SITE else row.account_secret, within=slug)
