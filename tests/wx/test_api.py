"""The closed table of the client's methods: what each sends, held against WeChat's contract."""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import jsonschema
import pytest

from saas.wx import errors
from saas.wx.chapter import Chapter, Done, Download, Upload
from saas.wx.contract import operations
from tests.wx.wechat import APPID, COMPONENT, WeChat, refused

PICTURE = Upload("执照.JPG", b"\xff\xd8\xff picture", "image/jpeg")
BIG = "9007199254740993"  # one more than a float holds


@dataclass(frozen=True)
class Row:
    """`token` is whose token goes into the query, "" for none. A body of None means that none is sent."""

    method: str
    operation: str
    verb: str
    path: str
    token: str
    given: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    appid: str | None = APPID
    file: str | None = None


def of_program(method: str, operation: str, verb: str, path: str, **more: Any) -> Row:
    more.setdefault("body", {} if verb == "POST" and "file" not in more else None)
    return Row(method, operation, verb, path, APPID, **more)


def of_component(method: str, operation: str, verb: str, path: str, **more: Any) -> Row:
    more.setdefault("body", {} if verb == "POST" else None)
    more.setdefault("appid", None)
    return Row(method, operation, verb, path, "component", **more)


ITEM = {
    "address": "pages/index",
    "tag": "零食",
    "first_class": "商家自营",
    "second_class": "食品饮料",
    "first_id": 304,
    "second_id": 321,
    "title": "首页",
}

OPEN = "wx0f9e8d7c6b5a4f3e"
COMPANY = {"enterprise_name": "青禾餐饮", "code": "91440101MA5XXXXX1A", "component_phone": "020-12345678"}
WITH_PAPER = {"first": 304, "second": 321, "certicates": [{"key": "许可证", "value": "m1"}]}
REGISTERED = {
    "name": "青禾餐饮",
    "code": "91440101MA5XXXXX1A",
    "code_type": 1,
    "component_phone": "020-12345678",
    "legal_persona_name": "林青禾",
}
ORDER_PATH = {
    "path": "pages/orders",
    "appid_list": [APPID],
    "img_list": ["https://cdn.example.cn/1.png"],
    "video": "https://cdn.example.cn/1.mp4",
    "test_account": "qinghe",
    "test_pwd": "s3cret",
    "test_remark": "登录后点“我的订单”",
}
GUIDE = {
    "owner_setting": {"notice_method": "弹窗", "contact_phone": "020-12345678"},
    "setting_list": [{"privacy_key": "UserInfo", "privacy_text": "用于配送"}],
    "sdk_privacy_info_list": [
        {
            "sdk_name": "地图",
            "sdk_biz_name": "某地图公司",
            "sdk_list": [{"privacy_key": "Location", "privacy_text": "用于定位"}],
        }
    ],
}
QR = "https://qr.example.cn/t/"
AUTH_DATA = operations.operation("secwxaapiWxaauth").request_examples["ownerPays"]["auth_data"]
APPLICATION = operations.operation("applyIcpFiling").request_examples["company"]
LOOK = {"width": 280, "auto_color": False, "line_color": {"r": 0, "g": 99, "b": 0}, "is_hyaline": True}

