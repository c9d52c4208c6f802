"""Ticket, tokens and authorizations of a component app (第三方平台接口调用凭证、授权账号管理)."""

from __future__ import annotations

from typing import Literal, TypedDict

from saas.wx.chapter import Chapter, Done

Side = Literal["component", "authorizer"]


class ComponentToken(TypedDict):
    component_access_token: str
    expires_in: int


class PreAuthCode(TypedDict):
    pre_auth_code: str
    expires_in: int


class FuncscopeCategory(TypedDict, total=False):
    id: int


class FuncInfo(TypedDict):
    funcscope_category: FuncscopeCategory


class Grant(TypedDict, total=False):
    authorizer_appid: str
    authorizer_refresh_token: str
    func_info: list[FuncInfo]


class AuthorizationInfo(Grant, total=False):
    authorizer_access_token: str
    expires_in: int


class QueriedAuth(TypedDict):
    authorization_info: AuthorizationInfo


class AuthorizerToken(TypedDict, total=False):
    authorizer_access_token: str
    expires_in: int
    authorizer_refresh_token: str


class Kind(TypedDict, total=False):
    id: int
    name: str


class MiniProgramCategory(TypedDict, total=False):
    first: str
    second: str


class MiniProgramInfo(TypedDict, total=False):
    """Present for mini programs only: that is how to tell them from official accounts."""

    network: dict[str, list[str]]
    categories: list[MiniProgramCategory]
    visit_status: int


class BasicConfig(TypedDict, total=False):
    is_phone_configured: bool
    is_email_configured: bool


class AuthorizerProfile(TypedDict, total=False):
    nick_name: str
    head_img: str
    service_type_info: Kind
    verify_type_info: Kind
    user_name: str
    alias: str
    qrcode_url: str
    principal_name: str
    signature: str
    idc: int
    business_info: dict[str, int]
    MiniProgramInfo: MiniProgramInfo
    register_type: int
    account_status: int
    basic_config: BasicConfig


class AuthorizerInfo(TypedDict):
    authorizer_info: AuthorizerProfile
    authorization_info: Grant


class ListedAuthorizer(TypedDict, total=False):
    authorizer_appid: str
    refresh_token: str
    auth_time: int


class AuthorizerList(TypedDict):
    total_count: int
    list: list[ListedAuthorizer]


class AuthorizerOption(TypedDict, total=False):
    option_name: str
    option_value: str


class Component(Chapter):
    """Calls about the component app itself; `appid` is always the component app's own unless said otherwise."""

    def api_start_push_ticket(self, *, component_secret: str) -> Done:
        """Start or resume the ticket push. Answers no ticket: it comes with the next push, within ten minutes.

        errmsg is "ok" when the push was switched on now, "in a normal state" when it was on.
        https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_startpushticket.html
        """
        body = {"component_appid": self._client.component_appid, "component_secret": component_secret}
        return self._write("startPushTicket", into=Done, body=body)

    def api_component_token(self, *, component_appsecret: str, component_verify_ticket: str) -> ComponentToken:
        """Exchange secret and ticket for a token of two hours. Counted per day: only the single refresher calls it.

        https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getcomponentaccesstoken.html
        """
        body = {
            "component_appid": self._client.component_appid,
            "component_appsecret": component_appsecret,
            "component_verify_ticket": component_verify_ticket,
        }
        return self._write("getComponentAccessToken", into=ComponentToken, body=body)

    def api_create_preauthcode(self) -> PreAuthCode:
        """Make a code for one visit of the authorization page. The authorized event carries it back.

        Trust expires_in: pages speak of 1800 seconds and show 600.
        https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getpreauthcode
        """
        return self._write("getPreAuthCode", into=PreAuthCode, body={"component_appid": self._client.component_appid})

    def api_query_auth(self, *, authorization_code: str) -> QueriedAuth:
        """Exchange the code of the return page or of the authorized event for the merchant's tokens. Works once.

        The merchant may have unticked permission sets: func_info says what was granted.
        https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getauthorizerrefreshtoken
        """
        body = {"component_appid": self._client.component_appid, "authorization_code": authorization_code}
        return self._write("getAuthorizerRefreshToken", into=QueriedAuth, body=body)

    def api_authorizer_token(self, appid: str, *, authorizer_refresh_token: str) -> AuthorizerToken:
        """Refresh a mini program's token. Store the refresh token that comes back unless it is blank.

        https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getauthorizeraccesstoken.html
        """
        body = {
            "component_appid": self._client.component_appid,
            "authorizer_appid": appid,
            "authorizer_refresh_token": authorizer_refresh_token,
        }
        return self._write("getAuthorizerAccessToken", appid, into=AuthorizerToken, body=body)

    def api_get_authorizer_info(self, appid: str) -> AuthorizerInfo:
        """Read an authorized account's profile and permission sets; call it after every authorization event.

        https://developers.weixin.qq.com/doc/oplatform/openApi/authorization-management/api_getauthorizerinfo
        """
        body = {"component_appid": self._client.component_appid, "authorizer_appid": appid}
        return self._read("getAuthorizerInfo", appid, into=AuthorizerInfo, body=body)

    def api_get_authorizer_list(self, *, offset: int = 0, count: int = 500) -> AuthorizerList:
        """Page through all authorized accounts, 500 at most at once; the source for lost refresh tokens.

        refresh_token is missing where the authorization was never exchanged; a listed account may still answer 61003.
        https://developers.weixin.qq.com/doc/oplatform/openApi/authorization-management/api_getauthorizerlist
        """
        body = {"component_appid": self._client.component_appid, "offset": offset, "count": count}
        return self._read("getAuthorizerList", into=AuthorizerList, body=body)

    def get_authorizer_option(self, appid: str, *, option_name: str, side: Side = "component") -> AuthorizerOption:
        """Read an option of a merchant's account (location_report, voice_recognize, customer_service).

        WeChat's pages disagree on the token: Chinese says component, English says authorizer. The body names no
        account, so where the documented kind fails, ask with `side="authorizer"`.
        https://developers.weixin.qq.com/doc/oplatform/openApi/authorization-management/api_getauthorizeroptioninfo.md
        """
        body = {"option_name": option_name}
        return self._read("getAuthorizerOptionInfo", appid, into=AuthorizerOption, body=body, token=side)

    def set_authorizer_option(
        self, appid: str, *, option_name: str, option_value: str, side: Side = "component"
    ) -> Done:
        """Change an option of a merchant's account; on `side` see `get_authorizer_option`.

        https://developers.weixin.qq.com/doc/oplatform/en/openApi/OpenApiDoc/authorization-management/setAuthorizerOptionInfo.html
        """
        body = {"option_name": option_name, "option_value": option_value}
        return self._write("setAuthorizerOptionInfo", appid, into=Done, body=body, token=side)
