"""A provider's brand on its merchants' pages, and nowhere else."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from sqlalchemy import update

from saas.db import platform_session, tenant_session
from saas.onboarding import links
from saas.onboarding.links import Wanted
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.models import Provider
from saas.tenants.stored_files import keep_file
from tests.cast import Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
GOOD = {"name": "小爱建站", "colour": "#7a1fa2", "contact": "微信 xiaoai"}
STYLES = re.compile(r'href="(/t/alice/brand\.css\?v=\w+)"')
LOGO = re.compile(r'src="(/t/alice/logo/[0-9a-f-]{36})"')


def picture(width: int = 300, height: int = 100) -> io.BytesIO:
    packed = io.BytesIO()
    Image.new("RGB", (width, height), "#7a1fa2").save(packed, "PNG")
    packed.seek(0)
    return packed


@pytest.fixture
def branded(browser: Browsers, cast: Cast) -> Browser:
    """Alice's browser, her brand being set."""
    alice = browser("alice")
    assert alice.post("/p/alice/settings/brand", GOOD).status_code == 303
    answer = alice.post("/p/alice/settings/brand/logo", {"logo": (picture(), "logo.png")})
    assert answer.status_code == 303
    return alice


def join_path(cast: Cast) -> str:
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        link = links.make_link(db, merchant, Wanted(authorize=False), who=cast.who["alice"])
    return f"/m/alice/join/{link.token}"


def test_merchant_pages_carry_the_brand(browser: Browsers, branded: Browser, cast: Cast) -> None:
    for text in (browser("mei").text("/m/alice/"), browser("").text(join_path(cast))):
        assert '<span class="brand-name">小爱建站</span>' in text
        assert "有问题请联系：微信 xiaoai" in text
        assert "· 小爱建站</title>" in text
        assert 'class="merchant branded"' in text
        assert STYLES.search(text)
        assert LOGO.search(text)


def test_the_join_page_says_whom_the_brand_belongs_to(browser: Browsers, branded: Browser, cast: Cast) -> None:
    text = browser("").text(join_path(cast))
    assert "“小爱建站”邀请您" in text
    assert "只交给“小爱建站（爱丽服务）”" in text
    assert "由 爱丽服务 通过代办提供服务" in text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/phone", "/sign-in/mail"])
def test_signing_in_on_the_way_to_a_merchants_page_carries_the_brand(
    browser: Browsers, branded: Browser, path: str
) -> None:
    nobody = browser("")
    text = nobody.text(f"{path}?next=/m/alice/")
    assert '<span class="brand-name">小爱建站</span>' in text
    assert "由 爱丽服务 通过代办提供服务" in text
    assert STYLES.search(text)
    for elsewhere in (
        "",
        "?next=/p/alice/",
        "?next=/m/charlie/",
        "?next=/m/nobody/",
        "?next=https://evil.example/m/alice/",
    ):
        assert "小爱建站" not in nobody.text(f"{path}{elsewhere}")


def test_a_refused_sign_in_keeps_the_brand(browser: Browsers, branded: Browser) -> None:
    answer = browser("").post("/sign-in", {"email": "x@example.com", "password": "no", "next": "/m/alice/"})
    assert answer.status_code == 422
    assert "小爱建站" in answer.get_data(as_text=True)


def test_the_style_sheet_is_ours_and_is_kept(browser: Browsers, branded: Browser) -> None:
    nobody = browser("")
    found = STYLES.search(nobody.text("/sign-in?next=/m/alice/"))
    assert found
    answer = nobody.get(found[1])
    assert answer.content_type == "text/css; charset=utf-8"
    assert "--brand: #7a1fa2;" in answer.get_data(as_text=True)
    assert "immutable" in answer.headers["Cache-Control"]
    plain = nobody.get("/t/alice/brand.css")
    assert plain.headers["Cache-Control"] == "no-cache"
    again = nobody.get("/t/alice/brand.css", headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304
    assert nobody.get("/t/nobody/brand.css").status_code == 404


def test_only_the_logo_is_shown_to_everybody(browser: Browsers, branded: Browser, cast: Cast) -> None:
    nobody = browser("")
    found = LOGO.search(nobody.text("/sign-in?next=/m/alice/"))
    assert found
    answer = nobody.get(found[1])
    assert (answer.status_code, answer.content_type, answer.data[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    with tenant_session(cast.alices) as db:
        other = keep_file(db, cast.alices, "paper", b"secret", content_type="image/jpeg").id
    assert nobody.get(f"/t/alice/logo/{other}").status_code == 404
    assert nobody.get(found[1].replace("alice", "charlie")).status_code == 404
    branded.post("/p/alice/settings/brand/logo", {"logo": (picture(80, 80), "b.png")})
    assert nobody.get(found[1]).status_code == 404


def test_a_suspended_providers_brand_is_not_shown(browser: Browsers, branded: Browser) -> None:
    with platform_session("test") as db:
        db.execute(update(Provider).where(Provider.slug == "alice").values(status="suspended"))
    assert "小爱建站" not in browser("").text("/sign-in?next=/m/alice/")
    assert browser("").get("/t/alice/brand.css").status_code == 404


def test_bad_input_is_named(browser: Browsers, branded: Browser) -> None:
    answer = branded.post("/p/alice/settings/brand", {**GOOD, "colour": "purple"})
    assert answer.status_code == 422
    assert "颜色要写成 #rrggbb" in answer.get_data(as_text=True)
    answer = branded.post("/p/alice/settings/brand/logo", {"logo": (picture(100, 300), "b.png")})
    assert answer.status_code == 422
    assert "标志太高" in answer.get_data(as_text=True)
    assert 'value="小爱建站"' in answer.get_data(as_text=True)
    assert branded.post("/p/alice/settings/brand/logo").status_code == 422


def test_the_page_shows_the_brand_and_takes_the_logo_away(browser: Browsers, branded: Browser) -> None:
    text = branded.text("/p/alice/settings/brand")
    assert 'value="#7a1fa2"' in text
    assert LOGO.search(text)
    assert branded.post("/p/alice/settings/brand/logo/remove").status_code == 303
    assert not LOGO.search(branded.text("/p/alice/settings/brand"))
    assert "品牌" in branded.text("/p/alice/settings")
    assert "修改品牌" in branded.text("/p/alice/activity")


def test_the_platforms_colour_counts_as_none(browser: Browsers, branded: Browser) -> None:
    assert branded.post("/p/alice/settings/brand", {**GOOD, "colour": "#0B7A4B"}).status_code == 303
    text = browser("mei").text("/m/alice/")
    assert 'class="merchant"' in text
    assert not STYLES.search(text)


def test_names_cannot_break_out_of_the_page(browser: Browsers, branded: Browser) -> None:
    branded.post("/p/alice/settings/brand", {**GOOD, "name": "<b>x</b>", "contact": '"><script>'})
    text = browser("mei").text("/m/alice/")
    assert "<b>x</b>" not in text
    assert '"><script>' not in text
