"""Draft box and template library (代码模板库)."""

from __future__ import annotations

from typing import Any

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.drafts import list_drafts, list_templates
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, next_number, one, scalar

LIBRARY_SIZE = 200


@plays("getTemplatedRaftList")
def get_template_draft_list(call: Call) -> Answer:
    drafts = list_drafts(call.db, call.component_appid)
    return {"draft_list": [_described(draft) | {"draft_id": draft["id"]} for draft in drafts]}


@plays("addToTemplate")
def add_to_template(call: Call) -> Answer:
    draft = one(
        call.db, "select * from draft where id = ? and component = ?", call.body["draft_id"], call.component_appid
    )
    if draft is None:
        raise Refused(85064)
    if scalar(call.db, "select count(*) from template where component = ?", call.component_appid) >= LIBRARY_SIZE:
        raise Refused(85065)
    call.db.execute(
        "insert into template (id, component, draft, source_appid, source_name, user_version, user_desc, developer, "
        "pages, privacy, created_at) select ?, component, id, source_appid, source_name, user_version, user_desc, "
        "developer, pages, privacy, created_at from draft where id = ?",
        (next_number(call.db, "template", 38), draft["id"]),
    )
    return None


@plays("getTemplateList")
def get_template_list(call: Call) -> Answer:
    templates = [] if call.query.get("template_type") == 1 else list_templates(call.db, call.component_appid)
    return {
        "template_list": [
            _described(template) | {"template_id": template["id"], "draft_id": template["draft"], "template_type": 0}
            for template in templates
        ]
    }


@plays("deleteTemplate")
def delete_template(call: Call) -> Answer:
    gone = call.db.execute(
        "delete from template where id = ? and component = ?", (call.body["template_id"], call.component_appid)
    )
    if not gone.rowcount:
        raise Refused(85064)
    return None


def _described(row: Row) -> dict[str, Any]:
    return {
        "create_time": int(row["created_at"]),
        "user_version": row["user_version"],
        "user_desc": row["user_desc"],
        "source_miniprogram_appid": row["source_appid"],
        "source_miniprogram": row["source_name"],
        "developer": row["developer"],
        "category_list": [],
    }
