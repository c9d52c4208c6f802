"""Mini programs that WeChat creates for a merchant, and their administrator (快速注册小程序)."""

from __future__ import annotations

from typing import Literal, TypedDict

from saas.wx.chapter import Chapter, Done


class Registration(TypedDict, total=False):
    """`authorize_url` is shown to the person as a QR code; what `status` means stands in each interface's table."""

    taskid: str
    authorize_url: str
    status: int


class RegisteredByOfficialAccount(TypedDict, total=False):
    """`authorization_code` is exchanged like any other, at once."""

    appid: str
    authorization_code: str
    is_wx_verify_succ: bool
    is_link_succ: bool


class Registrations(Chapter):
    """The person confirms on `authorize_url` within 24 hours; the event notify_third_fasteregister brings the result.

    The event carries no id of ours: match it by the names and numbers sent.
    """

    def fastregisterenterpriseweapp(
        self,
        *,
        name: str,
        code: str,
        component_phone: str,
        code_type: int | None = None,
        legal_persona_openid: str | None = None,
        legal_persona_name: str | None = None,
    ) -> Registration:
        """Register a company's mini program. `code` is its credit code, organisation code or licence number.

        One open task per company: RegistrationRunning. WeChat writes to nobody: hand on `authorize_url` yourself.
        https://developers.weixin.qq.com/community/develop/doc/0004829e9105005ce7d480e6561401
        """
        body = {
            "name": name,
            "code": code,
            "code_type": code_type,
            "component_phone": component_phone,
            "legal_persona_openid": legal_persona_openid,
            "legal_persona_name": legal_persona_name,
            "new_version": True,
        }
        return self._write("fastRegisterEnterpriseWeapp", into=Registration, query={"action": "create"}, body=body)

    def query_fastregisterenterpriseweapp(self, *, taskid: str) -> Registration:
        """Read a company's registration; the net under its event.

        https://developers.weixin.qq.com/community/develop/doc/0004829e9105005ce7d480e6561401
        """
        body = {"taskid": taskid, "new_version": True}
        return self._read("fastRegisterEnterpriseWeapp", into=Registration, query={"action": "query"}, body=body)

    def fastregisterweapp(
        self,
        *,
        action: Literal["create", "search"],
        name: str,
        legal_persona_wechat: str,
        legal_persona_name: str,
        code: str | None = None,
        code_type: int | None = None,
        component_phone: str | None = None,
    ) -> Done:
        """Retired since 2026-04-30, replaced by `fastregisterenterpriseweapp`: `search` reads old tasks at best.

        `search` told the state as an errcode (89250 to 89252); a call may answer -1 for good.
        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-registration-ent/api_registerminiprogram.html
        """
        body = {
            "name": name,
            "code": code,
            "code_type": code_type,
            "legal_persona_wechat": legal_persona_wechat,
            "legal_persona_name": legal_persona_name,
            "component_phone": component_phone,
        }
        return self._write("registerMiniprogram", into=Done, query={"action": action}, body=body)

    def fastregisterpersonalweapp(
        self, *, component_phone: str, wxuser: str | None = None, idname: str | None = None
    ) -> Registration:
        """Register a natural person's mini program. Five calls a day per WeChat id, failed ones too (91030).

        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-registration-ind/api_fastregisterpersonalmp
        """
        body = {"wxuser": wxuser, "idname": idname, "component_phone": component_phone, "new_version": True}
        return self._write("fastRegisterPersonalMp", into=Registration, query={"action": "create"}, body=body)

    def query_fastregisterpersonalweapp(self, *, taskid: str) -> Registration:
        """Read a person's registration. Of the two tables of `status`, the interface page's is right, says WeChat.

        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-registration-ind/api_fastregisterpersonalmp
        """
        body = {"taskid": taskid, "new_version": True}
        return self._read("fastRegisterPersonalMp", into=Registration, query={"action": "query"}, body=body)

    def fastregistertransactionweapp(
        self, *, component_phone: str, openid: str | None = None, idname: str | None = None
    ) -> Registration:
        """Register an upgraded personal mini program, which may sell.

        Only component apps rated excellent last month, with more than half of their deposit, may do so.
        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-registration-ind/api_fastregistertransactionweapp.html
        """
        body = {"openid": openid, "idname": idname, "component_phone": component_phone, "new_version": True}
        return self._write("fastregistertransactionweapp", into=Registration, query={"action": "create"}, body=body)

    def query_fastregistertransactionweapp(self, *, taskid: str) -> Registration:
        """Read the registration of an upgraded personal mini program.

        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-registration-ind/api_fastregistertransactionweapp.html
        """
        body = {"taskid": taskid, "new_version": True}
        return self._read("fastregistertransactionweapp", into=Registration, query={"action": "query"}, body=body)

    def fastregister(self, appid: str, *, ticket: str) -> RegisteredByOfficialAccount:
        """Create a mini program with an official account's subject; `appid` is the official account's.

        `ticket` comes back from `links.fast_register_url`. Five a month. After a timeout wait more than five seconds:
        the unfinished first call makes the ticket look invalid (61058) although the mini program was created.
        https://developers.weixin.qq.com/doc/oplatform/openApi/register-management/fast-registration-officalaccount/api_registerminiprogrambyoffiaccount.html
        """
        return self._write(
            "registerMiniprogramByOffiaccount", appid, into=RegisteredByOfficialAccount, body={"ticket": ticket}
        )

    def componentrebindadmin(self, appid: str, *, taskid: str) -> Done:
        """Finish a change of the administrator; `taskid` comes back from `links.rebind_admin_url`.

        What becomes of the authorization is not documented, nor has the call a page of its own: rely on the events.
        """
        return self._write("componentRebindAdmin", appid, into=Done, body={"taskid": taskid})
