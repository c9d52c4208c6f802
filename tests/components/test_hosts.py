"""Hosts are checked before anything is sent: what cannot be one is named, what can be one comes as WeChat writes it."""

from __future__ import annotations

import pytest

from saas.components.hosts import difference, is_covered, read_hosts
from saas.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "scheme", "expected"),
    [
        ("", "https", []),
        ("a.example.com", "", ["a.example.com"]),
        ("https://A.Example.com/", "", ["a.example.com"]),
        ("a.example.com:8443", "", ["a.example.com:8443"]),
        ("a.example.com b.example.com;a.example.com，c.example.com", "", [f"{one}.example.com" for one in "abc"]),
        ("a.example.com\nhttps://b.example.com:08443", "https", ["https://a.example.com", "https://b.example.com:8443"]),
        ("push.example.com", "wss", ["wss://push.example.com"]),
        ("青禾.中国", "https", ["https://xn--2lzs91d.xn--fiqs8s"]),
    ],
)  # fmt: skip
def test_hosts_come_as_wechat_writes_them(typed: str, scheme: str, expected: list[str]) -> None:
    assert read_hosts(typed, field="f", most=10, scheme=scheme) == expected


@pytest.mark.parametrize(
    ("typed", "scheme", "ports", "why"),
    [
        ("http://a.example.com", "https", True, "应以"),
        ("ftp://a.example.com", "", True, "应以"),
        ("https://push.example.com", "wss", True, "应以"),
        ("https://a.example.com/api", "https", True, "路径"),
        ("a.example.com?x=1", "", True, "路径"),
        ("a.example.com:8443", "https", False, "端口"),
        ("a.example.com:0", "https", True, "端口不正确"),
        ("a.example.com:70000", "https", True, "端口不正确"),
        ("a.example.com:x", "https", True, "端口不正确"),
        ("a.example.com:", "https", True, "端口不正确"),
        ("203.0.113.7", "https", True, "IP"),
        ("localhost", "https", True, "完整的域名"),
        ("*.example.com", "https", True, "完整的域名"),
        ("-a.example.com", "https", True, "完整的域名"),
        ("a..example.com", "https", True, "完整的域名"),
        ("a@b.example.com", "https", True, "完整的域名"),
        ("https://", "https", True, "完整的域名"),
        ("api.weixin.qq.com", "https", True, "不允许"),
    ],
)
def test_what_is_no_host_is_refused_by_name(typed: str, scheme: str, ports: bool, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        read_hosts(f"good.example.com {typed}" if not scheme else typed, field="f", most=10, scheme=scheme, ports=ports)
    assert refused.value.field == "f"


def test_too_many_are_refused() -> None:
    with pytest.raises(Invalid, match="最多 2 个，现在有 3 个"):
        read_hosts("a.cn b.cn c.cn", field="f", most=2)


def test_only_the_difference_goes_out() -> None:
    change = difference({"k": ["a", "b"], "l": ["x"]}, {"k": ["a", "c"], "l": ["x"]}, {"k": ["a"], "l": ["x"]})
    assert (change.add, change.remove, change.removed) == ({"k": ["b"]}, {"k": ["c"]}, ["c"])
    assert not difference({"k": ["a"]}, {"k": ["a"]}, {"k": ["a"]})


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("https://example.com", True),
        ("wss://a.b.example.com:99", True),
        ("https://notexample.com", False),
        ("com", False),
    ],
)
def test_a_registered_domain_covers_those_below_it(host: str, covered: bool) -> None:
    assert is_covered(host, ["example.com"]) is covered
