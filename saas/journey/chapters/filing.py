"""Rows 14 and 15: filings from a template, refused, sent back, granted, cancelled; and with the certification."""

from __future__ import annotations

import re

from saas.journey import papers
from saas.journey.another import authorize_another
from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Value, Window, button_path, link_path
from saas.sandbox.control import SandboxControl

REASON = "未说明实际业务"
LICENCE = "营业执照不清楚"
FOOD = {"categories": [{"first_class": "餐饮服务", "second_class": "点餐平台"}]}
BASE, PERSON = "icp_subject.base_info", "icp_subject.principal_info"
PROGRAM = "icp_applets.base_info"
COMMENT = "为到店顾客提供扫码点餐、外卖下单和会员积分查询服务"
PERSON_VALUES: dict[str, Value] = {
    f"{PERSON}.name": "陈梅", f"{PERSON}.certificate_type": "居民身份证",
    f"{PERSON}.certificate_number": "44010419880512342X", f"{PERSON}.certificate_validity_date_start": "2019-06-01",
    f"{PERSON}.certificate_validity_date_end": "长期", f"{PERSON}.mobile": "13800138000",
    f"{PERSON}.emergency_contact": "13900139000", f"{PERSON}.email": "mei@example.com",
}  # fmt: skip
_RUNNING = 86358
CONTACT: dict[str, Value] = {
    "contact_name": "陈梅", "contact_email": "mei@example.com", "third_party_phone": "020-88001234",
}  # fmt: skip


def steps(journey: Journey) -> list[Step]:
    desk = FilingDesk(journey)
    return [
        ("14 keep a template in three steps; a phone that cannot be is refused at its field", desk.make_template),
        ("14 begin from the template, see what is missing, fill it in", desk.begin),
        ("14 the administrator's face check fails once, then passes", desk.check_face),
        ("14 WeChat refuses a field: read it there, repair it, submit again", desk.be_refused),
        ("15 withdraw, and submit again", desk.withdraw),
        ("15 be sent back with reasons at the fields, repair, submit again", desk.be_returned),
        ("15 the text message: a letter to the owner, a clock, an answer", desk.answer_message),
        ("15 the authority grants it; the number stands there", desk.be_granted),
        ("15 cancel, which WeChat refuses first; confirm by text message", desk.cancel),
        ("14 templates for a selection; certification and filing are prepared together", desk.prepare_both),
        ("14 one check by the administrator, one submission for both; then the fee", desk.submit_both),
        ("14 the certification is sent back: repair it, submit both again", desk.repair_both),
        ("15 certified, the filing goes on by itself, and is granted", desk.both_are_granted),
    ]


class FilingDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey, self.owner = journey, journey.owner
        self.names = [f"{word}{journey.mark}" for word in ("备案铺", "连办铺")]
        self.template = f"广东餐饮{journey.mark}"
        self.appids, self.pages = ["", ""], ["", ""]

    # one program

    def make_template(self) -> None:
        self.authorize(0, verified=1)
        self.owner.open(f"{self.pages[0]}")
        self.owner.press("开始填写")  # has WeChat's tables read
        self.owner.open(self.journey.page("/"))
        self.owner.follow("备案模板")
        self.owner.follow("新建模板")
        self.owner.press("下一步", {"name": self.template})
        self.owner.wait_for("广东省", seconds=self.journey.patience, reload=True)
        self.owner.press("保存", {f"{BASE}.type": "4"})
        self.owner.press("保存", {f"{BASE}.province": "广东省"})
        self.owner.press("保存", {f"{BASE}.city": "广州市"})
        self.owner.press("保存，下一步", PERSON_VALUES | {f"{PERSON}.mobile": "1380013"}, status=422)
        self.journey.expect(self.owner, "请填写 11 位手机号")
        self.owner.press("保存，下一步", PERSON_VALUES | {f"{BASE}.district": "越秀区"})
        self.owner.press("保存", {f"{PROGRAM}.nrlx_details.0.type": "24"})
        self.owner.press("保存，下一步", {f"{PROGRAM}.service_content_types": "33", f"{PROGRAM}.comment": COMMENT})
        self.owner.press("上传并保存", {"icp_materials.commitment_letter": papers.picture("承诺书")})
        self.journey.expect(self.owner, "已上传")
        self.owner.follow("备案模板")
        self.journey.expect(self.owner, "用的时候补")

    def begin(self) -> None:
        self.owner.open(self.pages[0])
        self.owner.press("填入", {"template": self.template})
        self.journey.expect(self.owner, "还缺")
        self.journey.expect(self.owner, "138＊＊＊＊000")
        self.fill_in()
        self.owner.open(self.pages[0])
        self.journey.expect(self.owner, "请管理员做人脸核验")

    def fill_in(self) -> None:
        """What the template leaves open: the shop's own certificate and pictures."""
        self.owner.open(f"{self.owner_page}/form/subject")
        self.owner.press(
            "保存，下一步",
            {
                f"{BASE}.address": "北京路1号", "icp_subject.organize_info.certificate_type": "营业执照",
                "icp_subject.organize_info.certificate_number": "91440104MA5ABCDE1X",
                "icp_subject.organize_info.certificate_address": "广东省广州市越秀区北京路1号",
            },
        )  # fmt: skip
        self.owner.open(f"{self.owner_page}/form/materials")
        self.owner.press(
            "上传并保存",
            {
                "icp_subject.organize_info.certificate_photo": papers.picture("营业执照"),
                f"{PERSON}.certificate_photo_front": papers.picture("身份证正面"),
                f"{PERSON}.certificate_photo_back": papers.picture("身份证反面"),
            },
        )  # fmt: skip

    @property
    def owner_page(self) -> str:
        """The filing on whose pages the owner is."""
        found = re.match(r".*/filing", self.journey.here(self.owner))
        if found is None:
            raise Stuck(f"no filing at {self.owner.address}")
        return found[0]

    def check_face(self) -> None:
        self.owner.press("发起人脸核验")
        self.owner.wait_for("等管理员完成人脸核验", seconds=self.journey.patience, reload=True)
        self.journey.expect(self.owner, "剩 23 小时")
        self.look_at_phone(self.names[0], "人脸核身失败", "拒绝")
        self.owner.wait_for("管理员没有通过人脸核验", seconds=self.journey.patience, reload=True)
        self.owner.press("发起人脸核验")
        self.owner.wait_for("等管理员完成人脸核验", seconds=self.journey.patience, reload=True)
        self.look_at_phone(self.names[0], "人脸核身通过")
        self.owner.wait_for("可以提交备案了", seconds=self.journey.patience, reload=True)

    def be_refused(self) -> None:
        """The company has another name by now, so WeChat says at which field."""
        with SandboxControl(self.journey.wechat) as control:
            control.change_account(self.appids[0], principal_name=f"新{self.names[0]}有限公司")
        self.owner.press("提交备案")
        self.owner.wait_for("主办单位名称与小程序主体不一致", seconds=self.journey.patience, reload=True)
        self.owner.open(self.pages[0].replace("/filing", ""))
        self.owner.press("重新读取")
        self.owner.wait_for(f"新{self.names[0]}有限公司", seconds=self.journey.patience, reload=True)
        self.owner.open(self.pages[0])
        self.owner.follow("去修改", near="主办单位名称")
        self.journey.expect(self.owner, "主办单位名称与小程序主体不一致")
        self.owner.press("保存", {f"{BASE}.name": f"新{self.names[0]}有限公司"})
        self.owner.open(self.pages[0])
        self.submit()

    def submit(self) -> None:
        button = "提交备案" if self.owner.has(button_path("提交备案")) else "重新提交"
        self.owner.press(button)
        self.owner.wait_for_path(link_path("撤回备案"), seconds=self.journey.patience, reload=True)
        self.journey.expect(self.owner, "微信正在审核")

    def withdraw(self) -> None:
        self.owner.follow("撤回备案")
        self.journey.expect(self.owner, "平台审核会停止")
        self.owner.press("撤回备案")
        self.owner.wait_for("备案申请已撤回", seconds=self.journey.patience, reload=True)
        self.submit()

    def be_returned(self) -> None:
        self.journey.desk.open(f"{self.journey.wechat}/desk/filings")
        given = {"key_name": "小程序备注", "error": REASON, "suggest": "请写明提供的服务内容"}
        with SandboxControl(self.journey.wechat) as control:
            control.decide_filing(self.appids[0], "return", reasons=[given])
        self.owner.wait_for(REASON, seconds=self.journey.patience, reload=True)
        self.owner.follow("去修改", near="小程序备注")
        self.journey.expect(self.owner, REASON)
        self.owner.press("保存", {f"{PROGRAM}.comment": "太短"}, status=422)
        self.journey.expect(self.owner, "至少写 20 个字")
        self.owner.press("保存", {f"{PROGRAM}.comment": f"{COMMENT}，也提供储值"})
        self.owner.open(self.pages[0])
        self.submit()

    def answer_message(self) -> None:
        self.decide(self.names[0])
        self.read("短信核验")
        self.owner.wait_for("发送号码 12381", seconds=self.journey.patience, reload=True)
        self.journey.expect(self.owner, "最晚")
        mails = self.journey.new_window()
        mails.open(f"{self.journey.site}/mails")
        mails.wait_for_path(
            f"//article[contains(., '{self.names[0]}')][contains(., '短信核验')]", seconds=self.journey.patience,
            reload=True,
        )  # fmt: skip
        self.answer(self.names[0])
        self.read("管局正在审核")

    def be_granted(self) -> None:
        self.decide(self.names[0])
        self.owner.wait_for("备案已完成", seconds=self.journey.patience, reload=True)
        self.journey.expect(self.owner, "小程序备案号")

    def cancel(self) -> None:
        self.owner.follow("注销备案")
        self.owner.press("注销备案", status=422)
        self.journey.expect(self.owner, "请先确认")
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("cancelIcpfiling", _RUNNING, appid=self.appids[0])
        self.owner.press("注销备案", {"sure": True})
        self.owner.wait_for(f"错误码 {_RUNNING}", seconds=self.journey.patience, reload=True)
        self.owner.press("再试一次")
        self.owner.open(self.pages[0])
        self.owner.wait_for("已申请注销", seconds=self.journey.patience, reload=True)
        self.answer(self.names[0])
        self.read("备案已注销")

    # both in one go

    def prepare_both(self) -> None:
        self.authorize(1, verified=0)
        self.owner.open(self.journey.page("/programs"))
        self.owner.press("对勾选的操作", {"id": [self.pages[1].split("/")[-2]]})
        self.owner.press("从模板建立备案草稿")
        self.owner.press("开始", {"do-template": self.template})
        self.owner.wait_for("主体证件类型", seconds=self.journey.patience)
        self.owner.open(self.pages[1])
        self.owner.wait_for("还没有微信认证", seconds=self.journey.patience, reload=True)
        self.fill_in()
        self.owner.open(self.pages[1])
        self.owner.follow("准备认证资料")
        self.owner.press("准备认证资料", {"template": ""})
        basics: dict[str, Value] = {
            "customer_type": "1", "account_name_type": "1", "pay_type": "2",
            "qualification": papers.picture("营业执照"),
        }  # fmt: skip
        self.owner.press("保存，下一步", basics)
        self.owner.press("保存，下一步", CONTACT)
        self.owner.press("保存", {"invoice_type": "1"})
        self.owner.open(self.pages[1])
        self.journey.expect(self.owner, "一起办：发起管理员核验")

    def submit_both(self) -> None:
        self.owner.press("一起办：发起管理员核验")
        self.owner.wait_for_path("//*[@class='link-qr']", seconds=self.journey.patience, reload=True)
        phone = self.take_phone()
        phone.open(self.owner.read("//*[@class='link-qr']//code"))
        for tap in ("同意认证授权", "人脸核身通过", "短信验证码正确，确认认证"):
            phone.press(tap)
        self.owner.wait_for("可以提交认证和备案了", seconds=self.journey.patience, reload=True)
        self.owner.follow("提交认证和备案")
        self.journey.expect(self.owner, "微信先审核认证")
        self.owner.press("提交")
        self.owner.wait_for("管理员付费链接", seconds=self.journey.patience, reload=True)
        phone.open(self.owner.read("//*[@class='link-qr']//code"))
        phone.press("支付审核费")
        self.owner.wait_for("认证审核中", seconds=self.journey.patience, reload=True)

    def repair_both(self) -> None:
        self.certify("打回重填", LICENCE)
        self.owner.wait_for(LICENCE, seconds=self.journey.patience, reload=True)
        self.owner.follow("去认证页")
        self.journey.expect(self.owner, "再到备案页重新提交")
        if self.owner.has(link_path("重新提交")):
            raise Stuck("the certification can be handed in alone although it goes with the filing")
        self.owner.open(self.certification_page("basics"))
        self.owner.press("保存，下一步", {"qualification": papers.picture("清楚的执照", width=1200)})
        self.owner.open(self.pages[1])
        self.owner.follow("重新提交")
        self.owner.press("提交")
        self.owner.wait_for("认证审核中", seconds=self.journey.patience, reload=True)

    def both_are_granted(self) -> None:
        self.certify("通过", "")
        self.owner.wait_for("微信正在审核", seconds=self.journey.patience, reload=True)
        self.decide(self.names[1])
        self.read("短信核验")
        self.owner.wait_for("发送号码 12381", seconds=self.journey.patience, reload=True)
        self.answer(self.names[1])
        self.decide(self.names[1])
        self.owner.wait_for("备案已完成", seconds=self.journey.patience, reload=True)

    # what others do

    def authorize(self, number: int, *, verified: int) -> None:
        self.appids[number], page = authorize_another(self.journey, self.names[number], verified=verified, **FOOD)
        self.pages[number] = f"{page}/filing"

    def certification_page(self, part: str) -> str:
        return self.pages[1].replace("/filing", f"/certification/parts/{part}")

    def read(self, words: str) -> None:
        self.owner.press("读取备案状态")
        self.owner.wait_for(words, seconds=self.journey.patience, reload=True)

    def take_phone(self) -> Window:
        phone = self.journey.phone
        phone.open(f"{self.journey.wechat}/phone")
        if phone.has(button_path("梅姐")):
            phone.press("梅姐")
        return phone

    def look_at_phone(self, name: str, *taps: str) -> None:
        phone = self.take_phone()
        phone.follow(name)
        for tap in taps:
            phone.press(tap)

    def answer(self, name: str) -> None:
        """The person in charge follows the ministry's text message."""
        phone = self.take_phone()
        phone.follow("短信")
        code = re.search(r"\d+", phone.read(f"//section[contains(., '{name}')]//strong"))
        phone.press("提交", {"code": code[0] if code else ""}, near=name)

    def decide(self, name: str) -> None:
        """WeChat's people, or the authority, let it pass."""
        self.journey.desk.open(f"{self.journey.wechat}/desk/filings")
        self.journey.desk.press("通过", near=name)

    def certify(self, verdict: str, reason: str) -> None:
        self.journey.desk.open(f"{self.journey.wechat}/desk/certifications")
        self.journey.desk.press(verdict, {"reason": reason}, near=self.names[1])
