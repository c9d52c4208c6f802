"""Every fault of a filing application and of its files, on one sandbox with a mini program for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from saas.wx.chapter import Upload
from tests.sandbox.filing_data import FRONT, LICENCE, MP4, PNG, application, face_check, faults_of, put, upload
from tests.sandbox.platform import Platform, refused


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("filing")
    with RunningSandbox(home / "sandbox.sqlite", clock_file=home / "clock") as sandbox:
        platform = Platform(SandboxControl(sandbox.url))
        yield platform
        platform.close()
        platform.control.close()


@pytest.fixture
def shop(platform: Platform) -> str:
    return add_program(platform)


def add_program(platform: Platform, **more: Any) -> str:
    """One more mini program of Mei's, authorized."""
    more = {"nick_name": "梅记分店", "principal_name": "广州市越秀区梅记茶铺", **more}
    appid = platform.control.add_account("梅姐", **more)
    return platform.exchange(platform.control.grant(platform.appid, appid))


@pytest.mark.parametrize(
    ("field", "value", "faults"),
    [
        ("icp_subject.base_info.type", 99, [(40097, ""), (40097, "icp_subject.organize_info.certificate_type")]),
        ("icp_subject.base_info.name", "别家", [(86355, "")]),
        ("icp_subject.base_info.district", "330106", [(40097, "")]),
        ("icp_subject.base_info.record_number", "粤ICP备1号", [(40097, "")]),
        ("icp_subject.organize_info.certificate_type", 2, [(40097, ""), (86328, LICENCE)]),
        ("icp_subject.organize_info.certificate_photo", None, [(40097, "")]),
        ("icp_subject.organize_info.certificate_photo", "unknown", [(86205, "")]),
        ("icp_subject.principal_info.mobile", "12345", [(86303, "")]),
        ("icp_subject.principal_info.emergency_contact", "13800138000", [(40097, "")]),
        ("icp_subject.principal_info.email", "mei", [(40097, "")]),
        ("icp_subject.principal_info.certificate_validity_date_end", "20200101", [(86308, "")]),
        ("icp_subject.principal_info.certificate_validity_date_end", "20491399", [(40097, "")]),
        ("icp_subject.principal_info.certificate_validity_date_end", "soon", [(40097, "")]),
        ("icp_subject.principal_info.certificate_validity_date_start", "20990101", [(40097, "")]),
        ("icp_subject.principal_info.name", None, [(40097, "")]),
        ("icp_subject.legal_person_info", {"name": "陈立", "certificate_number": "440104197502017712"},
         [(40097, "icp_subject.principal_info.authorization_letter"),
          (40097, "icp_applets.principal_info.authorization_letter")]),
        ("icp_applets.principal_info.verify_task_id", "unknown", [(1, "")]),
        ("icp_applets.base_info.service_content_types", [500], [(40097, "")]),
        ("icp_applets.base_info.service_content_types", [33, 33], [(40097, "")]),
        ("icp_applets.base_info.service_content_types", [1, 2, 3, 4, 5, 6], [(40097, "")]),
        ("icp_applets.base_info.nrlx_details", [{"type": 24}, {"type": 24}], [(40097, "")]),
        ("icp_applets.base_info.nrlx_details", [{"type": 7}], [(40097, ""), (40097, ".0.code"), (40097, ".0.media")]),
        ("icp_applets.base_info.comment", "太短", [(40097, "")]),
        ("icp_applets.base_info.name", "梅记茶铺", [(40097, "")]),
        ("icp_materials.commitment_letter", ["unknown"], [(86205, ".0")]),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(
    platform: Platform, shop: str, field: str, value: Any, faults: list[tuple[int, str]]
) -> None:
    data = put(application(platform, shop, face_check(platform, shop)), field, value)
    expected = [(code, place if place.startswith("icp_") else f"{field}{place}") for code, place in faults]
    assert faults_of(platform, shop, data) == expected


def test_two_persons_need_two_of_everything(platform: Platform, shop: str) -> None:
    data = application(platform, shop, face_check(platform, shop))
    letter = upload(platform, shop, "icp_applets.principal_info.authorization_letter")
    put(data, "icp_applets.principal_info.certificate_number", "440104197502017712")
    put(data, "icp_applets.principal_info.authorization_letter", letter)
    place = "icp_applets.principal_info"
    assert faults_of(platform, shop, data) == [
        (40097, f"{place}.mobile"),
        (86302, f"{place}.certificate_photo_front"),
        (86302, f"{place}.certificate_photo_back"),
    ]


def test_a_picture_of_another_certificate_cannot_be_read(platform: Platform, shop: str) -> None:
    data = application(platform, shop, face_check(platform, shop))
    put(data, FRONT, upload(platform, shop, FRONT, 7))
    assert faults_of(platform, shop, data) == [(86328, FRONT)]
    put(data, FRONT, upload(platform, add_program(platform), FRONT, 2))
    assert faults_of(platform, shop, data) == [(86205, FRONT)]


def test_a_personal_subject_repeats_the_person(platform: Platform, shop: str) -> None:
    data = application(platform, shop, face_check(platform, shop))
    person = data["icp_subject"]["principal_info"]
    put(data, "icp_subject.base_info.type", 5)
    put(data, "icp_subject.organize_info", {
        "certificate_type": 2, "certificate_number": "someone else's", "certificate_address": "北京路1号",
    })  # fmt: skip
    assert faults_of(platform, shop, data) == [(40097, "icp_subject.organize_info.certificate_number")]
    put(data, "icp_subject.organize_info.certificate_number", person["certificate_number"])
    platform.wx.filing.apply_icp_filing(shop, application=data)


def test_approval_papers_are_named_by_field(platform: Platform, shop: str) -> None:
    data = application(platform, shop, face_check(platform, shop))
    paper = upload(platform, shop, "icp_applets.base_info.nrlx_details.0.media")
    put(data, "icp_applets.base_info.nrlx_details", [{"type": 3, "code": "粤教2024-1", "media": paper}])
    put(data, "icp_materials", {"promise_video": [paper]})
    assert faults_of(platform, shop, data) == [(40004, "icp_materials.promise_video.0")]
    film = Upload("a.mp4", MP4, "video/mp4")
    video = platform.wx.filing.upload_icp_media(
        shop, media=film, icp_order_field="icp_materials.promise_video", type="video"
    )
    put(data, "icp_materials.promise_video", [video["media_id"]])
    platform.wx.filing.apply_icp_filing(shop, application=data)


def test_mistyped_bodies_have_no_hints(platform: Platform, shop: str) -> None:
    data = application(platform, shop, "t")
    with refused(47001):
        platform.wx.filing.apply_icp_filing(shop, application=put(data, "icp_subject.base_info.type", "4"))
    with refused(40097):
        platform.wx.filing.apply_icp_filing(
            shop, application=put(application(platform, shop, "t"), "icp_subject.extra", "x")
        )


@pytest.mark.parametrize(
    ("signature", "categories", "verified", "status"),
    [
        ("", None, 1, 1025), ("好茶", [], 1, 1026), ("", [], 1, 1027), ("好茶", None, 0, 1028),
        ("", None, 0, 1029), ("好茶", [], 0, 1030), ("", [], 0, 1031),
    ],
)  # fmt: skip
def test_what_a_program_lacks_is_in_its_status(
    platform: Platform, signature: str, categories: list[Any] | None, verified: int, status: int
) -> None:
    appid = add_program(platform, signature=signature, verified=verified)
    if categories is not None:
        platform.control.change_account(appid, categories=categories)
    assert platform.wx.filing.get_icp_entrance_info(appid)["info"]["status"] == status
    data = application(platform, appid, face_check(platform, appid))
    assert faults_of(platform, appid, data) == [(40097, "icp_applets.base_info")] * (status - 1024).bit_count()


def test_a_picture_comes_back(platform: Platform, shop: str) -> None:
    media_id = upload(platform, shop, LICENCE, 1)
    assert platform.wx.filing.get_icp_media(shop, media_id=media_id).content == PNG
    other = add_program(platform)
    with refused(86205):
        platform.wx.filing.get_icp_media(other, media_id=media_id)


@pytest.mark.parametrize(
    ("given", "file", "code"),
    [
        ({"icp_order_field": "icp_subject.unknown"}, PNG, 40097),
        ({"icp_order_field": "icp_subject.base_info.type"}, PNG, 40097),
        ({"icp_order_field": LICENCE}, PNG, 40097),
        ({"icp_order_field": LICENCE, "certificate_type": 99}, PNG, 40097),
        ({"icp_order_field": LICENCE, "certificate_type": 1, "type": "audio"}, PNG, 40097),
        ({"icp_order_field": LICENCE, "certificate_type": 1}, b"no picture", 86201),
        ({"icp_order_field": "icp_materials.promise_video", "type": "video"}, PNG, 40004),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    platform: Platform, shop: str, given: dict[str, Any], file: bytes, code: int
) -> None:
    with refused(code):
        platform.wx.filing.upload_icp_media(shop, media=Upload("a.png", file, "image/png"), **given)
