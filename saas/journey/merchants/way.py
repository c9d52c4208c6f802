"""A merchant's way by herself: from the link that her provider sends her to her mini program that is online.

The provider, WeChat's people and her own phone play along. Her words are the catalogue's, so that the same steps are
walked in either language.
"""

from __future__ import annotations

import re
import secrets
from urllib.parse import parse_qs, urlsplit

from saas import i18n
from saas.journey.another import BY_API
from saas.journey.main_job import Journey, Step
from saas.journey.merchants.answers import (
    CATEGORY_NAME,
    CODE,
    MOBILE,
    OTHER_WECHAT_ID,
    WRONG_CODE,
    Page,
    answers,
)
from saas.journey.window import Stuck, Window, button_path, link_path
from saas.onboarding.fields import FORMS
from saas.onboarding.models import Part
from saas.sandbox.control import SandboxControl

COMMENT = "这是手机号，请填法人的微信号"
_LINK = "//*[@class='link-qr']"


def provider_steps(journey: Journey) -> list[Step]:
    """What the provider has done before: once for many merchants."""
    return [
        ("sign up as a new provider", journey.sign_up),
        ("confirm the address by the mailed link", journey.confirm_address),
        ("sign in", lambda: journey.sign_in(journey.owner, "owner")),
        ("create a component app at WeChat and enter it", journey.add_component),
        ("enter its addresses at WeChat; all checks turn green", journey.connect_component),
        ("put a draft into the template library", lambda: journey.add_template("1.0.0")),
        ("give the template an ext_json with variables", journey.write_ext_json),
    ]