TABLE = [
    of_program(
        "account.getaccountbasicinfo", "getAccountBasicInfo", "POST", "/cgi-bin/account/getaccountbasicinfo",
    ),
    of_program("categories.get_category", "getAllCategoryName", "GET", "/wxa/get_category"),
    of_program("categories.getallcategories", "getAllCategories", "GET", "/cgi-bin/wxopen/getallcategories"),
    of_program(
        "code.commit", "commit", "POST", "/wxa/commit",
        given={"template_id": "12", "ext_json": '{"extEnable":true}', "user_version": "1.2.0", "user_desc": "修好首页"},
        body={"template_id": 12, "ext_json": '{"extEnable":true}', "user_version": "1.2.0", "user_desc": "修好首页"},
    ),
    of_program("code.get_page", "getCodePage", "GET", "/wxa/get_page"),
    of_program("code.get_qrcode", "getTrialQRCode", "GET", "/wxa/get_qrcode"),
    of_program(
        "code.get_qrcode", "getTrialQRCode", "GET", "/wxa/get_qrcode",
        given={"path": "pages/index?a=1&b=二"}, query={"path": "pages/index?a=1&b=二"},
    ),
    of_program(
        "code.get_code_privacy_info", "getCodePrivacyInfo", "GET", "/wxa/security/get_code_privacy_info",
    ),
    of_program("code.submit_audit", "submitAudit", "POST", "/wxa/submit_audit"),
    of_program(
        "code.submit_audit", "submitAudit", "POST", "/wxa/submit_audit",
        given={
            "item_list": [ITEM],
            "preview_info": {"pic_id_list": ["pic"], "video_id_list": []},
            "version_desc": "修好首页",
            "feedback_info": "已改",
            "feedback_stuff": "a|b",
            "ugc_declare": {"scene": [1], "method": [1], "has_audit_team": 1, "audit_desc": "人工审核"},
            "privacy_api_not_use": False,
            "order_path": "pages/order",
        },
        body={
            "item_list": [ITEM],
            "preview_info": {"pic_id_list": ["pic"], "video_id_list": []},
            "version_desc": "修好首页",
            "feedback_info": "已改",
            "feedback_stuff": "a|b",
            "ugc_declare": {"scene": [1], "method": [1], "has_audit_team": 1, "audit_desc": "人工审核"},
            "privacy_api_not_use": False,
            "order_path": "pages/order",
        },
    ),
    of_program(
        "code.get_auditstatus", "getAuditStatus", "POST", "/wxa/get_auditstatus",
        given={"auditid": BIG}, body={"auditid": int(BIG)},
    ),
    of_program("code.get_latest_auditstatus", "getLatestAuditStatus", "GET", "/wxa/get_latest_auditstatus"),
    of_program("code.undocodeaudit", "undoAudit", "GET", "/wxa/undocodeaudit"),
    of_program(
        "code.speedupaudit", "speedupCodeAudit", "POST", "/wxa/speedupaudit",
        given={"auditid": BIG}, body={"auditid": int(BIG)},
    ),
    of_program("code.queryquota", "setCodeAuditQuota", "GET", "/wxa/queryquota"),
    Row(
        "component.api_start_push_ticket", "startPushTicket", "POST", "/cgi-bin/component/api_start_push_ticket", "",
        appid=None,
        given={"component_secret": "s3cret"},
        body={"component_appid": COMPONENT, "component_secret": "s3cret"},
    ),
    Row(
        "component.api_component_token", "getComponentAccessToken", "POST",
        "/cgi-bin/component/api_component_token", "",
        appid=None,
        given={"component_appsecret": "s3cret", "component_verify_ticket": "ticket@@@1"},
        body={
            "component_appid": COMPONENT,
            "component_appsecret": "s3cret",
            "component_verify_ticket": "ticket@@@1",
        },
    ),
    of_component(
        "component.api_create_preauthcode", "getPreAuthCode", "POST", "/cgi-bin/component/api_create_preauthcode",
        body={"component_appid": COMPONENT},
    ),
    of_component(
        "component.api_query_auth", "getAuthorizerRefreshToken", "POST", "/cgi-bin/component/api_query_auth",
        given={"authorization_code": "queryauthcode@@@1"},
        body={"component_appid": COMPONENT, "authorization_code": "queryauthcode@@@1"},
    ),
    of_component(
        "component.api_authorizer_token", "getAuthorizerAccessToken", "POST", "/cgi-bin/component/api_authorizer_token",
        appid=APPID,
        given={"authorizer_refresh_token": "refreshtoken@@@1"},
        body={
            "component_appid": COMPONENT,
            "authorizer_appid": APPID,
            "authorizer_refresh_token": "refreshtoken@@@1",
        },
    ),
    of_component(
        "component.api_get_authorizer_info", "getAuthorizerInfo", "POST",
        "/cgi-bin/component/api_get_authorizer_info",
        appid=APPID,
        body={"component_appid": COMPONENT, "authorizer_appid": APPID},
    ),
    of_component(
        "component.api_get_authorizer_list", "getAuthorizerList", "POST",
        "/cgi-bin/component/api_get_authorizer_list",
        given={"offset": 500},
        body={"component_appid": COMPONENT, "offset": 500, "count": 500},
    ),
    of_component(
        "component.api_get_authorizer_list", "getAuthorizerList", "POST",
        "/cgi-bin/component/api_get_authorizer_list",
        given={"count": 20},
        body={"component_appid": COMPONENT, "offset": 0, "count": 20},
    ),
    of_component(
        "component.get_authorizer_option", "getAuthorizerOptionInfo", "POST",
        "/cgi-bin/component/get_authorizer_option",
        appid=APPID,
        given={"option_name": "location_report"},
        body={"option_name": "location_report"},
    ),
    of_program(
        "component.get_authorizer_option", "getAuthorizerOptionInfo", "POST",
        "/cgi-bin/component/get_authorizer_option",
        given={"option_name": "location_report", "side": "authorizer"},
        body={"option_name": "location_report"},
    ),
    of_component(
        "component.set_authorizer_option", "setAuthorizerOptionInfo", "POST",
        "/cgi-bin/component/set_authorizer_option",
        appid=APPID,
        given={"option_name": "location_report", "option_value": "0"},
        body={"option_name": "location_report", "option_value": "0"},
    ),
    of_program(
        "component.set_authorizer_option", "setAuthorizerOptionInfo", "POST",
        "/cgi-bin/component/set_authorizer_option",
        given={"option_name": "location_report", "option_value": "0", "side": "authorizer"},
        body={"option_name": "location_report", "option_value": "0"},
    ),
    of_program(
        "media.upload", "uploadTempMedia", "POST", "/cgi-bin/media/upload",
        given={"media": PICTURE}, query={"type": "image"}, file="media",
    ),
    of_program(
        "media.upload", "uploadTempMedia", "POST", "/cgi-bin/media/upload",
        given={"media": PICTURE, "type": "thumb"}, query={"type": "thumb"}, file="media",
    ),
    of_program(
        "media.get", "getMedia", "GET", "/cgi-bin/media/get", given={"media_id": "m1"}, query={"media_id": "m1"},
    ),
    of_program(
        "media.get_material", "getMaterial", "POST", "/cgi-bin/material/get_material",
        given={"media_id": "m1"}, body={"media_id": "m1"},
    ),
    of_program(
        "media.uploadmedia", "uploadMediaToCodeAudit", "POST", "/wxa/uploadmedia",
        given={"media": PICTURE}, file="media",
    ),
    of_program(
        "messages.send", "sendCustomMessage", "POST", "/cgi-bin/message/custom/send",
        given={"touser": "oFan", "content": "code_from_api"},
        body={"touser": "oFan", "msgtype": "text", "text": {"content": "code_from_api"}},
    ),
    of_component(
        "platform_domains.modify_wxa_server_domain", "modifyThirdpartyServerDomain", "POST",
        "/cgi-bin/component/modify_wxa_server_domain",
        given={"action": "get"}, body={"action": "get"},
    ),
    of_component(
        "platform_domains.modify_wxa_server_domain", "modifyThirdpartyServerDomain", "POST",
        "/cgi-bin/component/modify_wxa_server_domain",
        given={
            "action": "add",
            "wxa_server_domain": ["a.example.cn", "b.example.cn"],
            "is_modify_published_together": True,
        },
        body={
            "action": "add",
            "wxa_server_domain": "a.example.cn;b.example.cn",
            "is_modify_published_together": True,
        },
    ),
    of_component(
        "platform_domains.get_domain_confirmfile", "getThirdpartyJumpDomainConfirmFile", "POST",
        "/cgi-bin/component/get_domain_confirmfile",
    ),
    of_component(
        "platform_domains.modify_wxa_jump_domain", "modifyThirdpartyJumpDomain", "POST",
        "/cgi-bin/component/modify_wxa_jump_domain",
        given={"action": "set", "wxa_jump_h5_domain": ["a.example.cn"], "is_modify_published_together": False},
        body={"action": "set", "wxa_jump_h5_domain": "a.example.cn", "is_modify_published_together": False},
    ),
    of_component(
        "quota.clear_quota", "clearQuota", "POST", "/cgi-bin/clear_quota", body={"appid": COMPONENT},
    ),
    of_program("quota.clear_quota", "clearQuota", "POST", "/cgi-bin/clear_quota", body={"appid": APPID}),
    Row(
        "quota.component_clear_quota_v2", "clearComponentQuotaByAppSecret", "POST",
        "/cgi-bin/component/clear_quota/v2", "",
        given={"appsecret": "s3cret"},
        body={"appid": APPID, "component_appid": COMPONENT, "appsecret": "s3cret"},
    ),
    of_component(
        "quota.quota_get", "getApiQuota", "POST", "/cgi-bin/openapi/quota/get",
        given={"cgi_path": "/wxa/commit"}, body={"cgi_path": "/wxa/commit"},
    ),
    of_program(
        "quota.quota_get", "getApiQuota", "POST", "/cgi-bin/openapi/quota/get",
        given={"cgi_path": "/wxa/commit"}, body={"cgi_path": "/wxa/commit"},
    ),
    of_component(
        "quota.quota_clear", "clearApiQuota", "POST", "/cgi-bin/openapi/quota/clear",
        given={"cgi_path": "/wxa/commit"}, body={"cgi_path": "/wxa/commit"},
    ),
    of_program(
        "quota.rid_get", "getRidInfo", "POST", "/cgi-bin/openapi/rid/get",
        given={"rid": "64b8a0c1-8a3b4c5d-6e7f809b"}, body={"rid": "64b8a0c1-8a3b4c5d-6e7f809b"},
    ),
    of_component("quota.get_api_domain_ip", "getApiDomainIp", "GET", "/cgi-bin/get_api_domain_ip"),
    of_program("quota.get_api_domain_ip", "getApiDomainIp", "GET", "/cgi-bin/get_api_domain_ip"),
    of_component("quota.getcallbackip", "getCallbackIp", "GET", "/cgi-bin/getcallbackip"),
    of_component(
        "quota.callback_check", "callbackCheck", "POST", "/cgi-bin/callback/check", body={"action": "all"},
    ),
    of_program(
        "quota.callback_check", "callbackCheck", "POST", "/cgi-bin/callback/check",
        given={"action": "ping", "check_operator": "UNICOM"}, body={"action": "ping", "check_operator": "UNICOM"},
    ),
    of_program("release.release", "release", "POST", "/wxa/release"),
    of_program(
        "release.get_history_version", "revertCodeRelease", "GET", "/wxa/revertcoderelease",
        query={"action": "get_history_version"},
    ),
    of_program("release.revertcoderelease", "revertCodeRelease", "GET", "/wxa/revertcoderelease"),
    of_program(
        "release.revertcoderelease", "revertCodeRelease", "GET", "/wxa/revertcoderelease",
        given={"app_version": 7}, query={"app_version": "7"},
    ),
    of_program(
        "release.grayrelease", "grayRelease", "POST", "/wxa/grayrelease",
        given={"gray_percentage": 0, "support_debuger_first": False, "support_experiencer_first": True},
        body={"gray_percentage": 0, "support_debuger_first": False, "support_experiencer_first": True},
    ),
    of_program("release.revertgrayrelease", "revertGrayRelease", "GET", "/wxa/revertgrayrelease"),
    of_program("release.getgrayreleaseplan", "getGrayReleasePlan", "GET", "/wxa/getgrayreleaseplan"),
    of_program(
        "release.change_visitstatus", "setVisitStatus", "POST", "/wxa/change_visitstatus",
        given={"action": "close"}, body={"action": "close"},
    ),
    of_program("release.getvisitstatus", "getVisitStatus", "POST", "/wxa/getvisitstatus"),
    of_program(
        "release.getweappsupportversion", "getSupportVersion", "POST", "/cgi-bin/wxopen/getweappsupportversion",
    ),
    of_program(
        "release.setweappsupportversion", "setSupportVersion", "POST", "/cgi-bin/wxopen/setweappsupportversion",
        given={"version": "2.24.0"}, body={"version": "2.24.0"},
    ),
    of_program("release.getversioninfo", "getVersionInfo", "POST", "/wxa/getversioninfo"),
    of_component("templates.gettemplatedraftlist", "getTemplatedRaftList", "GET", "/wxa/gettemplatedraftlist"),
    of_component(
        "templates.addtotemplate", "addToTemplate", "POST", "/wxa/addtotemplate",
        given={"draft_id": "5", "template_type": 0}, body={"draft_id": 5, "template_type": 0},
    ),
    of_component("templates.gettemplatelist", "getTemplateList", "GET", "/wxa/gettemplatelist"),
    of_component(
        "templates.gettemplatelist", "getTemplateList", "GET", "/wxa/gettemplatelist",
        given={"template_type": 0}, query={"template_type": "0"},
    ),
    of_component(
        "templates.deletetemplate", "deleteTemplate", "POST", "/wxa/deletetemplate",
        given={"template_id": 12}, body={"template_id": 12},
    ),
    of_program(
        "open_account.create", "createOpenAccount", "POST", "/cgi-bin/open/create", body={"appid": APPID},
    ),
    of_program(
        "open_account.bind", "bindOpenAccount", "POST", "/cgi-bin/open/bind",
        given={"open_appid": OPEN}, body={"appid": APPID, "open_appid": OPEN},
    ),
    of_program(
        "open_account.unbind", "unbindOpenAccount", "POST", "/cgi-bin/open/unbind",
        given={"open_appid": OPEN}, body={"appid": APPID, "open_appid": OPEN},
    ),
    of_program("open_account.get", "getOpenAccount", "POST", "/cgi-bin/open/get", body={"appid": APPID}),
    of_program("open_account.have", "getBindOpenAccount", "GET", "/cgi-bin/open/have"),
    of_program("open_account.sameentity", "getBindOpenAccountEntity", "GET", "/cgi-bin/open/sameentity"),
    of_component(
        "order_path.applysetorderpathinfo", "applySetOrderPathInfo", "POST", "/wxa/security/applysetorderpathinfo",
        given={"path": "pages/orders", "appid_list": [APPID]},
        body={"batch_req": {"path": "pages/orders", "appid_list": [APPID]}},
    ),
    of_component(
        "order_path.applysetorderpathinfo", "applySetOrderPathInfo", "POST", "/wxa/security/applysetorderpathinfo",
        given=ORDER_PATH, body={"batch_req": ORDER_PATH},
    ),
    of_program(
        "order_path.getorderpathinfo", "getOrderPathInfo", "POST", "/wxa/security/getorderpathinfo",
        given={"info_type": 0}, body={"info_type": 0},
    ),
    of_program(
        "profile.setnickname", "setNickName", "POST", "/wxa/setnickname",
        given={"nick_name": "青禾果蔬铺", "license": "m1", "naming_other_stuff": ("m2", "m3")},
        body={
            "nick_name": "青禾果蔬铺", "license": "m1", "naming_other_stuff_1": "m2", "naming_other_stuff_2": "m3",
        },
    ),
    of_program(
        "profile.setnickname", "setNickName", "POST", "/wxa/setnickname",
        given={"nick_name": "林小燕的铺子", "id_card": "m1"}, body={"nick_name": "林小燕的铺子", "id_card": "m1"},
    ),
    of_program(
        "profile.api_wxa_querynickname", "getNickNameStatus", "POST", "/wxa/api_wxa_querynickname",
        given={"audit_id": BIG}, body={"audit_id": int(BIG)},
    ),
    of_program(
        "profile.checkwxverifynickname", "checkNickName", "POST", "/cgi-bin/wxverify/checkwxverifynickname",
        given={"nick_name": "青禾"}, body={"nick_name": "青禾"},
    ),
    of_program(
        "profile.modifyheadimage", "setHeadImage", "POST", "/cgi-bin/account/modifyheadimage",
        given={"head_img_media_id": "m1", "x1": 0.25},
        body={"head_img_media_id": "m1", "x1": "0.25", "y1": "0", "x2": "1", "y2": "1"},
    ),
    of_program(
        "profile.modifyheadimage", "setHeadImage", "POST", "/cgi-bin/account/modifyheadimage",
        given={"head_img_media_id": "m1", "y1": 0.1, "x2": 0.75, "y2": 0.9},
        body={"head_img_media_id": "m1", "x1": "0", "y1": "0.1", "x2": "0.75", "y2": "0.9"},
    ),
    of_program(
        "profile.modifysignature", "setSignature", "POST", "/cgi-bin/account/modifysignature",
        given={"signature": "新鲜果蔬，当日送达"}, body={"signature": "新鲜果蔬，当日送达"},
    ),
    of_program("profile.getwxasearchstatus", "getSearchStatus", "GET", "/wxa/getwxasearchstatus"),
    of_program(
        "profile.changewxasearchstatus", "setSearchStatus", "POST", "/wxa/changewxasearchstatus",
        given={"status": 1}, body={"status": 1},
    ),
    of_program(
        "profile.fetchdatasetting", "getFetchdataSetting", "POST", "/wxa/fetchdatasetting",
        given={"action": "get"}, body={"action": "get"},
    ),
    of_program(
        "profile.fetchdatasetting", "getFetchdataSetting", "POST", "/wxa/fetchdatasetting",
        given={"action": "set_pre_fetch", "setting": {"is_pre_fetch_open": False}},
        body={"action": "set_pre_fetch", "is_pre_fetch_open": False},
    ),
    Row(
        "quota.clear_quota_v2", "clearQuotaByAppSecret", "POST", "/cgi-bin/clear_quota/v2", "",
        given={"appsecret": "s3cret"}, body={"appid": APPID, "appsecret": "s3cret"},
    ),
    of_component(
        "registration.fastregisterenterpriseweapp", "fastRegisterEnterpriseWeapp", "POST",
        "/wxa/component/fastregisterenterpriseweapp",
        query={"action": "create"},
        given={"name": "青禾餐饮", "code": "91440101MA5XXXXX1A", "component_phone": "020-12345678"},
        body={
            "name": "青禾餐饮", "code": "91440101MA5XXXXX1A", "component_phone": "020-12345678", "new_version": True,
        },
    ),
    of_component(
        "registration.fastregisterenterpriseweapp", "fastRegisterEnterpriseWeapp", "POST",
        "/wxa/component/fastregisterenterpriseweapp",
        query={"action": "create"},
        given={**REGISTERED, "legal_persona_openid": "oUser"},
        body={**REGISTERED, "legal_persona_openid": "oUser", "new_version": True},
    ),
    of_component(
        "registration.query_fastregisterenterpriseweapp", "fastRegisterEnterpriseWeapp", "POST",
        "/wxa/component/fastregisterenterpriseweapp",
        query={"action": "query"}, given={"taskid": "t1"}, body={"taskid": "t1", "new_version": True},
    ),
    of_component(
        "registration.fastregisterweapp", "registerMiniprogram", "POST", "/cgi-bin/component/fastregisterweapp",
        query={"action": "search"},
        given={
            "action": "search", "name": "青禾餐饮", "legal_persona_wechat": "qinghe", "legal_persona_name": "林青禾",
        },
        body={"name": "青禾餐饮", "legal_persona_wechat": "qinghe", "legal_persona_name": "林青禾"},
    ),
    of_component(
        "registration.fastregisterweapp", "registerMiniprogram", "POST", "/cgi-bin/component/fastregisterweapp",
        query={"action": "create"},
        given={**REGISTERED, "action": "create", "legal_persona_wechat": "qinghe"},
        body={**REGISTERED, "legal_persona_wechat": "qinghe"},
    ),
    of_component(
        "registration.fastregisterpersonalweapp", "fastRegisterPersonalMp", "POST",
        "/wxa/component/fastregisterpersonalweapp",
        query={"action": "create"},
        given={"wxuser": "lin_qh", "idname": "林青禾", "component_phone": "020-12345678"},
        body={"wxuser": "lin_qh", "idname": "林青禾", "component_phone": "020-12345678", "new_version": True},
    ),
    of_component(
        "registration.query_fastregisterpersonalweapp", "fastRegisterPersonalMp", "POST",
        "/wxa/component/fastregisterpersonalweapp",
        query={"action": "query"}, given={"taskid": "t1"}, body={"taskid": "t1", "new_version": True},
    ),
    of_component(
        "registration.fastregistertransactionweapp", "fastregistertransactionweapp", "POST",
        "/wxa/component/fastregistertransactionweapp",
        query={"action": "create"},
        given={"openid": "oUser", "idname": "林青禾", "component_phone": "020-12345678"},
        body={"openid": "oUser", "idname": "林青禾", "component_phone": "020-12345678", "new_version": True},
    ),
    of_component(
        "registration.query_fastregistertransactionweapp", "fastregistertransactionweapp", "POST",
        "/wxa/component/fastregistertransactionweapp",
        query={"action": "query"}, given={"taskid": "t1"}, body={"taskid": "t1", "new_version": True},
    ),
    of_program(
        "registration.fastregister", "registerMiniprogramByOffiaccount", "POST", "/cgi-bin/account/fastregister",
        given={"ticket": "tk"}, body={"ticket": "tk"},
    ),
    of_program(
        "registration.componentrebindadmin", "componentRebindAdmin", "POST", "/cgi-bin/account/componentrebindadmin",
        given={"taskid": "t1"}, body={"taskid": "t1"},
    ),
    of_component(
        "trial.fastregisterbetaweapp", "registerBetaMiniprogram", "POST", "/wxa/component/fastregisterbetaweapp",
        given={"name": "青禾咖啡", "openid": "oUser"}, body={"name": "青禾咖啡", "openid": "oUser"},
    ),
    of_program(
        "trial.setbetaweappnickname", "modifyBetaMiniprogramNickName", "POST", "/wxa/setbetaweappnickname",
        given={"name": "青禾咖啡"}, body={"name": "青禾咖啡"},
    ),
    of_program(
        "trial.verifybetaweapp", "verifyBetaMiniprogram", "POST", "/wxa/verifybetaweapp",
        given={"verify_info": COMPANY}, body={"verify_info": COMPANY, "new_version": True},
    ),
    of_program(
        "trial.fastnormalizebetaweapp", "fastnormalizebetaweapp", "POST", "/wxa/component/fastnormalizebetaweapp",
        query={"action": "createtask"},
        given={"component_phone": "020-12345678"}, body={"component_phone": "020-12345678", "new_version": True},
    ),
    of_program(
        "trial.query_fastnormalizebetaweapp", "fastnormalizebetaweapp", "POST",
        "/wxa/component/fastnormalizebetaweapp",
        query={"action": "query"}, given={"taskid": "t1"}, body={"taskid": "t1", "new_version": True},
    ),
    of_program(
        "trial.getmpadminauth", "getMpAdminAuth", "POST", "/wxa/getmpadminauth",
        given={"mp_appid": OPEN, "same_admin": True}, body={"mp_appid": OPEN, "same_admin": True},
    ),
    of_program(
        "trial.mpverifybetaweapp", "mpVerifyBetaWeapp", "POST", "/wxa/mpverifybetaweapp",
        given={"mp_appid": OPEN, "ticket": "tk"}, body={"mp_appid": OPEN, "ticket": "tk"},
    ),
    of_program(
        "testers.bind_tester", "bindTester", "POST", "/wxa/bind_tester",
        given={"wechatid": "lin_qh"}, body={"wechatid": "lin_qh"},
    ),
    of_program(
        "testers.unbind_tester", "unbindTester", "POST", "/wxa/unbind_tester",
        given={"userstr": "9f3b"}, body={"userstr": "9f3b"},
    ),
    of_program(
        "testers.unbind_tester", "unbindTester", "POST", "/wxa/unbind_tester",
        given={"wechatid": "lin_qh"}, body={"wechatid": "lin_qh"},
    ),
    of_program(
        "testers.memberauth", "getTester", "POST", "/wxa/memberauth", body={"action": "get_experiencer"},
    ),
    of_program(
        "records.getillegalrecords", "getIllegalRecords", "POST", "/wxa/getillegalrecords",
        given={"start_time": 1757300000, "end_time": 1757386400},
        body={"start_time": 1757300000, "end_time": 1757386400},
    ),
    of_program(
        "records.getappealrecords", "getAppealRecords", "POST", "/wxa/getappealrecords",
        given={"illegal_record_id": "r1"}, body={"illegal_record_id": "r1"},
    ),
    of_program(
        "categories.getcategoriesbytype", "getAllCategoriesByType", "POST", "/cgi-bin/wxopen/getcategoriesbytype",
        given={"verify_type": 1}, body={"verify_type": 1},
    ),
    of_program(
        "categories.getcategory", "getSettingCategories", "GET", "/cgi-bin/wxopen/getcategory",
    ),
    of_program(
        "categories.addcategory", "addCategory", "POST", "/cgi-bin/wxopen/addcategory",
        given={"categories": [WITH_PAPER]}, body={"categories": [WITH_PAPER]},
    ),
    of_program(
        "categories.deletecategory", "deleteCategory", "POST", "/cgi-bin/wxopen/deletecategory",
        given={"first": 304, "second": 321}, body={"first": 304, "second": 321},
    ),
    of_program(
        "categories.modifycategory", "modifyCategory", "POST", "/cgi-bin/wxopen/modifycategory",
        given=WITH_PAPER, body=WITH_PAPER,
    ),
    of_program(
        "domains.modify_domain", "modifyServerDomain", "POST", "/wxa/modify_domain",
        given={"action": "add", "domains": {"requestdomain": ["https://a.example.cn"]}},
        body={"action": "add", "requestdomain": ["https://a.example.cn"]},
    ),
    of_program(
        "domains.modify_domain_directly", "modifyServerDomainDirectly", "POST", "/wxa/modify_domain_directly",
        given={"action": "add", "domains": {"requestdomain": ["https://a.example.cn"]}},
        body={"action": "add", "requestdomain": ["https://a.example.cn"]},
    ),
    of_program(
        "domains.get_effective_domain", "getEffectiveServerDomain", "POST", "/wxa/get_effective_domain",
    ),
    of_program(
        "domains.set_prefetchdnsdomain", "setPrefetchDomain", "POST", "/wxa/set_prefetchdnsdomain",
        given={"hosts": ["a.example.cn"]}, body={"prefetch_dns_domain": [{"url": "a.example.cn"}]},
    ),
    of_program(
        "domains.get_prefetchdnsdomain", "getPrefetchDomain", "GET", "/wxa/get_prefetchdnsdomain",
    ),
    of_program(
        "domains.setwebviewdomain", "modifyJumpDomain", "POST", "/wxa/setwebviewdomain",
        given={"action": "add", "webviewdomain": ["https://a.example.cn"]}, body={"action": "add", "webviewdomain": ["https://a.example.cn"]},
    ),
    of_program(
        "domains.setwebviewdomain_directly", "modifyJumpDomainDirectly", "POST", "/wxa/setwebviewdomain_directly",
        given={"action": "add", "webviewdomain": ["https://a.example.cn"]}, body={"action": "add", "webviewdomain": ["https://a.example.cn"]},
    ),
    of_program(
        "domains.get_webviewdomain_confirmfile", "getJumpDomainConfirmFile", "POST",
        "/wxa/get_webviewdomain_confirmfile",
    ),
    of_program(
        "domains.get_effective_webviewdomain", "getEffectiveJumpDomain", "POST", "/wxa/get_effective_webviewdomain",
    ),
    of_program(
        "privacy.setprivacysetting", "setPrivacySetting", "POST", "/cgi-bin/component/setprivacysetting",
        given={"owner_setting": {"notice_method": "弹窗"}, "privacy_ver": 2},
        body={"owner_setting": {"notice_method": "弹窗"}, "privacy_ver": 2},
    ),
    of_program(
        "privacy.setprivacysetting", "setPrivacySetting", "POST", "/cgi-bin/component/setprivacysetting",
        given=GUIDE, body=GUIDE,
    ),
    of_program(
        "privacy.getprivacysetting", "getPrivacySetting", "POST", "/cgi-bin/component/getprivacysetting",
        given={"privacy_ver": 2}, body={"privacy_ver": 2},
    ),
    of_program(
        "privacy.uploadprivacyextfile", "uploadPrivacySetting", "POST", "/cgi-bin/component/uploadprivacyextfile",
        given={"file": PICTURE}, file="file",
    ),
    of_program(
        "privacy.get_privacy_interface", "getPrivacyInterface", "GET", "/wxa/security/get_privacy_interface",
    ),
    of_program(
        "privacy.apply_privacy_interface", "applyPrivacyInterface", "POST", "/wxa/security/apply_privacy_interface",
        given={"api_name": "wx.chooseLocation", "content": "选择收货地址", "url_list": ["pages/address"]},
        body={"api_name": "wx.chooseLocation", "content": "选择收货地址", "url_list": ["pages/address"]},
    ),
    of_program(
        "privacy.apply_privacy_interface", "applyPrivacyInterface", "POST", "/wxa/security/apply_privacy_interface",
        given={"api_name": "wx.getLocation", "content": "附近门店", "pic_list": ["m1"], "video_list": ["m2"]},
        body={"api_name": "wx.getLocation", "content": "附近门店", "pic_list": ["m1"], "video_list": ["m2"]},
    ),
    of_program(
        "qrcode_rules.qrcodejumpadd", "qrcodeJumpAdd", "POST", "/cgi-bin/wxopen/qrcodejumpadd",
        given={"prefix": QR, "path": "pages/table", "open_version": 2},
        body={"prefix": QR, "path": "pages/table", "open_version": 2, "is_edit": 0},
    ),
    of_program(
        "qrcode_rules.qrcodejumpadd", "qrcodeJumpAdd", "POST", "/cgi-bin/wxopen/qrcodejumpadd",
        given={"prefix": QR, "path": "pages/table", "is_edit": 1, "permit_sub_rule": 1, "debug_url": [f"{QR}7"]},
        body={"prefix": QR, "path": "pages/table", "is_edit": 1, "permit_sub_rule": 1, "debug_url": [f"{QR}7"]},
    ),
    of_program(
        "qrcode_rules.qrcodejumpget", "qrcodeJumpGet", "POST", "/cgi-bin/wxopen/qrcodejumpget",
    ),
    of_program(
        "qrcode_rules.qrcodejumpdownload", "downloadQRCodeText", "POST", "/cgi-bin/wxopen/qrcodejumpdownload",
    ),
    of_program(
        "qrcode_rules.qrcodejumpdelete", "qrcodeJumpDelete", "POST", "/cgi-bin/wxopen/qrcodejumpdelete",
        given={"prefix": QR}, body={"prefix": QR},
    ),
    of_program(
        "qrcode_rules.qrcodejumppublish", "qrcodeJumpPublish", "POST", "/cgi-bin/wxopen/qrcodejumppublish",
        given={"prefix": QR}, body={"prefix": QR},
    ),
    of_program(
        "certification.wxaauth", "secwxaapiWxaauth", "POST", "/wxa/sec/wxaauth",
        given={"auth_data": AUTH_DATA}, body={"auth_data": AUTH_DATA},
    ),
    of_program(
        "certification.reauth", "secwxaapiReauth", "POST", "/wxa/sec/reauth",
        given={"auth_data": {**AUTH_DATA, "taskid": "t1"}}, body={"auth_data": {**AUTH_DATA, "taskid": "t1"}},
    ),
    of_program(
        "certification.queryauth", "secwxaapiQueryauth", "POST", "/wxa/sec/queryauth",
        given={"taskid": "t1"}, body={"taskid": "t1"},
    ),
    of_program(
        "certification.uploadauthmaterial", "secwxaapiUploadauthmaterial", "POST", "/wxa/sec/uploadauthmaterial",
        given={"media": PICTURE}, file="media",
    ),
    of_program(
        "certification.authidentitytree", "secwxaapiAuthidentitytree", "POST", "/wxa/sec/authidentitytree",
    ),
    of_program(
        "certification.submit_auth_and_icp", "submitAuthAndIcp", "POST", "/wxa/sec/submit_auth_and_icp",
        given={"auth_data": AUTH_DATA, "application": APPLICATION},
        body={"auth_data": AUTH_DATA, **APPLICATION},
    ),
    of_program(
        "certification.query_auth_and_icp", "queryAuthAndIcp", "POST", "/wxa/sec/query_auth_and_icp",
        given={"procedure_id": "p1"}, body={"procedure_id": "p1"},
    ),
    of_program("filing.create_icp_verifytask", "createIcpVerifyTask", "POST", "/wxa/icp/create_icp_verifytask"),
    of_program(
        "filing.create_icp_verifytask", "createIcpVerifyTask", "POST", "/wxa/icp/create_icp_verifytask",
        given={"along_with_auth": True}, body={"along_with_auth": True},
    ),
    of_program(
        "filing.query_icp_verifytask", "queryIcpVerifyTask", "POST", "/wxa/icp/query_icp_verifytask",
        given={"task_id": "t1"}, body={"task_id": "t1"},
    ),
    of_program(
        "filing.upload_icp_media", "uploadIcpMedia", "POST", "/wxa/icp/upload_icp_media",
        given={"media": PICTURE, "icp_order_field": "icp_materials.promise_video", "type": "video"},
        body={"icp_order_field": "icp_materials.promise_video", "type": "video"},
        file="media",
    ),
    of_program(
        "filing.upload_icp_media", "uploadIcpMedia", "POST", "/wxa/icp/upload_icp_media",
        given={
            "media": PICTURE,
            "icp_order_field": "icp_subject.organize_info.certificate_photo",
            "certificate_type": 1,
        },
        body={
            "icp_order_field": "icp_subject.organize_info.certificate_photo", "certificate_type": 1, "type": "image",
        },
        file="media",
    ),
    of_program(
        "filing.get_icp_media", "getIcpMedia", "GET", "/wxa/icp/get_icp_media",
        given={"media_id": "m1"}, query={"media_id": "m1"},
    ),
    of_program(
        "filing.apply_icp_filing", "applyIcpFiling", "POST", "/wxa/icp/apply_icp_filing",
        given={"application": APPLICATION}, body=APPLICATION,
    ),
    of_program(
        "filing.cancel_apply_icp_filing", "cancelApplyIcpFiling", "POST", "/wxa/icp/cancel_apply_icp_filing",
    ),
    of_program(
        "filing.cancel_icp_filing", "cancelIcpfiling", "POST", "/wxa/icp/cancel_icp_filing",
        given={"cancel_type": 2}, body={"cancel_type": 2},
    ),
    of_program(
        "filing.cancel_icp_filing", "cancelIcpfiling", "POST", "/wxa/icp/cancel_icp_filing",
        given={"cancel_type": 1, "reason_type": 2}, body={"cancel_type": 1, "reason_type": 2},
    ),
    of_program("filing.get_icp_entrance_info", "getIcpEntranceInfo", "GET", "/wxa/icp/get_icp_entrance_info"),
    of_program("filing.get_online_icp_order", "getOnlineIcpOrder", "GET", "/wxa/icp/get_online_icp_order"),
    of_program(
        "filing.query_icp_service_content_types", "queryIcpServiceContentTypes", "GET",
        "/wxa/icp/query_icp_service_content_types",
    ),
    of_program(
        "filing.query_icp_certificate_types", "queryIcpCertificateTypes", "GET",
        "/wxa/icp/query_icp_certificate_types",
    ),
    of_program(
        "filing.query_icp_subject_types", "queryIcpSubjectTypes", "GET", "/wxa/icp/query_icp_subject_types",
    ),
    of_program("filing.query_icp_nrlx_types", "queryIcpNrlxTypes", "GET", "/wxa/icp/query_icp_nrlx_types"),
    of_program(
        "filing.query_icp_district_code", "queryIcpDistrictCode", "GET", "/wxa/icp/query_icp_district_code",
    ),
    of_program(
        "entries.getwxacode", "getQRCode", "POST", "/wxa/getwxacode",
        given={"path": "pages/menu?table=7"}, body={"path": "pages/menu?table=7"},
    ),
    of_program(
        "entries.getwxacode", "getQRCode", "POST", "/wxa/getwxacode",
        given={"path": "pages/menu", "env_version": "trial", "look": LOOK},
        body={"path": "pages/menu", "env_version": "trial", **LOOK},
    ),
    of_program(
        "entries.getwxacodeunlimit", "getUnlimitedQRCode", "POST", "/wxa/getwxacodeunlimit",
        given={"scene": "t=7&s=21"}, body={"scene": "t=7&s=21"},
    ),
    of_program(
        "entries.getwxacodeunlimit", "getUnlimitedQRCode", "POST", "/wxa/getwxacodeunlimit",
        given={"scene": "t=7", "page": "pages/menu", "check_path": False, "env_version": "trial", "look": LOOK},
        body={"scene": "t=7", "page": "pages/menu", "check_path": False, "env_version": "trial", **LOOK},
    ),
    of_program("entries.generatescheme", "generateScheme", "POST", "/wxa/generatescheme"),
    of_program(
        "entries.generatescheme", "generateScheme", "POST", "/wxa/generatescheme",
        given={"jump_wxa": {"path": "/pages/menu", "query": "from=mail"}, "expire_time": 1757300000},
        body={
            "jump_wxa": {"path": "/pages/menu", "query": "from=mail"}, "expire_type": 0, "expire_time": 1757300000,
        },
    ),
    of_program(
        "entries.generatescheme", "generateScheme", "POST", "/wxa/generatescheme",
        given={"expire_interval": 7}, body={"expire_type": 1, "expire_interval": 7},
    ),
    of_program("entries.generate_urllink", "generateUrlLink", "POST", "/wxa/generate_urllink"),
    of_program(
        "entries.generate_urllink", "generateUrlLink", "POST", "/wxa/generate_urllink",
        given={
            "path": "pages/menu",
            "query": "from=sms",
            "expire_interval": 7,
            "cloud_base": {"env": "e1", "path": "/jump.html"},
            "env_version": "trial",
        },
        body={
            "path": "pages/menu",
            "query": "from=sms",
            "expire_type": 1,
            "expire_interval": 7,
            "cloud_base": {"env": "e1", "path": "/jump.html"},
            "env_version": "trial",
        },
    ),
    of_program(
        "entries.generate_urllink", "generateUrlLink", "POST", "/wxa/generate_urllink",
        given={"expire_time": 1757300000}, body={"expire_type": 0, "expire_time": 1757300000},
    ),
    of_program(
        "entries.genwxashortlink", "generateShortLink", "POST", "/wxa/genwxashortlink",
        given={"page_url": "pages/menu?from=chat", "page_title": "菜单", "is_permanent": True},
        body={"page_url": "pages/menu?from=chat", "page_title": "菜单", "is_permanent": True},
    ),
    of_program(
        "plugins.plugin", "managePlugin", "POST", "/wxa/plugin",
        given={"action": "list"}, body={"action": "list"},
    ),
    of_program(
        "plugins.plugin", "managePlugin", "POST", "/wxa/plugin",
        given={"action": "apply", "plugin_appid": OPEN, "reason": "门店直播"},
        body={"action": "apply", "plugin_appid": OPEN, "reason": "门店直播"},
    ),
    of_program(
        "plugins.plugin", "managePlugin", "POST", "/wxa/plugin",
        given={"action": "update", "plugin_appid": OPEN, "user_version": "1.3.2"},
        body={"action": "update", "plugin_appid": OPEN, "user_version": "1.3.2"},
    ),
    of_program(
        "plugins.devplugin", "managePluginApplication", "POST", "/wxa/devplugin",
        given={"action": "dev_apply_list", "page": 1, "num": 10},
        body={"action": "dev_apply_list", "page": 1, "num": 10},
    ),
    of_program(
        "plugins.devplugin", "managePluginApplication", "POST", "/wxa/devplugin",
        given={"action": "dev_agree", "applicant": OPEN}, body={"action": "dev_agree", "appid": OPEN},
    ),
    of_program(
        "plugins.devplugin", "managePluginApplication", "POST", "/wxa/devplugin",
        given={"action": "dev_refuse", "reason": "用途不明"}, body={"action": "dev_refuse", "reason": "用途不明"},
    ),
    of_program("subscribe_component.getshowwxaitem", "getShowItem", "GET", "/wxa/getshowwxaitem"),
    of_program(
        "subscribe_component.updateshowwxaitem", "setShowItem", "POST", "/wxa/updateshowwxaitem",
        given={"official_account": OPEN}, body={"wxa_subscribe_biz_flag": 1, "appid": OPEN},
    ),
    of_program(
        "subscribe_component.updateshowwxaitem", "setShowItem", "POST", "/wxa/updateshowwxaitem",
        given={"official_account": None}, body={"wxa_subscribe_biz_flag": 0},
    ),
    of_program(
        "subscribe_component.getwxamplinkforshow", "getLinkForShow", "GET", "/wxa/getwxamplinkforshow",
        query={"page": "0", "num": "20"},
    ),
    of_program(
        "subscribe_component.getwxamplinkforshow", "getLinkForShow", "GET", "/wxa/getwxamplinkforshow",
        given={"page": 2, "num": 10}, query={"page": "2", "num": "10"},
    ),
    of_program("link_miniprogram.wxamplinkget", "getLinkMiniprogram", "POST", "/cgi-bin/wxopen/wxamplinkget"),
    of_program(
        "link_miniprogram.wxamplink", "linkMiniprogram", "POST", "/cgi-bin/wxopen/wxamplink",
        given={"miniprogram_appid": OPEN}, body={"appid": OPEN, "notify_users": "0", "show_profile": "0"},
    ),
    of_program(
        "link_miniprogram.wxamplink", "linkMiniprogram", "POST", "/cgi-bin/wxopen/wxamplink",
        given={"miniprogram_appid": OPEN, "notify_users": True, "show_profile": True},
        body={"appid": OPEN, "notify_users": "1", "show_profile": "1"},
    ),
    of_program(
        "link_miniprogram.wxampunlink", "unlinkMiniprogram", "POST", "/cgi-bin/wxopen/wxampunlink",
        given={"miniprogram_appid": OPEN}, body={"appid": OPEN},
    ),
]  # fmt: skip

