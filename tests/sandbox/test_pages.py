from __future__ import annotations

import re

import httpx2
import pytest

from tests.sandbox.platform import Platform

PAGES = (
    "/",
    "/phone",
    "/phone/people",
    "/desk/audits",
    "/desk/certifications",
    "/desk/names",
    "/desk/applications",
    "/desk/categories",
    "/desk/penalties",
    "/desk/filings",
    "/console",
    "/pushes",
    "/faults",
    "/manual",
)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(platform: Platform, page: str) -> None:
    answer = httpx2.get(platform.control.base_url + page, trust_env=False)
    assert answer.status_code == 200
    assert '<html lang="zh-CN">' in answer.text


def test_the_console_makes_a_component_and_pushes_a_ticket(platform: Platform) -> None:
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as browser:
        made = browser.post("/console", data={"name": "青禾平台", "events_url": "", "messages_url": ""})
        assert made.status_code == 303
        page = browser.get(made.headers["Location"])
        assert "青禾平台" in page.text
        wrong = browser.post(page.url.path, data={"aes_key": "short"})
        assert "43" in browser.get(wrong.headers["Location"]).text
        pushed = browser.post(f"/console/{platform.appid}/ticket")
        assert pushed.status_code == 303
    assert len(platform.events("component_verify_ticket")) == 2


def test_the_console_puts_a_draft_in_the_box(platform: Platform) -> None:
    form = {"user_version": "2.0.0", "user_desc": "新菜单", "pages": "pages/a/a\npages/b/b"}
    httpx2.post(f"{platform.control.base_url}/console/{platform.appid}/drafts", data=form, trust_env=False)
    [draft] = platform.wx.templates.gettemplatedraftlist()["draft_list"]
    assert (draft["user_version"], draft["user_desc"]) == ("2.0.0", "新菜单")


def test_the_reviewer_decides_at_the_desk(platform: Platform, shop: str) -> None:
    template = platform.template()
    platform.wx.code.commit(shop, template_id=template, ext_json="{}", user_version="1.0.0", user_desc="首个版本")
    category = platform.wx.categories.get_category(shop)["category_list"][0]
    audit = platform.wx.code.submit_audit(shop, item_list=[category], version_desc="测试账号 demo")["auditid"]
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as browser:
        assert "测试账号 demo" in browser.get("/desk/audits").text
        browser.post(f"/desk/audits/{audit}", data={"verdict": "reject", "reason": "1: 不行<br>", "pictures": "3"})
        again = browser.post(f"/desk/audits/{audit}", data={"verdict": "approve"})
        assert "已经处理过了" in browser.get(again.headers["Location"]).text
    status = platform.wx.code.get_auditstatus(shop, auditid=audit)
    assert status["reason"] == "1: 不行<br>"
    assert len(status["screenshot"].split("|")) == 3


def test_avatars_and_codes_are_pictures(platform: Platform, shop: str) -> None:
    profile = platform.wx.component.api_get_authorizer_info(shop)["authorizer_info"]
    for address in (profile["head_img"], profile["qrcode_url"]):
        answer = httpx2.get(address, trust_env=False)
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.content.startswith(b"\x89PNG")


def test_the_clock_is_moved_by_a_button(platform: Platform) -> None:
    base = platform.control.base_url
    httpx2.post(f"{base}/clock", data={"seconds": "3600"}, trust_env=False)
    assert platform.control.move_clock(0) == 3600
    httpx2.post(f"{base}/clock", data={"reset": "1"}, trust_env=False)
    assert platform.control.move_clock(0) == 0


def test_the_manual_leads_to_every_seat(platform: Platform) -> None:
    base = platform.control.base_url
    manual = httpx2.get(f"{base}/manual", trust_env=False).text
    for address in set(re.findall(r'href="(/[a-z/]*)"', manual)):
        assert httpx2.get(base + address, trust_env=False).status_code == 200, address
    assert all(f'href="{page}"' in manual for page in PAGES if page.startswith("/desk"))
