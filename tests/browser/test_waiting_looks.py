"""The page of what waits for a merchant, on her phone: a registration whose link the legal person has to open."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from saas.journey.window import HttpWindow
from saas.seed import PASSWORD
from tests.browser import tools
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.browser.looking import Looks
from tests.demo.running import RunningDemo

_COMPANY = {
    "name": "广州市越秀区梅记二店", "company_code": "9111010852F0A77C18", "component_phone": "020-12345678",
    "person_name": "陈梅",
}  # fmt: skip


@pytest.fixture(scope="module")
def registered(demo: RunningDemo) -> None:
    """Alice has had a registration sent for mei's company."""
    with HttpWindow(demo.url) as alice:
        alice.open(f"{demo.url}/sign-in")
        alice.press("登录", {"email": "alice@example.com", "password": PASSWORD})
        alice.open(f"{demo.url}/p/alice/merchants")
        alice.follow("梅记茶铺")
        alice.follow("注册小程序")
        alice.open(alice.read("//a[.//h2[normalize-space(.)='企业小程序']]", "href"))
        alice.press("保存", _COMPANY)
        alice.press("提交给微信")
        alice.wait_for_path("//*[@class='copy']//code", seconds=60)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("language", ["zh_CN", "en"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_registration_waits_for_its_person(
    width: int, language: str, demo: RunningDemo, chromium: Browser, watch: Watch
) -> None:
    with new_context(chromium, watch, width=width) as context:
        context.add_cookies([{"name": "daiban_language", "value": language, "url": demo.url}])
        window = ChromiumWindow(context, watch, demo.url)
        window.open(f"{demo.url}/sign-in")
        window.page.locator("[name=email]").fill("mei@example.com")
        window.page.locator("[name=password]").fill(PASSWORD)
        with window.page.expect_navigation():
            window.page.locator("[name=password]").press("Enter")
        looks = Looks(window, tools.axe().read_text(), language=language, width=width)
        looks.examine("merchant-home-registration", f"{demo.url}/m/alice/")
        button = window.page.locator("a.btn-big[href*='/registrations/']")
        looks.examine("merchant-waiting", demo.url + str(button.get_attribute("href")))
        assert looks.faults == [], "\n".join(looks.faults)
        assert window.page.locator(".h1").inner_text().startswith({"zh_CN": "还剩 23 小时", "en": "23 hours"}[language])
        with window.page.expect_response(lambda answer: "/registrations/" in answer.url, timeout=40_000) as answer:
            pass
        assert answer.value.request.headers["hx-request"] == "true", "it asks for itself"