OPERATIONS = {row.method: row.operation for row in TABLE}


def operation_of(method: str) -> operations.Operation:
    return operations.operation(OPERATIONS[method])


def chapters() -> dict[str, type[Chapter]]:
    client = WeChat().client()
    return {name: type(value) for name, value in vars(client).items() if isinstance(value, Chapter)}


def methods() -> Iterator[str]:
    for name, chapter in chapters().items():
        for method, _ in inspect.getmembers(chapter, inspect.isfunction):
            if not method.startswith("_"):
                yield f"{name}.{method}"


def answers_of(row: Row) -> list[dict[str, Any]]:
    examples = operations.operation(row.operation).response_examples.values()
    return [one for one in examples if not one.get("errcode")]


def make(row: Row, wechat: WeChat) -> Any:
    chapter, method = row.method.split(".")
    args = () if row.appid is None or row.method == "quota.component_clear_quota_v2" else (row.appid,)
    more = {"appid": row.appid} if row.method == "quota.component_clear_quota_v2" else {}
    return getattr(getattr(wechat.client(), chapter), method)(*args, **row.given, **more)


def row_id(row: Row) -> str:
    return f"{row.method}({', '.join(row.given)})"


def test_every_method_of_every_chapter_has_a_row() -> None:
    assert sorted(set(methods())) == sorted({row.method for row in TABLE})


