"""Rows 19 and 20: release by itself, by shares and whole, roll back, service, base library; each with a refusal."""

from __future__ import annotations

from saas.journey.main_job import Journey, Step
from saas.journey.window import Window, link_path
from saas.sandbox.control import SandboxControl


def steps(journey: Journey) -> list[Step]:
    desk = ReleaseDesk(journey)
    return [
        ("19 a version that releases itself as soon as it is approved", desk.release_by_itself),
        ("19 a phased release: nobody is no share; begin with a tenth", desk.start_phase),
        ("19 a smaller share is refused, and WeChat refuses a larger one: try again", desk.raise_phase),
        ("20 take the phased release back", desk.cancel_phase),
        ("19 WeChat refuses the release: read why, release again", desk.release),
        ("20 suspend the service; WeChat refuses at first; resume", desk.switch_service),
        ("20 the minimum base library: a wrong one is refused here, another by WeChat", desk.set_library),
        ("20 roll back to a version of the list; WeChat refuses at first", desk.roll_back),
    ]


class ReleaseDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.versions_page = f"{journey.program_page}/versions"

    @property
    def owner(self) -> Window:
        return self.journey.owner

    def release_by_itself(self) -> None:
        self.in_review("3.0.0", release="auto")
        self.journey.expect(self.owner, "审核通过后自动发布给所有用户")
        self.journey.desk.press("通过", near=f"{self.journey.program_name} · 3.0.0")
        self.owner.wait_for_path(link_path("查看发布"), seconds=self.journey.patience, reload=True)
        self.owner.follow("查看发布")
        self.journey.expect_online("3.0.0")

    def start_phase(self) -> None:
        self.in_review("3.1.0", release="hold")
        self.journey.desk.press("通过", near=f"{self.journey.program_name} · 3.1.0")
        self.owner.wait_for_path(link_path("发布"), seconds=self.journey.patience)
        self.owner.open(self.versions_page)
        self.owner.follow("开始灰度")
        self.owner.press("确认灰度发布", {"percent": "0"}, status=422)
        self.journey.expect(self.owner, "至少要选一类先收到的成员")
        self.owner.press("确认灰度发布", {"percent": "10", "testers": True})
        self.wait_for_share("10%")

    def raise_phase(self) -> None:
        self.owner.follow("加大比例")
        self.owner.press("确认灰度发布", {"percent": "5"}, status=422)
        self.journey.expect(self.owner, "只能比现在的 10% 大")
        self.refuse_next("grayRelease", 85080)
        self.owner.press("确认灰度发布", {"percent": "50"})
        self.owner.wait_for("错误码 85080", seconds=self.journey.patience)
        self.owner.press("再试一次")
        self.wait_for_share("50%")

    def cancel_phase(self) -> None:
        self.owner.follow("取消灰度")
        self.journey.expect(self.owner, "已收到新版本的 50% 用户回到线上版 3.0.0")
        self.owner.press("取消灰度发布")
        self.owner.wait_for_path(link_path("开始灰度"), seconds=self.journey.patience)

    def release(self) -> None:
        self.owner.follow("发布 3.1.0")
        self.refuse_next("release", 85020)
        self.owner.press("发布给所有用户")
        self.owner.wait_for("错误码 85020", seconds=self.journey.patience)
        self.owner.open(self.versions_page)
        self.owner.follow("发布 3.1.0")
        self.owner.press("发布给所有用户")
        self.journey.expect_online("3.1.0")

    def switch_service(self) -> None:
        self.owner.open(self.versions_page)
        self.owner.follow("暂停服务")
        self.journey.expect(self.owner, "所有用户马上打不开小程序")
        self.refuse_next("setVisitStatus", 85021)
        self.owner.press("暂停服务")
        self.owner.wait_for("错误码 85021", seconds=self.journey.patience)
        self.owner.press("再试一次")
        self.owner.wait_for("用户打不开小程序", seconds=self.journey.patience)
        self.owner.follow("恢复服务")
        self.owner.press("恢复服务")
        self.owner.wait_for("用户可以打开线上版", seconds=self.journey.patience)

    def set_library(self) -> None:
        self.owner.press("重新读取")
        self.owner.wait_for("3.8.2", seconds=self.journey.patience)
        self.owner.follow("修改")
        self.owner.press("确认设置", {"version": "2.30"}, status=422)
        self.journey.expect(self.owner, "请填三段数字的版本号")
        self.refuse_next("setSupportVersion", 89014)
        self.owner.press("确认设置", {"version": "2.99.9"})
        self.owner.wait_for("错误码 89014", seconds=self.journey.patience)
        self.owner.follow("修改")
        self.owner.press("确认设置", {"version": "2.30.4"})
        self.owner.wait_for("最低版本 2.30.4", seconds=self.journey.patience)

    def roll_back(self) -> None:
        self.owner.wait_for_path(
            link_path("回退到此版本", near="旅程 1.1.0"), seconds=self.journey.patience, reload=True
        )
        self.owner.follow("回退到此版本", near="旅程 1.1.0")
        self.journey.expect(self.owner, "所有用户马上从 3.1.0 回到 1.1.0")
        self.refuse_next("revertCodeRelease", 87012)
        self.owner.press("回退版本")
        self.owner.wait_for("错误码 87012", seconds=self.journey.patience)
        self.owner.open(self.versions_page)
        self.owner.follow("回退到此版本", near="旅程 1.1.0")
        self.owner.press("回退版本")
        self.journey.expect_online("1.1.0")

    def in_review(self, version: str, *, release: str) -> None:
        """A new version with the reviewers, to be released `auto`matically or on `hold`."""
        self.journey.add_template(version)
        self.journey.upload(version)
        self.owner.follow("提交审核")
        self.owner.press("提交审核", {"version_desc": "点单", "release": release})
        self.journey.submissions += 1
        self.journey.finish_submission(version)

    def wait_for_share(self, share: str) -> None:
        path = f"//section[h2='灰度发布' or .//h2[normalize-space(.)='灰度发布']][contains(., '{share}')]"
        self.owner.wait_for_path(path, seconds=self.journey.patience)

    def refuse_next(self, operation: str, errcode: int) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next(operation, errcode, appid=self.journey.appid)
