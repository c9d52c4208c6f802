"""Why WeChat did not register: each of its result codes in words, who must act, and what to do.

The codes come with events and, a few, with queries; they are no errcodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from saas.errors import N_
from saas.programs.words import Turn


@dataclass(frozen=True)
class Reason:
    """`cause` and `next_step` are msgids; `turn` is who must act."""

    cause: str
    turn: Turn
    next_step: str


_EDIT = N_("请核对营业执照，改好后重新提交。")
_AGAIN = N_("请联系法人，再发一次链接；链接 24 小时内有效。")
_OTHER_PERSON = N_("请让管理员在“微信公众平台”里解绑不用的账号，或换一个人操作后重新提交。")
_APPEAL = N_("请让商家在微信公众平台申诉；解除之前无法注册。")

REASONS: dict[int, Reason] = {
    -1: Reason(N_("企业与法人姓名不一致"), Turn.PROVIDER, _EDIT),
    1: Reason(N_("24 小时内没有人确认，链接已失效"), Turn.PROVIDER, _AGAIN),
    2: Reason(N_("对方拒绝了注册"), Turn.MERCHANT, N_("请与商家确认是否还要注册，需要时再发一次链接。")),
    11: Reason(N_("微信创建小程序失败"), Turn.PROVIDER, N_("请稍后重新提交；再次失败时请向微信提工单。")),
    14: Reason(N_("微信核验主体没有通过"), Turn.PROVIDER, _EDIT),
    101: Reason(N_("工商登记显示企业已注销"), Turn.MERCHANT, N_("请让商家换用存续的主体，改好后重新提交。")),
    102: Reason(
        N_("工商数据里找不到这家企业，或信息还没有更新"), Turn.PROVIDER,
        N_("请核对公司名称和代码；新办或刚变更的执照要等 5 到 15 个工作日再提交。"),
    ),
    103: Reason(
        N_("法人姓名与工商登记不一致"), Turn.MERCHANT,
        N_("请确认扫码的是现任法人；刚变更过法人的，要等工商数据更新。"),
    ),
    104: Reason(
        N_("法人身份证号与工商登记不一致"), Turn.MERCHANT,
        N_("请确认扫码的是法人本人，微信实名用的是登记在工商的那张身份证。"),
    ),
    105: Reason(
        N_("工商登记里还没有法人的身份证号"), Turn.PROVIDER, N_("工商数据更新要 5 到 15 个工作日，之后重新提交。")
    ),
    1000: Reason(N_("企业信息或法人信息与工商登记不一致"), Turn.PROVIDER, _EDIT),
    1001: Reason(
        N_("主体可以注册的小程序数量已用完"), Turn.MERCHANT,
        N_("请让商家注销不用的小程序，或换一个主体；已认证的主体可以注册得更多。"),
    ),
    1002: Reason(N_("主体因违规被微信限制"), Turn.MERCHANT, _APPEAL),
    1003: Reason(N_("管理员绑定的账号数量已满"), Turn.MERCHANT, _OTHER_PERSON),
    1004: Reason(N_("管理员因违规被微信限制"), Turn.MERCHANT, _APPEAL),
    1005: Reason(N_("管理员的手机号绑定的账号数量已满"), Turn.MERCHANT, _OTHER_PERSON),
    1006: Reason(N_("管理员的手机号因违规被微信限制"), Turn.MERCHANT, _APPEAL),
    1007: Reason(N_("管理员的身份证可以注册的账号数量已满"), Turn.MERCHANT, _OTHER_PERSON),
    1008: Reason(N_("管理员的身份证因违规被微信限制"), Turn.MERCHANT, _APPEAL),
    89251: Reason(N_("法人还没有完成人脸核验"), Turn.MERCHANT, N_("请法人用微信打开链接，按提示刷脸。")),
    89252: Reason(N_("小程序管理员还没有确认"), Turn.MERCHANT, N_("请管理员用微信打开链接确认。")),
    100001: Reason(N_("法人 24 小时内没有完成身份证校验，链接已失效"), Turn.PROVIDER, _AGAIN),
    100002: Reason(N_("法人 24 小时内没有通过人脸识别，链接已失效"), Turn.PROVIDER, _AGAIN),
    100003: Reason(N_("法人 24 小时内没有确认，链接已失效"), Turn.PROVIDER, _AGAIN),
    100004: Reason(
        N_("微信实名信息与法人姓名不一致"), Turn.MERCHANT,
        N_("请让法人用自己实名的微信扫码；名字登记有误的，先去工商或微信支付更正。"),
    ),
}  # fmt: skip

_UNKNOWN = Reason(
    N_("微信没有说明原因"), Turn.PROVIDER, N_("请核对资料后重新提交；再次失败时带上结果码到微信开放社区提问。")
)


def reason_of(code: int) -> Reason:
    """The words for a result code; an unknown one gets words that say so."""
    return REASONS.get(code, _UNKNOWN)
