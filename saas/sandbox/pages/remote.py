"""Control over JSON: what tests and the journey do to the sandbox. The table is in README.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from saas.sandbox import (
    applications,
    audits,
    authorizations,
    categories,
    certifications,
    components,
    drafts,
    faults,
    filing_sms,
    filings,
    hosts,
    mistakes,
    names,
    penalties,
    people,
    plugins,
    pushes,
    service_accounts,
    sign_ins,
    verify_tasks,
)
from saas.sandbox.pusher import push_ticket, stop_tickets
from saas.sandbox.release_check import read_results, start_release_check
from saas.sandbox.state import Db, one, put_setting, rows
from saas.sandbox.world import World, here

pages = Blueprint("control", __name__, url_prefix="/control")
Deed = Callable[[World, Db, dict[str, Any]], Any]


def _post(path: str) -> Callable[[Deed], Deed]:
    return _route(path, "POST")


def _get(path: str) -> Callable[[Deed], Deed]:
    return _route(path, "GET")


def _route(path: str, method: str) -> Callable[[Deed], Deed]:
    """Bind a deed to an address: its arguments are the JSON body, or the query."""

    def bind(deed: Deed) -> Deed:
        def view() -> ResponseReturnValue:
            given = request.get_json(silent=True) or {} if method == "POST" else request.args.to_dict()
            world = here()
            try:
                with world.state.turn() as db:
                    answer = deed(world, db, given)
            except KeyError as missing:
                return {"error": f"缺少 {missing.args[0]}"}, 400
            except (components.Unusable, ValueError) as error:
                return {"error": str(error)}, 400
            world.pusher.wake()
            return {"ok": True} if answer is None else answer

        pages.add_url_rule(path, endpoint=deed.__name__.strip("_"), view_func=view, methods=[method])
        return deed

    return bind


@_get("/components")
def _components(_world: World, db: Db, _given: dict[str, Any]) -> Any:
    return {"components": components.list_components(db)}


@_post("/components")
def _save_component(world: World, db: Db, given: dict[str, Any]) -> Any:
    return components.save_component(db, world.now(), given)


@_post("/ticket")
def _ticket(world: World, db: Db, given: dict[str, Any]) -> Any:
    component = components.get_component(db, given["component_appid"])
    return {"ticket": push_ticket(db, component["appid"], world.now())}


@_post("/ticket/stop")
def _ticket_stop(_world: World, db: Db, given: dict[str, Any]) -> Any:
    stop_tickets(db, given["component_appid"])


@_post("/drafts")
def _draft(world: World, db: Db, given: dict[str, Any]) -> Any:
    component = components.get_component(db, given.pop("component_appid"))
    return {"draft_id": drafts.add_draft(db, world.now(), component["appid"], **given)}


@_post("/sign_in_apps")
def _save_sign_in_app(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return sign_ins.save_app(db, given)


@_post("/message_templates")
def _save_message_template(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return service_accounts.save_template(db, given)


@_post("/followers")
def _set_following(_world: World, db: Db, given: dict[str, Any]) -> Any:
    person = people.find_person(db, str(given["person"]))
    service_accounts.set_following(db, str(given["appid"]), person["id"], follows=bool(given.get("follows", True)))


@_post("/sign_in_apps/void_tokens")
def _void_service_tokens(_world: World, db: Db, given: dict[str, Any]) -> Any:
    service_accounts.void_tokens(db, str(given["appid"]))


@_get("/service_messages")
def _service_messages(_world: World, db: Db, given: dict[str, Any]) -> Any:
    person = people.find_person(db, str(given["person"]))
    return {"messages": service_accounts.messages_of(db, person["id"])}


@_get("/people")
def _people(_world: World, db: Db, _given: dict[str, Any]) -> Any:
    return {"people": [dict(person) for person in people.list_people(db)]}


@_get("/accounts")
def _accounts(_world: World, db: Db, given: dict[str, Any]) -> Any:
    found = rows(
        db,
        "select account.*, person.name as owner from account join person on person.id = account.person "
        "where ? in ('', person.name) and ? in ('', account.nick_name) order by account.rowid limit 500",
        given.get("owner", ""),
        given.get("nick_name", ""),
    )
    return {"accounts": [dict(account) for account in found]}


@_post("/accounts")
def _add_account(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return {"appid": people.add_account(db, given.pop("owner"), **given)}


@_post("/accounts/change")
def _change_account(_world: World, db: Db, given: dict[str, Any]) -> Any:
    people.change_account(db, given.pop("appid"), given)


@_post("/accounts/secret")
def _renew_app_secret(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return {"appsecret": people.renew_app_secret(db, given["appid"])}


@_post("/accounts/seed")
def _seed(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return {"appids": people.seed_accounts(db, int(given["count"]))}


@_post("/fleet")
def _fleet(world: World, db: Db, given: dict[str, Any]) -> Any:
    component = components.as_dict(components.get_component(db, given["component_appid"]))
    appids = given.get("appids") or people.seed_accounts(db, int(given["count"]))
    sets = given.get("permission_sets") or component["permission_sets"]
    exchanged = bool(given.get("exchanged", True))
    authorizations.authorize_fleet(db, world.now(), component["appid"], appids, sets, exchanged=exchanged)
    return {"appids": appids}


@_post("/authorize")
def _authorize(world: World, db: Db, given: dict[str, Any]) -> Any:
    component = components.as_dict(components.get_component(db, given["component_appid"]))
    if people.get_account(db, given["appid"]) is None:
        raise components.Unusable(f"没有这个小程序：{given['appid']}")
    code = authorizations.authorize(
        db,
        world.now(),
        component["appid"],
        given["appid"],
        given.get("permission_sets") or component["permission_sets"],
        pre_auth_code=given.get("pre_auth_code", ""),
        push=bool(given.get("push", True)),
    )
    return {"auth_code": code}


@_post("/unauthorize")
def _unauthorize(world: World, db: Db, given: dict[str, Any]) -> Any:
    push = bool(given.get("push", True))
    return {"revoked": authorizations.revoke(db, world.now(), given["component_appid"], given["appid"], push=push)}


@_get("/audits")
def _audits(_world: World, db: Db, given: dict[str, Any]) -> Any:
    found = audits.list_audits(db, component=given.get("component_appid", ""), appid=given.get("appid", ""))
    return {"audits": [dict(audit) for audit in found]}


@_post("/audits")
def _decide(world: World, db: Db, given: dict[str, Any]) -> Any:
    audits.decide(
        db,
        world.now(),
        int(given["auditid"]),
        given["verdict"],
        reason=given.get("reason", ""),
        pictures=int(given.get("screenshots", 1)),
        push=bool(given.get("push", True)),
    )


@_get("/releases")
def _releases(_world: World, db: Db, given: dict[str, Any]) -> Any:
    found = audits.list_releases(db, given["component_appid"])
    return {"releases": [dict(release) for release in found]}


@_get("/applications")
def _applications(_world: World, db: Db, given: dict[str, Any]) -> Any:
    component, appid = given.get("component_appid", ""), given.get("appid", "")
    found = applications.list_applications(db, component=component, appid=appid)
    return {"applications": [dict(application) for application in found]}


@_post("/applications")
def _decide_application(world: World, db: Db, given: dict[str, Any]) -> Any:
    applications.decide(
        db,
        world.now(),
        int(given["id"]),
        given["verdict"],
        reason=given.get("reason", ""),
        push=bool(given.get("push", True)),
    )


@_post("/plugins")
def _add_plugin(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return {"appid": plugins.add_plugin(db, **given)}


@_post("/penalties")
def _add_penalty(world: World, db: Db, given: dict[str, Any]) -> Any:
    return {"id": penalties.add_penalty(db, world.now(), given.pop("appid"), **given)}


@_post("/penalties/lift")
def _lift_penalty(_world: World, db: Db, given: dict[str, Any]) -> Any:
    penalties.lift_penalty(db, given["penalty"])


@_post("/appeals")
def _appeal(world: World, db: Db, given: dict[str, Any]) -> Any:
    if "penalty" in given:
        return {"id": penalties.add_appeal(db, world.now(), given.pop("penalty"), **given)}
    return penalties.decide_appeal(db, world.now(), int(given["id"]), int(given["status"]), given.get("reason", ""))


@_post("/hosts")
def _change_host(_world: World, db: Db, given: dict[str, Any]) -> Any:
    hosts.change_host(db, given.pop("host"), **given)


@_get("/names")
def _names(_world: World, db: Db, given: dict[str, Any]) -> Any:
    found = names.list_reviews(db, component=given.get("component_appid", ""), appid=given.get("appid", ""))
    return {"names": [dict(review) for review in found]}


@_post("/names")
def _decide_name(world: World, db: Db, given: dict[str, Any]) -> Any:
    number, reason, push = int(given["audit_id"]), given.get("reason", ""), bool(given.get("push", True))
    names.decide(db, world.now(), number, given["verdict"], reason=reason, push=push)


@_post("/certifications")
def _go_on_certifying(world: World, db: Db, given: dict[str, Any]) -> Any:
    taskid = _newest(db, "certification", given["appid"])
    if "step" in given:
        certifications.take_step(db, world.now(), taskid, given["step"])
    else:
        certifications.decide(db, world.now(), taskid, given["verdict"], given.get("reason", ""))


@_get("/filings")
def _filings(world: World, db: Db, given: dict[str, Any]) -> Any:
    found = [
        {
            **dict(filing),
            "stage": filings.stage(filing),
            "messages": [dict(sms) for sms in filing_sms.list_waiting(db, world.now(), filing["account"])],
        }
        for filing in filings.list_filings(db, world.now(), given.get("appid", ""))
    ]
    return {"filings": found}


@_post("/filings")
def _decide_filing(world: World, db: Db, given: dict[str, Any]) -> Any:
    filings.decide(db, world.now(), given["appid"], given["verdict"], given.get("reasons"))


@_post("/face_check")
def _answer_face_check(world: World, db: Db, given: dict[str, Any]) -> Any:
    task_id = _newest(db, "verify_task", given["appid"])
    if given["answer"] == "pass":
        verify_tasks.pass_all_steps(db, world.now(), task_id)
    else:
        verify_tasks.take_step(db, world.now(), task_id, given["answer"])


@_post("/sms")
def _answer_sms(world: World, db: Db, given: dict[str, Any]) -> Any:
    waiting = filing_sms.list_waiting(db, world.now(), given["appid"])
    code = given.get("code")
    return {"said": [filings.answer_sms(db, world.now(), sms["id"], code or sms["code"]) for sms in waiting]}


@_get("/categories")
def _categories(_world: World, db: Db, given: dict[str, Any]) -> Any:
    component, appid = given.get("component_appid", ""), given.get("appid", "")
    return {"categories": categories.list_reviews(db, component=component, appid=appid)}


@_post("/categories")
def _decide_category(world: World, db: Db, given: dict[str, Any]) -> Any:
    first, second = int(given["first"]), int(given["second"])
    reason, push = given.get("reason", ""), bool(given.get("push", True))
    categories.decide(db, world.now(), given["appid"], first, second, given["verdict"], reason=reason, push=push)


@_get("/counts")
def _counts(_world: World, db: Db, given: dict[str, Any]) -> Any:
    component, appid = given.get("component_appid", ""), given.get("appid", "")
    counts: dict[str, int] = {}
    by_appid: dict[str, dict[str, int]] = {}
    refused: dict[str, dict[str, int]] = {}
    for row in rows(db, "select * from tally where ? in ('', component) and ? in ('', account)", component, appid):
        name = row["operation"]
        if row["errcode"]:
            refused.setdefault(name, {})
            refused[name][str(row["errcode"])] = refused[name].get(str(row["errcode"]), 0) + row["n"]
            continue
        counts[name] = counts.get(name, 0) + row["n"]
        if row["account"]:
            by_appid.setdefault(row["account"], {})[name] = row["n"]
    return {"counts": counts, "by_appid": by_appid, "refused": refused}


@_post("/counts/reset")
def _reset_counts(_world: World, db: Db, _given: dict[str, Any]) -> Any:
    db.execute("delete from tally")


@_post("/faults")
def _fault(_world: World, db: Db, given: dict[str, Any]) -> Any:
    if given["kind"] not in faults.CALL_FAULTS:
        raise ValueError(f"kind: {', '.join(faults.CALL_FAULTS)}")
    faults.add_call_fault(
        db,
        operation=given.get("operation", "*"),
        kind=given["kind"],
        appid=given.get("appid", ""),
        errcode=int(given.get("errcode", 0)),
        errmsg=given.get("errmsg", ""),
        seconds=float(given.get("seconds", 0)),
        times=int(given.get("times", 1)),
    )


@_post("/faults/clear")
def _clear_faults(_world: World, db: Db, _given: dict[str, Any]) -> Any:
    faults.clear_faults(db)


@_post("/push_faults")
def _push_fault(_world: World, db: Db, given: dict[str, Any]) -> Any:
    if given["kind"] not in faults.PUSH_FAULTS:
        raise ValueError(f"kind: {', '.join(faults.PUSH_FAULTS)}")
    faults.add_push_fault(
        db,
        component=given["component_appid"],
        kind=given["kind"],
        event=given.get("event", "*"),
        times=int(given.get("times", 1)),
    )


@_post("/tokens/void")
def _void_tokens(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return {"tokens": authorizations.void_tokens(db, given["component_appid"], given.get("appid", ""))}


@_post("/refresh_tokens/void")
def _void_refresh_token(_world: World, db: Db, given: dict[str, Any]) -> Any:
    authorizations.void_refresh_token(
        db, given["component_appid"], given["appid"], renew=bool(given.get("renew", True))
    )


@_get("/pushes")
def _pushes(_world: World, db: Db, given: dict[str, Any]) -> Any:
    component = given.get("component_appid", "")
    found = pushes.list_pushes(db, component=component, name=given.get("name", ""), limit=500)
    return {"pushes": [dict(push) for push in found], "waiting": pushes.count_waiting(db, component)}


@_post("/pushes/repeat")
def _repeat(_world: World, db: Db, given: dict[str, Any]) -> Any:
    pushes.repeat_push(db, int(given["push"]), forged=bool(given.get("forged")))


@_get("/mistakes")
def _mistakes(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return {"mistakes": [dict(row) for row in mistakes.list_mistakes(db, given.get("component_appid", ""))]}


@_post("/mistakes/reset")
def _reset_mistakes(_world: World, db: Db, _given: dict[str, Any]) -> Any:
    mistakes.forget(db)


@_get("/messages")
def _messages(_world: World, db: Db, _given: dict[str, Any]) -> Any:
    return {"messages": [dict(row) for row in rows(db, "select * from custom_message order by id desc limit 100")]}


@_post("/settings")
def _settings(_world: World, db: Db, given: dict[str, Any]) -> Any:
    for key, value in given.items():
        put_setting(db, key, str(value))


@_post("/clock")
def _clock(world: World, _db: Db, given: dict[str, Any]) -> Any:
    offset = world.clock.reset() if given.get("reset") else world.clock.move(float(given["seconds"]))
    return {"offset": offset, "now": world.now()}


@_post("/release_check")
def _release_check(world: World, db: Db, given: dict[str, Any]) -> Any:
    start_release_check(world, db, components.get_component(db, given["component_appid"]))


@_get("/release_check")
def _release_check_results(_world: World, db: Db, given: dict[str, Any]) -> Any:
    return read_results(db, given["component_appid"])


def _newest(db: Db, table: str, appid: str) -> str:
    """The key of a mini program's last task."""
    row = one(db, f"select * from {table} where account = ? order by rowid desc limit 1", appid)
    if row is None:
        raise components.Unusable("没有任务")
    return str(row[0])
