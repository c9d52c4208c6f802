"""Every word of the contract about limits is a limit with a name, or stands here with the reason why it is not."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from saas.wx import errors, limits
from saas.wx.contract import operations
from saas.wx.errcodes import explain
from saas.wx.limits import BY_NAME, LIMITS, Period, Scope, limits_of, told

SIZE = "how large or many the parts of one request may be"
STOCK = "how many may exist at a time; removing one makes room"
LIFETIME = "how long something is valid"
RULE = "a state or an order of things, not a number of calls"
SHOWN = "counted by what others do, which is not seen here"

# An operation's line, by how it begins: the limits that it speaks of, or why it is none.
LINES: dict[str, dict[str, tuple[str, ...] | str]] = {
    "secwxaapiWxaauth": {"The administrator has 24 hours": LIFETIME, "Only one certification": RULE},
    "secwxaapiReauth": {"At most 3 refills": ("certification_refill_ever",)},
    "secwxaapiUploadauthmaterial": {"2 MB": SIZE, "How long the media id": LIFETIME},
    "getTemplatedRaftList": {"drafts": STOCK, "delete": RULE},
    "addToTemplate": {"library": STOCK},
    "commit": {"user_version": SIZE, "package": SIZE, "concurrency": RULE},
    "uploadMediaToCodeAudit": {"image": SIZE, "video": SIZE, "lifetime": LIFETIME},
    "submitAudit": {
        "item_list": SIZE, "feedback_info": SIZE, "feedback_stuff": SIZE, "ugc_text": SIZE,
        "per_month": ("submit_audit_month",), "review_time": LIFETIME,
    },
    "undoAudit": {
        "per_mini_program_per_day: 5": ("undo_audit_day",), "reset": ("undo_audit_day",),
        "per_mini_program_per_month: 10": ("undo_audit_month",), "remaining": ("undo_audit_day", "undo_audit_month"),
    },
    "speedupCodeAudit": {"quota": ("speedup_audit_month",), "expected": LIFETIME},
    "setCodeAuditQuota": {"scope": ("submit_audit_month",)},
    "revertCodeRelease": {"kept_versions": STOCK, "once": RULE},
    "uploadTempMedia": {"lifetime": LIFETIME, "image 10 MB": SIZE, "kept 3 days": LIFETIME},
    "getTempMedia": {"lifetime": LIFETIME},
    "getQRCode": {"total: 100,000": ("code_ever",)},
    "getUnlimitedQRCode": {"per_minute: 5000": ("unlimited_code_minute",)},
    "generateUrlLink": {"made_per_day: 500,000": ("link_day",), "opened_per_day": SHOWN, "lifetime": LIFETIME},
    "generateScheme": {"made_per_day: 500,000": ("link_day",), "opened_per_day": SHOWN, "lifetime": LIFETIME},
    "generateShortLink": {
        "made_per_day: 1,000,000": ("short_link_day",), "permanent_total: 100,000": ("short_link_ever",),
        "temporary_life": LIFETIME,
    },
    "createIcpVerifyTask": {"The notice works for 24 hours": LIFETIME, "task_id stays usable": LIFETIME},
    "uploadIcpMedia": {"Size and format": SIZE},
    "applyIcpFiling": {"There is a daily limit": ("filing_day",)},
    "submitAuthAndIcp": {"The administrator finishes": LIFETIME},
    "getComponentAccessToken": {"Fetching is limited per day": ("component_token_day",)},
    "getPreAuthCode": {"A code opens one": RULE},
    "getAuthorizerAccessToken": {"Counts against a daily limit": ("program_token_day",)},
    "fastRegisterPersonalMp": {"One WeChat id: 5 calls a day": ("personal_registration_day",)},
    "fastregistertransactionweapp": {"Platform must have been rated": RULE},
    "registerBetaMiniprogram": {"Shares the quota": STOCK},
    "registerMiniprogramByOffiaccount": {"5 mini programs per official": ("offiaccount_registration_month",)},
    "createOpenAccount": {"An unverified": STOCK},
    "bindOpenAccount": {"100 accounts": STOCK},
    "clearQuota": {"10 resets per account and month": ("counter_reset_month",)},
    "clearQuotaByAppSecret": {"10 resets per account and month": ("counter_reset_month",)},
    "clearComponentQuotaByAppSecret": {"10 resets per account and month": ("counter_reset_month",)},
    "getRidInfo": {"rids can be queried": LIFETIME},
    "modifyThirdpartyServerDomain": {"1000 domains; 50 changes a month": ("platform_domain_month",)},
    "modifyThirdpartyJumpDomain": {"300 domains": STOCK},
    "sendCustomMessage": {"After a user message": SHOWN},
    "setNickName": {"2 renames per calendar year": ("nickname_year",), "Live counters": ("nickname_year",)},
    "setHeadImage": {
        "5 avatar changes a year": ("avatar_year", "avatar_month"), "Image": SIZE, "Live counters": ("avatar_year",),
    },
    "setSignature": {"Monthly quota": ("signature_month",)},
    "applySetOrderPathInfo": {"100 appids a call": SIZE},
    "getSettingCategories": {"Read limit": ("category_month",)},
    "addCategory": {"Additions per period": ("category_month",)},
    "modifyServerDomain": {"200 entries": STOCK, "50 change requests a month": ("server_domain_month",)},
    "modifyServerDomainDirectly": {"50 changes a month": ("server_domain_directly_month",), "One host": STOCK},
    "setPrefetchDomain": {"50 changes a month": ("prefetch_domain_month",), "size_limit": STOCK},
    "modifyJumpDomain": {"300 business domains": STOCK},
    "modifyJumpDomainDirectly": {"One host": STOCK},
    "uploadPrivacySetting": {"txt only": SIZE},
    "applyPrivacyInterface": {"280 requests a minute": ("privacy_interface_minute",)},
    "bindTester": {"Testers per program": STOCK},
    "qrcodeJumpAdd": {
        "5 calls a second": ("qrcode_rule_add_second",), "debug_url": SIZE, "how many rules": ("qrcode_rule_month",),
    },
    "qrcodeJumpGet": {"prefix_list": SIZE},
    "qrcodeJumpDelete": {"5 calls a second": ("qrcode_rule_delete_second",)},
    "qrcodeJumpPublish": {"100 publishes a month": ("qrcode_rule_month",)},
    "getLinkForShow": {"num up to 20": SIZE},
}  # fmt: skip


@pytest.mark.parametrize(
    "operation", [one for one in operations.all_operations() if one.limits], ids=lambda one: one.id
)
def test_every_line_of_the_contract_is_a_limit_or_has_a_reason(operation: operations.Operation) -> None:
    lines = LINES[operation.id]
    for line in operation.limits:
        assert [begin for begin in lines if line.startswith(begin)], line
    assert all(any(line.startswith(begin) for line in operation.limits) for begin in lines)


def test_every_limit_stands_in_the_contract() -> None:
    named = {name for lines in LINES.values() for names in lines.values() if isinstance(names, tuple) for name in names}
    assert named == set(BY_NAME)
    assert len(BY_NAME) == len(LIMITS)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_an_amount_is_the_contract_s(limit: limits.Limit) -> None:
    lines = [
        line.replace(",", "")
        for operation, begins in LINES.items()
        for line in operations.operation(operation).limits
        if any(limit.name in names for begin, names in begins.items() if line.startswith(begin))
    ]
    if limit.amount is not None:
        assert any(re.search(rf"\b{limit.amount}\b", line) for line in lines)
    assert set(limit.operations) <= set(LINES)


@pytest.mark.parametrize("limit", [limit for limit in LIMITS if not limit.period.seconds], ids=lambda limit: limit.name)
def test_a_refusal_is_a_class_and_is_explained(limit: limits.Limit) -> None:
    for operation in limit.operations:
        code = limit.errcode or 45009
        error = errors.from_answer({"errcode": code, "errmsg": ""}, operation=operation)
        assert isinstance(error, errors.BudgetUsedUp)
        assert explain(code, operation).known
        known = {**operations.operation(operation).errcodes, **operations.common_errcodes()}
        assert code in known or code == 86102  # the page of the direct way has it, its sister's has none


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_words_are_in_their_language(limit: limits.Limit) -> None:
    assert re.search(r"[\u4e00-\u9fff]", limit.words("zh"))
    assert not re.search(r"[\u3000-\u9fff]", limit.words("en"))
    assert limit.name.rpartition("_")[2] == limit.period


def test_a_call_meets_its_limits_from_short_to_long() -> None:
    order = list(Period)
    for operation in LINES:
        periods = [order.index(limit.period) for limit in limits_of(operation)]
        assert periods == sorted(periods)
    assert limits_of("getTemplateList") == ()


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        (Period.DAY, "2026-11-26T15:59:59", date(2026, 11, 26), "2026-11-26T16:00:00"),
        (Period.DAY, "2026-11-26T16:00:00", date(2026, 11, 27), "2026-11-27T16:00:00"),
        (Period.MONTH, "2026-11-30T15:59:59", date(2026, 11, 1), "2026-11-30T16:00:00"),
        (Period.MONTH, "2026-11-30T16:00:00", date(2026, 12, 1), "2026-12-31T16:00:00"),
        (Period.MONTH, "2028-02-28T16:00:00", date(2028, 2, 1), "2028-02-29T16:00:00"),
        (Period.YEAR, "2026-12-31T15:59:59", date(2026, 1, 1), "2026-12-31T16:00:00"),
        (Period.YEAR, "2027-12-31T16:00:00", date(2028, 1, 1), "2028-12-31T16:00:00"),
        (Period.EVER, "2026-11-26T00:00:00", date(1970, 1, 1), None),
    ],
)
def test_periods_begin_at_midnight_in_shanghai(period: Period, now: str, start: date, end: str | None) -> None:
    assert period.start(datetime.fromisoformat(now).replace(tzinfo=UTC)) == start
    assert period.end(start) == (datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None)


def test_a_chance_belongs_to_whom_wechat_counts_it() -> None:
    (reset,) = limits_of("clearQuota")
    assert reset.scope is Scope.ACCOUNT
    assert reset.owner("wx1", {"appid": "wx1"}) == "wx1"
    assert reset.owner(None, {"appid": "wxcomponent"}) == ""
    assert reset.owner(None, {"component_appid": "wxcomponent", "appid": "wx1"}) == "wx1"
    assert reset.owner(None, {"component_appid": "wxcomponent", "appid": None}) == ""
    (refill,) = limits_of("secwxaapiReauth")
    assert refill.owner("wx1", {"auth_data": {"taskid": "t1"}}) == "t1"
    assert refill.owner("wx1", {}) == ""


def test_reading_and_asking_takes_no_chance() -> None:
    (change,), (register,) = limits_of("modifyServerDomain"), limits_of("fastRegisterPersonalMp")
    assert [change.when({"action": action}) for action in ("add", "delete", "set", "get")] == [True, True, True, False]
    assert (register.when({"action": "create"}), register.when({"action": "query"})) == (True, False)
    permanent = [limit.name for limit in limits_of("generateShortLink") if limit.when({"is_permanent": False})]
    assert permanent == ["short_link_day"]


def test_answers_tell_what_is_left() -> None:
    answer = {"rest": 3, "limit": 20, "speedup_rest": "1", "speedup_limit": 2}
    assert [(one.limit.name, one.amount, one.rest) for one in told("setCodeAuditQuota", answer)] == [
        ("submit_audit_month", 20, 3), ("speedup_audit_month", 2, 1),
    ]  # fmt: skip
    answer = {"nickname_info": {"modify_used_count": 1, "modify_quota": 2}, "signature_info": {"signature": "x"}}
    assert [(one.limit.name, one.used) for one in told("getAccountBasicInfo", answer)] == [("nickname_year", 1)]
    assert told("setCodeAuditQuota", {"rest": None}) == []
    assert told("commit", {"rest": 1}) == []
