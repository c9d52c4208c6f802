"""Pages as people see them: nothing sticks out sideways, no complaint of the browser, no fault that axe finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from saas.journey.main_job import Journey
from saas.journey.window import HttpWindow
from saas.seed import PASSWORD
from tests.browser import tools
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.browser.looking import WIDTHS, Looks
from tests.demo.running import RunningDemo

LANGUAGES = ("zh_CN", "en")


@pytest.fixture(scope="module")
def walked(demo: RunningDemo) -> Iterator[Journey]:
    """A provider who has done the main job up to a second version, and has made another link."""
    with ExitStack() as windows:
        journey = Journey(lambda: windows.enter_context(HttpWindow(demo.url)), demo.url, demo.sandbox_url)
        for _title, step in journey.working_day():
            step()
        journey.make_link()
        journey.owner.open(f"{journey.program_page}/filing")
        journey.owner.press("开始填写")
        yield journey


@pytest.fixture
def looks(
    demo: RunningDemo, chromium: Browser, watch: Watch, known_people: dict[str, list[Any]]
) -> Iterator[Callable[..., Looks]]:  # fmt: skip
    """`looks(language, width, email, password)`: a signed-in window that examines pages; without e-mail anonymous.

    `strict` is for pages of merchants.
    """
    axe = tools.axe().read_text()
    with ExitStack() as contexts:

        def begin(language: str, width: int, email: str, password: str, *, strict: bool = False) -> Looks:
            context = contexts.enter_context(new_context(chromium, watch, width=width))
            context.add_cookies(known_people.get(email, []))
            context.add_cookies([{"name": "daiban_language", "value": language, "url": demo.url}])
            window = ChromiumWindow(context, watch, demo.url)
            if email and email not in known_people:
                window.open(f"{demo.url}/sign-in")
                window.page.locator("[name=email]").fill(email)
                window.page.locator("[name=password]").fill(password)
                with window.page.expect_navigation():
                    window.page.locator("[name=password]").press("Enter")
                known_people[email] = [one for one in context.cookies() if one["name"] != "daiban_language"]
            return Looks(window, axe, language=language, width=width, strict=strict)

        yield begin


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_for_everybody(
    width: int, language: str, looks: Callable[..., Looks], walked: Journey, demo: RunningDemo
) -> None:
    looking = looks(language, width, "", "")
    for name, address in (("landing", "/"), ("sign-up", "/sign-up"), ("sign-in", "/sign-in"), ("forgot", "/forgot")):
        looking.examine(name, demo.url + address)
    looking.examine("authorize", walked.link)
    looking.examine("not-found", f"{demo.url}/nothing", 404)
    assert looking.faults == [], "\n".join(looking.faults)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_of_a_provider(width: int, language: str, looks: Callable[..., Looks], walked: Journey) -> None:
    looking = looks(language, width, *walked.sign_in_of("owner"))
    house = walked.house
    for name, address in {
        "dashboard": house, "components": f"{house}components", "component-new": f"{house}components/new",
        "component": walked.component_page, "component-traffic": f"{walked.component_page}/traffic",
        "merchants": f"{house}merchants", "merchant-new": f"{house}merchants/new", "merchant": walked.merchant_page,
        "entry-links": f"{walked.merchant_page}/entry-links",
        "entry-link-new": f"{walked.merchant_page}/entry-links/new",
        "link-new": f"{walked.merchant_page}/links/new", "programs": f"{house}programs", "program": walked.program_page,
        "permissions": f"{walked.program_page}/permissions", "calls": f"{walked.program_page}/calls",
        "program-activity": f"{walked.program_page}/activity",
        "privacy-templates": f"{house}privacy-templates", "privacy-template-new": f"{house}privacy-templates/new",
        "privacy": f"{walked.program_page}/privacy", "privacy-edit": f"{walked.program_page}/privacy/edit",
        "order-page": f"{walked.program_page}/order-page", "order-apply": f"{walked.program_page}/order-page/apply",
        "program-new": f"{house}programs/new", "programs-import": f"{house}programs/import",
        "selection": f"{house}programs/selection?all=1",
        "selection-merchant": f"{house}programs/selection/start?action=merchant&all=1",
        "selection-avatar": f"{house}programs/selection/start?action=avatar&all=1",
        "subject": f"{walked.program_page}/subject", "subject-edit": f"{walked.program_page}/subject/edit",
        "team": f"{walked.program_page}/team", "profile": f"{walked.program_page}/basics",
        "categories": f"{walked.program_page}/categories", "category-choose": f"{walked.program_page}/categories/add",
        "code": walked.code_page, "upload-form": f"{walked.program_page}/upload",
        "audit-form": f"{walked.program_page}/audit", "code-history": f"{walked.code_page}/history",
        "roll-back": f"{walked.program_page}/roll-back", "templates": f"{house}templates",
        "versions": f"{walked.program_page}/versions", "phase": f"{walked.program_page}/phased-release",
        "suspend": f"{walked.program_page}/service/suspend", "base-library": f"{walked.program_page}/base-library",
        "checks": f"{house}programs/selection/checks?id={walked.program_page.rpartition('/')[2]}",
        "registrations": f"{house}registrations", "registration-new": f"{house}registrations/new",
        "registration-import": f"{house}registrations/import",
        "registration-form": f"{house}registrations/new/enterprise?merchant={walked.merchant_page.rpartition('/')[2]}",
        "registration-program": f"{walked.program_page}/registration",
        "members": f"{house}members", "activity": f"{house}activity", "settings": f"{house}settings",
        "component-domains": f"{walked.component_page}/domains",
        "component-domains-edit": f"{walked.component_page}/domains/edit",
        "domains": f"{walked.program_page}/domains", "domains-edit": f"{walked.program_page}/domains/edit",
        "testers": f"{walked.program_page}/testers", "address-book": f"{house}testers",
        "codes": f"{walked.program_page}/codes", "code-new": f"{walked.program_page}/codes/new/unlimited",
        "qr-rules": f"{walked.program_page}/qr-rules", "qr-rule-new": f"{walked.program_page}/qr-rules/edit",
        "certifications": f"{house}certifications", "certification": f"{walked.program_page}/certification",
        "certification-templates": f"{house}certifications/templates",
        "certification-template-new": f"{house}certifications/templates/new",
        "certification-charges": f"{house}certifications/charges", "missing-permissions": f"{house}permissions",
        "filing": f"{walked.program_page}/filing", "filing-templates": f"{house}filing-templates",
        "filing-template-new": f"{house}filing-templates/new",
        **{f"filing-{one}": f"{walked.program_page}/filing/form/{one}" for one in ("subject", "program", "materials")},
        "selection-filing": f"{house}programs/selection/start?action=filing_face&all=1",
        "rejected": walked.rejected_page, "upload": walked.upload_page,
    }.items():  # fmt: skip
        looking.examine(name, address)
    assert looking.faults == [], "\n".join(looking.faults)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_of_a_merchant_and_of_the_operator(
    width: int, language: str, looks: Callable[..., Looks], walked: Journey, demo: RunningDemo
) -> None:
    merchant = looks(language, width, *walked.sign_in_of("merchant"), strict=True)
    house, program = f"{demo.url}/m/{walked.slug}", walked.program_page.rpartition("/")[2]
    for name, path in {
        "home": "/", "notices": "/notices", "program": f"/programs/{program}", "audits": f"/programs/{program}/audits",
        "activity": f"/programs/{program}/activity",
    }.items():  # fmt: skip
        merchant.examine(f"merchant-{name}", f"{house}{path}")
    operator = looks(language, width, "olga@example.com", PASSWORD)
    operator.examine("operator", f"{demo.url}/operator/")
    operator.examine("operator-jobs", f"{demo.url}/operator/jobs")
    operator.examine("account", f"{demo.url}/account")
    faults = [*merchant.faults, *operator.faults]
    assert faults == [], "\n".join(faults)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_an_entry_link(width: int, language: str, looks: Callable[..., Looks], walked: Journey) -> None:
    owner = looks(language, width, *walked.sign_in_of("owner"))
    owner.window.open(f"{walked.merchant_page}/entry-links/new")
    owner.window.page.locator("[name=parts]").first.check()
    with owner.window.page.expect_navigation():
        owner.window.page.locator("form:has([name=parts]) [type=submit]").click()
    owner.examine_here("entry-link")
    here, link = owner.window.address, owner.window.page.locator(".copy-value").first.inner_text()
    owner.examine("entry-link-revoke", f"{here}/revoke")
    nobody = looks(language, width, "", "", strict=True)
    nobody.examine("join", link)
    nobody.examine("join-by-mail", f"{link}/mail")
    merchant = looks(language, width, *walked.sign_in_of("merchant"), strict=True)
    merchant.examine("join-signed-in", link)
    merchant.window.page.locator("[name=agreed]").check()
    with merchant.window.page.expect_navigation():
        merchant.window.page.locator("form:has([name=agreed]) button").click()
    merchant.examine_here("merchant-home-asked")
    nobody.examine("join-over", link, 410)
    faults = [*owner.faults, *nobody.faults, *merchant.faults]
    assert faults == [], "\n".join(faults)
