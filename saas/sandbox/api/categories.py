"""Categories of a mini program that was registered by API (类目管理)."""

from __future__ import annotations

from typing import Any

from saas.sandbox import budgets, categories
from saas.sandbox.api.media import find_media
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.category_tree import ENTERPRISE, INDIVIDUAL, Category, all_categories, categories_of, first_levels
from saas.sandbox.people import is_individual, is_made_by_api
from saas.sandbox.refusals import Refused

_NO_PAPERS: dict[str, Any] = {"exter_list": [], "remark": ""}


@plays("getAllCategories")
def get_all_categories(call: Call) -> Answer:
    _check_made_by_api(call)
    return _tree(call, _kind(call))


@plays("getAllCategoriesByType")
def get_categories_by_type(call: Call) -> Answer:
    _check_made_by_api(call)
    return _tree(call, call.body.get("verify_type", INDIVIDUAL))


@plays("getSettingCategories")
def get_setting_categories(call: Call) -> Answer:
    _check_made_by_api(call)
    return {
        "categories": categories.list_set(call.db, call.program),
        "limit": categories.ADDITIONS_A_MONTH,
        "quota": _left(call),
        "category_limit": categories.MOST,
    }


@plays("addCategory")
def add_category(call: Call) -> Answer:
    """All of them or none."""
    _check_made_by_api(call)
    given = call.body["categories"]
    wanted = [(_find(call, entry), entry.get("certicates", [])) for entry in given]
    if not wanted:
        raise Refused(53303)
    before = [(kept["first"], kept["second"]) for kept in categories.list_set(call.db, call.program)]
    after = before + [(category.first, category.second) for category, _ in wanted]
    if len(set(after)) < len(after):
        raise Refused(53304)
    if len(after) > categories.MOST:
        raise Refused(53301)
    if len(wanted) > _left(call):
        raise Refused(53300)
    for category, papers in [(category, _read_papers(call, category, papers)) for category, papers in wanted]:
        categories.add(call.db, call.now, call.component_appid, call.appid, category, papers)
        budgets.spend(call.db, call.now, "category", call.appid)
    return None


@plays("deleteCategory")
def delete_category(call: Call) -> Answer:
    _check_made_by_api(call)
    status = _status(call)
    if status is None:
        raise Refused(53303)
    if status == categories.IN_REVIEW:
        raise Refused(53308)
    categories.remove(call.db, call.appid, call.body["first"], call.body["second"])
    return None


@plays("modifyCategory")
def modify_category(call: Call) -> Answer:
    """New papers for a rejected category; spends no addition."""
    _check_made_by_api(call)
    status = _status(call)
    if status is None:
        raise Refused(53306)
    if status != categories.REJECTED:
        raise Refused(53307)
    category = _find(call, call.body)
    papers = _read_papers(call, category, call.body["certicates"])
    categories.submit(call.db, call.now, call.component_appid, call.appid, category, papers)
    return None


def _check_made_by_api(call: Call) -> None:
    if not is_made_by_api(call.program):
        raise Refused(41033)


def _kind(call: Call) -> int:
    return INDIVIDUAL if is_individual(call.program) else ENTERPRISE


def _left(call: Call) -> int:
    return categories.ADDITIONS_A_MONTH - budgets.spent_this_month(call.db, call.now, "category", call.appid)


def _status(call: Call) -> int | None:
    """How the category of the body stands; None when it is not set."""
    ids = call.body["first"], call.body["second"]
    found = categories.list_set(call.db, call.program)
    return next((kept["audit_status"] for kept in found if (kept["first"], kept["second"]) == ids), None)


def _find(call: Call, entry: dict[str, Any]) -> Category:
    category = all_categories().get((entry["first"], entry["second"]))
    if category is None:
        raise Refused(53303)
    if _kind(call) not in category.kinds:
        raise Refused(53302)
    return category


def _read_papers(call: Call, category: Category, certicates: list[dict[str, Any]]) -> dict[str, str]:
    """Media ids by the paper's name: at least one whole set of what the category needs."""
    papers = {paper["key"]: paper["value"] for paper in certicates}
    known = {name for names in category.papers for name in names}
    if not papers.keys() <= known:
        raise Refused(53303)
    if category.papers and not any(papers.keys() >= set(names) for names in category.papers):
        raise Refused(53311)
    for media_id in papers.values():
        find_media(call, media_id, "temporary")
    return papers


def _tree(call: Call, kind: int) -> Answer:
    """A flat list: the root, then each first level with its children."""
    levels = first_levels(categories_of(kind))
    flat: list[dict[str, Any]] = [{"id": 0, "children": list(levels), "qualify": _NO_PAPERS}]
    for first, children in levels.items():
        ids = [category.second for category in children]
        flat.append(_node(first, children[0].first_name, 1, 0, ids, _NO_PAPERS))
        flat += [_node(one.second, one.second_name, 2, first, [], _qualify(call, one)) for one in children]
    return {"categories_list": {"categories": flat}}


def _node(
    number: int, name: str, level: int, father: int, children: list[int], qualify: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "level": level,
        "father": father,
        "children": children,
        "sensitive_type": int(bool(qualify["exter_list"])),
        "qualify": qualify,
    }


def _qualify(call: Call, category: Category) -> dict[str, Any]:
    sample = f"{call.world.public_url}/samples/paper.png"
    sets = [{"inner_list": [{"name": name, "url": sample} for name in names]} for names in category.papers]
    return {"exter_list": sets, "remark": ""}