def test_every_chapter_module_is_an_attribute_of_the_client() -> None:
    from importlib import resources

    modules = {
        entry.name.removesuffix(".py")
        for entry in resources.files("saas.wx.api").iterdir()
        if entry.name.endswith(".py") and entry.name != "__init__.py"
    }
    assert {chapter.__module__.rsplit(".", 1)[1] for chapter in chapters().values()} == modules


@pytest.mark.parametrize("row", TABLE, ids=row_id)
def test_a_method_sends_what_its_row_says(row: Row) -> None:
    operation = operations.operation(row.operation)
    wechat = WeChat(*(answers_of(row)[:1] or [b"\x89PNG" if operation.binary else {"errcode": 0}]))
    make(row, wechat)
    [request] = wechat.requests
    assert (request.method, request.url.path) == (row.verb, row.path)
    assert request.url.host == "api.weixin.qq.com"
    token = {"access_token": f"{row.token}-token-1"} if row.token else {}
    assert dict(request.url.params) == {**token, **row.query}
    content = request.content
    if row.file:
        assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert f'name="{row.file}"; filename="file.jpg"'.encode() in content
        assert PICTURE.content in content
        for name, value in (row.body or {}).items():
            assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in content
    elif row.body is None:
        assert content == b""
    else:
        assert request.headers["Content-Type"] == "application/json; charset=utf-8"
        assert json.loads(content) == row.body
        assert b"\\u" not in content
    [record] = wechat.records
    assert (record.operation, record.errcode, record.ok, record.attempt) == (row.operation, 0, True, 1)
    assert record.appid == row.appid or row.method == "quota.component_clear_quota_v2"


