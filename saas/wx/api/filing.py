"""Filing of one mini program with the authority (小程序备案)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from saas.wx.api.media import UploadedMedia
from saas.wx.chapter import Chapter, Done, Download, Upload


class FaceCheckTask(TypedDict, total=False):
    """`verify_url` comes with `along_with_auth` only; else WeChat writes to the administrator."""

    task_id: str
    verify_url: str


class FaceCheck(TypedDict, total=False):
    """`face_status` counts once `is_finish`: 0 not begun, 1 waiting, 2 failed, 3 passed.

    `along_with_auth_result` 9: certification confirmed by text message.
    """

    is_finish: bool
    face_status: int
    along_with_auth_result: int


class FilingApplication(TypedDict):
    """The parts of an application, with the fields of WeChat's page."""

    icp_subject: Mapping[str, Any]
    icp_applets: Mapping[str, Any]
    icp_materials: Mapping[str, Any]


class FilingHint(TypedDict, total=False):
    """A refused field by its dotted path, e.g. icp_subject.principal_info.mobile; `errmsg` is for the merchant."""

    errcode: int
    err_field: str
    errmsg: str


class FilingReason(TypedDict, total=False):
    """`key_name` is the field's Chinese name: show it, it maps to no path."""

    key_name: str
    error: str
    suggest: str


class FilingInfo(TypedDict, total=False):
    """`status`: 2 platform review, 3 refused by it, 4 authority review, 5 refused by it, 6 filed; from 1024 on not
    filed, plus 1 without name, avatar or introduction, 2 without category, 4 not certified.

    `available` 0: the entrance is closed. `sms_verify_status`, with 4: 1 waiting for the ministry's text message to be
    answered, 2 done, 3 too late.
    """

    status: int
    is_canceling: bool
    audit_data: list[FilingReason]
    available: int
    sms_verify_status: int


class FilingState(TypedDict, total=False):
    info: FilingInfo


class FiledSubjectInfo(TypedDict, total=False):
    type: int
    name: str
    province: str
    city: str
    district: str
    address: str
    comment: str
    record_number: str


class FiledCertificate(TypedDict, total=False):
    certificate_type: int
    certificate_number: str
    certificate_address: str


class FiledLegalPerson(TypedDict, total=False):
    name: str
    certificate_number: str


class FiledPerson(FiledLegalPerson, total=False):
    """Masked with asterisks: of no use for a new application."""

    mobile: str
    email: str
    emergency_contact: str
    certificate_type: int
    certificate_validity_date_start: str
    certificate_validity_date_end: str


class FiledSubject(TypedDict, total=False):
    base_info: FiledSubjectInfo
    organize_info: FiledCertificate
    principal_info: FiledPerson
    legal_person_info: FiledLegalPerson


class Preapproval(TypedDict, total=False):
    type: int
    code: str


class FiledProgramInfo(TypedDict, total=False):
    appid: str
    name: str
    service_content_types: list[int]
    nrlx_details: list[Preapproval]
    comment: str
    record_number: str


class FiledProgram(TypedDict, total=False):
    base_info: FiledProgramInfo
    principal_info: FiledPerson


class OnlineFiling(TypedDict, total=False):
    """The filing number (备案号) of each stands in `base_info.record_number`."""

    icp_subject: FiledSubject
    icp_applets: FiledProgram


class PreapprovalType(TypedDict, total=False):
    type: int
    name: str


class PreapprovalTypes(TypedDict):
    items: list[PreapprovalType]


class SubjectType(PreapprovalType, total=False):
    remark: str


class SubjectTypes(TypedDict):
    items: list[SubjectType]


class ServiceContentType(SubjectType, total=False):
    """`parent_type` 0: a heading, not to be sent."""

    parent_type: int


class ServiceContentTypes(TypedDict):
    items: list[ServiceContentType]


class CertificateType(SubjectType, total=False):
    """Only for the `subject_type`; persons have 5."""

    subject_type: int


class CertificateTypes(TypedDict):
    items: list[CertificateType]


class District(TypedDict, total=False):
    """`type`: 1 province, 2 city, 3 district. An application takes `code` as text."""

    type: int
    code: int
    name: str
    sub_list: list[District]


class Districts(TypedDict):
    items: list[District]


