"""The console of open.weixin.qq.com: component apps, their settings, draft box and release check."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import budgets
from saas.sandbox.authorizations import count_authorizations
from saas.sandbox.components import Unusable, as_dict, get_component, list_components, save_component
from saas.sandbox.drafts import DEFAULT_PAGES, add_draft, list_drafts, list_templates
from saas.sandbox.pusher import push_ticket
from saas.sandbox.release_check import read_results, start_release_check
from saas.sandbox.world import here

pages = Blueprint("console", __name__, url_prefix="/console")
_TEXTS = ("name", "secret", "token", "aes_key", "events_url", "messages_url", "start_domain")


@pages.get("")
def index() -> ResponseReturnValue:
    with here().state.turn() as db:
        return render_template(
            "console.html", components=list_components(db), said=request.args.get("said", ""), form=request.args
        )


@pages.post("")
def create() -> ResponseReturnValue:
    try:
        appid = _save(request.form.get("appid", "").strip())
    except Unusable as error:
        return redirect(url_for("console.index", said=str(error)), 303)
    return redirect(url_for("console.component", appid=appid, said="已创建"), 303)


@pages.get("/<appid>")
def component(appid: str) -> ResponseReturnValue:
    world = here()
    try:
        with world.state.turn() as db:
            found = get_component(db, appid)
            return render_template(
                "component.html",
                component=as_dict(found),
                drafts=list_drafts(db, appid),
                templates=list_templates(db, appid),
                authorized=count_authorizations(db, appid),
                audits_spent=budgets.spent_this_month(db, world.now(), "audit", appid),
                check=read_results(db, appid),
                default_pages="\n".join(DEFAULT_PAGES),
                said=request.args.get("said", ""),
            )
    except Unusable as error:
        return redirect(url_for("console.index", said=str(error)), 303)


@pages.post("/<appid>")
def edit(appid: str) -> ResponseReturnValue:
    try:
        _save(appid)
        said = "已保存"
    except (Unusable, ValueError) as error:
        said = str(error)
    return redirect(url_for("console.component", appid=appid, said=said), 303)


@pages.post("/<appid>/ticket")
def ticket(appid: str) -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        push_ticket(db, appid, world.now())
    world.pusher.wake()
    return _back(appid, "票据已推送，结果见“推送”")


@pages.post("/<appid>/drafts")
def draft(appid: str) -> ResponseReturnValue:
    world = here()
    form = request.form
    with world.state.turn() as db:
        add_draft(
            db,
            world.now(),
            appid,
            user_version=form.get("user_version", "").strip() or "1.0.0",
            user_desc=form.get("user_desc", "").strip(),
            developer=form.get("developer", "").strip() or "小林",
            source_name=form.get("source_name", "").strip() or "门店模板开发版",
            pages=form.get("pages", "").split() or DEFAULT_PAGES,
            privacy=form.get("privacy", "").split(),
        )
    return _back(appid, "草稿已上传到草稿箱")


@pages.post("/<appid>/release_check")
def release_check(appid: str) -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        start_release_check(world, db, get_component(db, appid))
    return _back(appid, "检测已开始，几秒后刷新看结果")


def _save(appid: str) -> str:
    world = here()
    form = request.form
    given: dict[str, Any] = {name: form[name].strip() for name in _TEXTS if form.get(name) is not None}
    for name in ("secret", "token", "aes_key", "name"):
        if not given.get(name):
            given.pop(name, None)
    for name in ("audit_limit", "speedup_limit"):
        if form.get(name, "").isdigit():
            given[name] = int(form[name])
    if "ip_whitelist" in form:
        given["ip_whitelist"] = form["ip_whitelist"].split()
    if "permission_sets" in form:
        given["permission_sets"] = [int(number) for number in form["permission_sets"].replace(",", " ").split()]
    with world.state.turn() as db:
        saved = save_component(db, world.now(), given | {"appid": appid})
    world.pusher.wake()
    return str(saved["appid"])


def _back(appid: str, said: str) -> ResponseReturnValue:
    return redirect(url_for("console.component", appid=appid, said=said), 303)
