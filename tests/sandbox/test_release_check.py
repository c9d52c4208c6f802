from __future__ import annotations

from tests.sandbox.platform import Platform


def test_a_platform_that_answers_right_passes(platform: Platform) -> None:
    result = platform.control.run_release_check(platform.appid)
    assert {case["id"]: case["detail"] for case in result["cases"] if not case["passed"]} == {}
    assert len(result["cases"]) == 5
    assert result["passed"] is True
    assert len(platform.events("authorized")) == len(platform.events("unauthorized")) == 2


def test_a_platform_that_only_says_success_is_told_case_by_case(platform: Platform) -> None:
    platform.plays_release_check = False
    platform.control.set_check_seconds(0.5)
    result = platform.control.run_release_check(platform.appid)
    assert {case["id"] for case in result["cases"] if case["passed"]} == {"1"}
    assert result["passed"] is False
    assert all(case["detail"] for case in result["cases"])
