"""The pages of the fleet's map: versions with links that show the same, filters, laggards, phased releases."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from saas import clock
from saas.programs.models import ProgramTag
from saas.releases.models import CodeState
from tests.trains.conftest import Yard, yard  # noqa: F401 - a fixture
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
MAP = "/p/alice/fleet-versions"
pytestmark = pytest.mark.usefixtures("cast")


def test_every_number_leads_to_just_those_mini_programs(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    for version, count in (("1.0.0", 3), ("1.1.0", 2), ("2.0.0", 1), ("", 4)):
        yard.programs(count, version)
    bob = browser("bob")
    page = bob.text(MAP)
    links = re.findall(r'<a href="([^"]*/programs\?[^"]*)">\D*(\d+)', page)
    assert len(links) >= 8
    for address, count in links:
        assert f"共 {count} 个" in bob.text(unescape(address)), address
    assert "10 个小程序" in page
    assert "30%" in page


def test_laggards_are_a_train_with_one_click(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    for version, count in (("1.0.0", 3), ("1.1.0", 2), ("2.0.0", 1)):
        yard.programs(count, version)
    alice = browser("alice")
    page = alice.text(MAP)
    assert "2.0.0（5 个）" in page
    (address, *_rest) = re.findall(r'href="([^"]*/trains/new\?[^"]*)"', page)
    assert "已选 5 个小程序" in alice.text(unescape(address))
    query = f"all=1&component={yard.component_id}&version_of=online&compares=lt&version=1.1.0"
    assert "已选 3 个小程序" in alice.text(f"/p/alice/trains/new?{query}")
    assert "开始批量发布" not in browser("bob").text(MAP)


def test_filters_narrow_and_are_kept_in_the_links(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    tagged = yard.programs(2, "1.0.0")
    yard.programs(3, "1.0.0")
    with yard.session() as db:
        db.add_all([ProgramTag(program_id=one, tag="连锁", provider_id=yard.cast.alices) for one in tagged])
    page = browser("alice").text(f"{MAP}?tag=连锁")
    assert "2 个小程序" in page
    assert f"tag={'%E8%BF%9E%E9%94%81'}" in page
    assert "没有符合条件的小程序" in browser("alice").text(f"{MAP}?q=没有这个")
    assert "还没有小程序" in browser("charlie").text("/p/charlie/fleet-versions")


def test_phased_versions_have_a_list(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    (program_id,) = yard.programs(1, "1.0.0", name="梅记茶铺")
    with yard.session() as db:
        row = db.query(CodeState).filter(CodeState.program_id == program_id).one()
        row.phased_percent, row.phased_at, row.audit_version = 30, clock.now(), "1.1.0"
    page = browser("alice").text(MAP)
    assert "灰度中的版本" in page
    assert "/fleet-versions/phased" in page
    page = browser("alice").text(f"{MAP}/phased")
    for text in ("梅记茶铺", "1.1.0", "30%"):
        assert text in page
    assert "没有正在灰度的小程序" in browser("charlie").text("/p/charlie/fleet-versions/phased")


def test_old_versions_are_folded(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    for number in range(28):
        yard.programs(1, f"1.{number}.0")
    page = browser("alice").text(MAP)
    assert "更早的版本" in page
    assert ">1.27.0<" in page
    assert ">1.0.0<" not in page
