"""Row 10: who may open the trial version: bound by WeChat id, known by our labels, refused, read back, removed."""

from __future__ import annotations

from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Window
from saas.sandbox.control import SandboxControl

_BIND = "bindTester"
_ROW = "//section[@aria-labelledby='testers']//tr"


def steps(journey: Journey) -> list[Step]:
    desk = TesterDesk(journey)
    return [
        ("10 bind a tester with a label; what is no WeChat ID is refused at its field", desk.bind),
        ("10 WeChat does not know one of two people: read who and why, bind the right one", desk.be_unknown),
        ("10 WeChat says that somebody is a tester already, and that the list is full", desk.be_refused),
        ("10 the merchant's own tester is read back and gets a label", desk.label),
        ("10 the address book masks WeChat IDs; one that nobody has is deleted", desk.look_up),
        ("10 remove a tester, add him again from the address book", desk.remove),
        ("10 a colleague leaves: remove her from a selection", desk.leave),
    ]


class TesterDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.page = f"{journey.program_page}/testers"
        self.ids: dict[str, str] = {}

    @property
    def owner(self) -> Window:
        return self.journey.owner

    def bind(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            self.ids = {person["name"]: person["wechat_id"] for person in control.people()}
        self.owner.open(self.journey.program_page)
        self.owner.follow("体验成员")
        self.owner.press("添加", {"people": "13800138000 小明"}, status=422)
        self.journey.expect(self.owner, "不是微信号")
        self.owner.press("添加", {"people": f"{self.ids['小明']} 测试小明"})
        self.wait_for_row("测试小明")

    def be_unknown(self) -> None:
        self.owner.press("添加", {"people": f"{self.ids['阿青']} 设计阿青\nnobody_{self.journey.mark} 老周"})
        self.owner.wait_for("微信号不存在", seconds=self.journey.patience)
        self.wait_for_row("设计阿青")
        self.owner.press("添加", {"people": f"{self.ids['老周']} 老周"})
        self.wait_for_row("老周")

    def be_refused(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next(_BIND, 85004)
        self.owner.press("添加", {"people": f"{self.ids['林医生']} 林医生"})
        self.owner.wait_for("已经是体验成员", seconds=self.journey.patience)
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next(_BIND, 85002)
        self.owner.press("添加", {"people": f"{self.ids['林医生']} 林医生"})
        self.owner.wait_for("体验者名额已满", seconds=self.journey.patience)
        self.owner.press("再试一次")
        self.wait_for_row("林医生")

    def label(self) -> None:
        """Whom we forget is to us as somebody whom the merchant bound in WeChat's own console."""
        self.owner.open(self.journey.page("/testers"))
        self.owner.press("删除微信号", near="林医生")
        if self.owner.has("//tr[contains(., '林医生')]"):
            raise Stuck("the address book still knows somebody whom we forgot")
        self.owner.open(self.page)
        self.journey.read_again()
        self.wait_for_row("林医生")
        if not self.owner.has(f"{_ROW}[contains(., '林医生')]/td[2][normalize-space(.)='—']"):
            raise Stuck("whom we forgot still has a WeChat ID")
        self.owner.follow("备注", near="林医生")
        self.owner.press("保存", {"label": "口腔林医生"})
        self.wait_for_row("口腔林医生")

    def look_up(self) -> None:
        self.owner.follow("体验成员通讯录")
        self.journey.expect(self.owner, "测试小明")
        if self.ids["小明"] in self.owner.text:
            raise Stuck("a WeChat ID is shown in full")
        self.owner.press("删除微信号", near="no*")

    def remove(self) -> None:
        self.owner.open(self.page)
        self.owner.follow("移除", near="老周")
        self.owner.press("移除")
        self.wait_until_gone("老周")
        known = self.owner.read("//label[contains(., '老周')]//input", "value")
        self.owner.press("添加", {"known": [known]})
        self.wait_for_row("老周")

    def leave(self) -> None:
        self.owner.open(self.journey.page("/programs"))
        self.owner.press("对勾选的操作", {"id": [self.journey.program_page.rsplit("/", 1)[1]]})
        self.owner.press("移除体验成员")
        self.owner.press("开始", {"do-tester": "设计阿青"})
        self.owner.wait_for("已结束", seconds=self.journey.patience)
        self.owner.open(self.page)
        self.wait_until_gone("设计阿青")

    def wait_for_row(self, words: str) -> None:
        self.owner.wait_for_path(f"{_ROW}[contains(., '{words}')]", seconds=self.journey.patience)

    def wait_until_gone(self, words: str) -> None:
        path = f"//section[@aria-labelledby='testers'][not(.//tr[contains(., '{words}')])]"
        self.owner.wait_for_path(path, seconds=self.journey.patience)
