"""The ways to a new mini program: which facts each needs, what it calls at WeChat, and what WeChat's answers mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from saas.errors import N_
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.wx.client import WxClient

_K, _S = RegistrationKind, RegistrationStatus


@dataclass(frozen=True)
class Sent:
    """What WeChat answered to a request. `task_id` is "" where a task cannot be asked about."""

    task_id: str = ""
    link: str = ""


@dataclass(frozen=True)
class Kind:
    """`label` and `hint` are msgids; `needs` and `takes` name columns of the case, in the order of the form.

    `send` and `ask` get the case and the trial's appid, "" where there is none; `ask` answers WeChat's state of the
    task. `register_type` is how WeChat marks what came of it. `limit` names the budget that it takes from.
    """

    label: str
    hint: str
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    send: Callable[[WxClient, Registration, str], Sent] | None = None
    ask: Callable[[WxClient, Registration, str], int] | None = None
    register_type: int = 0
    of_trial: bool = False
    limit: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        return self.needs + self.takes


def _send_enterprise(client: WxClient, case: Registration, _appid: str) -> Sent:
    answer = client.registration.fastregisterenterpriseweapp(
        name=case.name, code=case.company_code, component_phone=case.component_phone
    )
    return Sent(answer["taskid"], answer["authorize_url"])


def _ask_enterprise(client: WxClient, case: Registration, _appid: str) -> int:
    return int(client.registration.query_fastregisterenterpriseweapp(taskid=case.task_id)["status"])


def _send_personal(client: WxClient, case: Registration, _appid: str) -> Sent:
    answer = client.registration.fastregisterpersonalweapp(
        wxuser=case.person_wechat, component_phone=case.component_phone
    )
    return Sent(answer["taskid"], answer["authorize_url"])


def _ask_personal(client: WxClient, case: Registration, _appid: str) -> int:
    return int(client.registration.query_fastregisterpersonalweapp(taskid=case.task_id)["status"])


def _send_trading(client: WxClient, case: Registration, _appid: str) -> Sent:
    answer = client.registration.fastregistertransactionweapp(
        openid=case.person_openid, component_phone=case.component_phone
    )
    return Sent(answer["taskid"], answer["authorize_url"])


def _ask_trading(client: WxClient, case: Registration, _appid: str) -> int:
    return int(client.registration.query_fastregistertransactionweapp(taskid=case.task_id)["status"])


def _send_trial(client: WxClient, case: Registration, _appid: str) -> Sent:
    answer = client.trial.fastregisterbetaweapp(name=case.name, openid=case.person_openid)
    return Sent(answer["unique_id"], answer["authorize_url"])


def _send_conversion(client: WxClient, case: Registration, appid: str) -> Sent:
    answer = client.trial.verifybetaweapp(
        appid,
        verify_info={
            "enterprise_name": case.name, "code": case.company_code, "component_phone": case.component_phone,
        },
    )  # fmt: skip
    return Sent(link=answer["authorize_url"])


def _ask_conversion(client: WxClient, case: Registration, appid: str) -> int:
    """The task has no query: a trial that has the company as its subject was converted."""
    account = client.component.api_get_authorizer_info(appid)["authorizer_info"]
    return CONVERTED if account.get("principal_name") == case.name else CREATED


def _send_upgrade(client: WxClient, case: Registration, appid: str) -> Sent:
    answer = client.trial.fastnormalizebetaweapp(appid, component_phone=case.component_phone)
    return Sent(answer["taskid"], answer["authorize_url"])


def _ask_upgrade(client: WxClient, case: Registration, appid: str) -> int:
    return int(client.trial.query_fastnormalizebetaweapp(appid, taskid=case.task_id)["status"])


KINDS: dict[RegistrationKind, Kind] = {
    _K.ENTERPRISE: Kind(
        N_("企业小程序"), N_("公司和个体工商户。法人用微信扫码刷脸，通过后立即可用，无需对公打款。"),
        ("name", "company_code", "component_phone"), ("person_name", "person_wechat"),
        _send_enterprise, _ask_enterprise, register_type=6,
    ),
    _K.PERSONAL: Kind(
        N_("个人小程序"), N_("没有营业执照的个人。本人用微信扫码刷脸；不能开通微信支付。"),
        ("person_wechat", "component_phone"), ("person_name",),
        _send_personal, _ask_personal, register_type=16, limit="personal_registration_day",
    ),
    _K.TRADING: Kind(
        N_("个人升级版小程序"), N_("个人也可以卖货。要求第三方平台上月评级为优秀、保证金余额过半。"),
        ("person_openid", "component_phone"), ("person_name",),
        _send_trading, _ask_trading, register_type=17,
    ),
    _K.OFFIACCOUNT: Kind(
        N_("复用公众号资质"), N_("商家已有认证的公众号。公众号管理员扫码同意，不用再交资料，也不用刷脸。"),
        ("offiaccount_appid",), ("copies_verification",), register_type=2, limit="offiaccount_registration_month",
    ),
    _K.TRIAL: Kind(
        N_("试用小程序"), N_("先做出来给商家看。不需要资质，14 天内要转正。"),
        ("name", "person_openid"), send=_send_trial, register_type=13,
    ),
    _K.CONVERSION: Kind(
        N_("试用小程序转正为企业"), N_("法人用微信扫码刷脸，试用小程序就归公司所有。"),
        ("name", "company_code", "component_phone"), ("person_name", "person_wechat"),
        _send_conversion, _ask_conversion, register_type=19, of_trial=True,
    ),
    _K.UPGRADE: Kind(
        N_("试用小程序转正为个人升级版"), N_("管理员用微信扫码刷脸，试用小程序就归本人所有，可以卖货。"),
        ("component_phone",), ("person_name",), _send_upgrade, _ask_upgrade, register_type=19, of_trial=True,
    ),
}  # fmt: skip

CREATED, TIMED_OUT, DECLINED, FACE_FAILED, PHONE_FAILED, CONVERTED = 0, 1, 2, 5, 8, 13

STATES: dict[int, RegistrationStatus] = {
    CREATED: _S.WAITING_PERSON,
    TIMED_OUT: _S.EXPIRED,
    DECLINED: _S.FAILED,
    3: _S.CHECKING,
    4: _S.CHECKING,
    FACE_FAILED: _S.WAITING_PERSON,
    6: _S.CHECKING,
    7: _S.CHECKING,
    PHONE_FAILED: _S.WAITING_PERSON,
    9: _S.CHECKING,
    10: _S.CHECKING,
    11: _S.FAILED,
    12: _S.DONE,
    CONVERTED: _S.DONE,
    14: _S.FAILED,
}
"""What the state of a task means; one that is not here is a reason of `saas.programs.registration_reasons`."""

LATE = frozenset({TIMED_OUT, 100001, 100002, 100003})
"""Results that only say that a day passed."""

PENDING = frozenset({89251, 89252})
"""Results that only say that somebody has to go on."""


def kind_of(case: Registration) -> Kind:
    return KINDS[RegistrationKind(case.kind)]
