"""Names of mini programs (小程序名称): which one may have, and the reviews of those that need proof."""

from __future__ import annotations

import re
from enum import StrEnum

from saas.sandbox import budgets
from saas.sandbox.components import Unusable
from saas.sandbox.people import get_account
from saas.sandbox.pushes import push_message
from saas.sandbox.state import Db, Row, insert, next_number, one, rows, to_json

CHANGES_A_YEAR = 2
HELD_SECONDS = 15 * 86400
IN_REVIEW, REJECTED, APPROVED = 1, 2, 3
DEFAULT_REASON = "提交的材料与名称不对应"
_FORBIDDEN = ("小程序", "公众号", "微信", "腾讯", "wechat")
_PROOF = {
    "严选": "名称可能涉及品牌，请补充商标注册证",
    "旗舰": "名称可能涉及品牌，请补充商标注册证或品牌授权书",
    "官方": "名称可能使人误认为官方，请补充商标注册证或授权书",
    "中国": "名称含有国名，请补充有关部门的批准文件",
    "银行": "名称涉及金融机构，请补充《金融许可证》",
    "医院": "名称涉及医疗机构，请补充《医疗机构执业许可证》",
    "大学": "名称涉及学校，请补充《办学许可证》",
    "出版社": "名称涉及出版，请补充《出版物经营许可证》",
}
_FORM = re.compile(r"[\w \-+&·.]+")


class NameFault(StrEnum):
    """Why a mini program may not have a name."""

    FORM = "form"
    FORBIDDEN = "forbidden"
    WECHAT_ID = "wechat_id"
    TAKEN = "taken"
    RELATED = "related"
    HELD = "held"


def find_fault(db: Db, now: float, account: Row, nick_name: str) -> NameFault | None:
    """Names have 4 to 30 characters, a Chinese one counts as two.

    `A` and all `A+…` belong to one owner. A name that was given up waits 15 days for its owner.
    """
    width = sum(1 if char.isascii() else 2 for char in nick_name)
    if not 4 <= width <= 30 or not _FORM.fullmatch(nick_name):
        return NameFault.FORM
    if has_forbidden_word(nick_name):
        return NameFault.FORBIDDEN
    if one(db, "select 1 from person where wechat_id = ?", nick_name):
        return NameFault.WECHAT_ID
    taken = (
        "select 1 from account where nick_name = ? union select 1 from name_change where nick_name = ? and status = ?"
    )
    if one(db, taken, nick_name, nick_name, IN_REVIEW):
        return NameFault.TAKEN
    base, owner = nick_name.partition("+")[0], account["principal_name"]
    related = "select 1 from account where (nick_name = ? or substr(nick_name, 1, ?) = ?) and principal_name != ?"
    if one(db, related, base, len(base) + 1, f"{base}+", owner):
        return NameFault.RELATED
    held = (
        "select 1 from name_change join account on account.appid = name_change.account "
        "where former_name = ? and status = ? and decided_at > ? and principal_name != ?"
    )
    if one(db, held, nick_name, APPROVED, now - HELD_SECONDS, owner):
        return NameFault.HELD
    return None


def has_forbidden_word(name: str) -> bool:
    """WeChat keeps some words for itself."""
    return any(word in name.lower() for word in _FORBIDDEN)


def name_proof(nick_name: str) -> str:
    """Which proof a name needs; empty when none."""
    return next((wording for word, wording in _PROOF.items() if word in nick_name), "")


def request_name(
    db: Db, now: float, component: str, account: Row, nick_name: str, *, papers: dict[str, str], review: bool
) -> int:
    """Give the name at once, or with `review` open one; answers its number. `papers` are media ids by field."""
    number = next_number(db, "name_change", 437765123)
    insert(
        db,
        "name_change",
        id=number,
        component=component,
        account=account["appid"],
        nick_name=nick_name,
        former_name=account["nick_name"],
        papers=to_json(papers),
        reviewed=int(review),
        status=IN_REVIEW,
        created_at=now,
    )
    if not review:
        _give(db, now, number)
    return number


def get_review(db: Db, audit_id: int) -> Row | None:
    return one(db, "select * from name_change where id = ? and reviewed", audit_id)


def is_in_review(db: Db, appid: str) -> bool:
    return one(db, "select 1 from name_change where account = ? and status = ?", appid, IN_REVIEW) is not None


def decide(db: Db, now: float, audit_id: int, verdict: str, *, reason: str = "", push: bool = True) -> None:
    """Approve or reject a name under review, and push the event (unless it is to be lost)."""
    review = get_review(db, audit_id)
    if review is None or review["status"] != IN_REVIEW:
        raise Unusable("这个名称现在不在审核中")
    account = get_account(db, review["account"])
    if verdict == "approve":
        reason, status = "", APPROVED
        _give(db, now, audit_id)
    elif verdict == "reject":
        reason, status = reason or DEFAULT_REASON, REJECTED
        sql = "update name_change set status = ?, reason = ?, decided_at = ? where id = ?"
        db.execute(sql, (REJECTED, reason, now, audit_id))
    else:
        raise Unusable("verdict 应为 approve 或 reject")
    if push and account is not None:
        fields = {"ret": status, "nickname": review["nick_name"], "reason": reason}
        push_message(db, review["component"], account, "wxa_nickname_audit", fields, now)


def list_reviews(db: Db, *, component: str = "", appid: str = "") -> list[Row]:
    """Open ones first, then newest first, with the name that the mini program has now."""
    return rows(
        db,
        "select name_change.*, account.nick_name as current_name, account.principal_name from name_change "
        "join account on account.appid = name_change.account "
        "where reviewed and ? in ('', component) and ? in ('', account) order by status != ?, id desc limit 100",
        component,
        appid,
        IN_REVIEW,
    )


def _give(db: Db, now: float, number: int) -> None:
    """The name holds from now on, and one change of the year is spent."""
    db.execute("update name_change set status = ?, decided_at = ? where id = ?", (APPROVED, now, number))
    given = rows(db, "select account, nick_name from name_change where id = ?", number)[0]
    db.execute("update account set nick_name = ? where appid = ?", (given["nick_name"], given["account"]))
    budgets.spend(db, now, "name", given["account"])
