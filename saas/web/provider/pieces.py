"""What the pages of merchants, links and mini programs share: states in words and two larger pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup

from saas.components.budgets import Budget
from saas.errors import N_
from saas.programs import standing
from saas.programs.links import LinkState
from saas.programs.models import AuthorizationStatus, LinkProblem, ProgramStep
from saas.programs.words import Word
from saas.web.badges import badge
from saas.web.provider.blueprint import provider
from saas.wx.limits import Period

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
    "alarm_channel.add": N_("添加通知渠道"),
    "alarm_channel.edit": N_("修改通知渠道"),
    "alarm_channel.pause": N_("暂停通知渠道"),
    "alarm_channel.remove": N_("删除通知渠道"),
    "alarm_channel.resume": N_("恢复通知渠道"),
    "alarm_channel.test": N_("发送测试消息"),
    "component.clear_counters": N_("清零接口调用次数"),
    "component.drop_previous_key": N_("停用上一把消息加解密 Key"),
    "component.retry_pushes": N_("重新处理推送"),
    "component.rotate_key": N_("生成新的消息加解密 Key"),
    "component.take_key_back": N_("撤销更换消息加解密 Key"),
    "authorization_link.create": N_("生成授权链接"),
    "authorization_link.mail": N_("邮件发送授权链接"),
    "authorization_link.open": N_("打开微信授权页"),
    "authorization_link.revoke": N_("撤销授权链接"),
    "authorization_link.use": N_("授权链接有了结果"),
    "batch.cancel": N_("取消批量任务"),
    "batch.pause": N_("暂停批量任务"),
    "batch.resume": N_("继续批量任务"),
    "batch.retry": N_("重试失败的小程序"),
    "batch.settle": N_("批量任务的失败已处理"),
    "batch.start": N_("开始批量任务"),
    "campaign.busy": N_("计划的上一次还没做完，跳过一次"),
    "campaign.cancel": N_("取消计划"),
    "campaign.edit": N_("更改计划的时间"),
    "campaign.fail": N_("计划没有开始"),
    "campaign.nothing": N_("计划到时间，没有要处理的"),
    "campaign.pause": N_("暂停计划"),
    "campaign.plan": N_("安排计划"),
    "campaign.resume": N_("恢复计划"),
    "campaign.start": N_("计划开始"),
    "certification.personal.view": N_("查看认证的完整资料"),
    "certification_template.add": N_("添加认证模板"),
    "certification_template.delete": N_("删除认证模板"),
    "certification_template.edit": N_("编辑认证模板"),
    "component.add": N_("添加第三方平台"),
    "component.check": N_("重新检查第三方平台"),
    "component.domains.change": N_("更改第三方平台域名"),
    "component.edit": N_("更换第三方平台凭据"),
    "component.fault": N_("第三方平台出现问题"),
    "component.import": N_("开始导入已有小程序"),
    "component.imported": N_("导入完成"),
    "component.ready": N_("第三方平台接通"),
    "entry_link.enter": N_("通过邀请链接进入"),
    "entry_link.make": N_("生成邀请链接"),
    "entry_link.revoke": N_("撤销邀请链接"),
    "entry_link.send": N_("发送邀请链接"),
    "filing_template.add": N_("添加备案模板"),
    "filing_template.delete": N_("删除备案模板"),
    "filing_template.edit": N_("编辑备案模板"),
    "filing_template.view": N_("查看备案模板的完整信息"),
    "filing_template.view_file": N_("查看备案模板的材料"),
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
    "merchant.data.ask_delete": N_("商家申请删除资料"),
    "merchant.data.download": N_("商家下载自己的资料"),
    "merchant.data.erase": N_("删除商家资料"),
    "merchant.data.export": N_("商家打包自己的资料"),
    "merchant.data.refuse": N_("拒绝删除资料的申请"),
    "merchant.data.withdraw": N_("商家撤回删除申请"),
    "merchant.edit": N_("编辑商家"),
    "merchant.legal.view": N_("查看完整法人资料"),
    "merchant.person.remove": N_("移除商家人员"),
    "merchant.person.role": N_("更改商家人员权限"),
    "merchant.phone.view": N_("查看完整电话"),
    "merchant.restore": N_("恢复商家"),
    "merchant.values.edit": N_("修改模板变量"),
    "onboarding.accept": N_("通过入驻资料"),
    "onboarding.bind": N_("把入驻资料用于新注册的小程序"),
    "onboarding.close": N_("结束入驻资料的填写"),
    "onboarding.file.view": N_("查看商家上传的照片"),
    "onboarding.give_back": N_("退回入驻资料"),
    "onboarding.hand_in": N_("提交入驻资料"),
    "onboarding.hand_over": N_("把入驻资料写入草稿"),
    "onboarding.open": N_("请商家填写入驻资料"),
    "onboarding.personal.view": N_("查看入驻资料的完整信息"),
    "onboarding.remove_file": N_("移除入驻资料的照片"),
    "onboarding.save": N_("填写入驻资料"),
    "onboarding.upload": N_("上传入驻资料的照片"),
    "program.add": N_("登记小程序"),
    "program.add_category": N_("添加类目"),
    "program.apply_for_interface": N_("申请地理位置接口"),
    "program.apply_for_order_page": N_("申请订单页"),
    "program.assign": N_("更改商家归属"),
    "program.audit.approved": N_("审核通过"),
    "program.audit.automatic": N_("更改审核通过后的发布方式"),
    "program.audit.delayed": N_("微信延后审核"),
    "program.audit.failed": N_("提交审核失败"),
    "program.audit.in_review": N_("进入微信审核"),
    "program.audit.rejected": N_("审核不通过"),
    "program.audit.set_aside": N_("搁置驳回"),
    "program.audit.take_back": N_("放回驳回台"),
    "program.audit.speed_up": N_("加急审核"),
    "program.audit.submit": N_("提交审核"),
    "program.audit.undo": N_("撤回审核"),
    "program.audit.undone": N_("已撤回审核"),
    "program.apply_template": N_("套用隐私模板"),
    "program.authorize": N_("授权"),
    "program.check_name": N_("检测名称"),
    "program.code.delete": N_("删除码或链接"),
    "program.code.make": N_("生成码或链接"),
    "program.delete_category": N_("删除类目"),
    "program.domains.change": N_("更改域名"),
    "program.drop_name": N_("放弃改名"),
    "program.filing.ask_face": N_("发起备案人脸核验"),
    "program.filing.authority_rejected": N_("备案：管局退回"),
    "program.filing.authority_review": N_("备案：进入管局审核"),
    "program.filing.begin": N_("开始填写备案"),
    "program.filing.cancel": N_("申请注销备案"),
    "program.filing.cancelled": N_("备案已注销"),
    "program.filing.cancelling": N_("注销备案：等短信确认"),
    "program.filing.certify_sent_back": N_("备案：认证被打回"),
    "program.filing.certifying": N_("备案：随认证一起提交"),
    "program.filing.draft": N_("备案：认证不通过，一起办理已结束"),
    "program.filing.edit": N_("修改备案资料"),
    "program.filing.face": N_("备案：等管理员人脸核验"),
    "program.filing.face_failed": N_("备案：人脸核验失败"),
    "program.filing.face_passed": N_("备案：人脸核验通过"),
    "program.filing.filed": N_("备案完成"),
    "program.filing.invalid": N_("备案：微信没有受理"),
    "program.filing.platform_rejected": N_("备案：平台退回"),
    "program.filing.platform_review": N_("备案：进入平台审核"),
    "program.filing.read": N_("读取备案状态"),
    "program.filing.send": N_("提交备案"),
    "program.filing.sms": N_("备案：等短信核验"),
    "program.filing.sms_expired": N_("备案：短信核验超时"),
    "program.filing.view": N_("查看备案的完整信息"),
    "program.filing.view_file": N_("查看备案材料"),
    "program.filing.withdraw": N_("撤回备案"),
    "program.filing.withdrawn": N_("备案已撤回"),
    "program.certification.admin_refused": N_("管理员拒绝认证"),
    "program.certification.discard": N_("丢弃认证草稿"),
    "program.certification.draft": N_("准备认证资料"),
    "program.certification.edit": N_("修改认证资料"),
    "program.certification.face_failed": N_("认证：人脸核验失败"),
    "program.certification.failed": N_("认证不通过"),
    "program.certification.order_failed": N_("认证：生成订单失败"),
    "program.certification.passed": N_("认证通过"),
    "program.certification.phone_failed": N_("认证：手机验证失败"),
    "program.certification.resubmit": N_("重新提交认证"),
    "program.certification.sent_back": N_("认证被打回"),
    "program.certification.start": N_("发起认证"),
    "program.certification.task_expired": N_("认证超时作废"),
    "program.certification.verify_failed": N_("认证：资料校验失败"),
    "program.import": N_("从微信授权列表导入"),
    "program.import_table": N_("导入小程序表格"),
    "program.lost": N_("授权凭证失效"),
    "program.modify_category": N_("重新提交类目资质"),
    "program.name.approved": N_("名称审核通过"),
    "program.name.refused": N_("名称审核不通过"),
    "program.note.edit": N_("修改备注"),
    "program.owner": N_("更改负责人"),
    "program.phase": N_("灰度发布"),
    "program.phase.cancel": N_("取消灰度发布"),
    "program.profile.request": N_("重新读取资料"),
    "program.qr_rule.delete": N_("删除二维码规则"),
    "program.qr_rule.publish": N_("发布二维码规则"),
    "program.qr_rule.save": N_("保存二维码规则"),
    "program.read_categories": N_("读取类目"),
    "program.read_order_page": N_("读取订单页"),
    "program.read_privacy": N_("读取隐私设置"),
    "program.release": N_("发布"),
    "program.release.done": N_("发布完成"),
    "program.remind": N_("提醒商家"),
    "program.snooze": N_("推迟待办"),
    "program.wake": N_("恢复待办"),
    "program.violation": N_("被微信处罚"),
    "program.violation.appealing": N_("处罚正在申诉"),
    "program.violation.gone": N_("微信撤销处罚"),
    "program.violation.lifted": N_("申诉成功，处罚撤销"),
    "program.violation.refused": N_("处罚的申诉被驳回"),
    "program.shut.frozen": N_("账号被微信冻结"),
    "program.shut.banned": N_("账号被微信封禁"),
    "program.shut.cancelled": N_("账号已注销"),
    "program.shut.warned": N_("账号被微信告警"),
    "program.shut.suspended": N_("服务被暂停"),
    "program.open_again.frozen": N_("账号解冻"),
    "program.open_again.banned": N_("账号解封"),
    "program.open_again.cancelled": N_("账号恢复"),
    "program.open_again.warned": N_("账号告警解除"),
    "program.open_again.suspended": N_("服务已恢复"),
    "violation.note": N_("备注违规记录"),
    "own_date.add": N_("添加日历日期"),
    "own_date.edit": N_("修改日历日期"),
    "own_date.finish": N_("日历日期已处理"),
    "calendar.subscribe": N_("生成日历订阅地址"),
    "calendar.revoke": N_("作废日历订阅地址"),
    "provider.deadlines": N_("更改到期提醒天数"),
    "program.resume": N_("恢复服务"),
    "program.resume.done": N_("已恢复服务"),
    "program.roll_back": N_("版本回退"),
    "program.roll_back.done": N_("版本回退完成"),
    "program.send_again": N_("请微信再发一次消息"),
    "program.set_avatar": N_("修改头像"),
    "program.set_contact": N_("修改线上指引的联系方式"),
    "program.set_guide": N_("设置隐私保护指引"),
    "program.set_introduction": N_("修改介绍"),
    "program.set_library": N_("设置最低基础库版本"),
    "program.set_name": N_("修改名称"),
    "program.set_search": N_("修改搜索开关"),
    "program.suspend": N_("暂停服务"),
    "program.suspend.done": N_("已暂停服务"),
    "program.tags": N_("修改标签"),
    "program.unauthorized": N_("商家取消授权"),
    "program.upload": N_("上传代码"),
    "program.upload.ready": N_("上传完成，可以提审"),
    "program.values": N_("修改模板变量"),
    "program.values.edit": N_("修改模板变量"),
    "privacy_template.add": N_("添加隐私模板"),
    "privacy_template.delete": N_("删除隐私模板"),
    "privacy_template.edit": N_("编辑隐私模板"),
    "provider.change_brand": N_("修改品牌"),
    "provider.change_host": N_("修改自有域名"),
    "provider.confirm_host": N_("自有域名生效"),
    "provider.lose_host": N_("自有域名失效"),
    "provider.change_settings": N_("修改设置"),
    "provider.change_wechat_reminders": N_("设置服务号提醒"),
    "provider.change_wechat_sign_in": N_("修改微信登录设置"),
    "provider.create": N_("注册服务商"),
    "provider.retry_job": N_("平台重试任务"),
    "provider.resume": N_("平台恢复使用"),
    "provider.suspend": N_("平台暂停使用"),
    "program.tester.bind": N_("添加体验成员"),
    "program.tester.label": N_("备注体验成员"),
    "program.tester.unbind": N_("移除体验成员"),
    "program.trial.rename": N_("修改试用小程序名称"),
    "registration.add": N_("新建注册"),
    "registration.cancel": N_("取消注册"),
    "registration.done": N_("注册成功"),
    "registration.edit": N_("修改注册资料"),
    "registration.expired": N_("注册超时未确认"),
    "registration.failed": N_("注册失败"),
    "registration.lend": N_("打开公众号确认页"),
    "registration.mail": N_("邮件发送注册链接"),
    "registration.person.view": N_("查看注册人完整资料"),
    "registration.remind": N_("提醒商家"),
    "registration.send_again": N_("重新获取注册链接"),
    "registration.send": N_("提交注册"),
    "template.add": N_("添加模板"),
    "template.default": N_("更改默认模板"),
    "template.delete": N_("删除模板"),
    "template.edit": N_("编辑模板"),
    "tester.forget": N_("删除体验成员的微信号"),
    "template.variables": N_("编辑模板变量"),
    "train.cancel": N_("取消批量发布"),
    "train.delete": N_("删除批量发布草稿"),
    "train.done": N_("批量发布结束"),
    "train.pause": N_("暂停批量发布"),
    "train.plan": N_("新建批量发布"),
    "train.release": N_("发布一批"),
    "train.release_full": N_("一批全量发布"),
    "train.resume": N_("继续批量发布"),
    "train.retry": N_("重试批量发布的失败项"),
    "train.roll_back": N_("回退整个批量发布"),
    "train.skip": N_("跳过一个小程序"),
    "train.start": N_("开始批量发布"),
    "train.stop": N_("批量发布自动停下"),
    "train.undo": N_("撤回批量发布的审核"),
}
_PERIODS = {
    Period.DAY: N_("今天"),
    Period.MONTH: N_("本月"),
    Period.YEAR: N_("今年"),
    Period.EVER: N_("一共"),
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
def step_badge(row: ProgramStep) -> Markup:
    """How a step on a mini program's timeline stands; what a later one has overtaken waits for nothing."""
    overtaken = standing.overtaken_label(row)
    return _badge(overtaken, "success") if overtaken else word_badge(row.word)


@provider.app_template_global()
def link_badge(state: str) -> Markup:
    """What a link is good for, as a coloured word."""
    return _badge(*_LINKS[LinkState(state)])


def link_state_name(state: LinkState) -> str:
    """What a link is good for, in a word."""
    return str(_(_LINKS[state][0]))


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


@provider.app_template_global()
def chances_text(budget: Budget) -> str:
    """What is left of a limit of WeChat, for beside a button."""
    given = {"period": _(_PERIODS[budget.limit.period]), "used": budget.used}
    if budget.left is None:
        return str(_("%(period)s已用 %(used)d 次，微信没有公布上限", **given))
    given |= {"left": budget.left, "amount": budget.amount}
    if budget.left == 0:
        return str(_("%(period)s的 %(amount)d 次已用完", **given))
    return str(_("%(period)s还剩 %(left)d 次，共 %(amount)d 次", **given))


def _badge(text: str, tone: str) -> Markup:
    return badge(_(text), tone)
