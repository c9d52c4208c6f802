"""What WeChat finds in a filing application at once: a hint (errcode, field, words) for every fault.

The body has the right shape already. Pictures are not read: a picture disagrees when it was uploaded as another kind of
certificate, or stands for two different persons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from saas.sandbox.clock import beijing
from saas.sandbox.districts import is_district
from saas.sandbox.people import get_account
from saas.sandbox.refusals import hint
from saas.sandbox.state import Db, Row, one
from saas.sandbox.verify_tasks import is_usable
from saas.wx.contract.operations import code_table

Json = dict[str, Any]
Hints = Iterator[dict[str, object]]

NO_TASK, BAD_TYPE, BAD_MEDIA = 1, 40004, 86205
OTHER_THAN_PICTURE, NO_REGION, EXPIRES, UNREADABLE, OTHER_SUBJECT = 86302, 86303, 86308, 86328, 86355
PERSONAL, ID_CARD, NO_APPROVAL = 5, 2, 24
_VALID = timedelta(days=30)
_SUBJECT, _APPLETS = "icp_subject", "icp_applets"
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}", re.ASCII)
_ID_CARD = re.compile(r"\d{17}[\dX]", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def check_application(db: Db, now: float, account: str, application: Json) -> list[dict[str, object]]:
    """Everything but the face check."""
    program = get_account(db, account)
    subject, applets = application[_SUBJECT], application[_APPLETS]
    return [
        *_check_subject(subject, program["principal_name"] if program else ""),
        *_check_person(f"{_SUBJECT}.principal_info", subject["principal_info"], now),
        *_check_person(f"{_APPLETS}.principal_info", applets["principal_info"], now),
        *_check_letters(subject, applets["principal_info"]),
        *_check_two_persons(subject["principal_info"], applets["principal_info"]),
        *_check_services(applets["base_info"]),
        *_check_media(db, account, application),
    ]


def check_face(db: Db, now: float, account: str, application: Json, *, along_with_auth: bool) -> Hints:
    """The named face check must be passed, fresh and of this kind."""
    task_id = application[_APPLETS]["principal_info"]["verify_task_id"]
    if not is_usable(db, now, account, task_id, along_with_auth=along_with_auth):
        yield hint(f"{_APPLETS}.principal_info.verify_task_id", "人脸核身任务不存在、未通过或已过期", NO_TASK)


def _check_subject(subject: Json, principal_name: str) -> Hints:
    base, paper, person = subject["base_info"], subject["organize_info"], subject["principal_info"]
    kind = base["type"]
    if str(kind) not in code_table("subject_types"):
        yield hint(f"{_SUBJECT}.base_info.type", "没有这种主体性质")
    if base["name"] != principal_name:
        yield hint(f"{_SUBJECT}.base_info.name", "主办单位名称与小程序主体不一致", OTHER_SUBJECT)
    if not is_district(base["province"], base["city"], base["district"]):
        yield hint(f"{_SUBJECT}.base_info.district", "省、市、区的代码不对应")
    if paper["certificate_type"] not in _certificates_of(kind):
        yield hint(f"{_SUBJECT}.organize_info.certificate_type", "证件类型与主体性质不符")
    if kind != PERSONAL and not paper.get("certificate_photo"):
        yield hint(f"{_SUBJECT}.organize_info.certificate_photo", "缺少主体证件照片")
    if kind == PERSONAL:
        for name in ("certificate_type", "certificate_number"):
            if paper[name] != person[name]:
                yield hint(f"{_SUBJECT}.organize_info.{name}", "个人主体应与主体负责人的证件一致")
    if "record_number" in base:
        yield hint(f"{_SUBJECT}.base_info.record_number", "备案号由微信填写")


def _check_person(place: str, person: Json, now: float) -> Hints:
    if person["certificate_type"] not in _certificates_of(PERSONAL):
        yield hint(f"{place}.certificate_type", "不是个人证件")
    if person["certificate_type"] == ID_CARD and not _ID_CARD.fullmatch(person["certificate_number"]):
        yield hint(f"{place}.certificate_number", "身份证号码不对")
    if not _MOBILE.fullmatch(person["mobile"]):
        yield hint(f"{place}.mobile", "无法获取号码归属地", NO_REGION)
    if not _PHONE.fullmatch(person["emergency_contact"]):
        yield hint(f"{place}.emergency_contact", "无法获取号码归属地", NO_REGION)
    if person["emergency_contact"] == person["mobile"]:
        yield hint(f"{place}.emergency_contact", "应急电话不能与手机号相同")
    if not _EMAIL.fullmatch(person["email"]):
        yield hint(f"{place}.email", "邮箱地址不对")
    yield from _check_validity(place, person, now)


def _check_validity(place: str, person: Json, now: float) -> Hints:
    today = beijing(now)
    starts, ends = (_day(person[f"certificate_validity_date_{edge}"], today) for edge in ("start", "end"))
    if starts is None or starts > today:
        yield hint(f"{place}.certificate_validity_date_start", "证件有效期的起始日期不对")
    if person["certificate_validity_date_end"] == "长期":
        return
    if ends is None:
        yield hint(f"{place}.certificate_validity_date_end", "证件有效期的截止日期不对")
    elif ends <= today + _VALID:
        yield hint(f"{place}.certificate_validity_date_end", "证件有效期不满足要求", EXPIRES)


def _check_letters(subject: Json, applets_person: Json) -> Hints:
    """Who is not the legal representative of an organisation needs a letter of authorization."""
    if subject["base_info"]["type"] == PERSONAL:
        return
    legal = subject["legal_person_info"] if "legal_person_info" in subject else subject["principal_info"]
    for place, person in ((_SUBJECT, subject["principal_info"]), (_APPLETS, applets_person)):
        if person["certificate_number"] != legal["certificate_number"] and not person.get("authorization_letter"):
            yield hint(f"{place}.principal_info.authorization_letter", "负责人不是法人时需要授权书")


def _check_two_persons(first: Json, second: Json) -> Hints:
    if first["certificate_number"] == second["certificate_number"]:
        return
    if first["mobile"] == second["mobile"]:
        yield hint(f"{_APPLETS}.principal_info.mobile", "不同负责人的手机号不能相同")
    for name in ("certificate_photo_front", "certificate_photo_back"):
        if first[name] == second[name]:
            yield hint(f"{_APPLETS}.principal_info.{name}", "输入信息与图片信息相差过大", OTHER_THAN_PICTURE)


def _check_services(base: Json) -> Hints:
    services, approvals = base["service_content_types"], base["nrlx_details"]
    known = {int(kind) for parent in code_table("service_content_types") for kind in parent["children"]}
    if len(set(services)) < len(services) or not known.issuperset(services):
        yield hint(f"{_APPLETS}.base_info.service_content_types", "服务内容类型重复，或不是二级类型")
    kinds = [approval["type"] for approval in approvals]
    if len(set(kinds)) < len(kinds) or not {str(kind) for kind in kinds} <= set(code_table("nrlx_types")):
        yield hint(f"{_APPLETS}.base_info.nrlx_details", "前置审批项重复，或没有这种审批项")
    elif NO_APPROVAL in kinds and len(kinds) > 1:
        yield hint(f"{_APPLETS}.base_info.nrlx_details", "「以上都不涉及」不能与其它审批项同选")
    for number, approval in enumerate(approvals):
        for name in ("code", "media"):
            if approval["type"] != NO_APPROVAL and not approval.get(name):
                yield hint(f"{_APPLETS}.base_info.nrlx_details.{number}.{name}", "缺少前置审批材料")
    for name in ("appid", "name", "record_number"):
        if name in base:
            yield hint(f"{_APPLETS}.base_info.{name}", "由微信填写")


def _check_media(db: Db, account: str, application: Json) -> Hints:
    """Every named file must be one that was uploaded for this mini program, for what it is used as."""
    for place, media_id, certificate_type in list_media(application):
        media = _find_media(db, account, media_id)
        wanted = "video" if ".promise_video." in place else "image"
        if media is None:
            yield hint(place, "media_id 不合法", BAD_MEDIA)
        elif media["kind"] != wanted:
            yield hint(place, "不合法的媒体文件类型", BAD_TYPE)
        elif certificate_type is not None and media["certificate_type"] != certificate_type:
            yield hint(place, "无法读取图片识别内容", UNREADABLE)
    for place in (_SUBJECT, _APPLETS):
        person = application[place]["principal_info"]
        if person["certificate_photo_front"] == person["certificate_photo_back"]:
            yield hint(f"{place}.principal_info.certificate_photo_back", "无法读取图片识别内容", UNREADABLE)


def list_media(application: Json) -> Iterator[tuple[str, str, int | None]]:
    """Field, media id, and the type of the certificate that must be on it."""
    subject, applets = application[_SUBJECT], application[_APPLETS]
    paper, permit = subject["organize_info"], subject.get("personal_info", {}).get("residence_permit")
    if paper.get("certificate_photo"):
        yield f"{_SUBJECT}.organize_info.certificate_photo", paper["certificate_photo"], paper["certificate_type"]
    if permit:
        yield f"{_SUBJECT}.personal_info.residence_permit", permit, None
    for place, person in ((_SUBJECT, subject["principal_info"]), (_APPLETS, applets["principal_info"])):
        for name in ("certificate_photo_front", "certificate_photo_back"):
            yield f"{place}.principal_info.{name}", person[name], person["certificate_type"]
        if person.get("authorization_letter"):
            yield f"{place}.principal_info.authorization_letter", person["authorization_letter"], None
    for number, approval in enumerate(applets["base_info"]["nrlx_details"]):
        if approval.get("media"):
            yield f"{_APPLETS}.base_info.nrlx_details.{number}.media", approval["media"], None
    for name, media_ids in application["icp_materials"].items():
        for number, media_id in enumerate(media_ids):
            yield f"icp_materials.{name}.{number}", media_id, None


def _find_media(db: Db, account: str, media_id: str) -> Row | None:
    return one(
        db,
        "select media.kind, filing_media.certificate_type from filing_media "
        "join media on media.id = filing_media.media where media.id = ? and media.account = ?",
        media_id,
        account,
    )


def _certificates_of(subject_type: int) -> set[int]:
    return {one["type"] for one in code_table("certificate_types") if one["subject_type"] == subject_type}


def _day(text: str, today: datetime) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=today.tzinfo)
    except ValueError:
        return None
