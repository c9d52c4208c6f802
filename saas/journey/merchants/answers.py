"""What the merchant of the journey types into the five parts, page by page, and the photos that she takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from saas.journey import papers
from saas.journey.window import Upload, Value
from saas.onboarding.models import Part

CODE = "91350100M000100Y43"
WRONG_CODE = CODE[:-1]
WECHAT_ID, OTHER_WECHAT_ID = "mei_wenjun", "mei_chamei"
INTRODUCTION = "手作鲜茶与现烤点心，到店自取也可外卖"
CATEGORY, CATEGORY_NAME = "304-307", "商家自营 / 百货"
MOBILE = "13800138000"
_BASE, _PAPER, _PERSON = "icp_subject.base_info", "icp_subject.organize_info", "icp_subject.principal_info"
_SERVICE = "为到店顾客提供扫码点餐、外卖下单和会员积分查询服务"
_PROGRAM, _LETTERS = "icp_applets.base_info", "icp_materials"


@dataclass(frozen=True)
class Page:
    """A page with what she chooses first, each choice opening the next, then types, or with photos by field."""

    key: str
    typed: Mapping[str, Value] = field(default_factory=dict)
    first: tuple[Mapping[str, Value], ...] = ()
    photos: Mapping[str, Upload] = field(default_factory=dict)


def answers(company: str, program_name: str) -> dict[Part, list[Page]]:
    """For a company of this name, and a mini program that is to be called so. What is known already is not typed."""
    return {
        Part.COMPANY: [
            Page(
                "facts",
                {"name": company, "company_code": CODE, "person_name": "陈梅", "person_wechat": WECHAT_ID},
                first=({"kind": "enterprise"},),
            ),
        ],
        Part.PROFILE: [
            Page("wishes", {"name": program_name, "introduction": INTRODUCTION}),
            Page("pictures", photos={"avatar": papers.picture("招牌", width=600, height=600)}),
        ],
        Part.CATEGORIES: [Page("choice", {"categories": CATEGORY, "wish": "茶饮和点心，门店自取"})],
        Part.CERTIFICATION: [
            Page("basics", {"account_name_type": "1"}, first=({"customer_type": "1"},)),
            Page("contact", {"contact_name": "陈梅", "contact_email": "mei@example.com"}),
            Page("invoice", {"invoice_type": "1"}),
            Page("papers", photos={"qualification": papers.picture("营业执照")}),
        ],
        Part.FILING: [
            Page(
                "subject",
                {
                    f"{_BASE}.district": "越秀区", f"{_BASE}.address": "北京路1号",
                    f"{_PAPER}.certificate_type": "营业执照",
                    f"{_PAPER}.certificate_address": "广东省广州市越秀区北京路1号",
                    f"{_PERSON}.certificate_type": "居民身份证", f"{_PERSON}.certificate_number": "44010419880512342X",
                    f"{_PERSON}.certificate_validity_date_start": "20190601",
                    f"{_PERSON}.certificate_validity_date_end": "长期", f"{_PERSON}.mobile": MOBILE,
                    f"{_PERSON}.emergency_contact": "13900139000", f"{_PERSON}.email": "mei@example.com",
                },
                first=({f"{_BASE}.type": "4"}, {f"{_BASE}.province": "广东省"}, {f"{_BASE}.city": "广州市"}),
            ),
            Page(
                "program", {f"{_PROGRAM}.service_content_types": "33", f"{_PROGRAM}.comment": _SERVICE},
                first=({f"{_PROGRAM}.nrlx_details.0.type": "24"},),
            ),
            Page(
                "materials",
                photos={
                    f"{_PAPER}.certificate_photo": papers.picture("营业执照"),
                    f"{_PERSON}.certificate_photo_front": papers.picture("身份证正面"),
                    f"{_PERSON}.certificate_photo_back": papers.picture("身份证反面"),
                    f"{_LETTERS}.commitment_letter": papers.picture("承诺书"),
                },
            ),
        ],
    }  # fmt: skip
