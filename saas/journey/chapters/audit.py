"""Rows 16, 17, 18: the check before a submission, the submission, what the reviewers answer, the withdrawal."""

from __future__ import annotations

from saas.journey import papers
from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Upload, Value, Window, link_path
from saas.sandbox.control import SandboxControl

VERSION = "2.1.0"
DECLARED = '{"ext": {"shop": "${shop_no}"}, "requiredPrivateInfos": ["getLocation"]}'
REASON = "1: 类目不符:<br>(1): 请补充<a href='https://kf.qq.com'>对应类目</a>后再提交<br>"


def steps(journey: Journey) -> list[Step]:
    desk = AuditDesk(journey)
    return [
        ("16 bring code that uses an interface without declaring it", desk.bring_code),
        ("16 the check names it and refuses; nothing is spent; the line leads to its repair", desk.be_stopped),
        ("16 the same check for a selection", desk.check_selection),
        ("16 declare it, upload again: the line is good", desk.repair),
        ("16 WeChat refuses the submission: read why, go back to the form", desk.be_refused),
        ("16 a file that is no picture is refused at its field; submit with a picture and a declaration", desk.submit),
        ("17 a delay is no end", desk.be_delayed),
        ("17 be rejected: a plain reason and the reviewer's pictures", desk.be_rejected),
        ("16 answer the reviewers with a picture, submit again", desk.answer),
        ("18 withdraw: counted before the click", desk.withdraw),
        ("18 withdraw too late: the reviewers were faster", desk.be_too_late),
    ]


class AuditDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.form_page = f"{journey.program_page}/audit"

    @property
    def owner(self) -> Window:
        return self.journey.owner

    @property
    def counted(self) -> int:
        """Submissions that WeChat took for this mini program."""
        with SandboxControl(self.journey.wechat) as control:
            return control.counts(appid=self.journey.appid).get("submitAudit", 0)

    def bring_code(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.add_draft(
                self.journey.component["appid"], user_version=VERSION, user_desc=f"旅程 {VERSION}",
                privacy=["getLocation"],
            )  # fmt: skip
        self.owner.open(self.journey.page("/templates"))
        self.owner.press("从微信刷新")
        self.owner.wait_for(f"旅程 {VERSION}", seconds=self.journey.patience)
        self.owner.press("添加到模板库", near=f"旅程 {VERSION}")
        self.owner.wait_for_path(link_path("编辑", near=f"旅程 {VERSION}"), seconds=self.journey.patience)
        self.journey.upload(VERSION)
        self.journey.expect(self.owner, "没有声明的接口")
        self.journey.expect(self.owner, "wx.getLocation")

    def be_stopped(self) -> None:
        before = self.counted
        self.owner.open(self.form_page)
        self.owner.wait_for("指引没有说明：位置信息", seconds=self.journey.patience, reload=True)
        self.owner.press("提交审核", {"version_desc": "堂食点单"}, status=422)
        self.journey.expect(self.owner, "代码用到了没有声明的接口：wx.getLocation")
        if self.counted != before:
            raise Stuck("the check spent a submission")
        for line in ("去设置隐私 →", "去修改 ext_json →"):
            if not self.owner.has(link_path(line)):
                raise Stuck(f"no line says “{line}”")

    def check_selection(self) -> None:
        program_id = self.journey.program_page.rsplit("/", 1)[1]
        self.owner.open(self.journey.page(f"/programs/selection?id={program_id}"))
        self.owner.press("提交前检查")
        self.journey.expect(self.owner, self.journey.program_name)
        self.journey.expect(self.owner, "wx.getLocation")

    def repair(self) -> None:
        self.owner.open(self.form_page)
        self.owner.follow("去修改 ext_json →")
        self.owner.press("检查并保存", {"ext_json": DECLARED})
        self.journey.upload(VERSION)
        self.owner.follow("提交审核")
        self.owner.wait_for_path("//li[contains(., '隐私接口已声明')][contains(., '没问题')]")

    def be_refused(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("submitAudit", 86002, appid=self.journey.appid)
        self.owner.press("提交审核", {"version_desc": "堂食点单"})
        self.owner.wait_for("错误码 86002", seconds=self.journey.patience)
        self.journey.expect(self.owner, "小程序还没有设置名称、头像或介绍")
        self.owner.follow("重新提交")

    def submit(self) -> None:
        notes = Upload("说明.txt", "不是图片".encode(), "text/plain")
        self.owner.press("提交审核", {"files": notes}, status=422)
        self.journey.expect(self.owner, "说明.txt 不是图片")
        given: dict[str, Value] = {
            "items-0-title": "点单", "items-0-tag": "奶茶 堂食", "version_desc": "堂食点单，测试桌号 8",
            "files": papers.picture("点单页", width=400, height=700), "order_path": "pages/order/order",
        }  # fmt: skip
        ugc: dict[str, Value] = {
            "ugc": True,
            "ugc_scenes": "2",
            "ugc_methods": "1",
            "ugc_team": True,
            "ugc_description": "先审后发",
        }
        self.owner.press("提交审核", {**given, **ugc})
        self.be_in_review()
        self.journey.expect(self.desk_card(), "预览素材")

    def be_delayed(self) -> None:
        self.journey.desk.press("延后", near=self.journey.program_name)
        self.owner.wait_for("审核延后", seconds=self.journey.patience)
        self.journey.expect(self.owner, "审核仍在进行")

    def be_rejected(self) -> None:
        self.desk_card().press("驳回", {"reason": REASON, "pictures": "2"}, near=self.journey.program_name)
        self.owner.wait_for("请补充对应类目 (https://kf.qq.com) 后再提交", seconds=self.journey.patience)
        self.owner.wait_for_path("//img[@alt='审核截图 2']", seconds=self.journey.patience)
        if "<br>" in self.owner.text:
            raise Stuck("the reason still has its tags")

    def answer(self) -> None:
        self.owner.follow("不改代码，重新提交")
        self.journey.expect(self.owner, "沿用上次提交的预览图片和视频")
        given: dict[str, Value] = {
            "feedback": "已补充类目",
            "feedback_files": papers.picture("整改", width=400, height=700),
        }
        self.owner.press("提交审核", given)
        self.be_in_review()
        self.journey.expect(self.desk_card(), "已补充类目")

    def withdraw(self) -> None:
        self.owner.follow("撤回审核")
        self.journey.expect(self.owner, "今天还能撤回")
        self.journey.expect(self.owner, "已用掉的提审额度不退")
        self.owner.press("撤回审核")
        self.owner.wait_for("已撤回", seconds=self.journey.patience)

    def be_too_late(self) -> None:
        self.owner.follow("重新提交")
        self.owner.press("提交审核")
        self.be_in_review()
        self.owner.follow("撤回审核")
        with SandboxControl(self.journey.wechat) as control:
            control.approve(control.audits(appid=self.journey.appid)[0]["id"], push=False)
        self.owner.press("撤回审核")
        self.owner.wait_for("没有撤回：审核先有了结果", seconds=self.journey.patience)

    def be_in_review(self) -> None:
        self.journey.submissions += 1
        self.journey.finish_submission(VERSION)

    def desk_card(self) -> Window:
        self.journey.desk.open(f"{self.journey.wechat}/desk/audits")
        return self.journey.desk
