"""Row 8: the privacy guide from a template, compared with the code; location interfaces; the order page."""

from __future__ import annotations

from copy import copy

from saas.journey import papers
from saas.journey.another import authorize_another
from saas.journey.main_job import Journey, Step
from saas.journey.window import Value, Window, button_path
from saas.sandbox.control import SandboxControl

VERSION = "8.0.0"
LOCATION = "wx.getLocation"
NO_USE = "截图里看不到使用位置的页面"
NO_ORDERS = "页面打不开，请检查路径"


def steps(journey: Journey) -> list[Step]:
    desk = PrivacyDesk(journey)
    return [
        ("8 write a privacy template; one without a contact is refused at its field", desk.write_template),
        ("8 upload code that collects more than the guide says; the page names it", desk.upload),
        ("8 begin with the template; WeChat refuses the guide, read why, try again", desk.apply_template),
        ("8 what the template has no words for: write them, then add them with one click", desk.repair),
        ("8 the guide takes effect with the release", desk.release),
        ("8 change the contact online at once; WeChat refuses at first", desk.change_contact),
        ("8 apply for a location interface; refused with a reason, applied again, granted", desk.get_interface),
        ("16 apply for the order page; refused with a reason, applied again, approved", desk.get_order_page),
        ("8 apply the template to a selection", desk.apply_to_many),
    ]


class PrivacyDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey, self.shop = journey, journey
        self.name, self.template = f"隐私茶铺{journey.mark}", f"零售{journey.mark}"
        self.appid = self.page = ""

    @property
    def owner(self) -> Window:
        return self.journey.owner

    def write_template(self) -> None:
        self.owner.open(self.journey.page("/privacy-templates"))
        self.owner.follow("新建隐私模板")
        typed: dict[str, Value] = {"name": self.template, "purpose_PhoneNumber": "登录和接收订单通知", "days": "30"}
        self.owner.press("保存", typed, status=422)
        self.journey.expect(self.owner, "请至少填写一种联系方式")
        self.owner.press("保存", {"contact_phone": "0571-88001234", "notice_method": "弹窗"})
        self.journey.expect(self.owner, "已建立模板")

    def upload(self) -> None:
        self.appid, page = authorize_another(self.journey, self.name)
        self.shop = copy(self.journey)
        self.shop.appid, self.shop.program_name, self.shop.program_page = self.appid, self.name, page
        self.shop.code_page, self.page = f"{page}/code", f"{page}/privacy"
        label = f"旅程 {VERSION}"
        with SandboxControl(self.journey.wechat) as control:
            control.change_account(self.appid, missing_privacy=["getLocation"])
            control.add_draft(
                self.journey.component["appid"], user_version=VERSION, user_desc=label,
                privacy=["getPhoneNumber", "chooseImage"],
            )  # fmt: skip
        self.shop.take_draft(VERSION)
        self.shop.upload(VERSION)
        self.owner.open(self.page)
        self.owner.wait_for("代码用到 2 种信息，指引没有写用途", seconds=self.journey.patience, reload=True)

    def apply_template(self) -> None:
        self.owner.press("套用模板", {"template": self.template})
        self.journey.expect(self.owner, f"按模板“{self.template}”填好了")
        self.refuse_next("setPrivacySetting", 86072)
        self.owner.press("提交给微信")
        self.owner.wait_for("错误码 86072", seconds=self.journey.patience)
        self.owner.press("再试一次")
        self.owner.wait_for("代码用到 1 种信息，指引没有写用途", seconds=self.journey.patience)

    def repair(self) -> None:
        self.owner.press("用模板补上", {"template": self.template})
        self.journey.expect(self.owner, "模板没有写这些信息的用途：选中的照片或视频信息")
        self.owner.open(self.journey.page("/privacy-templates"))
        self.owner.follow("编辑", near=self.template)
        self.owner.press("保存", {"purpose_Album": "上传评价的照片"})
        self.owner.open(self.page)
        self.owner.press("用模板补上", {"template": self.template})
        self.wait_for_row("选中的照片或视频信息", "一致")
        self.journey.expect(self.owner, "用户在下次发布后看到它")

    def release(self) -> None:
        self.owner.open(self.shop.upload_page)
        self.shop.submit(VERSION)
        self.shop.approve_and_release(VERSION)
        self.owner.open(self.page)
        self.owner.press("重新读取")
        self.owner.wait_for("和线上的指引相同。", seconds=self.journey.patience)

    def change_contact(self) -> None:
        self.owner.follow("修改联系方式")
        self.owner.press("马上修改", {"contact_email": "nobody"}, status=422)
        self.journey.expect(self.owner, "邮箱格式不正确")
        self.refuse_next("setPrivacySetting", 86072)
        self.owner.press("马上修改", {"contact_email": "kf@example.cn"})
        self.owner.wait_for("错误码 86072", seconds=self.journey.patience)
        self.owner.press("再试一次")
        online = "//section[@aria-labelledby='online'][contains(., 'kf@example.cn')]"
        self.owner.wait_for_path(online, seconds=self.journey.patience)

    def get_interface(self) -> None:
        self.owner.follow("申请", near=LOCATION)
        self.owner.press("申请", {"content": "顾客下单时查找附近的门店"}, status=422)
        self.journey.expect(self.owner, "请至少上传一张使用场景的截图")
        self.owner.press("申请", {"pictures": papers.picture("附近门店")})
        self.wait_for_row(LOCATION, "审核中")
        self.decide("拒绝", NO_USE)
        self.owner.wait_for(NO_USE, seconds=self.journey.patience, reload=True)
        self.owner.follow("重新申请", near=LOCATION)
        self.owner.press("重新申请", {"pages": "https://example.cn/shops"})
        self.wait_for_row(LOCATION, "审核中")
        self.decide("通过")
        self.wait_for_row(LOCATION, "已开通")

    def get_order_page(self) -> None:
        self.owner.follow("订单页")
        self.owner.follow("申请订单页")
        self.owner.press("申请", {"path": "pages/order/list?id=1"}, status=422)
        self.journey.expect(self.owner, "不带参数")
        self.owner.press("申请", {"path": "pages/order/list", "pictures": papers.picture("订单")})
        self.owner.wait_for("微信一般几天内审完", seconds=self.journey.patience, reload=True)
        self.decide("拒绝", NO_ORDERS)
        self.owner.wait_for(NO_ORDERS, seconds=self.journey.patience, reload=True)
        self.owner.follow("重新申请")
        self.owner.press("申请", {"account": "reviewer", "password": "tea-2026"})
        self.owner.wait_for("微信一般几天内审完", seconds=self.journey.patience, reload=True)
        self.decide("通过")
        path = "//dl[@class='facts']/div[contains(., '现在生效')][contains(., 'pages/order/list')]"
        self.owner.wait_for_path(path, seconds=self.journey.patience, reload=True)

    def apply_to_many(self) -> None:
        self.owner.open(self.journey.page("/programs"))
        ids = [page.rsplit("/", 1)[1] for page in (self.journey.program_page, self.shop.program_page)]
        self.owner.press("对勾选的操作", {"id": ids})
        self.owner.press("套用隐私模板")
        self.refuse_next("setPrivacySetting", 86073)
        self.owner.press("开始", {"do-template": self.template})
        self.owner.wait_for("已结束", seconds=self.journey.patience)
        self.journey.expect(self.owner, "86073")
        self.owner.open(f"{self.journey.program_page}/privacy")
        guide = "//section[@aria-labelledby='next'][contains(., '0571-88001234')]"
        self.owner.wait_for_path(guide, seconds=self.journey.patience, reload=True)

    def refuse_next(self, operation: str, errcode: int) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next(operation, errcode, appid=self.appid)

    def decide(self, verdict: str, reason: str = "") -> None:
        """WeChat's reviewer decides on the open application."""
        desk = self.journey.desk
        desk.open(f"{self.journey.wechat}/desk/applications")
        desk.wait_for_path(button_path(verdict, self.name), seconds=self.journey.patience, reload=True)
        desk.press(verdict, {"reason": reason} if reason else {}, near=self.name)

    def wait_for_row(self, first: str, words: str) -> None:
        path = f"//tr[contains(., '{first}')][contains(., '{words}')]"
        self.owner.wait_for_path(path, seconds=self.journey.patience, reload=True)
