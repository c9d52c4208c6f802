"""Service categories of mini programs (服务类目): what is set, and the reviews of those that need papers.

What holds stands in `account.categories`, where audits and the profile read it; `category_review` keeps the papers.
"""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox.category_tree import Category, all_categories
from saas.sandbox.components import Unusable
from saas.sandbox.people import get_account
from saas.sandbox.pushes import push_message
from saas.sandbox.state import Db, Row, one, rows, to_json

ADDITIONS_A_MONTH = 5
MOST = 20
IN_REVIEW, REJECTED, APPROVED = 1, 2, 3
DEFAULT_REASON = "证件照片不清晰，请重新上传"


def list_set(db: Db, account: Row) -> list[dict[str, Any]]:
    """What is set, as `getcategory` answers it: what holds, then what is in review or was rejected."""
    held = {(kept["first_id"], kept["second_id"]): kept for kept in json.loads(account["categories"])}
    approved = [
        {
            "first": first,
            "first_name": kept["first_class"],
            "second": second,
            "second_name": kept["second_class"],
            "audit_status": APPROVED,
            "audit_reason": "",
        }
        for (first, second), kept in held.items()
    ]
    others = "select * from category_review where account = ? and status != ? order by submitted_at, rowid"
    return approved + [
        {
            "first": review["first"],
            "second": review["second"],
            **_words(review),
            "audit_status": review["status"],
            "audit_reason": review["reason"],
        }
        for review in rows(db, others, account["appid"], APPROVED)
    ]


def add(db: Db, now: float, component: str, appid: str, category: Category, papers: dict[str, str]) -> None:
    """Set a category: at once, or after a review where it needs papers. `papers` are media ids by name."""
    if category.papers:
        submit(db, now, component, appid, category, papers)
    else:
        _hold(db, appid, category)


def submit(db: Db, now: float, component: str, appid: str, category: Category, papers: dict[str, str]) -> None:
    """Open a review, also of a category that was rejected."""
    db.execute(
        "insert or replace into category_review (account, first, second, component, papers, status, submitted_at) "
        "values (?, ?, ?, ?, ?, ?, ?)",
        (appid, category.first, category.second, component, to_json(papers), IN_REVIEW, now),
    )


def remove(db: Db, appid: str, first: int, second: int) -> None:
    account = get_account(db, appid)
    kept = json.loads(account["categories"]) if account else []
    left = [one for one in kept if (one["first_id"], one["second_id"]) != (first, second)]
    db.execute("update account set categories = ? where appid = ?", (to_json(left), appid))
    db.execute("delete from category_review where account = ? and first = ? and second = ?", (appid, first, second))


def decide(
    db: Db, now: float, appid: str, first: int, second: int, verdict: str, *, reason: str = "", push: bool = True
) -> None:
    """Approve or reject a category under review, and push the event (unless it is to be lost)."""
    found = "select * from category_review where account = ? and first = ? and second = ? and status = ?"
    review, account = one(db, found, appid, first, second, IN_REVIEW), get_account(db, appid)
    if review is None or account is None:
        raise Unusable("这个类目现在不在审核中")
    if verdict == "approve":
        reason, status = "", APPROVED
        _hold(db, appid, all_categories()[first, second])
    elif verdict == "reject":
        reason, status = reason or DEFAULT_REASON, REJECTED
    else:
        raise Unusable("verdict 应为 approve 或 reject")
    db.execute(
        "update category_review set status = ?, reason = ?, decided_at = ? "
        "where account = ? and first = ? and second = ?",
        (status, reason, now, appid, first, second),
    )
    if push:
        fields = {"ret": status, "first": first, "second": second, "reason": reason}
        push_message(db, review["component"], account, "wxa_category_audit", fields, now)


def list_reviews(db: Db, *, component: str = "", appid: str = "") -> list[dict[str, Any]]:
    """Open ones first, then the newest, with the names of mini program and category."""
    found = rows(
        db,
        "select category_review.*, account.nick_name, account.principal_name from category_review "
        "join account on account.appid = category_review.account where ? in ('', component) and ? in ('', account) "
        "order by status != ?, submitted_at desc limit 100",
        component,
        appid,
        IN_REVIEW,
    )
    return [dict(review) | _words(review) for review in found]


def _hold(db: Db, appid: str, category: Category) -> None:
    account = get_account(db, appid)
    kept = json.loads(account["categories"]) if account else []
    kept.append(
        {
            "first_class": category.first_name,
            "second_class": category.second_name,
            "first_id": category.first,
            "second_id": category.second,
        }
    )
    db.execute("update account set categories = ? where appid = ?", (to_json(kept), appid))


def _words(review: Row) -> dict[str, str]:
    category = all_categories()[review["first"], review["second"]]
    return {"first_name": category.first_name, "second_name": category.second_name}
