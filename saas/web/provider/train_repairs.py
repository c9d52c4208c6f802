"""What is offered for failures of one cause: the action that puts it right, with all whom it met already chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from flask import current_app, g, url_for

from saas.errors import N_, NotFound
from saas.programs.listing import MOST_SELECTED
from saas.trains import progress
from saas.trains.access import get_train
from saas.trains.causes import Cause, Remedy
from saas.trains.models import ProgramState, Train, TrainStepName
from saas.trains.progress import Group, LeftOut, Places
from saas.web.provider.sources import Source, draw_from, named_url
from saas.wx.permissions import DEVELOPMENT

SOURCE = "train"
_NAMES = ("train", "state", "wave", "reason", "step", "errcode", "operation", "error")


@dataclass(frozen=True)
class Way:
    """A way to put a cause right; `label` is a msgid. An `action` takes all mini programs of the group along, a `page`
    needs what `of` names: the train, its template or its component app."""

    label: str
    action: str = ""
    page: str = ""
    of: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


WAYS: Mapping[Remedy, tuple[Way, ...]] = {
    Remedy.AUTHORIZE: (Way(N_("生成授权链接"), action="renew_link", values={"lacking": "all"}),),
    Remedy.PERMIT: (Way(N_("生成补授权链接"), action="renew_link", values={"lacking": str(DEVELOPMENT)}),),
    Remedy.UNFREEZE: (Way(N_("重新读取资料"), action="profile"),),
    Remedy.VALUES: (
        Way(N_("逐个补充变量的值"), page="provider.fill_train_values", of="train"),
        Way(N_("查看模板的变量"), page="provider.edit_variables", of="template"),
    ),
    Remedy.TEMPLATE: (Way(N_("查看模板"), page="provider.edit_template", of="template"),),
    Remedy.PROFILE: (
        Way(N_("修改介绍"), action="introduction"), Way(N_("修改头像"), action="avatar"),
        Way(N_("重新读取资料"), action="profile"),
    ),
    Remedy.CATEGORIES: (Way(N_("添加类目"), action="category"), Way(N_("重新读取代码状态"), action="code_state")),
    Remedy.CODE_STATE: (Way(N_("读取代码状态"), action="code_state"),),
    Remedy.PRIVACY: (Way(N_("套用隐私模板"), action="privacy_template"),),
    Remedy.INTERFACES: (
        Way(N_("申请地理位置接口"), action="privacy_interface"), Way(N_("套用隐私模板"), action="privacy_template"),
    ),
    Remedy.DOMAINS: (
        Way(N_("设置域名"), action="domains"),
        Way(N_("第三方平台的域名"), page="provider.show_component_domains", of="component"),
    ),
    Remedy.CERTIFY: (Way(N_("发起认证"), action="certification_start"),),
    Remedy.FILE: (Way(N_("从模板建立备案草稿"), action="filing_template"),),
    Remedy.OTHER_AUDIT: (Way(N_("撤回正在审核的版本"), action="undo"),),
    Remedy.PHASED: (Way(N_("取消灰度发布"), action="phase_cancel"),),
    Remedy.REJECTED: (Way(N_("去处理驳回"), page="provider.list_rejects", of="nothing"),),
    Remedy.QUOTA: (Way(N_("调整保留的次数"), page="provider.adjust_train", of="train"),),
    Remedy.COMPONENT: (Way(N_("检查第三方平台"), page="provider.show_component", of="component"),),
    Remedy.BARRED: (Way(N_("检查第三方平台"), page="provider.show_component", of="component"),),
    Remedy.LIMIT: (),
    Remedy.RETRY: (),
}  # fmt: skip

HINTS: Mapping[Remedy, str] = {
    Remedy.AUTHORIZE: N_("商家重新授权后自动继续，不影响其他小程序。"),
    Remedy.PERMIT: N_("商家补齐权限后自动继续，不影响其他小程序。"),
    Remedy.UNFREEZE: N_("冻结解除后自动继续；如果是违规处罚，解除后请重试。不影响其他小程序。"),
    Remedy.QUOTA: N_("额度恢复后自动继续。"),
    Remedy.COMPONENT: N_("第三方平台恢复后自动继续。"),
    Remedy.LIMIT: N_("次数恢复后再重试。"),
}


@dataclass(frozen=True)
class Offer:
    """A way for one group, as a link; `label` is a msgid."""

    label: str
    url: str


@dataclass(frozen=True)
class Row:
    """A group of failures, or of those left out, as the page of the train shows it. `parts` name it in an address."""

    group: Group | LeftOut
    parts: dict[str, Any]
    offers: list[Offer]
    all_actions: str
    hint: str


def rows_of(train: Train, groups: Iterable[Group | LeftOut]) -> list[Row]:
    """Each group with the ways that are open for it, the best first."""
    rows = []
    for group in groups:
        places = Places(cause=group.cause) if isinstance(group, Group) else Places(reason=group.reason)
        found = [(way, _url(train, places, way)) for way in WAYS[group.remedy]]
        offers = [Offer(way.label, url) for way, url in found if url]
        rows.append(Row(group, place_parts(places), offers, selection_url(train, places), HINTS.get(group.remedy, "")))
    return rows


def selection_url(train: Train, places: Places) -> str:
    """All actions, for some mini programs of a train."""
    return named_url("provider.choose_action", SOURCE, {"train": train.id, **place_parts(places)})


def place_parts(places: Places) -> dict[str, Any]:
    """What an address carries of them."""
    parts = {"state": places.state, "wave": places.wave_id, "reason": places.reason}
    kept = {name: value for name, value in parts.items() if value}
    return kept | (cause_parts(places.cause) if places.cause else {})


def cause_parts(cause: Cause) -> dict[str, Any]:
    """A cause in a form or an address."""
    parts: dict[str, Any] = {"step": cause.step.value, "operation": cause.operation, "error": cause.error}
    return parts if cause.errcode is None else parts | {"errcode": cause.errcode}


def read_cause(given: Mapping[str, str]) -> Cause | None:
    """The cause that a form or an address names."""
    if given.get("step") not in set(TrainStepName):
        return None
    code = given.get("errcode", "")
    errcode = int(code) if code.removeprefix("-").isdecimal() and len(code) < 10 else None
    return Cause(TrainStepName(given["step"]), errcode, given.get("operation", ""), given.get("error", ""))


def read_whole_cause(given: Mapping[str, str]) -> Cause | None:
    """As `read_cause`, for what changes something: None only where no cause is named, NotFound where one is that makes
    no sense, for without it all failures would be meant."""
    cause = read_cause(given)
    named = {name: given[name] for name in ("step", "errcode", "operation", "error") if given.get(name)}
    read = {name: str(value) for name, value in cause_parts(cause).items() if value != ""} if cause else {}
    if named != read:
        raise NotFound()
    return cause


def read_whole_places(given: Mapping[str, str]) -> Places:
    """As `read_places`, for what is done to all of them: NotFound where a part makes no sense."""
    places, state, wave = read_places(given), given.get("state", ""), given.get("wave", "")
    text = given.get("q", "").strip()
    understood = (places.state == state, not wave or places.wave_id is not None, places.text == text)
    if not all(understood):
        raise NotFound()
    return replace(places, cause=read_whole_cause(given))


def read_places(given: Mapping[str, str]) -> Places:
    """Which of a train's mini programs an address asks for; what makes no sense is left out."""
    state, wave = given.get("state", ""), given.get("wave", "")
    return Places(
        state if state in set(ProgramState) else "", _id(wave), read_cause(given), given.get("q", "").strip()[:100],
        given.get("reason", ""),
    )  # fmt: skip


def _url(train: Train, places: Places, way: Way) -> str:
    if way.action:
        parts = {"train": train.id, **place_parts(places)}
        return named_url("provider.start_action", SOURCE, parts, action=way.action, **way.values)
    if way.page not in current_app.view_functions:
        return ""
    values: dict[str, Any] = {
        "train": {"train_id": train.id},
        "template": {"template_id": train.template_row_id},
        "component": {"component_id": train.component_id},
        "nothing": {},
    }[way.of]
    return url_for(way.page, **values)


def _train(parts: Mapping[str, str]) -> Train:
    train_id = _id(parts.get("train", ""))
    if train_id is None:
        raise NotFound()
    return get_train(g.db, g.who, train_id)


def _program_ids(parts: Mapping[str, str]) -> list[UUID]:
    return progress.programs_at(g.db, _train(parts), read_whole_places(parts), MOST_SELECTED)


def _page(parts: Mapping[str, str]) -> str:
    return url_for("provider.show_train", train_id=_train(parts).id)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


draw_from(SOURCE, Source(_NAMES, _program_ids, _page))