@pytest.mark.parametrize("row", TABLE, ids=row_id)
def test_a_row_keeps_to_wechat_s_contract(row: Row) -> None:
    operation = operations.operation(row.operation)
    assert (operation.method, operation.path) == (row.verb, row.path)
    assert not operation.page
    kinds = {operation.token, operation.token_also}
    if row.method in ("component.get_authorizer_option", "component.set_authorizer_option"):
        kinds.add("authorizer")  # the documentation's two languages disagree
    assert ("none" if not row.token else "component" if row.token == "component" else "authorizer") in kinds
    assert operation.token_param in (None, "access_token")
    params = {param.name: param for param in operation.query_params}
    assert set(row.query) <= set(params)
    assert {name for name, param in params.items() if param.required} <= set(row.query)
    for name, value in row.query.items():
        kind = params[name].schema.get("type")
        jsonschema.validate(int(value) if kind in ("integer", "number") else value, params[name].schema)
    if operation.request_content_type == "multipart/form-data":
        assert operation.request_schema is not None
        parts = {**(row.body or {}), row.file: ""}
        jsonschema.validate(parts, operation.request_schema)
        assert set(parts) <= set(operation.request_schema["properties"])
    elif operation.request_schema is not None:
        jsonschema.validate(row.body, operation.request_schema)
        assert set(row.body or {}) <= set(operation.request_schema.get("properties", {}))
    else:
        assert not row.body


