"""Which reasons of rejections are the same: by the rules they name, else by their words."""

from __future__ import annotations

import pytest

from saas.wx.reasons import UNSTATED, plain_reason, reason_key, rules_of

TEA = ("梅记茶铺", "wx0123456789abcdef")
BOOKS = ("明明书店", "wxfedcba9876543210")


@pytest.mark.parametrize(
    ("reason", "rules"),
    [
        ("1:小程序内容不符合规则:\n(1):涉及《微信小程序平台运营规范》3.4.1所述情形", ("3.4.1",)),
        ("3.4.1 页面空白\n5.2.1 诱导分享", ("3.4.1", "5.2.1")),
        ("根据运营规范第 5.2 条，请修改", ("5.2",)),
        ("See section 5.2 of the rules", ("5.2",)),
        ("1.服务类目不符\n2.请提供测试账号", ()),
        ("版本2.0.1打不开，基础库 2.10.4，v1.2.3", ()),
        ("商品标价 9.90 元与详情不符，打 8.5 折", ()),
        ("请求 https://a.example/v1.2.3/x 失败", ()),
        ("首页打不开", ()),
    ],
)
def test_rules_are_told_from_other_numbers(reason: str, rules: tuple[str, ...]) -> None:
    assert rules_of(reason) == rules


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1:类目:\n(1):“梅记”的页面pages/index/index与类目不符", "1:类目:\n(1):“明明”的页面pages/book/list与类目不符"),
        ("小程序wx0123456789abcdef打不开", "小程序wxfedcba9876543210打不开"),
        ("梅记茶铺（wx0123456789abcdef）首页打不开", "明明书店（wxfedcba9876543210）首页打不开"),
        ("1:类目不符\n2:请提供测试账号", "1:请提供测试账号\n2:类目不符"),
        ("您好，梅记茶铺：\n1:类目不符", "1、类目不符。"),
        ("3.4.1 页面 3 处空白", "你的小程序属于规则3.4.1的情形，请修改"),
        ("5.2.1 诱导；3.4.1 空白", "3.4.1 空白\n5.2.1 诱导"),
        ("请求 https://a.example/1 失败 2 次", "请求 https://b.example/2?c=3 失败 15 次"),
    ],
)  # fmt: skip
def test_reasons_that_say_the_same_are_one(one: str, other: str) -> None:
    assert reason_key(one, TEA) == reason_key(other, BOOKS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("首页打不开", "类目不符"),
        ("3.4.1 空白", "3.4.2 空白"),
        ("3.4.1 空白", "3.4.1 空白\n5.2.1 诱导"),
        ("1:类目不符", "1:类目不符\n2:请提供测试账号"),
        (
            "小程序首页的轮播图片没有加载出来请检查服务器域名的配置",
            "小程序的订单页面没有任何可以操作的按钮请补充完整功能之后再提交",
        ),
        ("页面pages/index/index空白", "页面pages/index/index闪退"),
    ],
)
def test_reasons_that_say_something_else_are_two(one: str, other: str) -> None:
    assert reason_key(one, TEA) != reason_key(other, TEA)


def test_keys_are_short_and_read_as_rules_where_there_are_some() -> None:
    assert reason_key("10.1.2 b\n3.4.1 a") == "3.4.1+10.1.2"
    assert reason_key(plain_reason("1: 规则:<br>(1): 3.4.1 <b>空白</b><br>")) == "3.4.1"
    assert reason_key("空白" * 5000).startswith("~")
    assert len(reason_key("空白" * 5000)) == 25
    assert reason_key("") == reason_key("。\n") == UNSTATED
