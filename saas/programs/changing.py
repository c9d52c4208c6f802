"""What all changes of a mini program at WeChat share: what stands in their way, and the pictures that go with them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from saas.components.access import load_component
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_, Conflict
from saas.pictures import Picture
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.permissions import BASIC_INFO
from saas.tenants.stored_files import keep_file, load_file, read_file
from saas.wx.chapter import Upload
from saas.wx.client import WxClient
from saas.wx.permissions import DEVELOPMENT

ACCOUNT, NAME_CHECK, LINKS = 17, 31, 88
_LACKING = {
    ACCOUNT: N_("商家的授权里没有“账号管理”权限，请让商家重新授权并勾选它"),
    DEVELOPMENT: N_("商家的授权里没有“开发管理与数据分析”权限，请让商家重新授权并勾选它"),
    BASIC_INFO: N_("商家的授权里没有“小程序基本信息设置”权限，请让商家重新授权并勾选它"),
    NAME_CHECK: N_("商家的授权里没有“小程序认证名称检测”权限，请让商家重新授权并勾选它"),
    LINKS: N_("商家的授权里没有“获取小程序链接”权限，请让商家重新授权并勾选它"),
}
_NOT_BY_API = N_("这个小程序是商家自己注册的，微信不允许代为修改这一项。请商家登录 mp.weixin.qq.com 修改。")


def obstacle(program: Program, *sets: int, by_api: bool = False) -> str:
    """Why WeChat would refuse a change that needs these permission sets, as a msgid; "" when nothing is known against
    it. `by_api`: WeChat allows it only for mini programs that were registered through the API.
    """
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        return N_("商家没有授权，请先让商家重新授权")
    if by_api and program.registered_by_api is False:
        return _NOT_BY_API
    lacking = [number for number in sets if program.permission_sets and number not in program.permission_sets]
    return _LACKING[lacking[0]] if lacking else ""


def refuse_if_hindered(program: Program, *sets: int, by_api: bool = False) -> None:
    """Raise Conflict with the `obstacle`, if there is one."""
    if text := obstacle(program, *sets, by_api=by_api):
        raise Conflict(text)


def client_of(db: Session, program: Program) -> WxClient:
    """The client for calls about this mini program; settle before each."""
    return wechat(load_component(db, program.component_id))


def keep_picture(db: Session, provider_id: UUID, kind: str, picture: Picture, name: str = "") -> str:
    """Keep a picture that goes to WeChat later: its media ids live three days only. Answers the file's id."""
    ending = f"{name or kind}.{picture.ending}"
    return str(keep_file(db, provider_id, kind, picture.content, content_type=picture.content_type, name=ending).id)


def hand_in(db: Session, client: WxClient, program: Program, file_id: str) -> str:
    """Give WeChat a kept picture; answers the media id, which works for this mini program and three days."""
    row = load_file(db, UUID(file_id))
    upload = Upload(row.name, read_file(row), row.content_type)
    settle(db)
    return str(client.media.upload(program.appid, media=upload)["media_id"])