@pytest.mark.parametrize("method", sorted(OPERATIONS))
def test_documented_answers_fit_the_declared_type(method: str) -> None:
    """An operation has two methods where its answer depends on `action`."""
    row = next(row for row in TABLE if row.method == method)
    hint = returned(method)
    answers = [one for one in answers_of(row) if method != "release.revertcoderelease" or "version_list" not in one]
    if method == "release.get_history_version":
        answers = [one for one in answers if "version_list" in one]
    for answer in answers:
        wechat = WeChat(answer)
        assert fits(make(row, wechat), hint) == []
    assert answers or operations.operation(row.operation).binary or hint is Done


@pytest.mark.parametrize("method", sorted(OPERATIONS))
def test_every_field_of_a_declared_type_is_wechat_s(method: str) -> None:
    schema = operations.operation(OPERATIONS[method]).response_schema
    for hint in one_of(returned(method)):
        if is_typeddict(hint) and hint is not Done and schema is not None:
            assert strange(hint, schema) == []


@pytest.mark.parametrize("method", sorted(OPERATIONS))
def test_every_argument_is_given_in_some_row(method: str) -> None:
    arguments = inspect.signature(getattr(chapters()[method.split(".")[0]], method.split(".")[1])).parameters
    given = {name for row in TABLE if row.method == method for name in row.given}
    assert set(arguments) - {"self", "appid"} == given