class Filing(Chapter):
    """State, code tables, media, face check, application: in this order. The tables change: keep them for a day."""

    def create_icp_verifytask(self, appid: str, *, along_with_auth: bool = False) -> FaceCheckTask:
        """Start the administrator's face check, last of all: 24 hours to do it, 3 days to use it, else 1 day.

        `along_with_auth` is for `certification.submit_auth_and_icp`.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_createicpverifytask
        """
        body = {"along_with_auth": along_with_auth or None}  # WeChat's older page knows no such field
        return self._write("createIcpVerifyTask", appid, into=FaceCheckTask, body=body)

    def query_icp_verifytask(self, appid: str, *, task_id: str) -> FaceCheck:
        """Read the face check; the net under its event. A failed one may stay at 1: give up after 24 hours.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_queryicpverifytask
        """
        return self._read("queryIcpVerifyTask", appid, into=FaceCheck, body={"task_id": task_id})

    def upload_icp_media(
        self,
        appid: str,
        *,
        media: Upload,
        icp_order_field: str,
        type: Literal["image", "video"] = "image",  # noqa: A002 - WeChat's name
        certificate_type: int | None = None,
    ) -> UploadedMedia:
        """Upload a picture or video for the field with this dotted path.

        WeChat reads the text of certificates by their type: a wrong `certificate_type` fails here or on applying.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_uploadicpmedia
        """
        body = {"type": type, "certificate_type": certificate_type, "icp_order_field": icp_order_field}
        return self._write("uploadIcpMedia", appid, into=UploadedMedia, body=body, files={"media": media})

    def get_icp_media(self, appid: str, *, media_id: str) -> Download:
        """Fetch an uploaded file; MediaNotFound.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_geticpmedia
        """
        return self._download("getIcpMedia", appid, query={"media_id": media_id})

    def apply_icp_filing(self, appid: str, *, application: FilingApplication) -> Done:
        """Apply for the filing. Calls are limited per day, refused ones too, as far as known: check everything before.

        The ministry's text message, which a person must answer, has no event: read the state. FilingRefused, whose
        answer's `hints` are `FilingHint`s; FilingRunning.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_applyicpfiling
        """
        return self._write("applyIcpFiling", appid, into=Done, body={**application})

    def cancel_apply_icp_filing(self, appid: str) -> Done:
        """Withdraw the application, until the platform review is over; NoSuchFiling after that.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_cancelapplyicpfiling
        """
        return self._write("cancelApplyIcpFiling", appid, into=Done)

    def cancel_icp_filing(
        self, appid: str, *, cancel_type: Literal[1, 2, 3], reason_type: Literal[1, 2] | None = None
    ) -> Done:
        """Cancel a granted filing: of the subject with all under it (1), the mini program (2), its access only (3).

        Without a filing it loses service. The reason: no longer run (1), or to be filed by another subject (2). A
        person must answer the ministry's text message. FilingRunning, NoSuchFiling.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_cancelicpfiling
        """
        body = {"cancel_type": cancel_type, "reason_type": reason_type}
        return self._write("cancelIcpfiling", appid, into=Done, body=body)

    def get_icp_entrance_info(self, appid: str) -> FilingState:
        """Read the state, before anything else and while a review runs.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_geticpentranceinfo
        """
        return self._read("getIcpEntranceInfo", appid, into=FilingState)

    def get_online_icp_order(self, appid: str) -> OnlineFiling:
        """Read the granted filing; NoSuchFiling.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_getonlineicporder
        """
        return self._read("getOnlineIcpOrder", appid, into=OnlineFiling)

    def query_icp_service_content_types(self, appid: str) -> ServiceContentTypes:
        """List the kinds of service; an application names up to five.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_queryicpservicecontenttypes
        """
        return self._read("queryIcpServiceContentTypes", appid, into=ServiceContentTypes)

    def query_icp_certificate_types(self, appid: str) -> CertificateTypes:
        """List the certificates of subjects and persons.

        https://developers.weixin.qq.com/doc/oplatform/openApi/OpenApiDoc/miniprogram-management/record/queryIcpCertificateTypes.html
        """
        return self._read("queryIcpCertificateTypes", appid, into=CertificateTypes)

    def query_icp_subject_types(self, appid: str) -> SubjectTypes:
        """List the kinds of subject.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_queryicpsubjecttypes
        """
        return self._read("queryIcpSubjectTypes", appid, into=SubjectTypes)

    def query_icp_nrlx_types(self, appid: str) -> PreapprovalTypes:
        """List what needs approval first; 24 stands for none of it.

        https://developers.weixin.qq.com/doc/oplatform/openApi/OpenApiDoc/miniprogram-management/record/queryIcpNrlxTypes.html
        """
        return self._read("queryIcpNrlxTypes", appid, into=PreapprovalTypes)

    def query_icp_district_code(self, appid: str) -> Districts:
        """List the provinces with their cities and districts.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record/api_queryicpdistrictcode
        """
        return self._read("queryIcpDistrictCode", appid, into=Districts)
