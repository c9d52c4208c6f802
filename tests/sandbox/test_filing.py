"""The code tables of the filing."""

from __future__ import annotations

from typing import Any

from tests.sandbox.platform import Platform


def items(platform: Platform, appid: str, table: str) -> list[dict[str, Any]]:
    url = f"{platform.control.base_url}/wxa/icp/query_icp_{table}"
    answer = platform.http.get(url, params={"access_token": platform.tokens.authorizer_token(appid)}).json()
    assert answer["errcode"] == 0
    found: list[dict[str, Any]] = answer["items"]
    return found


def test_certificates_belong_to_known_subjects(platform: Platform, shop: str) -> None:
    subjects = {item["type"]: item["name"] for item in items(platform, shop, "subject_types")}
    assert subjects[4] == "企业"
    certificates = items(platform, shop, "certificate_types")
    assert {item["subject_type"] for item in certificates} <= set(subjects)
    assert {item["type"] for item in items(platform, shop, "nrlx_types")} >= {3, 24}


def test_services_have_two_levels(platform: Platform, shop: str) -> None:
    services = items(platform, shop, "service_content_types")
    parents = {item["type"] for item in services if item["parent_type"] == 0}
    assert {item["parent_type"] for item in services} == parents | {0}


def test_districts_have_three_levels(platform: Platform, shop: str) -> None:
    for province in items(platform, shop, "district_code"):
        [city] = province["sub_list"]
        assert [province["type"], city["type"], city["sub_list"][0]["type"]] == [1, 2, 3]
