"""Authlib's OAuth client, taught WeChat's dialect: other names, errors with status 200, no content type."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from flask import request

from saas.config import settings
from saas.tenants import wechat_apps
from saas.tenants.identities import Elsewhere
from saas.tenants.wechat_apps import Kind, SignInApp

_ORDER = ("appid", "redirect_uri", "response_type", "scope", "state")
_SECONDS = 10


class WeChatFailed(Exception):
    """WeChat said no or nothing; `code` is its errcode, 0 without one."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(f"WeChat answered {code}")
        self.code = code


class WeChatApp(FlaskOAuth2App):
    """Addresses with WeChat's own parameters in WeChat's own order (it refuses others)."""

    def create_authorization_url(self, redirect_uri: str | None = None, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().create_authorization_url(redirect_uri, **kwargs)
        parts = urlsplit(found["url"])
        named = [("appid" if key == "client_id" else key, value) for key, value in parse_qsl(parts.query)]
        query = urlencode(sorted(named, key=lambda pair: _ORDER.index(pair[0])))
        found["url"] = urlunsplit(parts._replace(query=query, fragment="wechat_redirect"))
        return found


def client_for(app: SignInApp) -> WeChatApp:
    """The client of one app. All share one name, so that their states lie together in the session."""
    config, site = settings(), app.kind is Kind.SITE
    page = "/connect/qrconnect" if site else "/connect/oauth2/authorize"
    return WeChatApp(
        FlaskIntegration("wechat"),
        name="wechat",
        client_id=app.appid,
        client_secret=app.secret,
        authorize_url=f"{config.wechat_open_url}{page}",
        access_token_url=f"{config.wechat_api_url}/sns/oauth2/access_token",
        access_token_params={"method": "GET", "timeout": _SECONDS},
        api_base_url=f"{config.wechat_api_url}/sns/",
        client_kwargs={
            "scope": "snsapi_login" if site else "snsapi_userinfo", "token_endpoint_auth_method": _add_secret,
        },
        compliance_fix=_mend,
    )  # fmt: skip


def app_to_show(path: str) -> SignInApp | None:
    """The app that this browser could sign in with on the way to a page of ours."""
    return wechat_apps.app_for(path, in_wechat="MicroMessenger" in request.user_agent.string)


def ask_who(app: SignInApp, client: WeChatApp) -> Elsewhere:
    """Exchange the code in this request's address; raises WeChatFailed, and OAuthError for a foreign state."""
    try:
        token = client.authorize_access_token()
    except OAuthError as error:
        if not str(error.error).lstrip("-").isdigit():
            raise
        raise WeChatFailed(int(error.error)) from None
    except (requests.RequestException, ValueError):
        raise WeChatFailed() from None
    query = {"access_token": token.get("access_token", ""), "openid": token.get("openid", ""), "lang": "zh_CN"}
    try:
        answer = client.get("userinfo", params=query, withhold_token=True, timeout=_SECONDS)  # type: ignore[no-untyped-call]
        found = json.loads(answer.content)
    except (requests.RequestException, ValueError):
        raise WeChatFailed() from None
    if found.get("errcode") or not found.get("openid") or found["openid"] != token.get("openid"):
        raise WeChatFailed(int(found.get("errcode") or 0))
    union, name = str(found.get("unionid") or ""), str(found.get("nickname") or "")
    return Elsewhere(app.issuer, str(found["openid"]), union, name)


def try_app(app: SignInApp) -> int:
    """Ask WeChat to exchange a code that is none: it looks at appid and secret first. Its errcode, 0 without answer."""
    try:
        client_for(app).fetch_access_token(code="0" * 32)  # type: ignore[no-untyped-call]
    except OAuthError as error:
        return int(error.error) if str(error.error).lstrip("-").isdigit() else 0
    except (requests.RequestException, ValueError):
        return 0
    return 0


def _add_secret(auth: Any, _method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
    """The secret goes into the query of a GET, by WeChat's names; nothing else goes with it."""
    given = dict(parse_qsl(urlsplit(uri).query)) | dict(parse_qsl(body or ""))
    query = {"appid": auth.client_id, "secret": auth.client_secret, "grant_type": given["grant_type"]}
    query |= {name: given[name] for name in ("code", "refresh_token") if name in given}
    return f"{uri.split('?')[0]}?{urlencode(query)}", headers, ""


def _mend(session: Any) -> None:
    def mend(answer: Any) -> Any:
        found = json.loads(answer.content)
        if found.get("errcode"):
            raise OAuthError(error=str(found["errcode"]), description=found.get("errmsg"))
        found.setdefault("token_type", "Bearer")
        answer._content = json.dumps(found).encode()
        return answer

    session.register_compliance_hook("access_token_response", mend)
