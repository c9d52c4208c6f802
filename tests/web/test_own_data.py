"""What is kept about a merchant, on her pages: she looks, takes it with her, has it deleted; nobody else does."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from saas import clock
from saas.db import platform_session, tenant_session
from saas.onboarding.access import get_part
from saas.onboarding.models import Part, PartStatus
from saas.onboarding.parts import answers_of, open_onboarding
from saas.onboarding.saving import save_page
from saas.tenants import consents
from saas.tenants.access import Verb
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Consent, LoginSession, MerchantRole
from tests.cast import Cast, add_merchant, join_merchant
from tests.onboarding.scenes import Scene, scene
from tests.onboarding.test_data_exports import fill
from tests.onboarding.test_handing_over import COMPANY
from tests.web.conftest import Browser

__all__ = ["scene"]
Open = Callable[[str], Browser]


def page(cast: Cast, merchant_id: UUID | None = None) -> str:
    return f"/m/alice/data/{merchant_id or cast.meis}"


def forget_consent(name: str, cast: Cast) -> None:
    with platform_session("test") as db:
        for row in db.scalars(select(Consent).where(Consent.user_id == cast.users[name])):
            db.delete(row)


def sign_in_long_ago(cast: Cast, name: str = "mei") -> None:
    with platform_session("test") as db:
        db.execute(
            update(LoginSession)
            .where(LoginSession.user_id == cast.users[name])
            .values(created_at=clock.now() - timedelta(minutes=16))
        )


def test_she_sees_what_is_kept_masked(scene: Scene, browser: Open) -> None:
    fill(scene)
    text = browser("mei").text(page(scene.cast))
    assert "139****1111" in text
    for secret in ("13900001111", "13800002222", "陈梅", "林小燕"):
        assert secret not in text
    assert "提交给微信，证明小程序的主体。" in text


def test_the_page_in_english(scene: Scene, browser: Open) -> None:
    fill(scene)
    mei = browser("mei")
    mei.post("/language/en")
    text = mei.text(page(scene.cast))
    assert "My data" in text
    assert "公司和法人" not in text


def test_the_home_leads_there(cast: Cast, browser: Open) -> None:
    assert "/m/alice/data" in browser("mei").text("/m/alice/")
    assert browser("mei").get("/m/alice/data").location == page(cast)


def test_she_downloads_hers(scene: Scene, browser: Open, run_jobs: Callable[..., list[str]]) -> None:
    fill(scene)
    mei, here = browser("mei"), page(scene.cast)
    assert mei.post(f"{here}/download").location == f"{here}#download"
    assert f'hx-get="{here}/download"' in mei.text(here), "it asks how far it is"
    run_jobs()
    fragment = mei.get(f"{here}/download", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert f"{here}/file" in fragment
    assert "hx-get" not in fragment, "and stops at the end"
    response = mei.get(f"{here}/file")
    assert (response.status_code, response.mimetype) == (200, "application/zip")
    assert response.headers["Cache-Control"] == "no-store"
    assert "attachment" in response.headers["Content-Disposition"]
    assert "data.json" in zipfile.ZipFile(io.BytesIO(response.data)).namelist()


def test_a_download_needs_a_fresh_sign_in(scene: Scene, browser: Open, run_jobs: Callable[..., list[str]]) -> None:
    mei, here = browser("mei"), page(scene.cast)
    mei.post(f"{here}/download")
    run_jobs()
    sign_in_long_ago(scene.cast)
    assert mei.get(f"{here}/file").status_code == 303
    assert mei.post(f"{here}/download").status_code == 303
    assert run_jobs() == []
    text = mei.text(here)
    assert f"{here}/file" not in text
    assert f"{here}/sign-in" in text
    again = mei.post(f"{here}/sign-in")
    assert again.location == f"/sign-in?next={here}"
    assert mei.get(here).status_code == 303, "she is signed out"


@pytest.mark.parametrize("path", ["", "/download", "/file"])
def test_ming_and_members_find_nothing(cast: Cast, browser: Open, path: str) -> None:
    for name in ("ming", "charlie", "alice"):
        assert browser(name).get(page(cast) + path).status_code == 404
    assert browser("ming").get(f"/m/charlie/data/{cast.meis}{path}").status_code == 404


def test_mei_finds_nothing_of_her_providers_other_merchants(cast: Cast, browser: Open) -> None:
    other = add_merchant(cast, "隔壁家")
    for path in ("", "/download", "/file"):
        assert browser("mei").get(page(cast, other) + path).status_code == 404
    for path in ("/download", "/deletion", "/deletion/withdraw", "/sign-in"):
        assert browser("mei").post(page(cast, other) + path).status_code == 404


def test_with_two_providers_each_shows_its_own(cast: Cast, browser: Open) -> None:
    join_merchant(cast, "mei", cast.mings, MerchantRole.HELPER)
    assert browser("mei").get(page(cast)).status_code == 200
    assert browser("mei").get(f"/m/charlie/data/{cast.mings}").status_code == 200
    assert browser("mei").get(f"/m/charlie/data/{cast.meis}").status_code == 404
    assert browser("mei").post(f"/m/charlie/data/{cast.mings}/download").status_code == 403, "a helper there"


def test_helpers_look_and_are_told_who_may(cast: Cast, browser: Open) -> None:
    text = browser("hana").text(page(cast))
    assert "要由商家负责人下载。" in text
    assert "要由商家负责人申请。" in text
    assert browser("hana").post(f"{page(cast)}/deletion").status_code == 403
    assert browser("hana").get(f"{page(cast)}/file").status_code == 403


def test_an_owner_of_one_and_helper_of_another(cast: Cast, browser: Open) -> None:
    other = add_merchant(cast, "隔壁家")
    join_merchant(cast, "mei", other, MerchantRole.HELPER)
    assert browser("mei").post(f"{page(cast)}/download").status_code == 303
    assert browser("mei").post(f"{page(cast, other)}/download").status_code == 403
    assert "隔壁家" in browser("mei").text(page(cast)), "she switches between them"


def test_she_asks_for_deletion_and_takes_it_back(cast: Cast, browser: Open) -> None:
    mei, here = browser("mei"), page(cast)
    assert mei.post(f"{here}/deletion", {"wish": "不做了"}).location == f"{here}#deletion"
    text = mei.text(here)
    assert "处理" in text
    assert "不做了" in text
    assert mei.post(f"{here}/deletion/withdraw").status_code == 303
    assert "已撤回" in mei.text(here)
    assert mei.post(f"{here}/deletion", {"wish": "长" * 501}).status_code == 422


def test_before_the_first_handing_in_she_agrees_once(cast: Cast, browser: Open) -> None:
    forget_consent("mei", cast)
    with tenant_session(cast.alices) as db:
        who = cast.who["mei"]
        asked = open_onboarding(db, load_merchant(db, cast.meis), None, [Part.COMPANY], who=cast.who["alice"])
        answers = answers_of(db, *get_part(db, who, asked.id, Part.COMPANY, Verb.ANSWER))
        save_page(db, answers, "facts", COMPANY, version=answers.part.version, who=who)
        version = answers.part.version
    mei, here = browser("mei"), f"/m/alice/onboarding/{asked.id}/company"
    assert "/m/alice/consent" in mei.text("/m/alice/")
    sent = mei.post(f"{here}/hand-in", {"version": str(version)})
    assert sent.location == f"/m/alice/consent?next={here}"
    assert mei.post("/m/alice/consent", {"next": here}).status_code == 422
    assert mei.post("/m/alice/consent", {"next": here, "agreed": "1"}).location == here
    assert mei.post(f"{here}/hand-in", {"version": str(version)}).location == f"/m/alice/onboarding/{asked.id}"
    with tenant_session(cast.alices) as db:
        part = get_part(db, who, asked.id, Part.COMPANY, Verb.VIEW)[1]
        assert part.status == PartStatus.HANDED_IN
    assert consents.DATA_VERSION in mei.text(page(cast))
    assert "/m/alice/consent" not in mei.text("/m/alice/")


def test_new_words_are_asked_about_again(cast: Cast, browser: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "有新的说明" not in browser("mei").text(page(cast))
    monkeypatch.setattr(consents, "DATA_VERSION", "2027-01-01")
    assert "有新的说明" in browser("mei").text(page(cast))
    browser("mei").post("/m/alice/consent", {"agreed": "1"})
    text = browser("mei").text(page(cast))
    assert "有新的说明" not in text
    assert "2027-01-01" in text
    assert "2026-12-01" in text
