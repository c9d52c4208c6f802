"""The main job as its people do it: from signing up as a provider to a mini program that is online, and back again."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from copy import copy
from urllib.parse import urlsplit

from saas.journey.window import MOMENT, Stuck, Value, Window, button_path, link_path
from saas.sandbox.control import SandboxControl

PASSWORD = "lao-jie-qing-he-2026"  # noqa: S105 - of people who live as long as one journey
COMPANY = "旅程餐饮有限公司"
REASON = "首页没有实际内容，请完善后再提交"

Step = tuple[str, Callable[[], None]]


class Journey:
    """One provider's first day. `new_window` opens a browser of its own: no cookies, nobody signed in.

    `site` and `wechat` are the two addresses, `patience` the seconds that a result may take. Names are new each time,
    so that many journeys fit into one database.
    """

    def __init__(self, new_window: Callable[[], Window], site: str, wechat: str, *, patience: float = 60) -> None:
        self.new_window, self.patience = new_window, patience
        self.site, self.wechat = site.rstrip("/"), wechat.rstrip("/")
        self.mark = secrets.token_hex(4)
        self.slug = f"j{self.mark}"
        self.provider_name = f"旅程服务{self.mark}"
        self.program_name = f"旅程茶铺{self.mark}"
        self.owner = new_window()
        self.phone = new_window()
        self.desk = new_window()
        self.component: dict[str, str] = {}
        self.appid = ""
        self.submissions = 0
        self.component_page = self.merchant_page = self.program_page = self.code_page = self.link = ""
        self.upload_page = self.rejected_page = ""

    def elsewhere(self, new_window: Callable[[], Window], *, owner: Window | None = None) -> Journey:
        """The same day as far as it went, in other browsers; the owner signs in there, unless hers is given."""
        moved = copy(self)
        moved.new_window = new_window
        moved.owner, moved.phone, moved.desk = owner or new_window(), new_window(), new_window()
        if owner is None:
            moved.sign_in(moved.owner, "owner")
        return moved

    @property
    def house(self) -> str:
        """The address of the provider's dashboard."""
        return self.page()

    def sign_in_of(self, name: str) -> tuple[str, str]:
        """E-mail address and password of the owner, the viewer or the merchant's person."""
        return self.mail(name), PASSWORD

    def steps(self) -> list[Step]:
        """What to do in this order, each with its name."""
        return [*self.working_day(), *self.closing_time()]

    def working_day(self) -> list[Step]:
        """From signing up to a version that is online."""
        return [
            ("sign up as a new provider", self.sign_up),
            ("confirm the address by the mailed link", self.confirm_address),
            ("sign out and in again", self.sign_in_again),
            ("create a component app at WeChat and enter it", self.add_component),
            ("enter its addresses at WeChat; all checks turn green", self.connect_component),
            ("add a merchant and her mini program's values", self.add_merchant),
            ("make an authorization link", self.make_link),
            ("authorize on the merchant's phone", self.authorize),
            ("see the mini program's name and permissions", self.see_program),
            ("put a draft into the template library", lambda: self.add_template("1.0.0")),
            ("give the template an ext_json with variables", self.write_ext_json),
            ("upload 1.0.0, privacy scan, trial QR code", lambda: self.upload("1.0.0")),
            ("submit 1.0.0 for audit", lambda: self.submit("1.0.0")),
            ("be rejected and read the reason", self.be_rejected),
            ("upload again and resubmit", self.resubmit),
            ("be approved and release 1.0.0", lambda: self.approve_and_release("1.0.0")),
            ("bring 1.1.0 online", self.second_version),
            ("roll back to 1.0.0", lambda: self.roll_back("1.0.0")),
            ("submit 1.2.0 and withdraw it", self.withdraw),
            ("invite a colleague who may only read", self.invite_viewer),
            ("the merchant's person sees how it stands", self.merchant_looks),
        ]

    def closing_time(self) -> list[Step]:
        return [
            ("sign out everywhere", self.sign_out_everywhere),
            ("WeChat counted nothing wrong", self.ask_wechat),
        ]

    # the provider

    def sign_up(self) -> None:
        self.owner.open(f"{self.site}/sign-up")
        given: dict[str, Value] = {
            "provider_name": self.provider_name, "slug": self.slug, "name": "小旅", "email": self.mail("owner"),
            "password": PASSWORD, "agreed": True,
        }  # fmt: skip
        self.owner.press("注册", given)
        self.expect(self.owner, "请查收邮件")

    def confirm_address(self) -> None:
        self.owner.open(self.mailed_link("owner", "/verify/"))
        self.owner.press("确认这是我的邮箱")
        self.expect(self.owner, "邮箱已确认，请登录")

    def sign_in_again(self) -> None:
        self.sign_in(self.owner, "owner")
        self.expect(self.owner, self.provider_name)
        self.owner.press("退出登录")
        self.expect_signed_out(self.owner)
        self.sign_in(self.owner, "owner")

    def add_component(self) -> None:
        console = self.new_window()
        console.open(f"{self.wechat}/console")
        console.press("创建", {"name": f"平台{self.mark}"})
        self.component = {
            name: console.read(f"//input[@name='{name}']", "value") for name in ("secret", "token", "aes_key")
        }
        self.component["appid"] = urlsplit(console.address).path.rsplit("/", 1)[1]
        self.owner.open(self.page("/components"))
        self.owner.follow("添加第三方平台")
        self.owner.press("保存并检查", {"name": "旅程平台", **self.component})
        self.component_page = self.here(self.owner)

    def connect_component(self) -> None:
        given = [self.owner.read(f"(//*[@class='copy']//code)[{number}]") for number in (1, 2, 3)]
        console = self.new_window()
        console.open(f"{self.wechat}/console/{self.component['appid']}")
        console.press("保存", {"events_url": given[0], "messages_url": given[1], "start_domain": given[2]})
        console.press("立即推送票据")
        self.owner.wait_for("全部通过，可以请商家授权了", seconds=self.patience)

    def add_merchant(self) -> None:
        self.owner.open(self.page("/merchants"))
        self.owner.follow("添加商家")
        self.owner.press("保存", {"name": f"梅记{self.mark}", "company_name": COMPANY, "contact_name": "梅姐"})
        self.merchant_page = self.here(self.owner)

    def make_link(self) -> None:
        self.owner.open(self.merchant_page)
        self.owner.follow("生成授权链接")
        self.owner.press("生成链接")
        self.link = self.owner.read("(//*[@class='copy']//code)[1]")

    # the merchant

    def authorize(self) -> None:
        """The merchant, who has just made a mini program at WeChat, opens the link and confirms with the phone."""
        with SandboxControl(self.wechat) as control:
            self.appid = control.add_account("梅姐", nick_name=self.program_name, principal_name=COMPANY)
        computer = self.new_window()
        computer.open(self.link)
        computer.press("在电脑上打开微信授权页")
        scanned = computer.read("//*[@id='open-phone']", "href")
        self.phone.open(f"{self.wechat}/phone")
        self.phone.press("梅姐")
        self.phone.open(scanned)
        self.phone.press("授权", {"account": self.appid})
        self.expect(self.phone, "授权成功")
        computer.wait_for("授权成功")
        self.expect(computer, self.provider_name)

    def see_program(self) -> None:
        self.owner.open(self.page("/programs"))
        self.owner.wait_for(self.program_name, reload=True)
        self.owner.follow(self.program_name)
        self.program_page = self.here(self.owner)
        self.code_page = f"{self.program_page}/code"
        self.owner.wait_for(COMPANY)
        self.owner.follow("权限")
        self.expect(self.owner, "开发管理与数据分析")

    # templates

    def add_template(self, version: str) -> None:
        console = self.new_window()
        console.open(f"{self.wechat}/console/{self.component['appid']}")
        console.press("上传", {"user_version": version, "user_desc": f"旅程 {version}"})
        self.take_draft(version)

    def take_draft(self, version: str) -> None:
        self.owner.open(self.page("/templates"))
        self.owner.press("从微信刷新")
        self.owner.wait_for(f"旅程 {version}", seconds=self.patience)
        self.owner.press("添加到模板库", near=f"旅程 {version}")
        self.owner.wait_for_path(link_path("编辑", near=f"旅程 {version}"), seconds=self.patience)

    def write_ext_json(self) -> None:
        self.owner.follow("编辑", near="1.0.0")
        wrong = '{\n  "ext": {"shop": "${shop_no}"},\n  "windw": {}\n}'
        self.owner.press("检查并保存", {"ext_json": wrong}, status=422)
        self.expect(self.owner, "windw")
        self.owner.press("检查并保存", {"label": "点单版", "ext_json": '{"ext": {"shop": "${shop_no}"}}'})

    # code

    def upload(self, version: str) -> None:
        self.begin_upload(version)
        self.finish_upload()

    def begin_upload(self, version: str) -> None:
        self.owner.open(f"{self.program_page}/upload")
        self.owner.press("更新预览", {"template": f"旅程 {version}"})
        given = {"user_version": version, "description": f"旅程 {version}", "value.shop_no": "七号店"}
        self.owner.press("开始上传", given)
        self.upload_page = self.here(self.owner)

    def finish_upload(self) -> None:
        self.owner.wait_for_path(link_path("提交审核"), seconds=self.patience)
        self.owner.wait_for_path("//img[@class='qr-image']", seconds=self.patience)

    def submit(self, version: str) -> None:
        self.begin_submission()
        self.finish_submission(version)

    def begin_submission(self) -> None:
        self.owner.follow("提交审核")
        self.owner.wait_for_path(f"{button_path('提交审核')}[not(@disabled)]", seconds=self.patience, reload=True)
        self.owner.press("提交审核", {"version_desc": "点单、会员积分"})
        self.submissions += 1

    def finish_submission(self, version: str) -> None:
        self.owner.wait_for_path(link_path("撤回审核"), seconds=self.patience)
        self.desk.open(f"{self.wechat}/desk/audits")
        self.expect(self.desk, f"{self.program_name} · {version}")

    def be_rejected(self) -> None:
        self.desk.press("驳回", {"reason": f"1: {REASON}<br>", "pictures": "2"}, near=self.program_name)
        self.owner.wait_for(REASON, seconds=self.patience)
        self.rejected_page = self.here(self.owner)
        self.owner.wait_for_path("//img[@alt='审核截图 2']", seconds=self.patience)

    def resubmit(self) -> None:
        self.upload("1.0.0")
        self.submit("1.0.0")

    def approve_and_release(self, version: str) -> None:
        self.desk.open(f"{self.wechat}/desk/audits")
        self.desk.press("通过", near=f"{self.program_name} · {version}")
        self.owner.wait_for_path(link_path("发布"), seconds=self.patience, reload=True)
        self.owner.follow("发布")
        self.owner.press("发布给所有用户")
        self.expect_online(version)

    def second_version(self) -> None:
        self.add_template("1.1.0")
        self.upload("1.1.0")
        self.submit("1.1.0")
        self.approve_and_release("1.1.0")

    def roll_back(self, version: str) -> None:
        self.owner.open(self.code_page)
        self.owner.follow("版本回退")
        self.owner.press("从微信读取")
        self.owner.wait_for_path(link_path("回退到此版本", near=version), seconds=self.patience)
        self.owner.follow("回退到此版本", near=version)
        self.owner.press("回退版本")
        self.expect_online(version)

    def withdraw(self) -> None:
        self.add_template("1.2.0")
        self.upload("1.2.0")
        self.submit("1.2.0")
        self.owner.follow("撤回审核")
        self.owner.press("撤回审核")
        self.owner.wait_for("已撤回", seconds=self.patience)

    # other people

    def invite_viewer(self) -> None:
        self.owner.open(self.page("/members"))
        self.owner.press("发送邀请", {"email": self.mail("viewer"), "role": "viewer"})
        colleague = self._accept_invitation("viewer", "小览")
        colleague.open(self.program_page)
        self.expect(colleague, self.program_name)
        colleague.open(f"{self.program_page}/upload", status=403)
        colleague.open(self.page("/settings"), status=403)

    def merchant_looks(self) -> None:
        self.owner.open(self.merchant_page)
        self.owner.follow("邀请")
        self.owner.press("发送邀请", {"email": self.mail("merchant"), "name": "梅姐"})
        mei = self._accept_invitation("merchant", "梅姐")
        mei.open(f"{self.site}/m/{self.slug}/")
        self.expect(mei, self.program_name)
        self.expect(mei, "线上 1.0.0")
        mei.open(self.program_page, status=404)

    def sign_out_everywhere(self) -> None:
        other = self.new_window()
        self.sign_in(other, "owner")
        self.owner.open(f"{self.site}/account")
        self.owner.press("退出其他所有设备")
        self.expect_signed_out(other)
        self.owner.open(self.page())
        self.expect(self.owner, self.provider_name)
        self.owner.press("退出登录")
        self.expect_signed_out(self.owner)

    def ask_wechat(self) -> None:
        """It counted each submission once, and nothing that it would refuse or that breaks later."""
        with SandboxControl(self.wechat) as control:
            counted = control.counts(component_appid=self.component["appid"], appid=self.appid).get("submitAudit", 0)
            mistakes = [
                one
                for one in control.mistakes(component_appid=self.component["appid"])
                if one["operation"] != "component_verify_ticket"  # WeChat pushes it before it is told where to
            ]
        if counted != self.submissions:
            raise Stuck(f"WeChat counted {counted} submissions for audit of {self.submissions}")
        if mistakes:
            raise Stuck(f"WeChat noted mistakes: {mistakes}")

    # together

    def sign_in(self, window: Window, name: str) -> None:
        window.open(f"{self.site}/sign-in")
        window.press("登录", {"email": self.mail(name), "password": PASSWORD})

    def expect_signed_out(self, window: Window) -> None:
        window.open(self.page())
        if urlsplit(window.address).path != "/sign-in":
            raise Stuck(f"still signed in at {window.address}")

    def _accept_invitation(self, name: str, called: str) -> Window:
        window = self.new_window()
        window.open(self.mailed_link(name, "/invitations/"))
        window.press("创建账号并加入", {"name": called, "password": PASSWORD, "agreed": True})
        return window

    def mailed_link(self, name: str, kind: str) -> str:
        """The newest link of this kind that was mailed to this person, as the demo shows it."""
        mails = self.new_window()
        mails.open(f"{self.site}/mails")
        path = f"//article[contains(., '{self.mail(name)}')]//a[contains(@href, '{kind}')]"
        mails.wait_for_path(path, reload=True)
        return mails.read(path, "href")

    def expect_online(self, version: str) -> None:
        self.owner.wait_for(f"版本 {version} 已在线上", seconds=self.patience)
        self.owner.open(self.code_page)
        online = "//*[@class='slot'][h3[normalize-space(.)='线上版']]/p"
        if not self.owner.read(online).startswith(version):
            raise Stuck(f"online is {self.owner.read(online)}, not {version}")

    def mail(self, name: str) -> str:
        return f"{name}-{self.mark}@example.com"

    def page(self, path: str = "/") -> str:
        return f"{self.site}/p/{self.slug}{path}"

    def here(self, window: Window) -> str:
        return window.address.split("?")[0]

    def read_again(self) -> None:
        """Have the page's facts read at WeChat once more, and wait until they are newer than before."""
        read_at = "//p[contains(., '读取于')]/time"
        before = self.owner.read(read_at, "datetime") if self.owner.has(read_at) else ""
        self.owner.press("重新读取")
        self.owner.wait_for_path(f"{read_at}[@datetime!='{before}']", seconds=self.patience, reload=True)

    def expect(self, window: Window, words: str) -> None:
        """It is there, or will be in a moment."""
        if words not in window.text:
            window.wait_for(words, seconds=MOMENT, reload=True)
