from __future__ import annotations

import re

from saas.wx.contract import operations
from saas.wx.permissions import DEVELOPMENT, all_permission_sets, lacking, permission_set

CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")


def test_every_set_of_the_contract_has_words_in_both_languages() -> None:
    assert {one.number: one.zh for one in all_permission_sets()} == dict(operations.permission_set_names())
    for one in all_permission_sets():
        assert one.name("en").strip() == one.en != ""
        assert not CHINESE.search(one.en + one.allows("en"))
        assert one.allows("en").endswith(".")
        assert one.allows("zh").endswith("。")
        assert CHINESE.search(one.allows("zh"))


def test_no_two_sets_share_an_english_name() -> None:
    names = [one.en for one in all_permission_sets()]
    assert len(names) == len(set(names))


def test_an_unknown_set_keeps_its_number() -> None:
    assert permission_set(9999).name("zh") == "权限集 9999"
    assert permission_set(9999).name("en") == "Permission set 9999"


def test_a_number_is_not_taken_for_another_that_contains_it() -> None:
    assert permission_set(18) != permission_set(118)
    assert lacking("commit", [118]) == (18,)


def test_one_of_the_sets_is_enough() -> None:
    assert lacking("commit", {DEVELOPMENT}) == ()
    assert lacking("uploadTempMedia", {DEVELOPMENT})[:2] == (1, 3)
    assert lacking("uploadTempMedia", {DEVELOPMENT, 19}) == ()


def test_calls_on_the_component_app_s_own_behalf_need_no_grant() -> None:
    assert lacking("addToTemplate", ()) == ()
    assert lacking("getAuthorizerInfo", ()) == ()
