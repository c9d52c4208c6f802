"""Row 2: new mini programs for a merchant, each way to one, and what the legal person, WeChat and the net do to it."""

from __future__ import annotations

import time

from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Window, button_path, link_path
from saas.sandbox.control import SandboxControl

_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LINK = "//*[@class='copy']//code"
_REGISTER, _TOLD = "fastRegisterEnterpriseWeapp", "notify_third_fasteregister"
_PHONE = "020-12345678"
AGREE, FAIL_FACE, CONFIRM, REFUSE = "人脸核身并同意", "人脸核身失败", "同意", "拒绝"


def credit_code(mark: str) -> str:
    """A unified social credit code with these eight hexadecimal digits, its last letter computed."""
    code = f"911101085{mark.upper()}"
    total = sum(_LETTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(code))
    return code + _LETTERS[-total % 31]


def steps(journey: Journey) -> list[Step]:
    office = RegistrationOffice(journey)
    return [
        ("2 open a registration; a mistyped credit code is refused at its field", office.open_case),
        ("2 WeChat does not know the company: read why, edit, submit the same case again", office.be_unknown),
        ("2 show QR code, link and time left, mail them; the person fails her face check", office.hand_on_the_link),
        ("2 the legal person refuses: ask WeChat, read why, submit again", office.be_refused),
        ("2 she confirms: registered, as the event tells", office.be_registered),
        ("2 import two companies from a table, submit them together", office.import_companies),
        ("2 the event is lost: the mini program is found by asking", office.lose_the_event),
        ("2 cancel a registration that nobody needs", office.cancel),
        ("2 register a person's own mini program", office.register_person),
        ("2 start a trial, rename it", office.start_trial),
        ("2 the company is not in operation: edit, convert the trial after all", office.convert_trial),
        ("2 an official account that is not certified cannot lend, a certified one can", office.borrow),
    ]


