"""Row 5: service categories, found in WeChat's list, with papers, refused and handed in again, deleted."""

from __future__ import annotations

from saas.journey import papers
from saas.journey.another import authorize_another
from saas.journey.main_job import Journey, Step
from saas.journey.window import button_path
from saas.sandbox.control import SandboxControl

REASON = "许可证的有效期看不清"
BOOKS, GOODS = "商家自营 / 图书报刊", "商家自营 / 百货"


def steps(journey: Journey) -> list[Step]:
    counter = Counter(journey)
    return [
        ("5 a mini program that the merchant registered herself: her categories, to look at only", counter.see_limits),
        ("5 read the list, search it by name and by paper", counter.find),
        ("5 add a category without its paper: refused at the field; then with two pages", counter.add),
        ("5 be refused a category, read why, hand in again, be approved", counter.be_refused),
        ("5 WeChat has no chance left this month: read why, try again", counter.be_limited),
        ("5 delete a category after reading what that means", counter.delete),
    ]


class Counter:
    def __init__(self, journey: Journey) -> None:
        self.journey, self.owner = journey, journey.owner
        self.appid = self.page = ""

    def see_limits(self) -> None:
        self.owner.open(self.journey.program_page)
        self.owner.follow("服务类目")
        if self.owner.has(button_path("读取类目")):
            self.owner.press("读取类目")
        self.journey.expect(self.owner, "这里只能查看类目")
        self.owner.wait_for("已生效", seconds=self.journey.patience)

    def find(self) -> None:
        name = f"书铺{self.journey.mark}"
        self.appid, self.page = authorize_another(self.journey, name)
        self.owner.follow("服务类目")
        self.owner.press("读取类目")
        self.owner.wait_for_path(button_path("重新读取"), seconds=self.journey.patience)
        self.owner.follow("添加类目")
        self.owner.press("搜索", {"q": "出版物"})
        self.journey.expect(self.owner, "图书报刊")

    def add(self) -> None:
        self.owner.open(f"{self.page}/categories/304/324")
        self.owner.press("添加类目", status=422)
        self.journey.expect(self.owner, "请上传“《出版物经营许可证》”")
        self.owner.press("添加类目", {"paper_0": [papers.picture("正本"), papers.picture("副本", height=400)]})
        self.owner.wait_for_path("//tr[contains(., '图书报刊')][contains(., '审核中')]", seconds=self.journey.patience)

    def be_refused(self) -> None:
        self.decide("驳回", {"reason": REASON})
        self.owner.wait_for(REASON, seconds=self.journey.patience, reload=True)
        self.owner.follow("重新提交资质", near="图书报刊")
        self.journey.expect(self.owner, "上次交过")
        self.owner.press("重新提交", {"paper_0": papers.picture("清楚的许可证")})
        self.owner.wait_for_path("//tr[contains(., '图书报刊')][contains(., '审核中')]", seconds=self.journey.patience)
        self.decide("通过", {})
        self.owner.wait_for_path(
            "//tr[contains(., '图书报刊')][contains(., '已生效')]", seconds=self.journey.patience, reload=True
        )

    def be_limited(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("addCategory", 53307, appid=self.appid)
        self.owner.open(f"{self.page}/categories/304/307")
        self.owner.press("添加类目")
        self.owner.wait_for("错误码 53307", seconds=self.journey.patience)
        self.owner.press("再试一次")
        self.owner.wait_for_path("//tr[contains(., '百货')][contains(., '已生效')]", seconds=self.journey.patience)

    def delete(self) -> None:
        self.owner.follow("删除", near="百货")
        self.journey.expect(self.owner, f"删除类目“{GOODS}”")
        self.owner.press("删除类目")
        self.owner.wait_for_path(
            "//table[not(contains(., '百货'))][contains(., '图书报刊')]", seconds=self.journey.patience
        )

    def decide(self, verdict: str, given: dict[str, str]) -> None:
        desk = self.journey.desk
        desk.open(f"{self.journey.wechat}/desk/categories")
        desk.press(verdict, given, near=f"书铺{self.journey.mark}")
