"""Trial mini programs: made at once, turned into real ones later (试用小程序)."""

from __future__ import annotations

from typing import TypedDict

from saas.wx.api.registration import Registration
from saas.wx.chapter import Chapter, Done


class CreatedTrial(TypedDict, total=False):
    """The events carry `unique_id` back; the authorized event carries only the new appid."""

    unique_id: str
    authorize_url: str


class AuthorizeLink(TypedDict, total=False):
    """A page for the person asked, to be shown as a QR code. It works for 24 hours."""

    authorize_url: str


class VerifyInfo(TypedDict, total=False):
    enterprise_name: str
    code: str
    component_phone: str
    code_type: int
    legal_persona_wechat: str
    legal_persona_name: str
    legal_persona_idcard: str


class Trial(Chapter):
    """Create without a subject, convert once the merchant is convinced."""

    def fastregisterbetaweapp(self, *, name: str, openid: str) -> CreatedTrial:
        """Create a trial mini program for the person `openid`. One WeChat id can hold five.

        A failed attempt needs a new link.
        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-regist-beta/api_registerbetaminiprogram.html
        """
        return self._write("registerBetaMiniprogram", into=CreatedTrial, body={"name": name, "openid": openid})

    def setbetaweappnickname(self, appid: str, *, name: str) -> Done:
        """Rename a trial mini program, before its conversion only.

        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-regist-beta/api_modifybetaminiprogramnickname
        """
        return self._write("modifyBetaMiniprogramNickName", appid, into=Done, body={"name": name})

    def verifybetaweapp(self, appid: str, *, verify_info: VerifyInfo) -> AuthorizeLink:
        """Turn it into a company's. One task at a time; the event notify_third_fastverifybetaapp brings the result.

        https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/beta_Mini_Programs/fastverify.html
        """
        body = {"verify_info": verify_info, "new_version": True}
        return self._write("verifyBetaMiniprogram", appid, into=AuthorizeLink, body=body)

    def fastnormalizebetaweapp(self, appid: str, *, component_phone: str) -> Registration:
        """Turn it into an upgraded personal one; it needs the permission sets 18, 30, 76, 81 and 85.

        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-regist-beta/api_fastnormalizebetaweapp.html
        """
        body = {"component_phone": component_phone, "new_version": True}
        return self._write(
            "fastnormalizebetaweapp", appid, into=Registration, query={"action": "createtask"}, body=body
        )

    def query_fastnormalizebetaweapp(self, appid: str, *, taskid: str) -> Registration:
        """Read that conversion.

        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-regist-beta/api_fastnormalizebetaweapp.html
        """
        body = {"taskid": taskid, "new_version": True}
        return self._read("fastnormalizebetaweapp", appid, into=Registration, query={"action": "query"}, body=body)

    def getmpadminauth(self, appid: str, *, mp_appid: str, same_admin: bool | None = None) -> AuthorizeLink:
        """Ask an official account's administrator to lend its subject: the first of two steps.

        The event betaapp_authorization_apply_event brings the ticket. The call has no page of its own.
        """
        body = {"mp_appid": mp_appid, "same_admin": same_admin}
        return self._write("getMpAdminAuth", appid, into=AuthorizeLink, body=body)

    def mpverifybetaweapp(self, appid: str, *, mp_appid: str, ticket: str) -> AuthorizeLink:
        """Convert it with the official account's subject: the second step, with the event's ticket.

        The events betaapp_verify_apply_event and betaapp_verify_event tell how it goes.
        """
        return self._write(
            "mpVerifyBetaWeapp", appid, into=AuthorizeLink, body={"mp_appid": mp_appid, "ticket": ticket}
        )
