"""The demo's first data: people, a provider, her component app and merchant. Written into an empty demo only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from sqlalchemy import select

from saas.components.models import ComponentApp
from saas.components.setup import add_component, addresses
from saas.config import Settings
from saas.db import platform_session, tenant_session
from saas.tenants import accounts, providers
from saas.tenants.access import Who
from saas.tenants.merchants import MerchantData, add_merchant
from saas.tenants.models import Membership, Merchant, MerchantMembership, MerchantRole, Provider, Role, User

PASSWORD = "daiban-demo-2026"  # noqa: S105 - the demo shows it to whoever starts it
SIGN_INS = (
    ("olga@example.com", "平台运营 operator"),
    ("alice@example.com", "服务商所有者 provider, owner"),
    ("bob@example.com", "服务商只读成员 provider, viewer"),
    ("mei@example.com", "商家 merchant"),
)
_SLUG = "alice"
_BRAND = ("爱丽小程序", "#1d4f91", "微信 alice-kefu，工作日 9:00–18:00")
_APPID = "wxa1b2c3d4e5f60718"
_DRAFTS = (
    {"user_version": "1.0.0", "user_desc": "点单首发版"},
    {"user_version": "1.1.0", "user_desc": "新增会员积分", "source_name": "会员模板开发版"},
)


def fill_when_empty(settings: Settings) -> None:
    """Write what is missing of the demo's data; safe to run again, and after it was cut off anywhere.

    The sandbox is told the callback addresses anew at each start, because a port may have moved.
    """
    _add_people_when_empty()
    with platform_session("seed the demo") as db:
        provider_id = db.scalar(select(Provider.id).where(Provider.slug == _SLUG))
        emails = [email for email, _ in SIGN_INS]
        people = {user.email: user.id for user in db.scalars(select(User).where(User.email.in_(emails)))}
    if provider_id is None or len(people) < len(SIGN_INS):
        return
    who = Who(provider_id, "Alice", people["alice@example.com"], role=Role.OWNER)
    with httpx2.Client(base_url=settings.wechat_api_url, timeout=10, trust_env=False) as sandbox:
        _add_component(who, sandbox)
        _add_merchant(who, people["mei@example.com"])
        _tell_addresses(provider_id, sandbox)
        _add_sign_in_apps(settings, sandbox)


def _add_people_when_empty() -> None:
    """All or none of them: one transaction."""
    with platform_session("seed the demo") as db:
        if db.scalar(select(User.id).limit(1)) is not None:
            return
        olga, alice, bob, _mei = (
            accounts.create_person(db, email, email.split("@")[0].capitalize(), PASSWORD) for email, _ in SIGN_INS
        )
        accounts.make_operator(db, olga)
        provider = providers.create_provider(db, alice, "爱丽服务", _SLUG)
        provider.brand_name, provider.brand_colour, provider.brand_contact = _BRAND
        db.add(Membership(provider_id=provider.id, user_id=bob.id, role=Role.VIEWER))


def _add_component(who: Who, sandbox: httpx2.Client) -> None:
    """A component app that exists at the sandbox, with two uploads in its draft box."""
    with tenant_session(who.provider_id) as db:
        if db.scalar(select(ComponentApp.id).limit(1)) is not None:
            return
    made = _ask(sandbox, "/control/components", {"appid": _APPID, "name": "爱丽服务平台"})
    for draft in _DRAFTS:
        _ask(sandbox, "/control/drafts", {"component_appid": _APPID, **draft})
    with tenant_session(who.provider_id) as db:
        add_component(
            db, who=who, name="爱丽服务平台", appid=_APPID, secret=made["secret"], token=made["token"],
            aes_key=made["aes_key"],
        )  # fmt: skip


def _add_merchant(who: Who, mei: UUID) -> None:
    with tenant_session(who.provider_id) as db:
        if db.scalar(select(Merchant.id).limit(1)) is not None:
            return
        data = MerchantData(name="梅记茶铺", company_name="广州市越秀区梅记茶铺", contact_name="梅姐", tags=("茶饮",))
        merchant = add_merchant(db, data, who=who)
        db.add(
            MerchantMembership(
                provider_id=who.provider_id, merchant_id=merchant.id, user_id=mei, role=MerchantRole.OWNER
            )
        )


def _tell_addresses(provider_id: UUID, sandbox: httpx2.Client) -> None:
    """Enter at the sandbox what a provider enters in WeChat's console."""
    with tenant_session(provider_id) as db:
        component = db.scalar(select(ComponentApp).where(ComponentApp.appid == _APPID))
    if component is None:
        return
    given = addresses(component)
    _ask(
        sandbox, "/control/components",
        {
            "appid": _APPID, "events_url": given.events_url, "messages_url": given.messages_url,
            "start_domain": given.domain, "ip_whitelist": given.exit_ips,
        },
    )  # fmt: skip


def _add_sign_in_apps(settings: Settings, sandbox: httpx2.Client) -> None:
    """The platform's website app and official account, as its Open Platform account has them."""
    given = {"site": settings.wechat_sign_in_site, "account": settings.wechat_sign_in_account}
    for kind, app in given.items():
        appid, _, secret = app.partition(":")
        if appid:
            app_values = {"appid": appid, "secret": secret, "kind": kind, "name": "代办"}
            domain = urlsplit(settings.public_url).netloc
            _ask(sandbox, "/control/sign_in_apps", {**app_values, "domain": domain, "open_account": "daiban"})


def _ask(sandbox: httpx2.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = sandbox.post(path, json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
