"""What is kept about a merchant: her page, the file that she takes along, and the provider's pages that settle it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable

import pytest

from saas.journey.main_job import Journey
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_looks import LANGUAGES, looks, walked  # noqa: F401
from tests.demo.running import RunningDemo

Begin = Callable[..., Looks]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_her_data(
    width: int, language: str, looks: Begin, walked: Journey, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    merchant = looks(language, width, *walked.sign_in_of("merchant"), strict=True)
    page, house = merchant.window.page, f"{demo.url}/m/{walked.slug}"
    merchant.examine("merchant-consent", f"{house}/consent")
    merchant.window.open(f"{house}/data")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    merchant.examine_here("merchant-data")
    page.locator("form[action$='/download'] button").click()
    page.locator("a[download]").wait_for(timeout=60_000)
    merchant.examine_here("merchant-data-ready")
    with page.expect_download() as found:
        page.locator("a[download]").click()
    assert "data.json" in zipfile.ZipFile(found.value.path()).namelist()
    page.locator("[name=wish]").fill("门店已经关了，请删除全部资料。")
    with page.expect_navigation():
        page.locator("form[action$='/deletion'] button").click()
    merchant.examine_here("merchant-data-asked")
    owner = looks(language, width, *walked.sign_in_of("owner"))
    owner.examine("data-request", f"{walked.merchant_page}/data-request")
    owner.examine("data-request-erase", f"{walked.merchant_page}/data-request/erase")
    owner.examine("merchant-who-asks", walked.merchant_page)
    owner.examine("merchants-who-ask", f"{demo.url}/p/{walked.slug}/merchants")
    with page.expect_navigation():
        page.locator("form[action$='/withdraw'] button").click()
    faults = [*merchant.faults, *owner.faults]
    assert faults == [], "\n".join(faults)