class RegistrationOffice:
    def __init__(self, journey: Journey) -> None:
        self.journey, self.mark = journey, journey.mark
        self.company = f"旅程新店{journey.mark}有限公司"
        self.second, self.third = (f"旅程{word}店{journey.mark}有限公司" for word in ("东", "西"))
        self.code = credit_code(journey.mark)
        self.merchant_page = self.case_page = self.trial_page = ""

    @property
    def owner(self) -> Window:
        return self.journey.owner

    def open_case(self) -> None:
        self.owner.open(self.journey.page("/merchants"))
        self.owner.follow("添加商家")
        given = {"name": f"新店{self.mark}", "company_name": self.company, "contact_email": self.journey.mail("shop")}
        self.owner.press("保存", {**given, "legal_name": "周老板", "legal_wechat": "zhou_laoban"})
        self.merchant_page = self.journey.here(self.owner)
        self.owner.follow("注册小程序")
        self.choose("企业小程序")
        wrong = self.code[:-1] + ("0" if self.code[-1] != "0" else "1")
        self.owner.press("保存", {"company_code": wrong, "component_phone": _PHONE}, status=422)
        self.journey.expect(self.owner, "校验位不对")
        self.owner.press("保存", {"name": f"{self.company}（筹）", "company_code": self.code})
        self.case_page = self.journey.here(self.owner)

    def be_unknown(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next(_REGISTER, 86022, appid=self.journey.component["appid"])
        self.owner.press("提交给微信")
        self.wait("企业名称")
        self.owner.follow("修改资料")
        self.owner.press("保存", {"name": self.company})
        self.owner.press("重新提交")
        self.wait_for_link()

    def hand_on_the_link(self) -> None:
        self.journey.expect(self.owner, "剩余")
        if not self.owner.has("//*[contains(@class, 'qr')]"):
            raise Stuck("the link is not shown as a QR code")
        self.owner.press("把链接发到商家邮箱")
        self.journey.expect(self.owner, "已把链接发到商家的联系邮箱")
        mailed = self.journey.mailed_link("shop", "/phone/registration")
        self.tap(mailed, FAIL_FACE)
        self.owner.press("立即查询结果")
        self.wait("可以在有效期内用同一链接再试")

    def be_refused(self) -> None:
        self.tap(self.link(), REFUSE)
        self.owner.press("立即查询结果")
        self.wait("对方拒绝了注册")
        self.owner.press("重新提交")
        self.wait_for_link()

    def be_registered(self) -> None:
        self.tap(self.link(), AGREE)
        self.owner.wait_for_path(link_path(self.company), seconds=self.journey.patience, reload=True)
        self.owner.follow(self.company)
        self.owner.wait_for("已注册", seconds=self.journey.patience, reload=True)

    def import_companies(self) -> None:
        self.owner.open(self.journey.page("/registrations/import"))
        codes = [credit_code(f"{(int(self.mark, 16) + more) % 2**32:08x}") for more in (1, 2)]
        rows = [f"{self.second},{codes[0]},孙老板,sun_laoban", f"{self.third},{codes[1][:-1]}"]
        self.owner.press("导入", {"rows": "\n".join(rows), "component_phone": _PHONE}, status=422)
        self.journey.expect(self.owner, "第 2 行")
        self.owner.press("导入", {"rows": "\n".join([rows[0], f"{self.third},{codes[1]}"])})
        self.journey.expect(self.owner, "已导入 2 家")
        ids = [self.owner.read(f"//tr[contains(., '{name}')]//input", "value") for name in (self.second, self.third)]
        self.owner.press("提交勾选的", {"id": ids})
        self.owner.wait_for_path(
            f"//tr[contains(., '{self.third}')][contains(., '已完成')]", seconds=self.journey.patience
        )

    def lose_the_event(self) -> None:
        self.open_waiting(self.second)
        with SandboxControl(self.journey.wechat) as control:
            control.drop_pushes(self.journey.component["appid"], event=_TOLD)
        self.tap(self.link(), AGREE)
        self.owner.press("立即查询结果")
        self.wait("注册成功")

    def cancel(self) -> None:
        self.open_waiting(self.third)
        self.owner.follow("取消注册")
        self.journey.expect(self.owner, "微信无法撤回")
        self.owner.press("确认取消")
        self.journey.expect(self.owner, "已取消")

    def register_person(self) -> None:
        self.begin("个人小程序")
        self.owner.press("保存", {"person_wechat": "1380000", "person_name": "梅小茶"}, status=422)
        self.owner.press("保存", {"person_wechat": f"mei_{self.mark}"})
        self.journey.expect(self.owner, "今天还剩 5 次")
        self.submit()
        self.tap(self.link(), AGREE)
        self.wait("注册成功")

    def start_trial(self) -> None:
        self.begin("试用小程序")
        self.owner.press("保存", {"name": f"试用{self.mark}", "person_openid": f"o{self.mark}mei"})
        self.submit()
        self.tap(self.link(), CONFIRM)
        made = f"//a[contains(@href, '/programs/')][contains(., '试用{self.mark}')]"
        self.owner.wait_for_path(made, seconds=self.journey.patience, reload=True)
        self.owner.open(self.owner.read(made, "href"))
        self.owner.follow("账号注册")
        self.trial_page = self.journey.here(self.owner)
        self.journey.expect(self.owner, "到期前没有转正就会被微信收回")
        self.owner.press("修改名称", {"name": f"新名{self.mark}小程序"}, status=422)
        self.owner.press("修改名称", {"name": f"新名{self.mark}"})
        self.owner.wait_for_path(f"//h1[contains(., '新名{self.mark}')]", seconds=self.journey.patience, reload=True)

    def convert_trial(self) -> None:
        self.owner.open(self.trial_page)
        self.owner.follow("转正为企业小程序")
        self.owner.press("保存", {"name": self.company, "company_code": self.code})
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("verifyBetaMiniprogram", 86021, appid=self.journey.component["appid"])
        self.owner.press("提交给微信")
        self.owner.wait_for_path(button_path("重新提交"), seconds=self.journey.patience)
        self.owner.follow("修改资料")
        self.owner.press("保存", {"component_phone": "020-87654321"})
        self.owner.press("重新提交")
        self.wait_for_link()
        self.tap(self.link(), AGREE)
        self.wait("转正成功")

    def borrow(self) -> None:
        name, company = f"旅程公众号{self.mark}", f"旅程公号{self.mark}有限公司"
        with SandboxControl(self.journey.wechat) as control:
            given = {"principal_name": company, "kind": "official_account", "verified": 0}
            official = control.add_account("梅姐", nick_name=name, **given)
            self.begin("复用公众号资质")
            self.owner.press("保存", {"offiaccount_appid": official}, status=422)
            self.journey.expect(self.owner, "没有授权给所选的第三方平台")
            control.grant(self.journey.component["appid"], official, permission_sets=[1, 15, 27])
            self.save_when_authorized(official)
            self.submit(button_path("打开微信确认页"))
            self.lend()
            self.owner.wait_for_path(button_path("重新提交"), seconds=self.journey.patience)
            control.change_account(official, verified=1)
            [component] = [one for one in control.components() if one["appid"] == self.journey.component["appid"]]
            sets = sorted({*component["permission_sets"], 3, 27})
            control.change_component(component["appid"], permission_sets=sets)
        self.submit(button_path("打开微信确认页"), again=True)
        self.lend()
        self.wait("注册成功")

    def save_when_authorized(self, official: str) -> None:
        """The form is sent until the authorization has come through."""
        end = time.monotonic() + self.journey.patience
        while True:
            try:
                self.owner.press("保存", {"offiaccount_appid": official})
                return
            except Stuck:
                if time.monotonic() > end:
                    raise
            time.sleep(0.3)

    def lend(self) -> None:
        """The official account's administrator scans WeChat's page on the computer and agrees; the page goes back."""
        self.owner.press("打开微信确认页")
        scanned = self.owner.read("//*[@id='open-phone']", "href")
        self.tap(scanned, CONFIRM)
        self.owner.wait_for("公众号管理员已同意", seconds=self.journey.patience)

    # together

    def begin(self, way: str) -> None:
        """To the form of a way, from the merchant's page."""
        self.owner.open(self.merchant_page)
        self.owner.follow("注册小程序")
        self.choose(way)

    def choose(self, way: str) -> None:
        self.owner.open(self.owner.read(f"//a[.//h2[normalize-space(.)='{way}']]", "href"))

    def submit(self, until: str = _LINK, *, again: bool = False) -> None:
        self.case_page = self.journey.here(self.owner)
        button = "重新提交" if again else "提交给微信"
        self.owner.wait_for_path(button_path(button), seconds=self.journey.patience)
        self.owner.press(button)
        self.owner.wait_for_path(until, seconds=self.journey.patience)

    def open_waiting(self, company: str) -> None:
        self.owner.open(self.journey.page("/registrations?status=waiting_person"))
        self.owner.follow(company)
        self.case_page = self.journey.here(self.owner)

    def wait(self, words: str) -> None:
        self.owner.wait_for(words, seconds=self.journey.patience)

    def wait_for_link(self) -> None:
        self.owner.wait_for_path(_LINK, seconds=self.journey.patience)

    def link(self) -> str:
        return self.owner.read(_LINK)

    def tap(self, address: str, button: str) -> None:
        """On the person's phone."""
        phone = self.journey.phone
        phone.open(f"{self.journey.wechat}/phone")
        if phone.has(button_path("梅姐")):
            phone.press("梅姐")
        phone.open(address)
        phone.press(button)
