"""Row 4: name, avatar, introduction and search, with what WeChat's people and WeChat itself refuse."""

from __future__ import annotations

from saas.journey import papers
from saas.journey.another import authorize_another
from saas.journey.main_job import Journey, Step
from saas.journey.window import Value, button_path
from saas.sandbox.control import SandboxControl

REASON = "商标注册证与名称不一致"
INTRODUCTION = "手作鲜茶与现烤点心，到店自取"


def steps(journey: Journey) -> list[Step]:
    studio = Studio(journey)
    return [
        ("4 a mini program that the merchant registered herself: what cannot be changed is said", studio.see_limits),
        ("4 one that was registered through the API: chances beside each button", studio.open_page),
        ("4 a name that cannot be is refused at its field; check one that needs proof", studio.check_name),
        ("4 without papers WeChat refuses: add licence and certificate, submit again", studio.set_name),
        ("4 the reviewer refuses: read the reason, hand in again, be approved", studio.be_refused),
        ("4 cut the avatar out of a picture", studio.set_avatar),
        ("4 WeChat refuses the introduction: read why, change it, try again", studio.set_introduction),
        ("4 switch off being found by search", studio.switch_search),
    ]


class Studio:
    def __init__(self, journey: Journey) -> None:
        self.journey, self.owner = journey, journey.owner
        self.first_name, self.name = f"茶事{journey.mark}", f"茶事严选{journey.mark}"
        self.appid = self.page = ""

    def see_limits(self) -> None:
        self.owner.open(self.journey.program_page)
        self.owner.follow("基本信息")
        self.journey.expect(self.owner, "微信不允许代为修改这一项")

    def open_page(self) -> None:
        self.appid, self.page = authorize_another(self.journey, self.first_name)
        self.owner.follow("基本信息")
        self.journey.expect(self.owner, "还剩")

    def check_name(self) -> None:
        self.owner.press("先检测，不用次数", {"change_name": True, "name": "茶"}, status=422)
        self.journey.expect(self.owner, "名称要有 4 到 30 个字符")
        self.owner.press("先检测，不用次数", {"name": self.name})
        self.owner.wait_for("可以用，但要提交证明", seconds=self.journey.patience)

    def set_name(self) -> None:
        self.owner.press("提交勾选的修改", {"change_name": True, "name": self.name})
        self.owner.wait_for("错误码 91009", seconds=self.journey.patience)
        given: dict[str, Value] = {
            "license": papers.picture("营业执照"),
            "naming_other_stuff": papers.picture("商标注册证"),
        }
        self.owner.press("提交勾选的修改", {"change_name": True, "name": self.name, **given})
        self.owner.wait_for(f"名称“{self.name}”审核中", seconds=self.journey.patience)

    def be_refused(self) -> None:
        self.decide("驳回", {"reason": REASON})
        self.owner.wait_for(REASON, seconds=self.journey.patience, reload=True)
        self.owner.press("提交勾选的修改", {"naming_other_stuff": papers.picture("新商标注册证")})
        self.owner.wait_for(f"名称“{self.name}”审核中", seconds=self.journey.patience)
        self.decide("通过", {})
        self.owner.wait_for_path(f"//h1[normalize-space(.)='{self.name}']", seconds=self.journey.patience, reload=True)

    def set_avatar(self) -> None:
        picture = "//main//img[contains(@src, '/avatar')]"
        before = self.owner.read(picture, "src")
        self.owner.press("提交勾选的修改", {"change_avatar": True, "avatar": papers.picture("标志", width=900)})
        self.owner.wait_for_path(f"{picture}[@src!='{before}']", seconds=self.journey.patience, reload=True)
        self.settle()

    def set_introduction(self) -> None:
        self.owner.press("提交勾选的修改", {"change_introduction": True, "introduction": "tea"}, status=422)
        self.journey.expect(self.owner, "介绍要有 4 到 120 个字")
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("setSignature", 53201, appid=self.appid)
        self.owner.press("提交勾选的修改", {"introduction": "第一好的手作鲜茶"})
        self.owner.wait_for("错误码 53201", seconds=self.journey.patience)
        self.owner.press("提交勾选的修改", {"introduction": INTRODUCTION})
        self.owner.wait_for_path(
            f"//*[@class='part-now'][contains(., '{INTRODUCTION}')]", seconds=self.journey.patience
        )

    def switch_search(self) -> None:
        self.settle()
        self.owner.press("提交勾选的修改", {"change_search": True, "search": "no"})
        self.owner.wait_for_path("//*[@class='part-now'][contains(., '搜索不到')]", seconds=self.journey.patience)
        self.settle()

    def decide(self, verdict: str, given: dict[str, str]) -> None:
        desk = self.journey.desk
        desk.open(f"{self.journey.wechat}/desk/names")
        desk.press(verdict, given, near=self.name)

    def settle(self) -> None:
        """While something runs nothing can be changed."""
        self.owner.wait_for_path(button_path("提交勾选的修改"), seconds=self.journey.patience, reload=True)
