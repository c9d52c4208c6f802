"""A filing that WeChat takes: what a person would type and upload, page by page."""

from __future__ import annotations

from typing import Any

from saas.programs import filing_drafts
from saas.programs.access import load_program
from saas.programs.filing import find_filing
from saas.programs.filing_fields import (
    APPROVALS,
    CITY,
    COMMENT,
    DISTRICT,
    NAME,
    PAPER_NUMBER,
    PAPER_PHOTO,
    PAPER_TYPE,
    PROGRAM_PERSON,
    PROVINCE,
    SERVICES,
    SUBJECT_PERSON,
    TYPE,
    Part,
)
from saas.programs.filing_models import Filing
from tests.programs.shop import Shop, picture


def person(place: str, **changes: str) -> dict[str, str]:
    values = {
        "name": "陈梅",
        "certificate_type": "2",
        "certificate_number": "44010419880512342X",
        "certificate_validity_date_start": "2019-06-01",
        "certificate_validity_date_end": "20490601",
        "mobile": "13800138000",
        "emergency_contact": "13900139000",
        "email": "mei@example.com",
    }
    return {f"{place}.{name}": value for name, value in (values | changes).items()}


SUBJECT: dict[str, Any] = {
    TYPE: "4",
    NAME: "青禾果蔬有限公司",
    PROVINCE: "440000",
    CITY: "440100",
    DISTRICT: "440104",
    "icp_subject.base_info.address": "北京路1号",
    PAPER_TYPE: "1",
    PAPER_NUMBER: "91440104MA5ABCDE1X",
    "icp_subject.organize_info.certificate_address": "广东省广州市越秀区北京路1号",
    **person(SUBJECT_PERSON),
}
PROGRAM: dict[str, Any] = {
    SERVICES: ["33", "34", "", "", ""],
    COMMENT: "为到店顾客提供扫码点餐、外卖下单和会员积分查询服务",
    f"{APPROVALS}.0.type": "24",
}
PICTURES = {
    PAPER_PHOTO: [picture(colour="red")],
    f"{SUBJECT_PERSON}.certificate_photo_front": [picture(colour="green")],
    f"{SUBJECT_PERSON}.certificate_photo_back": [picture(colour="blue")],
    "icp_materials.commitment_letter": [picture(colour="white")],
}
SECOND = {
    "same_person": "no",
    **person(PROGRAM_PERSON, name="陈立", mobile="13700137000", certificate_number="440104197502017713"),
}
SECOND_PICTURES = {
    f"{PROGRAM_PERSON}.{name}": [picture(colour=colour)]
    for name, colour in (
        ("certificate_photo_front", "yellow"), ("certificate_photo_back", "purple"), ("authorization_letter", "pink"),
    )
}  # fmt: skip


def fill_in(shop: Shop, *, subject: dict[str, Any] | None = None, program: dict[str, Any] | None = None) -> None:
    """A complete draft; the lists were read."""
    with shop.session() as db:
        filing_drafts.begin(db, load_program(db, shop.id), who=shop.alice)
    shop.run_jobs()
    with shop.session() as db:
        mine = load_program(db, shop.id)
        filing_drafts.edit_part(db, mine, Part.SUBJECT, SUBJECT | (subject or {}), who=shop.alice)
        filing_drafts.edit_part(db, mine, Part.PROGRAM, PROGRAM | (program or {}), who=shop.alice)
        filing_drafts.add_files(db, mine, PICTURES, who=shop.alice)


def filing_of(shop: Shop) -> Filing:
    with shop.session() as db:
        found = find_filing(db, load_program(db, shop.id))
        assert found is not None
        return found
