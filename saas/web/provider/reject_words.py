"""The reject desk in words: what a group is called, what helps against its reason, small bars of a month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup, escape

from saas.errors import N_
from saas.releases import rejects
from saas.trains.models import TrainStatus
from saas.trains.resubmitting import Need, Plan, Resubmitted
from saas.web.provider.program_filters import reject_name
from saas.web.provider.selection import ACTIONS
from saas.wx.reasons import UNSTATED, rules_of

_REMEDIES = (
    ("category", N_("补服务类目"), ("类目", "资质", "category")),
    ("privacy_template", N_("补隐私指引"), ("隐私", "个人信息", "用户信息", "授权获取", "privacy")),
    ("privacy_interface", N_("申请地理位置接口"), ("位置", "定位", "location")),
    ("domains", N_("设置域名"), ("域名", "无法打开", "打不开", "加载失败", "空白", "domain")),
    ("introduction", N_("修改介绍"), ("介绍", "简介", "introduction")),
    ("avatar", N_("修改头像"), ("头像", "logo", "avatar")),
    ("order_page", N_("申请订单页"), ("订单", "order")),
)
_LONGEST_TITLE = 90
_NUMBER = re.compile(r"^\s*\d{1,2}\s*[:：、.]\s*")


def title(key: str, reason: str) -> str:
    """The rules, or the beginning of what the reviewers wrote."""
    if rules_of(reason):
        return reject_name(key)
    text = _NUMBER.sub("", reason.replace("\n", " "))
    if key == UNSTATED or not text:
        return reject_name(UNSTATED)
    return text if len(text) <= _LONGEST_TITLE else f"{text[:_LONGEST_TITLE]}…"


def adds(key: str, reason: str) -> bool:
    """Whether the reviewers' text says more than the title."""
    return _NUMBER.sub("", reason) != title(key, reason)


def remedies(key: str, reason: str) -> list[dict[str, Any]]:
    """Actions on the whole group that may have to come first; those that the reason speaks of are `fitting`."""
    said = reason.lower()
    found = [
        {
            "label": _(label), "fitting": any(word in said for word in words),
            "url": url_for("provider.start_action", action=action, all=1, reject=key),
        }
        for action, label, words in _REMEDIES
        if action in ACTIONS
    ]  # fmt: skip
    return sorted(found, key=lambda one: not one["fitting"])


def need_text(need: Need) -> str:
    """What is needed, and what is left."""
    numbers = {"name": need.component.name, "needs": need.count, "left": need.left or 0}
    if need.left is None:
        return str(_("%(name)s：需要 %(needs)d 次提审额度；还没有读到本月的剩余额度，提交前会先查询。", **numbers))
    text = str(_("%(name)s：需要 %(needs)d 次，本月还剩 %(left)d 次。", **numbers))
    if need.beyond:
        text += str(_("额度不够的 %(count)d 个这次不提交，留在驳回台。", count=need.beyond))
    elif need.count > need.left:
        text += str(_("批量发布里的会等额度恢复。"))
    return text


def train_hint(plan: Plan, number: int) -> str:
    """What a train does with its own."""
    train = plan.trains[number]
    numbers = {"count": len(plan.by_train[train.id]), "version": train.user_version}
    if train.status in (TrainStatus.PAUSED, TrainStatus.STOPPED):
        return str(_("%(count)d 个由批量发布 %(version)s 提交，它现在停着，继续之后才提交。", **numbers))
    if train.status == TrainStatus.DONE:
        return str(_("%(count)d 个由批量发布 %(version)s 提交，它会重新开始。", **numbers))
    return str(_("%(count)d 个由批量发布 %(version)s 按它的规则提交。", **numbers))


def told(done: Resubmitted) -> str:
    """What was begun, after the click."""
    parts = []
    if done.by_batch:
        parts.append(ngettext("%(num)d 个开始提交", "%(num)d 个开始提交", done.by_batch))
    if done.by_train:
        parts.append(ngettext("%(num)d 个交给批量发布提交", "%(num)d 个交给批量发布提交", done.by_train))
    if done.beyond:
        parts.append(ngettext("%(num)d 个额度不够，留在驳回台", "%(num)d 个额度不够，留在驳回台", done.beyond))
    return str(_("；").join(parts))


def bars(counts: Sequence[int], label: str) -> Markup:
    """A picture of a row of counts, one thin bar each; `label` says in words what it shows."""
    most, width = max([*counts, 1]), len(counts) * 4 - 1
    drawn = "".join(
        f'<rect x="{number * 4}" y="{24 - height}" width="3" height="{height}"/>'
        for number, count in enumerate(counts)
        if (height := max(2, round(24 * count / most)) if count else 1)
    )
    return Markup('<svg class="spark" viewBox="0 0 {0} 24" role="img" aria-label="{1}">{2}</svg>').format(
        width,
        escape(label),
        Markup(drawn),  # noqa: S704 - numbers only
    )


def month(counts: Sequence[int]) -> Markup:
    """The bars of the last days, with their sum."""
    text = _("最近 %(days)d 天 %(count)d 次", days=rejects.DAYS, count=sum(counts))
    return bars(counts, text) + Markup('<small class="text-secondary">{0}</small>').format(text)
