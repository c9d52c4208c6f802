"""What the pages of merchants, links and mini programs share: states in words and two larger pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup

from saas.errors import N_
from saas.programs.links import LinkState
from saas.programs.models import AuthorizationStatus, LinkProblem
from saas.programs.words import Word
from saas.web.provider.blueprint import provider

_AUTHORIZATIONS = {
    AuthorizationStatus.AUTHORIZED: (N_("已授权"), "success"),
    AuthorizationStatus.UNAUTHORIZED: (N_("已取消授权"), "danger"),
    AuthorizationStatus.LOST: (N_("授权已失效"), "danger"),
}
_LINKS = {
    LinkState.OPEN: (N_("等待商家打开"), "info"),
    LinkState.STARTED: (N_("商家已打开"), "info"),
    LinkState.USED: (N_("已使用"), "success"),
    LinkState.REVOKED: (N_("已撤销"), "secondary"),
    LinkState.EXPIRED: (N_("已过期"), "warning"),
}
_PROBLEMS = {
    LinkProblem.WRONG_ACCOUNT: (
        N_("授权了另一个小程序"),
        N_(
            "链接是给指定小程序的，来的却是另一个。它已保存，但没有归给商家。请让指定小程序的管理员用同一链接再确认一次。"
        ),
    ),
    LinkProblem.OTHER_MERCHANT: (
        N_("小程序已属于另一个商家"),
        N_("它的归属没有改变。确实要换商家时，请在小程序页面更改；授权错了账号，就让对方用同一链接重新授权。"),
    ),
    LinkProblem.LINK_OVER: (
        N_("链接结束后又有小程序通过它授权"),
        N_("链接已经用过或被撤销，后来的小程序没有归给商家。请在小程序列表的“没有商家”里查看。"),
    ),
}
ACTIVITIES: Mapping[str, str] = {
    "authorization_link.create": N_("生成授权链接"),
    "authorization_link.open": N_("打开微信授权页"),
    "authorization_link.revoke": N_("撤销授权链接"),
    "authorization_link.use": N_("授权链接有了结果"),
    "batch.cancel": N_("取消批量任务"),
    "batch.pause": N_("暂停批量任务"),
    "batch.resume": N_("继续批量任务"),
    "batch.retry": N_("重试失败的小程序"),
    "batch.start": N_("开始批量任务"),
    "component.add": N_("添加第三方平台"),
    "component.check": N_("重新检查第三方平台"),
    "component.edit": N_("更换第三方平台凭据"),
    "component.fault": N_("第三方平台出现问题"),
    "component.import": N_("开始导入已有小程序"),
    "component.imported": N_("导入完成"),
    "component.ready": N_("第三方平台接通"),
    "invitation.accept": N_("接受邀请"),
    "invitation.resend": N_("重发邀请"),
    "invitation.revoke": N_("撤销邀请"),
    "invitation.send": N_("发送邀请"),
    "member.change_role": N_("更改成员角色"),
    "member.join": N_("成员加入"),
    "member.leave": N_("成员退出"),
    "member.remove": N_("移除成员"),
    "member.transfer_ownership": N_("移交所有权"),
    "merchant.add": N_("添加商家"),
    "merchant.archive": N_("归档商家"),
    "merchant.edit": N_("编辑商家"),
    "merchant.legal.view": N_("查看完整法人资料"),
    "merchant.person.remove": N_("移除商家人员"),
    "merchant.person.role": N_("更改商家人员权限"),
    "merchant.phone.view": N_("查看完整电话"),
    "merchant.restore": N_("恢复商家"),
    "merchant.values.edit": N_("修改模板变量"),
    "program.assign": N_("更改商家归属"),
    "program.audit.approved": N_("审核通过"),
    "program.audit.delayed": N_("微信延后审核"),
    "program.audit.failed": N_("提交审核失败"),
    "program.audit.in_review": N_("进入微信审核"),
    "program.audit.rejected": N_("审核不通过"),
    "program.audit.submit": N_("提交审核"),
    "program.audit.undo": N_("撤回审核"),
    "program.audit.undone": N_("已撤回审核"),
    "program.authorize": N_("授权"),
    "program.import": N_("从微信授权列表导入"),
    "program.lost": N_("授权凭证失效"),
    "program.note.edit": N_("修改备注"),
    "program.owner": N_("更改负责人"),
    "program.profile.request": N_("重新读取资料"),
    "program.release": N_("发布"),
    "program.release.done": N_("发布完成"),
    "program.roll_back": N_("版本回退"),
    "program.roll_back.done": N_("版本回退完成"),
    "program.tags": N_("修改标签"),
    "program.unauthorized": N_("商家取消授权"),
    "program.upload": N_("上传代码"),
    "program.upload.ready": N_("上传完成，可以提审"),
    "program.values": N_("修改模板变量"),
    "program.values.edit": N_("修改模板变量"),
    "provider.change_settings": N_("修改设置"),
    "provider.create": N_("注册服务商"),
    "provider.retry_job": N_("平台重试任务"),
    "provider.resume": N_("平台恢复使用"),
    "provider.suspend": N_("平台暂停使用"),
    "template.add": N_("添加模板"),
    "template.delete": N_("删除模板"),
    "template.edit": N_("编辑模板"),
}
_OUTCOMES = {
    "failed": N_("失败"),
    "ignored": N_("已忽略"),
    **{problem.value: title for problem, (title, _text) in _PROBLEMS.items()},
}


@provider.app_template_global()
def authorization_badge(state: str) -> Markup:
    """How an authorization stands, as a coloured word."""
    return _badge(*_AUTHORIZATIONS[AuthorizationStatus(state)])


@provider.app_template_global()
def word_badge(word: str) -> Markup:
    """How a step of a mini program stands, as a coloured word."""
    return _badge(Word(word).label, Word(word).tone)


@provider.app_template_global()
def link_badge(state: str) -> Markup:
    """What a link is good for, as a coloured word."""
    return _badge(*_LINKS[LinkState(state)])


@provider.app_template_global()
def link_problem(problem: str) -> dict[str, str]:
    """Why an authorization did not use its link up: title and advice."""
    title, text = _PROBLEMS[LinkProblem(problem)]
    return {"title": _(title), "text": _(text)}


@provider.app_template_global()
def activity_name(verb: str) -> str:
    """An entry of the activity log in words; one without words shows its own name."""
    return _(ACTIVITIES[verb]) if verb in ACTIVITIES else verb


@provider.app_template_global()
def outcome_name(outcome: str) -> str:
    return _(_OUTCOMES[outcome]) if outcome in _OUTCOMES else outcome


@provider.context_processor
def give_pieces() -> dict[str, Any]:
    pieces: Any = current_app.jinja_env.get_template("provider/programs/_pieces.html").module
    return {"value_rows": pieces.value_rows, "activity_card": pieces.activity_card}


def _badge(text: str, tone: str) -> Markup:
    badge = Markup('<span class="badge bg-{0}-lt"><span class="badge-dot bg-{0}"></span>{1}</span>')
    return badge.format(tone, _(text))
