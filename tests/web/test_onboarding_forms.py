"""The forms on a merchant's phone: kept as typed, without JavaScript too, photos of every kind, and nobody else's."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import select

from saas import clock
from saas.components.models import ComponentApp
from saas.db import new_id, tenant_session
from saas.onboarding.fields import FORMS
from saas.onboarding.models import Onboarding, OnboardingPart, Part, PartStatus
from saas.onboarding.parts import open_onboarding
from saas.programs.access import load_program
from saas.programs.editing import assign_merchant
from saas.programs.models import Program
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Activity, Merchant, StoredFile
from saas.tenants.stored_files import read_file
from tests.cast import Cast, add_merchant, join_merchant
from tests.web.conftest import Browser

CODE = "91350100M000100Y43"
COMPANY = {"kind": "enterprise", "name": "梅记餐饮有限公司", "company_code": CODE}
PROFILE = {"name": "梅记茶铺", "introduction": "福州手作奶茶，门店自提和外卖"}


@pytest.fixture
def address(cast: Cast) -> str:
    """Where the forms are that mei is asked to fill in."""
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, cast.meis)
        onboarding = open_onboarding(db, merchant, None, list(Part), who=cast.who["alice"])
    return f"/m/alice/onboarding/{onboarding.id}"


def part_of(cast: Cast, key: Part) -> OnboardingPart:
    with tenant_session(cast.alices) as db:
        return db.scalars(select(OnboardingPart).where(OnboardingPart.key == key)).one()


def photo(kind: str = "JPEG", size: tuple[int, int] = (80, 60)) -> bytes:
    import saas.pictures  # noqa: F401 - it teaches Pillow to write HEIC files

    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    return out.getvalue()


def send(browser: Browser, address: str, field: str, *files: tuple[bytes, str]) -> Any:
    data: dict[str, Any] = {"file": [(io.BytesIO(content), name) for content, name in files]}
    return browser.post(f"{address}/files?field={field}", data, content_type="multipart/form-data")


def version_in(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found, "the page has no version"
    return found[1]


def test_a_merchant_goes_through_a_part_without_javascript(
    cast: Cast, address: str, browser: Callable[[str], Browser]
) -> None:
    mei = browser("mei")
    assert "已提交 0 / 5 部分" in mei.text(address)
    assert "开始填写" in mei.text(f"{address}/profile")
    form = f"{address}/profile/wishes"
    page = mei.text(form)
    answer = mei.post(form, PROFILE | {"version": version_in(page)})
    assert (answer.status_code, answer.location) == (303, f"{address}/profile/pictures")
    assert "capture=" in mei.text(f"{address}/profile/pictures")
    answer = send(mei, f"{address}/profile", "avatar", (photo(), "logo.jpg"))
    assert answer.status_code == 303
    assert "已上传" in mei.text(answer.location)
    page = mei.text(f"{address}/profile")
    assert "梅记茶铺" in page
    answer = mei.post(f"{address}/profile/hand-in", {"version": version_in(page)})
    assert (answer.status_code, answer.location) == (303, address)
    page = mei.text(address)
    assert "已提交 1 / 5 部分" in page
    assert "审核中" in page
    assert "正在审核" in mei.text(f"{address}/profile")
    answer = mei.get(form)
    assert (answer.status_code, answer.location) == (303, f"{address}/profile")
    assert mei.post(form, {"name": "别的", "version": "9"}).status_code == 409
    assert send(mei, f"{address}/profile", "avatar", (photo(), "logo.jpg")).status_code == 409


def test_what_is_wrong_is_kept_and_said_at_its_field(
    cast: Cast, address: str, browser: Callable[[str], Browser]
) -> None:
    mei, form = browser("mei"), f"{address}/company/facts"
    answer = mei.post(form, COMPANY | {"company_code": "123", "version": "0"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "应为 18 位" in page
    assert 'aria-invalid="true"' in page
    assert version_in(page) == "1"
    assert part_of(cast, Part.COMPANY).values["company_code"] == "123"
    assert "应为 18 位" in mei.text(form), "still there when she comes back"
    assert mei.post(f"{address}/company/hand-in", {"version": "1"}).status_code == 422
    assert "还差：统一社会信用代码" in mei.text(f"{address}/company")


def test_typing_saves_by_itself(cast: Cast, address: str, browser: Callable[[str], Browser]) -> None:
    mei, form = browser("mei"), f"{address}/company/facts"
    headers = {"HX-Request": "true"}
    answer = mei.post(f"{form}?auto=1", {"kind": "enterprise", "name": "梅", "version": "0"}, headers=headers)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "已保存" in page
    assert version_in(page) == "1"
    assert "<form" not in page
    assert part_of(cast, Part.COMPANY).values["name"] == "梅"
    answer = mei.post(f"{form}?redraw=1", {"kind": "personal", "version": "1"}, headers=headers)
    page = answer.get_data(as_text=True)
    assert "本人微信号" in page
    assert "统一社会信用代码" not in page
    assert "<html" not in page
    answer = mei.post(f"{form}?auto=1", {"name": "梅记", "version": "0"}, headers=headers)
    assert answer.status_code == 200, "a person has no such field"


def test_a_lost_answer_costs_nothing(cast: Cast, address: str, browser: Callable[[str], Browser]) -> None:
    mei, form = browser("mei"), f"{address}/profile/wishes"
    ids = [re.search(r'name="page_id" value="([^"]+)"', mei.text(form)) for _ in range(2)]
    here, there = (found[1] for found in ids if found)
    assert here != there
    for name in ("梅", "梅记"):
        sent = {"name": name, "version": "0", "page_id": here}
        assert mei.post(f"{form}?auto=1", sent, headers={"HX-Request": "true"}).status_code == 200
    answer = mei.post(form, PROFILE | {"version": "0", "page_id": here})
    assert answer.status_code == 303
    assert part_of(cast, Part.PROFILE).values["name"] == "梅记茶铺"
    assert mei.post(form, {"name": "别的", "version": "0", "page_id": there}).status_code == 409


def test_what_stood_there_already_is_nobodys_change(
    cast: Cast, address: str, browser: Callable[[str], Browser]
) -> None:
    with tenant_session(cast.alices) as db:
        load_merchant(db, cast.meis).company_name = "梅记旧名有限公司"
    mei, form = browser("mei"), f"{address}/company/facts"
    assert "梅记旧名有限公司" in mei.text(form)
    first = {"kind": "enterprise", "name": "梅记旧名有限公司", "version": "0", "page_id": "a"}
    assert mei.post(f"{form}?auto=1", first, headers={"HX-Request": "true"}).status_code == 200
    answer = mei.post(form, COMPANY | {"version": "0", "page_id": "a"})
    assert answer.status_code == 303
    assert part_of(cast, Part.COMPANY).values["name"] == COMPANY["name"]


def test_two_devices_do_not_undo_each_other(cast: Cast, address: str, browser: Callable[[str], Browser]) -> None:
    mei, form = browser("mei"), f"{address}/profile/wishes"
    old = version_in(mei.text(form))
    mei.post(form, PROFILE | {"version": old})
    answer = mei.post(form, PROFILE | {"name": "梅记手作", "version": old})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert 'value="梅记手作"' in page
    assert "别的设备保存的：<strong>梅记茶铺" in page
    assert part_of(cast, Part.PROFILE).values["name"] == "梅记茶铺"
    now = version_in(page)
    mei.post(form, PROFILE | {"name": "梅记手作", "version": now, "take": "name"})
    assert part_of(cast, Part.PROFILE).values["name"] == "梅记茶铺"
    mei.post(form, PROFILE | {"name": "梅记手作", "version": now})
    assert part_of(cast, Part.PROFILE).values["name"] == "梅记手作"
    auto = mei.post(f"{form}?auto=1", PROFILE | {"version": "0"}, headers={"HX-Request": "true"})
    assert auto.status_code == 409
    assert version_in(auto.get_data(as_text=True)) == "0", "so that saving shows both texts"


def test_what_came_back_shows_what_the_provider_said(
    cast: Cast, address: str, browser: Callable[[str], Browser]
) -> None:
    mei = browser("mei")
    mei.post(f"{address}/company/facts", COMPANY | {"version": "0"})
    with tenant_session(cast.alices) as db:
        part = db.scalars(select(OnboardingPart).where(OnboardingPart.key == Part.COMPANY)).one()
        part.status, part.comments = PartStatus.RETURNED, {"name": "要和<执照>一致"}
    assert "要和&lt;执照&gt;一致" in mei.text(f"{address}/company")
    assert "要和&lt;执照&gt;一致" in mei.text(f"{address}/company/facts")
    assert "修改：主体与法人" in mei.text(address)


def test_personal_data_is_masked_until_somebody_looks(
    cast: Cast, address: str, browser: Callable[[str], Browser]
) -> None:
    mei = browser("mei")
    mei.post(f"{address}/company/facts", COMPANY | {"person_wechat": "chenmei_1988", "version": "0"})
    for path in (f"{address}/company", f"{address}/company/facts"):
        assert "chenmei_1988" not in mei.text(path)
    answer = mei.post(f"{address}/company/show")
    assert "chenmei_1988" in answer.get_data(as_text=True)
    with tenant_session(cast.alices) as db:
        assert "onboarding.personal.view" in db.scalars(select(Activity.verb)).all()


def test_photos_of_every_kind(cast: Cast, address: str, browser: Callable[[str], Browser]) -> None:
    mei, part = browser("mei"), f"{address}/profile"
    assert send(mei, part, "avatar", (photo("HEIF"), "IMG_0001.HEIC")).status_code == 303
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(StoredFile)).one()
        assert row.content_type == "image/jpeg"
        assert read_file(row).startswith(b"\xff\xd8\xff")
    shown = mei.post(f"{part}/files/show", {"file": str(row.id)})
    assert (shown.status_code, shown.content_type) == (200, "image/jpeg")
    answer = send(mei, part, "avatar", (b"%PDF-1.7 ...", "licence.jpg"))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "这是 PDF 文件" in page
    assert send(mei, part, "avatar").status_code == 422
    assert send(mei, part, "nonsense", (photo(), "a.jpg")).status_code == 404
    answer = mei.post(f"{part}/files/remove", {"field": "avatar", "file": str(row.id)})
    assert answer.status_code == 303
    assert part_of(cast, Part.PROFILE).files == {}
    assert mei.post(f"{part}/files/show", {"file": str(row.id)}).status_code == 404


def much(browser: Browser, path: str) -> Any:
    """A form of 60 MB."""
    body = io.BytesIO(b"x" * 60_000_000)
    kind = "multipart/form-data; boundary=x"
    return browser.client.post(path, input_stream=body, content_length=60_000_000, content_type=kind)


def test_sixty_megabytes_get_a_clear_message_at_the_field(
    cast: Cast, address: str, browser: Callable[[str], Browser]
) -> None:
    mei = browser("mei")
    answer = much(mei, f"{address}/profile/files?field=avatar")
    assert answer.status_code == 303
    answer = mei.get(answer.location)
    assert answer.status_code == 303
    assert re.search(r"#f-\d+$", answer.location)
    page = mei.text(answer.location)
    assert "文件太大：一次最多上传 10 MB" in page
    assert 'id="f-2-error"' in page
    assert much(browser(""), f"{address}/profile/files?field=avatar").status_code == 413
    assert much(mei, f"{address}/profile/wishes").status_code == 413


def test_a_helper_looks_and_does_nothing(cast: Cast, address: str, browser: Callable[[str], Browser]) -> None:
    hana = browser("hana")
    for path in (address, f"{address}/company"):
        assert "请商家负责人登录后填写" in hana.text(path)
    assert hana.get(f"{address}/company/facts").status_code == 403
    deeds = ("company/facts", "company/hand-in", "company/show", "profile/files?field=avatar", "profile/files/remove")
    for path in deeds:
        assert hana.post(f"{address}/{path}", {"version": "0"}).status_code == 403, path


def test_another_merchants_forms_are_not_there(cast: Cast, address: str, browser: Callable[[str], Browser]) -> None:
    other = new_id()
    with tenant_session(cast.alices) as db:
        db.add(Merchant(id=other, provider_id=cast.alices, name="隔壁"))
        db.flush()
        onboarding = Onboarding(id=new_id(), provider_id=cast.alices, merchant_id=other)
        db.add(onboarding)
        db.flush()
        db.add(OnboardingPart(provider_id=cast.alices, onboarding_id=onboarding.id, key=Part.COMPANY))
    mei = browser("mei")
    theirs = f"/m/alice/onboarding/{onboarding.id}"
    for path in (theirs, f"{theirs}/company", f"{theirs}/company/facts", f"{address}/nonsense", f"{address}/company/x"):
        assert mei.get(path).status_code == 404, path
    assert mei.post(f"{theirs}/company/facts", COMPANY).status_code == 404
    assert browser("ming").get(address).status_code == 404
    mine = part_of_file(cast, mei, address)
    assert mei.post(f"{address}/company/files/show", {"file": str(mine)}).status_code == 404, "of another part"


def test_a_mini_program_that_went_to_another_merchant_takes_its_forms_away(
    cast: Cast, browser: Callable[[str], Browser]
) -> None:
    lis = add_merchant(cast, "李记面馆")
    join_merchant(cast, "li", lis)
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="k", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        program = Program(
            id=new_id(), provider_id=cast.alices, component_id=component.id, appid="wx1", name="点单",
            merchant_id=cast.meis, permission_sets=[18, 30], authorized_at=clock.now(),
        )  # fmt: skip
        db.add(program)
    addresses = []
    for merchant_id in (cast.meis, lis):
        with tenant_session(cast.alices) as db:
            found, merchant = load_program(db, program.id), load_merchant(db, merchant_id)
            assign_merchant(db, found, merchant, who=cast.who["alice"])
        with tenant_session(cast.alices) as db:
            found, merchant = load_program(db, program.id), load_merchant(db, merchant_id)
            opened = open_onboarding(db, merchant, found, [Part.COMPANY], who=cast.who["alice"])
        addresses.append(f"/m/alice/onboarding/{opened.id}")
    old, new = addresses
    mei, li = browser("mei"), browser("li")
    for path in ("", "/company", "/company/facts"):
        assert [one.get(f"{old}{path}").status_code for one in (mei, li)] == [404, 404], path
        assert [one.get(f"{new}{path}").status_code for one in (mei, li)] == [404, 200], path
    assert "点单" in li.text(new)
    assert "等您填写资料" in li.text("/m/alice/")
    assert "有一份资料不用再填了" in mei.text("/m/alice/notices")


def part_of_file(cast: Cast, mei: Browser, address: str) -> UUID:
    send(mei, f"{address}/profile", "avatar", (photo(), "a.jpg"))
    return UUID(part_of(cast, Part.PROFILE).files["avatar"][0])


def test_every_page_of_every_part_is_there(cast: Cast, address: str, browser: Callable[[str], Browser]) -> None:
    mei = browser("mei")
    for part, form in FORMS.items():
        for page in form.pages:
            assert 'id="part-form"' in mei.text(f"{address}/{part}/{page}"), f"{part}/{page}"


def test_choices_are_in_the_pages_language(cast: Cast, address: str, browser: Callable[[str], Browser]) -> None:
    mei = browser("mei")
    mei.client.set_cookie("daiban_language", "en")
    assert '<option value="no">No</option>' in mei.text(f"{address}/{Part.FILING}/subject")
