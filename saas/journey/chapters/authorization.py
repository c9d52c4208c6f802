"""Row 3: links and what goes wrong with them, permissions that are missing and asked for again, a withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Value, Window, button_path
from saas.sandbox.control import SandboxControl

_ACCOUNT, _BASIC_INFO = 17, 30
_NOT_ON_LIST = 61004


def steps(journey: Journey) -> list[Step]:
    desk = AuthorizationDesk(journey)
    return [
        ("3 WeChat does not open its page: the merchant reads that the link still works, tries again", desk.be_closed),
        ("3 she leaves two permissions out; the mini program shows what is missing", desk.leave_out),
        ("3 a link is revoked: the merchant reads that it is over", desk.revoke),
        ("3 links for all that lack the permissions; one is mailed", desk.campaign),
        ("3 another mini program comes through the link: caught, not given to the merchant", desk.catch_wrong_account),
        ("3 the right one with all permissions: the link is used, nothing is missing", desk.authorize_again),
        ("3 the merchant withdraws: seen, and healed by a new link", desk.withdraw),
    ]


class AuthorizationDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey, self.owner = journey, journey.owner
        self.name, self.other = f"权限铺{journey.mark}", f"别家铺{journey.mark}"
        self.merchant = f"权限商家{journey.mark}"
        self.mail = f"permissions-{journey.mark}@example.com"
        self.appid = self.other_appid = self.merchant_page = self.page = self.link = self.link_page = ""

    def be_closed(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            given = {"principal_name": f"{self.name}有限公司"}
            self.appid = control.add_account("梅姐", nick_name=self.name, **given)
            self.other_appid = control.add_account("梅姐", nick_name=self.other, **given)
            control.fail_next("getPreAuthCode", _NOT_ON_LIST)
        self.owner.open(self.journey.page("/merchants"))
        self.owner.follow("添加商家")
        self.owner.press("保存", {"name": self.merchant, "contact_email": self.mail})
        self.merchant_page = self.journey.here(self.owner)
        self.make_link()
        visitor = self.journey.new_window()
        visitor.open(self.link)
        visitor.press("在电脑上打开微信授权页", status=503)
        self.journey.expect(visitor, "这个链接可以继续使用")

    def leave_out(self) -> None:
        self.confirm(self.appid, leave_out=(_ACCOUNT, _BASIC_INFO))
        self.owner.open(self.journey.page(f"/programs?q={self.appid}"))
        self.owner.wait_for(self.name, seconds=self.journey.patience, reload=True)
        self.owner.follow(self.name)
        self.page = self.journey.here(self.owner)
        self.owner.follow("权限")
        self.journey.expect(self.owner, "缺少必需的权限")
        row = f"//tr[contains(., '{_BASIC_INFO} ')][contains(., '未授权')]"
        if not self.owner.has(row):
            raise Stuck(f"permission set {_BASIC_INFO} does not show as missing: {self.owner.text}")

    def revoke(self) -> None:
        self.make_link()
        self.owner.press("撤销链接")
        self.journey.expect(self.owner, "已撤销")
        visitor = self.journey.new_window()
        visitor.open(self.link, status=410)
        self.journey.expect(visitor, "已被撤销")

    def campaign(self) -> None:
        self.owner.open(f"{self.page}/permissions")
        self.owner.follow("所有缺少权限的小程序")
        self.journey.expect(self.owner, self.name)
        self.owner.open(self.journey.page(f"/programs?lacking={_ACCOUNT}&q={self.appid}"))
        self.owner.press("对勾选的操作", {"id": [self.page.rsplit("/", 1)[1]]})
        self.owner.press("生成补授权链接")
        self.owner.press("开始", {"do-lacking": str(_ACCOUNT), "do-days": "3", "do-mail": True})
        self.owner.wait_for("已结束", seconds=self.journey.patience)
        self.owner.open(self.journey.page("/permissions"))
        self.owner.follow("等待商家打开", near=self.name)
        self.link_page = self.journey.here(self.owner)
        self.link = self.mailed_link()

    def catch_wrong_account(self) -> None:
        """WeChat shows her the right mini program only; the other one comes with the page's code all the same."""
        visitor = self.journey.new_window()
        visitor.open(self.link)
        self.journey.expect(visitor, "只限这个小程序")
        visitor.press("在电脑上打开微信授权页")
        code = parse_qs(urlsplit(visitor.address).query)["pre_auth_code"][0]
        with SandboxControl(self.journey.wechat) as control:
            control.grant(self.journey.component["appid"], self.other_appid, pre_auth_code=code)
        self.owner.wait_for("授权了另一个小程序", seconds=self.journey.patience)
        self.owner.open(self.journey.page(f"/programs?q={self.other_appid}"))
        self.owner.wait_for("没有商家", seconds=self.journey.patience, reload=True)

    def authorize_again(self) -> None:
        self.confirm(self.appid)
        self.owner.open(self.link_page)
        self.owner.wait_for("授权成功", seconds=self.journey.patience)
        self.owner.open(f"{self.page}/permissions")
        if "缺少必需的权限" in self.owner.text:
            raise Stuck("permissions are still missing")
        self.owner.open(self.journey.page(f"/permissions?lacking={_ACCOUNT}"))
        if self.name in self.owner.text:
            raise Stuck(f"{self.name} still lacks permission set {_ACCOUNT}")

    def withdraw(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.revoke(self.journey.component["appid"], self.appid)
        self.owner.open(self.page)
        self.owner.wait_for("授权已取消", seconds=self.journey.patience, reload=True)
        self.owner.follow("重新授权")
        self.owner.press("生成链接")
        self.take_link()
        self.confirm(self.appid)
        self.owner.wait_for("授权成功", seconds=self.journey.patience)

    def make_link(self) -> None:
        self.owner.open(self.merchant_page)
        self.owner.follow("生成授权链接")
        self.owner.press("生成链接")
        self.take_link()

    def take_link(self) -> None:
        self.link_page = self.journey.here(self.owner)
        self.link = self.owner.read("(//*[@class='copy']//code)[1]")

    def confirm(self, appid: str, *, leave_out: Sequence[int] = ()) -> None:
        """The merchant opens the link on the computer and confirms with her phone."""
        computer, phone = self.journey.new_window(), self.journey.phone
        computer.open(self.link)
        computer.press("在电脑上打开微信授权页")
        scanned = computer.read("//*[@id='open-phone']", "href")
        self.hold_phone(phone)
        phone.open(scanned)
        given: dict[str, Value] = {"account": appid}
        if leave_out:
            with SandboxControl(self.journey.wechat) as control:
                sets = _sets_of(control, self.journey.component["appid"])
            given["sets"] = [str(number) for number in sets if number not in leave_out]
        phone.press("授权", given)
        self.journey.expect(phone, "授权成功")
        computer.wait_for("授权成功", seconds=self.journey.patience)

    def hold_phone(self, phone: Window) -> None:
        phone.open(f"{self.journey.wechat}/phone")
        if phone.has(button_path("梅姐")):
            phone.press("梅姐")

    def mailed_link(self) -> str:
        mails = self.journey.new_window()
        mails.open(f"{self.journey.site}/mails")
        path = f"//article[contains(., '{self.mail}')]//a[contains(@href, '/authorize/')]"
        mails.wait_for_path(path, seconds=self.journey.patience, reload=True)
        return mails.read(path, "href")


def _sets_of(control: SandboxControl, component_appid: str) -> list[int]:
    return next(list(one["permission_sets"]) for one in control.components() if one["appid"] == component_appid)
