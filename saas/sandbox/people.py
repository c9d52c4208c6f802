"""Merchants' people and their WeChat accounts."""

from __future__ import annotations

import hashlib
import random
import secrets
from typing import Any

from saas.sandbox.state import Db, Row, insert, one, random_appid, rows, scalar, to_json

FOOD = [{"first_class": "餐饮服务", "second_class": "点餐平台", "first_id": 220, "second_id": 632}]
SHOP = [{"first_class": "商家自营", "second_class": "食品饮料", "first_id": 304, "second_id": 321}]
BOOKS = [{"first_class": "商家自营", "second_class": "图书报刊", "first_id": 304, "second_id": 324}]
BEAUTY = [{"first_class": "生活服务", "second_class": "丽人服务", "first_id": 150, "second_id": 160}]

_MADE_BY_API = (2, 6, 13, 16, 17, 19, 22, 23)
PERSONAL = 16
_INDIVIDUAL = (PERSONAL, 17)
_CHANGEABLE = (
    "nick_name", "principal_name", "signature", "account_status", "categories", "missing_privacy", "verified",
)  # fmt: skip
_PEOPLE = ("梅姐", "小明", "阿青", "老周", "林医生")
_FIRST_ACCOUNTS: tuple[tuple[str, str, str, str, list[dict[str, Any]]], ...] = (
    ("梅姐", "梅记茶铺", "广州市越秀区梅记茶铺", "手作鲜茶，到店自取", FOOD),
    ("梅姐", "梅记点心", "广州市越秀区梅记茶铺", "每天现做的广式点心", FOOD),
    ("小明", "明明书店", "杭州明明图书有限公司", "街角的独立书店", BOOKS),
    ("阿青", "青禾咖啡", "青禾餐饮管理有限公司", "现磨咖啡点单", FOOD),
    ("阿青", "青禾烘焙", "青禾餐饮管理有限公司", "面包与蛋糕预订", SHOP),
    ("老周", "周氏粮油", "成都周氏粮油商行", "社区粮油送货上门", SHOP),
    ("林医生", "春山口腔", "苏州春山口腔门诊有限公司", "预约洗牙与正畸", BEAUTY),
)
_PLACES = ("广州", "杭州", "成都", "苏州", "武汉", "长沙", "厦门", "青岛", "西安", "昆明")
_WORDS = (
    "青禾",
    "小满",
    "南风",
    "山海",
    "拾光",
    "一味",
    "半亩",
    "知春",
    "云上",
    "老街",
    "橘子",
    "木棉",
    "四季",
    "归园",
)
_TRADES = ("茶饮", "书店", "面馆", "花坊", "鲜果", "烘焙", "理发", "洗衣", "咖啡", "文具", "粮油", "火锅")


def seed_first_accounts(db: Db) -> None:
    """The handful of people and mini programs that a new sandbox starts with."""
    if scalar(db, "select count(*) from person"):
        return
    for name in _PEOPLE:
        add_person(db, name)
    for owner, nick_name, principal_name, text, categories in _FIRST_ACCOUNTS:
        add_account(
            db, owner, nick_name=nick_name, principal_name=principal_name, signature=text, categories=categories
        )
    add_account(db, "梅姐", nick_name="梅记茶铺公众号", principal_name="广州市越秀区梅记茶铺", kind="official_account")


def add_person(db: Db, name: str) -> int:
    """A person by name; the one who is there already, if any."""
    found = scalar(db, "select id from person where name = ?", name)
    if found is not None:
        return int(found)
    return insert(db, "person", name=name, wechat_id=f"wxid_{hashlib.sha1(name.encode()).hexdigest()[:14]}")  # noqa: S324


