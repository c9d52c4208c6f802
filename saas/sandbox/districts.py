"""The places where the sandbox's merchants live; WeChat's own table holds the whole country."""

from __future__ import annotations

Area = tuple[int, str]
DISTRICTS: tuple[tuple[Area, Area, Area], ...] = (
    ((440000, "广东省"), (440100, "广州市"), (440104, "越秀区")),
    ((330000, "浙江省"), (330100, "杭州市"), (330106, "西湖区")),
    ((510000, "四川省"), (510100, "成都市"), (510104, "锦江区")),
    ((320000, "江苏省"), (320500, "苏州市"), (320508, "姑苏区")),
)
_SHORT_NAMES = {"440000": "粤", "330000": "浙", "510000": "蜀", "320000": "苏"}


def is_district(province: str, city: str, district: str) -> bool:
    """Whether these codes, text as in an application, lie in one another."""
    return (province, city, district) in {tuple(str(code) for code, _ in row) for row in DISTRICTS}


def short_name(province: str) -> str:
    """The sign with which a province's filing numbers begin."""
    return _SHORT_NAMES[province]
