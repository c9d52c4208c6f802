"""What a person of the merchant's side is told while WeChat or the authority waits for her: msgids, by the step's word.

Facts: `saas/wx/contract` (registration, certification, icp_filing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from saas.errors import N_
from saas.programs.registration_models import RegistrationKind
from saas.programs.words import Word


@dataclass(frozen=True)
class Guide:
    """Everything is a msgid. `actor` has to act; `sender` is what the message comes from, "" when none comes; `todo`
    says how, `lost` what to do when the message does not come; `brief` is the whole in one sentence.
    """

    actor: str
    sender: str
    brief: str
    todo: tuple[str, ...]
    lost: tuple[str, ...]


_ADMINISTRATOR, _IN_CHARGE = N_("小程序管理员"), N_("备案负责人")
_NOTICE, _MINISTRY = N_("微信“服务通知”"), N_("短信号码 12381（工信部）")
_NOT_THERE = N_("确认看的是管理员本人的微信，再在微信里搜索“服务通知”，往前翻一翻。")
_OPEN_LINK = N_("没有收到消息时，用管理员的微信扫下面的二维码，或把链接转发给管理员打开。")
_ONLY_ONCE = N_("认证的消息微信只发一次。超时没有办完时，由服务商重新发起，不产生审核费。")
_IN_SPAM = N_("在手机的拦截短信和垃圾短信里找 12381 发来的短信。")
_WRONG_NUMBER = N_("手机号写错或已停用时，请联系服务商。")
_FORWARD = N_("链接可以转发，但只能由本人确认一次。")
_AGAIN_HERE = N_("过了期限还没有确认，可以在本页重新获取链接。")

GUIDES: Mapping[Word, Guide] = {
    Word.UNAUTHORIZED: Guide(
        _ADMINISTRATOR, "", N_("管理员用微信确认一次授权。"),
        (
            N_("点下面的按钮，打开微信的授权页。"),
            N_("选对小程序，权限全部勾选，再由管理员用微信确认。"),
        ),
        (N_("自己不是管理员时，请把授权页转发给管理员办理。"),),
    ),
    Word.REGISTER_CONFIRM: Guide(
        N_("法人本人"), "", N_("法人用自己的微信打开确认链接，按提示刷脸。"),
        (
            N_("法人用自己实名的微信扫下面的二维码，或在微信里打开链接。"),
            N_("核对公司信息，按提示刷脸。"),
        ),
        (_FORWARD, _AGAIN_HERE),
    ),
    Word.CERTIFY_ADMIN: Guide(
        _ADMINISTRATOR, _NOTICE, N_("管理员的微信会收到微信认证的消息，点开并确认。"),
        (
            N_("打开微信认证的消息，确认由服务商代为认证。"),
            N_("接着完成人脸核验和手机验证，三步都要在期限前办完。"),
        ),
        (_NOT_THERE, _OPEN_LINK, _ONLY_ONCE),
    ),
    Word.CERTIFY_FACE: Guide(
        _ADMINISTRATOR, _NOTICE, N_("管理员的微信会收到微信认证的消息，点开完成人脸核验。"),
        (N_("打开微信认证的消息，按提示完成人脸核验。"), N_("接着验证手机号，都要在期限前办完。")),
        (_NOT_THERE, _OPEN_LINK, _ONLY_ONCE),
    ),
    Word.CERTIFY_PHONE: Guide(
        _ADMINISTRATOR, _NOTICE, N_("管理员的微信会收到微信认证的消息，点开验证手机号。"),
        (N_("打开微信认证的消息，填写手机收到的短信验证码。"),),
        (_NOT_THERE, _OPEN_LINK, _ONLY_ONCE),
    ),
    Word.CERTIFY_PAYING: Guide(
        _ADMINISTRATOR, _NOTICE, N_("管理员的微信会收到付款消息，点开支付认证费。"),
        (N_("打开付款消息，核对金额后用微信支付。"), N_("付款后自动进入审核，不用再操作。")),
        (_NOT_THERE, N_("付款消息不能重发。一直找不到时，请联系服务商。")),
    ),
    Word.FILE_FACE: Guide(
        _ADMINISTRATOR, _NOTICE, N_("管理员打开微信“服务通知”里的备案消息，完成人脸核验。"),
        (
            N_("打开“服务通知”里的备案核验消息。"),
            N_("背景纯色、光线充足，不戴帽子和口罩，按提示完成人脸核验。"),
            N_("没有通过时，在期限前可以重新打开消息再试。"),
        ),
        (_NOT_THERE, N_("还是没有，可以请微信再发一次。")),
    ),
    Word.FILE_SMS: Guide(
        _IN_CHARGE, _MINISTRY, N_("备案负责人的手机会收到 12381 的短信，按短信的提示完成核验。"),
        (
            N_("按短信的提示填写验证码，完成核验。"),
            N_("主体负责人和小程序负责人不是同一人时，两位都要完成。"),
        ),
        (_IN_SPAM, _WRONG_NUMBER, N_("短信由工信部发送，不能补发。超时后微信会重新提交或退回。")),
    ),
    Word.FILE_CANCELLING: Guide(
        _IN_CHARGE, _MINISTRY, N_("备案负责人的手机会收到 12381 的短信，同意注销就按提示确认。"),
        (N_("同意注销，就按短信的提示确认。"), N_("不同意就不用理会，备案继续有效。")),
        (_IN_SPAM, _WRONG_NUMBER),
    ),
}  # fmt: skip
"""For every word that waits for the merchant's side."""

