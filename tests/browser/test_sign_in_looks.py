"""Signing in by text message and with WeChat in Chromium, with the sandbox's phone, looked at on the way."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from saas.sandbox.control import SandboxControl
from saas.seed import PASSWORD
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.browser.looking import Looks
from tests.browser.test_looks import looks  # noqa: F401
from tests.demo.running import RunningDemo

Begin = Callable[[str, int, str, str], Looks]
WORDS = {
    "zh_CN": ("获取验证码", "确定", "微信扫码登录", "我有账号，登录并绑定", "绑定"),
    "en": ("Send a code", "OK", "Sign in with WeChat (QR code)", "I have an account: sign in and add WeChat", "Add"),
}


def press(window: ChromiumWindow, words: str) -> None:
    with window.page.expect_navigation():
        window.page.get_by_role("button", name=words, exact=True).first.click()


def send_code(window: ChromiumWindow, phone: str, words: str) -> None:
    window.page.locator("[name=phone]").fill(phone)
    window.page.locator("form:has([name=phone]) [name=agreed]").check()
    press(window, words)


def read_code(demo: RunningDemo, chromium: Browser, watch: Watch) -> str:
    with new_context(chromium, watch) as context:
        window = ChromiumWindow(context, watch, demo.url)
        window.open(f"{demo.url}/mails")
        found = re.search(r"\b(\d{6})\b", window.text.split("+86", 1)[1])
    assert found
    return found[1]


@pytest.mark.parametrize(("language", "width", "phone"), [("zh_CN", 360, "13800138000"), ("en", 1280, "13900139000")])
def test_ways_to_sign_in(
    language: str, width: int, phone: str, looks: Begin, demo: RunningDemo, chromium: Browser, watch: Watch  # noqa: F811
) -> None:  # fmt: skip
    ask, enter, scan, known, bind = WORDS[language]
    looking = looks(language, width, "", "")
    window = looking.window
    for name, path in (("by-phone", "/sign-in/phone"), ("by-mail", "/sign-in/mail"), ("mailed", "/sign-in/mail/sent")):
        looking.examine(f"sign-in-{name}", f"{demo.url}{path}")
    looking.examine("sign-in", f"{demo.url}/sign-in")
    window.page.locator("form[action='/sign-in/wechat'] [name=agreed]").check()
    press(window, scan)
    with SandboxControl(demo.sandbox_url) as control:
        back = control.sign_in(window.address, person="梅姐")
    looking.examine("wechat-new", back)
    window.page.get_by_role("link", name=known).click()
    send_code(window, phone, ask)
    looking.examine_here("phone-code")
    window.page.locator("[name=code]").fill(read_code(demo, chromium, watch))
    press(window, enter)
    looking.examine_here("wechat-confirm")
    press(window, bind)
    window.page.set_viewport_size({"width": width, "height": 900})
    looking.examine("nobodys", f"{demo.url}/")
    looking.examine("account-ways", f"{demo.url}/account")
    looking.examine("account-phone", f"{demo.url}/account/phone")
    looking.examine("account-phone-remove", f"{demo.url}/account/phone/remove")
    window.open(f"{demo.url}/account")
    address = window.page.locator("a[href*='/account/wechat/']").first.get_attribute("href")
    looking.examine("account-wechat-remove", f"{demo.url}{address}")
    press(window, "解除绑定" if language == "zh_CN" else "Remove")  # the other language binds it anew
    looking.examine("mails-and-texts", f"{demo.url}/mails")
    alice = looks(language, width, "alice@example.com", PASSWORD)
    alice.examine("settings-wechat", f"{demo.url}/p/alice/settings/wechat-sign-in")
    alice.examine("settings-with-wechat", f"{demo.url}/p/alice/settings")
    faults = [*looking.faults, *alice.faults]
    assert faults == [], "\n".join(faults)
