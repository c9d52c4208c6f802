"""The page of one mini program: how far it is and whose turn it is, every call to WeChat, who did what."""

from __future__ import annotations

from saas.journey.another import authorize_another
from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Window, link_path
from saas.sandbox.control import SandboxControl

_STEPS = 9


def steps(journey: Journey) -> list[Step]:
    reader = Reader(journey)
    return [
        ("- a new mini program: the timeline says what is open, one button leads on", reader.see_new_one),
        ("- the timeline of the one that is online; each step leads to its page", reader.see_timeline),
        ("- WeChat refuses a call: its errcode in words, with the rid, among the calls", reader.see_refused_call),
        ("- who did what and when, for one person and one deed", reader.see_activity),
    ]


class Reader:
    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.name = f"新店{journey.mark}"

    @property
    def owner(self) -> Window:
        return self.journey.owner

    def see_new_one(self) -> None:
        authorize_another(self.journey, self.name)
        self.owner.wait_for("未上传代码", seconds=self.journey.patience, reload=True)
        self.owner.follow("上传代码")
        self.journey.expect(self.owner, "代码与发布")

    def see_timeline(self) -> None:
        self.owner.open(self.journey.program_page)
        step = "//ol[@class='timeline']/li[{}]//a".format
        found = [self.owner.read(step(number), "href") for number in range(1, _STEPS + 1) if self.has(step(number))]
        if len(found) < _STEPS:
            raise Stuck(f"the timeline leads to {found} only")
        for address in dict.fromkeys(found):
            self.owner.open(address)
        self.owner.open(self.journey.program_page)
        self.journey.expect(self.owner, "资料完整")

    def see_refused_call(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("getPrivacySetting", 48001, appid=self.journey.appid)
        self.owner.open(f"{self.journey.program_page}/privacy")
        self.owner.press("读取隐私设置" if self.has("//button[contains(., '读取隐私设置')]") else "重新读取")
        self.owner.wait_for("错误码 48001", seconds=self.journey.patience)
        self.owner.follow("接口调用")
        self.owner.press("筛选", {"operation": "getPrivacySetting", "show": True})
        row = "(//tr[contains(., '48001')])[1]"
        if "rid" not in self.owner.read(row):
            raise Stuck(f"the refused call has no rid: {self.owner.read(row)}")
        self.owner.open(f"{self.journey.program_page}/privacy")
        self.owner.press("再试一次")
        self.owner.wait_for("读取时间", seconds=self.journey.patience)
        self.owner.wait_for_path("//body[not(contains(., '错误码 48001'))]", seconds=self.journey.patience)

    def see_activity(self) -> None:
        self.owner.follow("动态")
        self.owner.press("搜索", {"q": "小旅", "what": "program.read_privacy"})
        row, fits = "//tbody/tr", "[contains(., '读取隐私设置')][contains(., '小旅')]"
        if not self.has(row + fits) or self.has(f"{row}[not(self::*{fits})]"):
            raise Stuck(f"these are not the readings by one person alone: {self.owner.text[:1500]}")
        self.owner.press("搜索", {"q": "查无此人"})
        self.journey.expect(self.owner, "没有符合条件的记录")
        if not self.has(link_path("概览")):
            raise Stuck("there is no way back to the overview")

    def has(self, path: str) -> bool:
        return self.owner.has(path)