@pytest.mark.parametrize("method", sorted(method for method in OPERATIONS if operation_of(method).binary))
def test_a_file_comes_whole_and_a_refusal_of_one_is_an_error(method: str) -> None:
    row = next(row for row in TABLE if row.method == method)
    assert make(row, WeChat(PICTURE.content)) == Download(PICTURE.content, "image/jpeg")
    for answer in [*operation_of(method).response_examples.values(), refused(40001)]:
        if answer.get("errcode"):
            with pytest.raises(errors.WeChatError) as caught:
                make(row, WeChat(json.dumps(answer).encode()))
            assert caught.value.code == answer["errcode"]


@pytest.mark.parametrize("method", sorted(OPERATIONS))
def test_every_method_links_wechat_s_page(method: str) -> None:
    says = getattr(chapters()[method.split(".")[0]], method.split(".")[1]).__doc__ or ""
    assert "https://developers.weixin.qq.com/" in says or not operation_of(method).doc_url


@pytest.mark.parametrize("write", [str, lambda text: base64.b64encode(text.encode()).decode()])
def test_the_texts_of_the_identity_tree_are_plain(write: Callable[[str], str]) -> None:
    leaf = {"name": write("高校教师"), "leaf_info": {"requirement": write("教师资格证\n或在职证明")}}
    wechat = WeChat({"identity_tree_list": [{"name": write("职业"), "node_list": [leaf]}]})
    [root] = wechat.client().certification.authidentitytree(APPID)["identity_tree_list"]
    assert root == {
        "name": "职业",
        "node_list": [{"name": "高校教师", "leaf_info": {"requirement": "教师资格证\n或在职证明"}}],
    }