def add_account(
    db: Db,
    owner: str,
    *,
    nick_name: str,
    principal_name: str = "",
    signature: str = "在沙箱里长大的小程序",
    categories: list[dict[str, Any]] | None = None,
    appid: str = "",
    register_type: int = 0,
    kind: str = "mini_program",
    verified: int = 1,
) -> str:
    """One more mini program, or with `kind` an official_account; answers its appid."""
    appid = appid or random_appid()
    person = add_person(db, owner)
    values = _account(
        appid, nick_name, principal_name or f"{nick_name}（个体工商户）", signature, person, categories or FOOD
    )
    insert(db, "account", **(values | {"register_type": register_type, "kind": kind, "verified": verified}))
    return appid


def seed_accounts(db: Db, count: int) -> list[str]:
    """Many mini programs at once, twenty to a person; answers their appids."""
    start = int(scalar(db, "select count(*) from account"))
    dice = random.Random(start)  # noqa: S311
    owners = {n: add_person(db, f"商家{start // 20 + n + 1:04d}") for n in range((count + 19) // 20)}
    accounts = []
    for n in range(count):
        word, trade, place = dice.choice(_WORDS), dice.choice(_TRADES), dice.choice(_PLACES)
        nick_name = f"{word}{trade}{start + n + 1}号店"
        principal = f"{place}{word}{trade}有限公司"
        categories = dice.choice((FOOD, SHOP, BOOKS, BEAUTY))
        accounts.append(
            _account(random_appid(), nick_name, principal, f"{place}的{trade}小店", owners[n // 20], categories)
        )
    if accounts:
        names = ", ".join(accounts[0])
        marks = ", ".join(f":{name}" for name in accounts[0])
        db.executemany(f"insert into account ({names}) values ({marks})", accounts)
    return [account["appid"] for account in accounts]


def find_person(db: Db, name: str) -> Row:
    """The person of this name; raises ValueError."""
    found = one(db, "select * from person where name = ?", name)
    if found is None:
        raise ValueError(f"没有叫 {name} 的人")
    return found


def get_person(db: Db, person_id: int) -> Row | None:
    return one(db, "select * from person where id = ?", person_id)


def list_people(db: Db) -> list[Row]:
    return rows(
        db,
        "select person.*, count(account.appid) as accounts from person left join account on account.person = person.id "
        "group by person.id order by person.id limit 200",
    )


def list_accounts(db: Db, person_id: int) -> list[Row]:
    """The mini programs that a person administers."""
    return rows(db, "select * from account where person = ? order by rowid", person_id)


def get_account(db: Db, appid: str) -> Row | None:
    return one(db, "select * from account where appid = ?", appid)


def is_made_by_api(account: Row) -> bool:
    """Whether a platform registered it: names and categories of others are changed on mp.weixin.qq.com only."""
    return account["register_type"] in _MADE_BY_API


def is_individual(account: Row) -> bool:
    """Whether it belongs to a person and not to an organisation."""
    return account["register_type"] in _INDIVIDUAL


def renew_app_secret(db: Db, appid: str) -> str:
    """The merchant has a new AppSecret made on mp.weixin.qq.com; answers it."""
    secret = secrets.token_hex(16)
    db.execute("insert or replace into app_secret (account, secret) values (?, ?)", (appid, secret))
    return secret


def _account(
    appid: str, nick_name: str, principal_name: str, signature: str, person: int, categories: list[dict[str, Any]]
) -> dict[str, Any]:
    mark = hashlib.sha1(appid.encode()).hexdigest()  # noqa: S324
    return {
        "appid": appid,
        "user_name": f"gh_{mark[:12]}",
        "nick_name": nick_name,
        "principal_name": principal_name,
        "credential": f"91440101MA5{mark[:7].upper()}",
        "signature": signature,
        "person": person,
        "categories": to_json(categories),
        "hue": int(mark[:2], 16) * 360 // 256,
    }


def change_account(db: Db, appid: str, given: dict[str, Any]) -> None:
    """Change what WeChat knows of an account: names, state, categories, lacking privacy permissions, verification."""
    for name, value in given.items():
        if name not in _CHANGEABLE:
            raise ValueError(f"不能改 {name}")
        text = to_json(value) if name in ("categories", "missing_privacy") else value
        db.execute(f"update account set {name} = ? where appid = ?", (text, appid))
