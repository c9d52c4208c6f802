"""Rows 12 and 13: certifications from a template, refused, sent back, handed in again; what has to begin anew."""

from __future__ import annotations

from saas.journey import papers
from saas.journey.another import authorize_another
from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Value, button_path, link_path
from saas.sandbox.control import SandboxControl

REASON = "营业执照不清楚，联系人电话无人接听"
FINAL = "主体信息异常，多次核实未果"
_NOT_IN_OPERATION = 89639


def steps(journey: Journey) -> list[Step]:
    desk = CertificationDesk(journey)
    return [
        ("12 keep a template in three steps; an address that cannot be is refused at its field", desk.make_template),
        ("12 begin with the template, see what is missing, have the name checked", desk.prepare),
        ("12 WeChat refuses the start: read who must act, try again", desk.be_refused),
        ("13 the administrator agrees and proves to be herself; the review begins", desk.administrator_agrees),
        ("13 be sent back, read why at the fields, repair them, hand in again", desk.be_sent_back),
        ("13 be approved; nothing is left to hand in", desk.be_approved),
        ("12 a template and the start for a selection", desk.start_many),
        ("13 the administrator says no: not to be handed in again, begin anew", desk.administrator_refuses),
        ("13 be failed for good: begin anew with the same data", desk.be_failed),
        ("12 what the provider paid stands in the ledger", desk.read_ledger),
    ]


class CertificationDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey, self.owner = journey, journey.owner
        self.names = [f"{word}{journey.mark}" for word in ("证件铺", "证件店", "证件摊")]
        self.template = f"门店{journey.mark}"
        self.pages = ["", "", ""]

    def make_template(self) -> None:
        self.owner.open(self.journey.page("/"))
        self.owner.follow("认证")
        self.owner.follow("认证模板")
        self.owner.follow("新建认证模板")
        basics: dict[str, Value] = {
            "name": self.template, "customer_type": "1", "account_name_type": "1", "pay_type": "1",
            "service_appid": "wx5a1b2c3d4e5f6071", "qualification": papers.picture("营业执照"),
        }  # fmt: skip
        self.owner.press("保存，下一步", basics)
        self.owner.press(
            "保存，下一步", {"contact_name": "林小燕", "contact_email": "lin@", "third_party_phone": "0571"}, status=422
        )
        self.journey.expect(self.owner, "邮箱格式不正确")
        self.owner.press("保存，下一步", {"contact_email": "lin@example.com", "third_party_phone": "0571-88001234"})
        self.journey.expect(self.owner, "微信不开发票")
        self.owner.press("保存")
        self.journey.expect(self.owner, self.template)

    def prepare(self) -> None:
        self.pages[0] = self.authorize(0)
        self.owner.open(self.pages[0])
        self.owner.press("准备认证资料", {"template": self.template})
        self.journey.expect(self.owner, "资料已经齐全")
        self.owner.follow("修改资料")
        self.owner.press("保存，下一步", {"account_name": ""})
        self.owner.open(self.pages[0])
        self.journey.expect(self.owner, "还缺这些")
        self.owner.follow("认证的小程序名称")
        self.owner.press("保存，下一步", {"account_name": self.names[0]})
        self.owner.open(self.pages[0])
        self.owner.press("检测名称")
        self.owner.wait_for("可以使用，不需要证明", seconds=self.journey.patience, reload=True)

    def be_refused(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("secwxaapiWxaauth", _NOT_IN_OPERATION)
        self.hand_in("提交给微信")
        self.owner.wait_for("工商登记显示企业不在存续状态", seconds=self.journey.patience)
        self.owner.open(self.pages[0])
        self.hand_in("提交给微信")
        self.owner.wait_for_path("//*[@class='link-qr']", seconds=self.journey.patience, reload=True)
        self.journey.expect(self.owner, "剩 23 小时")

    def administrator_agrees(self) -> None:
        self.act("同意认证", "人脸核身通过", "填写手机号，接收验证码", "验证码正确")
        self.owner.wait_for("审核公司会给认证联系人打电话", seconds=self.journey.patience, reload=True)

    def be_sent_back(self) -> None:
        self.decide("打回重填", REASON, self.names[0])
        self.owner.wait_for(REASON, seconds=self.journey.patience, reload=True)
        self.journey.expect(self.owner, "剩 29 天")
        self.owner.follow("联系人手机")
        self.journey.expect(self.owner, "打回原因提到了这一项")
        self.owner.press("保存，下一步", {"contact_mobile": "138"}, status=422)
        self.journey.expect(self.owner, "请填写 11 位手机号")
        self.owner.press("保存，下一步", {"contact_mobile": "13800138000"})
        self.owner.open(self.pages[0])
        self.owner.follow("主体资质证明（如营业执照）")
        self.owner.press("保存，下一步", {"qualification": papers.picture("清楚的执照", width=1200)})
        self.owner.open(self.pages[0])
        self.hand_in("重新提交")
        self.owner.wait_for("已补充 1 / 3 次", seconds=self.journey.patience, reload=True)
        if self.owner.has(link_path("重新提交")):
            raise Stuck("it can be handed in again although it is under review")

    def be_approved(self) -> None:
        self.decide("通过", "", self.names[0])
        self.owner.wait_for("认证已通过，有效期一年", seconds=self.journey.patience, reload=True)
        for words in ("提交给微信", "重新提交", "修改资料"):
            if self.owner.has(link_path(words)):
                raise Stuck(f"there is still “{words}” although it was approved")

    def start_many(self) -> None:
        for number in (1, 2):
            self.pages[number] = self.authorize(number)
        ids = [page.split("/")[-2] for page in self.pages[1:]]
        self.on_selection(ids, "套用认证模板", {"do-template": self.template})
        self.on_selection(ids, "发起认证", {})
        for page in self.pages[1:]:
            self.owner.open(page)
            self.owner.wait_for_path("//*[@class='link-qr']", seconds=self.journey.patience, reload=True)

    def administrator_refuses(self) -> None:
        self.owner.open(self.pages[1])
        self.act("拒绝")
        self.owner.press("查询进度")
        self.owner.wait_for("管理员拒绝了这次认证，微信不允许重新提交", seconds=self.journey.patience, reload=True)
        if self.owner.has(link_path("重新提交")):
            raise Stuck("what the administrator refused can be handed in again")
        self.owner.press("准备认证资料", {"template": "沿用上一次"})
        self.owner.wait_for_path(link_path("丢弃草稿"), seconds=self.journey.patience, reload=True)
        self.owner.follow("丢弃草稿")
        self.owner.press("丢弃草稿")
        self.journey.expect(self.owner, "已丢弃草稿")

    def be_failed(self) -> None:
        self.owner.open(self.pages[2])
        self.act("同意认证", "人脸核身通过", "填写手机号，接收验证码", "验证码正确")
        self.owner.wait_for("审核公司会给认证联系人打电话", seconds=self.journey.patience, reload=True)
        self.decide("失败", FINAL, self.names[2])
        self.owner.wait_for(FINAL, seconds=self.journey.patience, reload=True)
        self.journey.expect(self.owner, "重新发起要再付一次审核费")
        self.owner.press("准备认证资料", {"template": "沿用上一次"})
        self.journey.expect(self.owner, "资料已经齐全")

    def read_ledger(self) -> None:
        self.owner.open(self.journey.page("/certifications/charges"))
        for number, word in enumerate(("已扣", "未扣", "已扣")):
            if not self.owner.has(f"//tr[contains(., '{self.names[number]}')][contains(., '{word}')]"):
                raise Stuck(f"{self.names[number]} is not {word}: {self.owner.text}")
        if not self.owner.has(link_path("导出 CSV")):
            raise Stuck("the ledger cannot be exported")
        self.journey.expect(self.owner, "¥600.00")

    def authorize(self, number: int) -> str:
        _appid, page = authorize_another(self.journey, self.names[number], verified=0)
        return f"{page}/certification"

    def on_selection(self, ids: list[str], action: str, given: dict[str, str]) -> None:
        self.owner.open(self.journey.page("/programs"))
        self.owner.press("对勾选的操作", {"id": ids})
        self.owner.press(action)
        self.owner.press("开始", given)
        self.owner.wait_for("已结束", seconds=self.journey.patience)

    def hand_in(self, words: str) -> None:
        self.owner.follow(words)
        self.owner.press(words)

    def act(self, *taps: str) -> None:
        """On the administrator's phone, where WeChat's link leads."""
        phone = self.journey.phone
        address = self.owner.read("//*[@class='link-qr']//code")
        phone.open(f"{self.journey.wechat}/phone")
        if phone.has(button_path("梅姐")):
            phone.press("梅姐")
        phone.open(address)
        for tap in taps:
            phone.press(tap)

    def decide(self, verdict: str, reason: str, name: str) -> None:
        desk = self.journey.desk
        desk.open(f"{self.journey.wechat}/desk/certifications")
        desk.press(verdict, {"reason": reason}, near=name)
