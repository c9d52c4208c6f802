"""Pages of domains, testers and codes: typed text is kept, removals are named first, check files are served."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from saas.batches.models import BatchItem
from saas.components.models import CheckFile, ComponentDomain
from saas.db import new_id, tenant_session
from saas.programs.models import Program, ProgramDomain
from tests.cast import Cast
from tests.web.conftest import Browser
from tests.web.things import build_things

Browsers = Callable[[str], Browser]


@pytest.fixture
def things(cast: Cast) -> dict[str, str]:
    return build_things(cast)


def items(cast: Cast) -> list[BatchItem]:
    with tenant_session(cast.alices) as db:
        return list(db.scalars(select(BatchItem).where(BatchItem.status == "queued").order_by(BatchItem.id)))


def test_removed_domains_are_named_and_confirmed_first(
    cast: Cast, browser: Browsers, things: dict[str, str]
) -> None:  # fmt: skip
    with tenant_session(cast.alices) as db:
        for host in ("old", "kept"):
            db.add(
                ProgramDomain(
                    provider_id=cast.alices, program_id=things["program_id"], kind="requestdomain", ways=["third"],
                    address=f"https://{host}.example.com", wished=True, effective=True,
                )
            )  # fmt: skip
    max_, page = browser("max"), f"/p/alice/programs/{things['program_id']}/domains"
    assert "https://old.example.com" in max_.text(f"{page}/edit")
    typed = {"way": "third", "requestdomain": "kept.example.com\nnew.example.com"}
    asked = max_.post(f"{page}/edit", typed).get_data(as_text=True)
    assert "移除域名？" in asked
    assert 'name="removing" value="https://old.example.com"' in asked
    assert items(cast) == []
    assert max_.post(f"{page}/edit", {**typed, "removing": "https://old.example.com"}).status_code == 303
    (item,) = items(cast)
    assert item.params | item.batch.params == {
        "add": {"requestdomain": ["https://new.example.com"]}, "remove": {"requestdomain": ["https://old.example.com"]},
    }  # fmt: skip
    assert "还没有设置" in max_.text(page)


def test_what_was_typed_is_kept_when_it_is_refused(cast: Cast, browser: Browsers, things: dict[str, str]) -> None:
    alice, program = browser("alice"), f"/p/alice/programs/{things['program_id']}"
    component = f"/p/alice/components/{things['component_id']}"
    for address, typed, kept, why in (
        (f"{program}/domains/edit", {"udpdomain": "udp://1.2.3.4"}, "udp://1.2.3.4", "IP 地址"),
        (f"{component}/domains/edit", {"server": "a.example.com/x"}, "a.example.com/x", "不要带路径"),
        (f"{program}/testers", {"people": "13800138000"}, "13800138000", "不是微信号"),
        (f"{program}/codes/new/unlimited", {"scene": "中文", "width": "430"}, "中文", "1 到 32 个字符"),
        (f"{program}/qr-rules/edit", {"prefix": "qr.example.com", "version": "2"}, "qr.example.com", "完整的链接"),
    ):
        answer = alice.post(address, typed)
        assert (address, answer.status_code) == (address, 422)
        text = answer.get_data(as_text=True)
        assert kept in text
        assert why in text
    assert items(cast) == []


def test_check_files_are_served_at_known_hosts_only(cast: Cast, browser: Browsers, things: dict[str, str]) -> None:
    component_id = things["component_id"]
    with tenant_session(cast.alices) as db:
        own = {"provider_id": cast.alices, "component_id": component_id}
        db.add(CheckFile(**own, owner_id=component_id, name="Ab1.txt", content="0f1e2d"))
        db.add(ComponentDomain(id=new_id(), **own, kind="business", host="h5.example.com", wished=True))
    wechat = browser("")
    for host, name, status in (
        ("h5.example.com", "Ab1.txt", 200), ("h5.example.com:8443", "Ab1.txt", 200), ("H5.example.com", "Ab1.txt", 200),
        ("localhost", "Ab1.txt", 404), ("h5.example.com", "ab1.txt", 404), ("x.h5.example.com", "Ab1.txt", 404),
    ):  # fmt: skip
        answer = wechat.get(f"/{name}", headers={"Host": host})
        assert (host, name, answer.status_code) == (host, name, status)
        if status == 200:
            assert answer.data == b"0f1e2d"
    download = browser("bob").get(f"/p/alice/components/{component_id}/domains/check-file")
    assert (download.data, "Ab1.txt" in download.headers["Content-Disposition"]) == (b"0f1e2d", True)


def test_only_administrators_register_domains_at_the_component_app(browser: Browsers, things: dict[str, str]) -> None:
    page = f"/p/alice/components/{things['component_id']}/domains"
    assert "编辑域名" in browser("anna").text(page)
    assert "编辑域名" not in browser("max").text(page)


def test_a_selection_is_set_up_together(cast: Cast, browser: Browsers, things: dict[str, str]) -> None:
    max_, start = browser("max"), f"/p/alice/programs/selection/start?id={things['program_id']}&action="
    for action, typed, params in (
        (
            "domains_remove", {"do-requestdomain": "old.example.com"},
            {"add": {}, "remove": {"requestdomain": ["https://old.example.com"]}},
        ),
        ("testers_leave", {"do-tester": things["tester_id"]}, {"tester_id": things["tester_id"]}),
        (
            "trial_codes", {"do-page": "pages/index/index"},
            {"form": "trial", "settings": {"page": "pages/index/index", "query": ""}},
        ),
    ):  # fmt: skip
        assert max_.get(f"{start}{action}").status_code == 200
        before = len(items(cast))
        answer = max_.post(f"{start}{action}", {**typed, "id": things["program_id"]})
        (started,) = items(cast)[before:]
        assert (action, answer.status_code, started.batch.params) == (action, 303, params)
    with tenant_session(cast.alices) as db:
        db.scalars(select(Program).where(Program.id == things["program_id"])).one().permission_sets = [30]
    before = len(items(cast))
    answer = max_.post(f"{start}domains_remove", {"do-udpdomain": "old.example.com", "id": things["program_id"]})
    assert (answer.status_code, len(items(cast))) == (422, before)


def test_what_a_code_needs_is_said_before_the_click(cast: Cast, browser: Browsers, things: dict[str, str]) -> None:
    with tenant_session(cast.alices) as db:
        program = db.scalars(select(Program).where(Program.id == things["program_id"])).one()
        program.permission_sets, program.trial_version = [18, 30], "1.0.0"
    page = browser("max").text(f"/p/alice/programs/{things['program_id']}/codes")
    assert "/codes/new/trial" in page
    assert "/codes/new/unlimited" not in page
    assert "“账号管理”权限" in page
    assert "“获取小程序链接”权限" in page


def test_an_item_about_a_component_app_leads_back_to_it(cast: Cast, browser: Browsers, things: dict[str, str]) -> None:
    page = f"/p/alice/components/{things['component_id']}/domains"
    max_, before = browser("max"), len(items(cast))
    assert max_.post(f"{page}/read").status_code == 303
    (item,) = items(cast)[before:]
    assert f'href="{page}"' in max_.text(f"/p/alice/items/{item.id}")
    assert f'href="{page}"' in max_.text(f"/p/alice/batches/{item.batch_id}")