def returned(method: str) -> Any:
    chapter, name = method.split(".")
    return get_type_hints(getattr(chapters()[chapter], name))["return"]


def one_of(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def fits(value: Any, hint: Any, where: str = "answer") -> list[str]:
    """What in a value contradicts a type; fields that the type does not name may be there."""
    if get_origin(hint) in (Union, UnionType):
        tries = [fits(value, one, where) for one in get_args(hint)]
        return [] if [] in tries else tries[0]
    if get_origin(hint) is list:
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for one in value for fault in fits(one, get_args(hint)[0], f"{where}[]")]
    if get_origin(hint) is dict:
        return [fault for one in value.values() for fault in fits(one, get_args(hint)[1], f"{where}{{}}")]
    if get_origin(hint) is Literal:
        return [] if value in get_args(hint) else [f"{where} is {value!r}"]
    if is_typeddict(hint):
        fields = get_type_hints(hint)
        missing = [f"{where} lacks {name}" for name in hint.__required_keys__ if name not in value]
        return missing + [
            fault for name in fields if name in value for fault in fits(value[name], fields[name], f"{where}.{name}")
        ]
    if hint is float:
        return [] if isinstance(value, int | float) else [f"{where} is {value!r}"]
    if hint is Download:
        return [] if isinstance(value, Download) else [f"{where} is no file"]
    return [] if type(value) is hint else [f"{where} is {value!r}, not {hint.__name__}"]


def strange(hint: Any, schema: Mapping[str, Any], above: tuple[Any, ...] = ()) -> list[str]:
    """Fields of a type that the contract's schema does not have; a tree is followed once, as the contract does."""
    schema = operations._flat(schema.get("oneOf", [schema])[0])
    if get_origin(hint) is list:
        return strange(get_args(hint)[0], schema.get("items", {}), above)
    if not is_typeddict(hint) or hint in above:
        return []
    found = []
    for name, inner in get_type_hints(hint).items():
        known = schema.get("properties", {})
        if name in known:
            found += strange(inner, known[name], (*above, hint))
        else:
            found.append(f"{hint.__name__}.{name}")
    return found
