"""Row 11: the trial QR code, codes and links that open a page, and what WeChat does not make."""

from __future__ import annotations

from saas.journey.another import authorize_another
from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Window, link_path
from saas.sandbox.control import SandboxControl


def steps(journey: Journey) -> list[Step]:
    desk = CodeDesk(journey)
    return [
        ("11 a trial QR code for a page, shown and to be downloaded", desk.make_trial),
        ("11 a mini program code: a page that is not online is refused, mended and made", desk.make_code),
        ("11 links for text messages: refused, tried again; a short link", desk.make_links),
        ("11 before the first upload there is no trial QR code", desk.be_too_early),
        ("11 trial QR codes for a selection", desk.make_for_many),
        ("11 delete a code", desk.delete),
        ("11 a rule for printed QR codes: the check file is missing, put it there, save again", desk.add_rule),
        ("11 publish the rule: WeChat refuses, try again; it is frozen then", desk.publish_rule),
    ]


class CodeDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.page = f"{journey.program_page}/codes"

    @property
    def owner(self) -> Window:
        return self.journey.owner

    def make_trial(self) -> None:
        self.owner.open(self.journey.program_page)
        self.owner.follow("码与链接")
        self.owner.follow("体验二维码")
        self.owner.press("生成", {"page": "pages/index/index?table=7"}, status=422)
        self.journey.expect(self.owner, "参数填在下面一栏")
        self.owner.press("生成", {"page": "pages/index/index", "query": "table=7"})
        self.wait_for_picture("pages/index/index")
        if not self.owner.has(link_path("下载图片")):
            raise Stuck("the code cannot be downloaded")

    def make_code(self) -> None:
        self.owner.follow("小程序码")
        given = {"page": "pages/nowhere/index", "scene": "t=7", "width": "430"}
        self.owner.press("生成", {**given, "width": "9"}, status=422)
        self.owner.press("生成", given)
        self.owner.wait_for("41030", seconds=self.journey.patience)
        self.owner.follow("修改后再生成")
        if self.owner.read("//input[@name='scene']", "value") != "t=7":
            raise Stuck("what was typed is gone")
        self.owner.press("生成", {"page": "pages/index/index"})
        self.wait_for_picture("t=7")

    def make_links(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("generateUrlLink", 40165)
        self.owner.follow("URL Link")
        self.owner.press("生成", {"days": "31"}, status=422)
        self.owner.press("生成", {"days": "7"})
        self.owner.wait_for("40165", seconds=self.journey.patience)
        self.owner.press("再试一次")
        self.owner.wait_for("https://wxaurl.cn/", seconds=self.journey.patience)
        self.owner.follow("短链")
        self.owner.press("生成", {"page": "pages/index/index", "title": "今日特价"})
        self.owner.wait_for("#小程序://", seconds=self.journey.patience)

    def be_too_early(self) -> None:
        authorize_another(self.journey, f"旅程新铺{self.journey.mark}")
        self.owner.follow("码与链接")
        self.journey.expect(self.owner, "还没有上传过代码")
        if self.owner.has(link_path("体验二维码")):
            raise Stuck("a trial QR code is offered before the first upload")

    def make_for_many(self) -> None:
        self.owner.open(self.journey.page("/programs"))
        self.owner.press("对勾选的操作", {"id": [self.journey.program_page.rsplit("/", 1)[1]]})
        self.owner.press("取体验二维码")
        self.owner.press("开始", {"do-query": "from=batch"})
        self.owner.wait_for("已结束", seconds=self.journey.patience)
        self.owner.follow("查看全部码与链接")
        if not self.owner.has("//img[@class='qr-image']") or not self.owner.has(link_path("打包下载图片")):
            raise Stuck("the codes of the selection are not shown together")
        self.owner.open(self.page)
        self.wait_for("from=batch")

    def delete(self) -> None:
        self.owner.follow("删除", near="from=batch")
        self.journey.expect(self.owner, "微信那边仍然有效")
        self.owner.press("删除")
        self.journey.expect(self.owner, "已删除")

    def add_rule(self) -> None:
        host = f"qr{self.journey.mark}.example.com"
        with SandboxControl(self.journey.wechat) as control:
            control.change_host(host, check_file=0)
        self.owner.open(self.page)
        self.owner.follow("普通链接二维码")
        self.owner.press("重新读取")
        self.owner.wait_for_path(link_path("下载校验文件"), seconds=self.journey.patience)
        self.owner.follow("添加规则")
        given = {"prefix": f"https://{host}/table/", "path": "pages/index/index", "links": "https://else.example.com/7"}
        self.owner.press("保存规则", given, status=422)
        self.journey.expect(self.owner, "不在这条规则之下")
        self.owner.press("保存规则", {"links": f"https://{host}/table/7"})
        self.wait_for("85069")
        with SandboxControl(self.journey.wechat) as control:
            control.change_host(host, check_file=1)
        self.owner.press("再试一次")
        self.wait_for("测试中")

    def publish_rule(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("qrcodeJumpPublish", 85095)
        self.owner.follow("发布规则")
        self.journey.expect(self.owner, "规则不能再修改")
        self.owner.press("发布规则")
        self.wait_for("85095")
        self.owner.press("再试一次")
        self.owner.wait_for_path("//section[contains(., '已发布')]//code", seconds=self.journey.patience)
        if self.owner.has(link_path("修改规则")):
            raise Stuck("a published rule can be changed")

    def wait_for_picture(self, words: str) -> None:
        path = f"//section[contains(., '{words}')]//img[@class='qr-image']"
        self.owner.wait_for_path(path, seconds=self.journey.patience)

    def wait_for(self, words: str) -> None:
        self.owner.wait_for(words, seconds=self.journey.patience)