FACE_OF_BOTH = Guide(
    _ADMINISTRATOR, _NOTICE, GUIDES[Word.FILE_FACE].brief,
    (
        N_("打开微信的消息，同意认证并完成人脸核验。"),
        N_("再用短信验证码确认，认证和备案就一起开始。"),
    ),
    (_NOT_THERE, _OPEN_LINK, N_("还是没有，可以请微信再发一次。")),
)  # fmt: skip
"""Where the face check is for certification and filing in one go."""

_PAYING_BY_LINK = replace(GUIDES[Word.CERTIFY_PAYING], lost=(_NOT_THERE, _OPEN_LINK))

_BY_HERSELF = replace(
    GUIDES[Word.REGISTER_CONFIRM], actor=N_("本人"), brief=N_("本人用自己的微信打开确认链接，按提示刷脸。"),
    todo=(N_("用自己实名的微信扫下面的二维码，或在微信里打开链接。"), N_("按提示刷脸。")),
)  # fmt: skip
_OF_REGISTRATION = {
    RegistrationKind.PERSONAL: _BY_HERSELF,
    RegistrationKind.TRADING: _BY_HERSELF,
    RegistrationKind.UPGRADE: _BY_HERSELF,
    RegistrationKind.TRIAL: replace(
        _BY_HERSELF, actor=_ADMINISTRATOR, brief=N_("管理员用微信打开确认链接。"),
        todo=(N_("管理员用微信扫下面的二维码，或在微信里打开链接。"), N_("按提示确认。")),
    ),
    RegistrationKind.OFFIACCOUNT: replace(
        _BY_HERSELF, actor=N_("公众号管理员"), brief=N_("公众号管理员在微信的确认页扫码同意。"),
        todo=(N_("服务商会打开微信的确认页，公众号管理员用微信扫码同意。"),), lost=(N_("请联系服务商约定时间。"),),
    ),
}  # fmt: skip


def guide_of_registration(kind: str) -> Guide:
    """Who has to confirm a registration of this kind, and how."""
    return _OF_REGISTRATION.get(RegistrationKind(kind), GUIDES[Word.REGISTER_CONFIRM])


def guide_of_payment(link: str) -> Guide:
    """How the certification is paid for, by WeChat's `link` where it gave one."""
    return _PAYING_BY_LINK if link else GUIDES[Word.CERTIFY_PAYING]