class MerchantWay:
    """One merchant of the provider of `journey`. `mei` is her browser, which speaks `language`; `phone` the number that
    she signs in with, another one for each way.
    """

    def __init__(self, journey: Journey, mei: Window, *, phone: str, language: str = i18n.DEFAULT) -> None:
        self.journey, self.owner, self.desk, self.mei = journey, journey.owner, journey.desk, mei
        self.phone, self.language = phone, language
        self.mark = secrets.token_hex(3)
        self.merchant, self.company = f"梅记{self.mark}", f"梅记{self.mark}餐饮有限公司"
        self.old_name, self.name = f"旧铺{self.mark}", f"梅记茶饮{self.mark}"
        self.home = f"{journey.site}/m/{journey.slug}/"
        self.appid = self.other_appid = self.link = self.merchant_page = self.page = ""
        self.answers = answers(self.company, self.name)

    def steps(self) -> list[Step]:
        """All steps in order. After each, `mei` shows the page that it led her to."""
        parts: list[Step] = [
            (f"fill in and hand in: {part.value}", lambda part=part: self.hand_in(part))  # type: ignore[misc]
            for part in list(Part)[1:]
        ]
        return [
            ("the provider knows a merchant and her mini program, which is not authorized any more", self.prepare),
            ("the provider makes a link: authorize, and five parts", self.invite),
            ("open the link, sign in with the code of a text message", self.sign_in),
            ("without consent nobody comes in; with it, she is in", self.join),
            ("authorize the wrong mini program: refused with advice", self.authorize_wrongly),
            ("authorize the right one on the phone", self.authorize),
            ("a wrong code is said at its field, and kept", self.type_wrongly),
            ("fill in and hand in: company", lambda: self.hand_in(Part.COMPANY)),
            *parts,
            ("the provider gives one field back with a word on it; she reads it", self.be_given_back),
            ("she puts it right and hands it in again", self.correct),
            ("the provider accepts everything", self.be_accepted),
            ("the provider sends name, avatar, introduction and category from what she wished", self.get_dressed),
            ("the provider starts certification and filing; she agrees and shows her face", self.check_face),
            ("she pays the fee; certified", self.be_certified),
            ("the ministry's text message: where, until when; she answers it", self.answer_message),
            ("the authority grants the filing; her page says the number", self.be_granted),
            ("the provider uploads and submits; her page says whose turn it is", self.be_submitted),
            ("approved and released: her page says that it is online, with trial QR code and dates", self.be_online),
            ("the notices tell what happened", self.read_notices),
        ]

    def say(self, words: str, **params: object) -> str:
        """A text of ours as her browser shows it."""
        return i18n.translate(self.language, words, **params)

    # before she comes

    def prepare(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            given = {"principal_name": self.company, "register_type": BY_API, "verified": 0}
            self.appid = control.add_account("梅姐", nick_name=self.old_name, **given)
            self.other_appid = control.add_account("梅姐", nick_name=f"别铺{self.mark}", **given)
            control.grant(self.journey.component["appid"], self.appid)
        self.owner.open(self.journey.page("/merchants"))
        self.owner.follow("添加商家")
        self.owner.press("保存", {"name": self.merchant})
        self.merchant_page = self.journey.here(self.owner)
        self.owner.open(self.journey.page(f"/programs?q={self.appid}"))
        self.owner.wait_for(self.old_name, seconds=self.journey.patience, reload=True)
        self.owner.follow(self.old_name)
        self.page = self.journey.here(self.owner)
        self.owner.wait_for(self.company, seconds=self.journey.patience, reload=True)
        self.read_lists()
        self.owner.open(f"{self.page}/merchant?q={self.merchant}")
        self.owner.press("保存", {"merchant_id": self.merchant})
        with SandboxControl(self.journey.wechat) as control:
            control.revoke(self.journey.component["appid"], self.appid)
        self.owner.open(self.page)
        self.owner.wait_for("授权已取消", seconds=self.journey.patience, reload=True)

    def read_lists(self) -> None:
        """What the merchant's forms offer her: WeChat's categories, regions and certificates."""
        self.owner.open(f"{self.page}/categories")
        self.owner.press("读取类目")
        self.owner.wait_for_path(button_path("重新读取"), seconds=self.journey.patience, reload=True)
        self.owner.open(f"{self.page}/filing")
        self.owner.press("开始填写")
        self.owner.open(f"{self.page}/filing/form/subject")
        self.owner.wait_for("广东省", seconds=self.journey.patience, reload=True)

    def invite(self) -> None:
        self.owner.open(f"{self.merchant_page}/entry-links/new")
        program = self.page.rpartition("/")[2]
        self.owner.press("生成链接", {"programs": [program], "authorize": True, "parts": [part.value for part in Part]})
        self.link = self.owner.read("//*[contains(@class, 'copy-value')]")

    # she comes in

    def sign_in(self) -> None:
        self.mei.open(self.link)
        self.expect(self.say("“%(provider)s”邀请您", provider=self.journey.provider_name))
        self.mei.press(self.say("获取验证码"), {"phone": self.phone, "agreed": True})
        self.mei.press(self.say("确定"), {"code": self.read_code()})
        self.expect_path(button_path(self.say("同意并进入")))

    def join(self) -> None:
        self.mei.press(self.say("同意并进入"), {"name": "梅姐"}, status=422)
        self.expect(self.say("请先阅读并勾选同意"))
        self.mei.press(self.say("同意并进入"), {"name": "梅姐", "agreed": True})
        if self.mei.address != self.home:
            raise Stuck(f"she came to {self.mei.address}, not to {self.home}")
        self.expect(self.say("等您授权"))

    def read_code(self) -> str:
        """The code of the newest text message to her, on the demo's page of messages."""
        messages = self.journey.new_window()
        messages.open(f"{self.journey.site}/mails")
        path = f"//article[contains(., '{self.phone}')]//*[@class='letter']"
        messages.wait_for_path(path, seconds=self.journey.patience, reload=True)
        code = re.search(r"\b\d{6}\b", messages.read(path))
        if code is None:
            raise Stuck(f"there is no code in {messages.read(path)}")
        return code[0]

    # she authorizes

    def authorize_wrongly(self) -> None:
        """WeChat shows her the right mini program only; the other one comes back all the same."""
        self.mei.press(self.say("去授权"))
        here = self.journey.here(self.mei)
        self.expect(self.say("只限这个小程序"))
        self.mei.press(self.say("在微信里授权"))
        code = parse_qs(urlsplit(self.on_phone()).query)["pre_auth_code"][0]
        with SandboxControl(self.journey.wechat) as control:
            granted = control.grant(self.journey.component["appid"], self.other_appid, pre_auth_code=code)
        self.mei.open(f"{here}/return?auth_code={granted}&expires_in=3600")
        self.mei.wait_for(self.say("授权了另一个小程序"), seconds=self.journey.patience)
        self.expect(self.old_name)

    def authorize(self) -> None:
        self.mei.follow(self.say("重新授权"))
        self.mei.press(self.say("在微信里授权"))
        self.on_phone()
        self.mei.press("授权", {"account": self.appid})
        self.mei.open(self.mei.read("//*[@id='return']", "href"))
        self.mei.wait_for(self.say("授权成功"), seconds=self.journey.patience)
        self.mei.follow(self.say("查看我的小程序"))
        self.mei.wait_for(self.say("等您填写资料"), seconds=self.journey.patience, reload=True)

    def on_phone(self) -> str:
        """On WeChat's page, in mei's hand; the page's address."""
        if self.mei.has(button_path("梅姐")):
            self.mei.press("梅姐")
        return self.mei.address

    # she fills in

    def type_wrongly(self) -> None:
        self.mei.follow(self.say("去填写资料"))
        self.mei.follow(self.say("填写：%(part)s", part=self.label(Part.COMPANY)))
        self.mei.follow(self.say("开始填写"))
        (page,) = self.answers[Part.COMPANY]
        self.mei.redraw(self.say("改了选项后，点此更新下面的内容"), *page.first)
        self.mei.press(self.save_words(True), {**page.typed, "company_code": WRONG_CODE}, status=422)
        self.expect(self.say("填的内容都已保存。"))
        self.mei.open(self.mei.address)
        if self.mei.read("//*[@name='company_code']", "value") != WRONG_CODE:
            raise Stuck("what was wrong was not kept")
        self.expect(self.say("统一社会信用代码应为 18 位，您填了 %(count)d 位", count=len(WRONG_CODE)))

    def hand_in(self, part: Part) -> None:
        """From the overview through all pages of a part to the button at its end."""
        self.mei.open(self.home)
        self.mei.follow(self.say("去填写资料"))
        before = self.done
        self.mei.follow(self.say("填写：%(part)s", part=self.label(part)))
        pages = self.answers[part]
        first, big = pages[0].key, "//a[contains(@class, 'btn-big')]"
        if self.mei.has(big) and self.mei.read(big, "href").endswith(f"/{first}"):
            self.mei.follow(self.mei.read(big))
        else:  # what is known already leaves nothing open on the first page
            self.mei.follow(f"{self.say('修改')} {self.say(FORMS[part].pages[first])}")
        for page in pages:
            self.fill_in(page, is_last=page.key == list(FORMS[part].pages)[-1])
        self.expect(self.say("都填好了。请核对下面的内容，再提交。"))
        self.mei.press(self.say("提交给“%(name)s”", name=self.journey.provider_name))
        if self.done != before + 1:
            raise Stuck(f"{self.done} parts are handed in, not {before + 1}")

    def fill_in(self, page: Page, *, is_last: bool) -> None:
        if f"/{page.key}" not in self.mei.address:
            raise Stuck(f"this is not the page {page.key} but {self.mei.address}")
        for field, photo in page.photos.items():
            self.mei.pick(f"//form[contains(@action, 'field={field}')]//input[@type='file'][not(@capture)]", photo)
            self.expect(self.say("照片已上传"))
        if page.photos:
            self.mei.follow(self.say("完成，去核对" if is_last else "下一步"))
            return
        for choice in page.first:
            self.mei.redraw(self.say("改了选项后，点此更新下面的内容"), choice)
        self.mei.press(self.save_words(is_last), page.typed)

    @property
    def done(self) -> int:
        """How many parts her overview counts as handed in."""
        for count in range(len(Part) + 1):
            if self.say("已提交 %(done)d / %(all)d 部分", done=count, all=len(Part)) in self.mei.text:
                return count
        raise Stuck(f"there is no count on {self.mei.address}: {self.mei.text[:500]}")

    def save_words(self, is_last: bool) -> str:
        return self.say("保存，去核对" if is_last else "保存，下一步")

    def label(self, part: Part) -> str:
        return self.say(FORMS[part].label)

    # the provider looks through it

    def be_given_back(self) -> None:
        self.review(Part.COMPANY)
        self.owner.press("退回修改", {"c:person_wechat": COMMENT})
        self.expect_of(self.owner, "已退回")
        self.mei.open(self.home)
        self.mei.follow(self.say("去填写资料"))
        self.mei.follow(self.say("修改：%(part)s", part=self.label(Part.COMPANY)))
        self.expect(COMMENT)

    def correct(self) -> None:
        self.mei.follow(f"{self.say('修改')} {self.say('主体信息')}")
        self.expect(COMMENT)
        self.mei.press(self.save_words(True), {"person_wechat": OTHER_WECHAT_ID})
        self.mei.press(self.say("提交给“%(name)s”", name=self.journey.provider_name))
        if self.done != len(Part):
            raise Stuck(f"{self.done} parts are handed in, not all")

    def be_accepted(self) -> None:
        for part in Part:
            self.review(part)
            self.owner.press("通过")
            self.expect_of(self.owner, "已通过")
        self.owner.open(self.merchant_page)
        self.expect_of(self.owner, CODE)
        self.mei.open(self.mei.address)
        self.expect(self.say("已通过"))
        if self.say("审核中") in self.mei.text:
            raise Stuck("something is still to be accepted")

    def review(self, part: Part) -> None:
        self.owner.open(self.journey.page("/onboarding"))
        self.owner.follow(FORMS[part].label, near=self.merchant)

    # her mini program gets its looks, its certificate and its number

    def get_dressed(self) -> None:
        self.owner.open(f"{self.page}/basics")
        self.owner.follow("填到下面的表单")
        self.owner.press("提交勾选的修改")
        self.owner.wait_for_path(f"//h1[.='{self.name}']", seconds=self.journey.patience, reload=True)
        self.owner.wait_for_path(button_path("提交勾选的修改"), seconds=self.journey.patience, reload=True)
        self.owner.open(f"{self.page}/categories")
        self.owner.follow(f"去添加 {CATEGORY_NAME}")
        self.owner.press("添加类目")
        self.owner.wait_for_path("//tr[contains(., '百货')][contains(., '已生效')]", seconds=self.journey.patience)
        self.journey.program_name = self.name
        self.mei.open(self.home)
        self.mei.follow(self.name)
        self.expect_path("//img[contains(@src, '/avatar')]")

    def check_face(self) -> None:
        self.owner.open(f"{self.page}/certification/parts/basics")
        self.owner.press("保存，下一步", {"pay_type": "2"})
        self.owner.press("保存，下一步", {"third_party_phone": "020-88001234"})
        self.owner.open(f"{self.page}/filing")
        self.owner.press("一起办：发起管理员核验")
        self.owner.wait_for_path(_LINK, seconds=self.journey.patience, reload=True)
        self.see_waiting("备案人脸核验")
        self.expect_path("//section[contains(@class, 'next-step')]//time")
        self.tap("同意认证授权", "人脸核身通过", "短信验证码正确，确认认证")
        self.owner.wait_for("可以提交认证和备案了", seconds=self.journey.patience, reload=True)
        self.mei.open(self.home)

    def be_certified(self) -> None:
        self.owner.follow("提交认证和备案")
        self.owner.press("提交")
        self.owner.wait_for("管理员付费链接", seconds=self.journey.patience, reload=True)
        self.see_waiting("支付认证费")
        self.tap("支付审核费")
        self.owner.wait_for("认证审核中", seconds=self.journey.patience, reload=True)
        self.desk.open(f"{self.journey.wechat}/desk/certifications")
        self.desk.press("通过", near=self.name)
        self.owner.wait_for("微信正在审核", seconds=self.journey.patience, reload=True)
        self.mei.open(self.home)
        self.expect(self.say("已认证"))

    def answer_message(self) -> None:
        self.decide_filing()
        self.owner.press("读取备案状态")
        self.owner.wait_for("发送号码 12381", seconds=self.journey.patience, reload=True)
        self.see_waiting("备案短信核验")
        self.expect(f"{MOBILE[:3]}****{MOBILE[-4:]}")
        here = self.mei.address
        self.mei.open(f"{self.journey.wechat}/phone/sms")
        code = re.search(r"验证码 (\d+)", self.mei.read(f"//section[contains(., '{self.name}')]"))
        self.mei.press("提交", {"code": code[1] if code else ""}, near=self.name)
        self.owner.press("读取备案状态")
        self.owner.wait_for("管局正在审核", seconds=self.journey.patience, reload=True)
        self.mei.open(here)
        self.expect(self.say("现在没有等您处理的事"))

    def be_granted(self) -> None:
        self.decide_filing()
        self.owner.wait_for("备案已完成", seconds=self.journey.patience, reload=True)
        self.mei.follow(self.say("看进度"))
        self.expect("ICP")

    def decide_filing(self) -> None:
        self.desk.open(f"{self.journey.wechat}/desk/filings")
        self.desk.press("通过", near=self.name)

    def see_waiting(self, kind: str) -> None:
        """Through the one button on her first page to what waits for her."""
        self.mei.open(self.home)
        self.mei.wait_for_path(link_path(self.say("看看怎么做")), seconds=self.journey.patience, reload=True)
        self.mei.follow(self.say("看看怎么做"))
        self.expect_path(f"//h1[normalize-space(.)='{self.say(kind)}']")

    def tap(self, *taps: str) -> None:
        """Through the button to WeChat's page, and do there what it asks for."""
        self.mei.follow(self.say("在微信里打开"))
        self.on_phone()
        for words in taps:
            self.mei.press(words)

    # online

    def be_submitted(self) -> None:
        self.journey.program_page, self.journey.code_page = self.page, f"{self.page}/code"
        self.journey.appid = self.appid
        self.journey.upload("1.0.0")
        self.journey.submit("1.0.0")
        self.mei.open(self.mei.address)
        self.expect(self.say("等待微信"))
        self.expect(self.say("还没有上线。"))

    def be_online(self) -> None:
        self.journey.approve_and_release("1.0.0")
        self.mei.open(self.mei.address)
        self.mei.wait_for(self.say("线上 %(version)s", version="1.0.0"), seconds=self.journey.patience, reload=True)
        self.expect(self.say("已发布"))
        self.expect_path(f"//img[@alt='{self.say('体验版二维码')}']")
        self.expect(self.say("到期时间"))
        self.expect("ICP")

    def read_notices(self) -> None:
        self.mei.open(self.home)
        self.expect(self.say("进度：完成 %(done)d / %(all)d 步", done=9, all=9))
        self.mei.open(self.mei.read("//a[contains(@href, '/notices')]", "href"))
        for title in ("主体与法人资料请修改", "备案资料已通过"):
            self.expect(self.say(title))

    def expect(self, words: str) -> None:
        self.expect_of(self.mei, words)

    def expect_of(self, window: Window, words: str) -> None:
        self.journey.expect(window, words)

    def expect_path(self, path: str) -> None:
        if not self.mei.has(path):
            raise Stuck(f"{path} is not on {self.mei.address}, which says: {self.mei.text[:1500]}")
