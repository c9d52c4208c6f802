"""A merchant fills in the forms on her phone in Chromium: saved while she types, photos made smaller before they go."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Route, expect

from saas.journey.main_job import Journey
from saas.onboarding.fields import FORMS
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.browser.looking import Looks
from tests.browser.test_looks import looks, walked  # noqa: F401
from tests.demo.running import RunningDemo

_NOTE_SIZE = """() => {
  const send = HTMLFormElement.prototype.submit;
  HTMLFormElement.prototype.submit = function () {
    sessionStorage.size = this.querySelector("[capture]").files[0].size;
    send.call(this);
  };
}"""
Begin = Callable[..., Looks]


def photo() -> bytes:
    """12 megapixels with much in them."""
    out = io.BytesIO()
    image = Image.merge("RGB", [Image.effect_noise((4000, 3000), 40)] * 3)
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


@pytest.fixture(scope="module")
def asked(walked: Journey) -> str:  # noqa: F811
    """Where the merchant of the journey is asked for all five parts; she has come in by a link."""
    owner = walked.owner
    owner.open(f"{walked.merchant_page}/entry-links/new")
    owner.press("生成链接", {"parts": [part.value for part in FORMS]})
    return owner.read("//*[contains(@class, 'copy-value')]")


def come_in(window: ChromiumWindow, walked: Journey, asked: str) -> None:  # noqa: F811
    """By the link, the first time; then to all that is asked for."""
    page = window.page
    window.open(asked, status=page.request.get(asked).status)
    if page.locator("[name=agreed]").count():
        page.locator("[name=agreed]").check()
        with page.expect_navigation():
            page.locator("form:has([name=agreed]) button").click()
    window.open(f"/m/{walked.slug}/")
    with page.expect_navigation():
        page.locator("a[href*='/onboarding/']").first.click()


@pytest.mark.parametrize(("language", "width"), [("zh_CN", 360), ("en", 360), ("zh_CN", 1280)])
def test_the_forms(
    language: str, width: int, looks: Begin, walked: Journey, asked: str  # noqa: F811
) -> None:  # fmt: skip
    looking = looks(language, width, *walked.sign_in_of("merchant"), strict=True)
    page = looking.window.page
    come_in(looking.window, walked, asked)
    overview = page.url
    looking.examine("forms", overview)
    for part, form in FORMS.items():
        looking.examine(f"forms-{part}", f"{overview}/{part}")
        for key in form.pages:
            looking.examine(f"forms-{part}-{key}", f"{overview}/{part}/{key}")
    assert looking.faults == [], "\n".join(looking.faults)


def test_saved_while_typing_and_photos(
    looks: Begin, walked: Journey, asked: str, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    looking = looks("zh_CN", 360, *walked.sign_in_of("merchant"), strict=True)
    page = looking.window.page
    come_in(looking.window, walked, asked)
    overview = page.url
    looking.window.open(f"{overview}/company/facts")
    before = page.locator("#saved [name=version]").input_value()
    page.locator("[name=name]").fill("梅记手作餐饮有限公司")
    expect(page.locator("#saved [name=version]")).not_to_have_value(before)
    page.locator("[name=kind]").select_option("personal")
    expect(page.get_by_label("本人微信号")).to_be_visible()
    page.locator("[name=kind]").select_option("enterprise")
    expect(page.locator("[name=name]")).to_have_value("梅记手作餐饮有限公司")
    looking.window.open(f"{overview}/company/facts")
    expect(page.locator("[name=name]")).to_have_value("梅记手作餐饮有限公司")

    looking.window.open(f"{overview}/profile/pictures")
    path = tmp_path / "IMG_1.jpg"
    path.write_bytes(photo())
    page.evaluate(_NOTE_SIZE)
    with page.expect_navigation():
        page.locator("input[capture]").set_input_files(path)
    size = int(page.evaluate("sessionStorage.size"))
    assert 0 < size < path.stat().st_size / 2, "made smaller before it went"
    expect(page.get_by_text("已上传", exact=True)).to_be_visible()
    looking.examine_here("forms-uploaded")

    large = tmp_path / "large.jpg"
    large.write_bytes(b"\xff\xd8\xff" + b"x" * 60_000_000)
    page.locator("input[capture]").set_input_files(large)
    expect(page.locator(".js-photos [role=status]")).to_contain_text("最多上传 10 MB")
    assert looking.faults == []


def test_sixty_megabytes_without_javascript(
    walked: Journey, asked: str, demo: RunningDemo, chromium: Browser, watch: Watch, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    with new_context(chromium, watch, script=False, width=360) as context:
        window = ChromiumWindow(context, watch, demo.url, script=False)
        page = window.page
        email, password = walked.sign_in_of("merchant")
        window.open(f"{demo.url}/sign-in")
        page.locator("[name=email]").fill(email)
        page.locator("[name=password]").fill(password)
        with page.expect_navigation():
            page.locator("[name=password]").press("Enter")
        come_in(window, walked, asked)
        window.open(f"{page.url}/profile/pictures")
        large = tmp_path / "large.jpg"
        large.write_bytes(b"\xff\xd8\xff" + b"x" * 60_000_000)
        page.locator("input[capture]").set_input_files(large)
        with page.expect_navigation(timeout=60_000):
            page.locator(".js-photos button").click()
        expect(page.get_by_text("一次最多上传 10 MB").first).to_be_visible()


def test_a_tap_while_the_page_is_redrawn_counts(
    looks: Begin, walked: Journey, asked: str, watch: Watch  # noqa: F811
) -> None:  # fmt: skip
    looking = looks("zh_CN", 360, *walked.sign_in_of("merchant"), strict=True)
    page = looking.window.page
    come_in(looking.window, walked, asked)
    facts = f"{page.url}/company/facts"
    looking.window.open(facts)
    watch.refused_pages.add(facts)  # the new choice asks for more
    drawn: list[Route] = []

    def hold(route: Route) -> None:
        drawn.append(route)

    page.route("**/*redraw=1", hold)
    with page.expect_request("**/*redraw=1"):
        page.locator("[name=kind]").select_option("personal")
    page.locator("#part-form button.btn-big").hover()
    page.mouse.down()
    with page.expect_response("**/*redraw=1") as redrawn:
        drawn[0].fallback()
    redrawn.value.finished()
    page.wait_for_timeout(300)
    with page.expect_navigation():
        page.mouse.up()
    expect(page.get_by_text("别的设备")).to_have_count(0)
    looking.window.open(facts)
    expect(page.locator("[name=kind]")).to_have_value("personal")
