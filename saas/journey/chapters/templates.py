"""Row 9: the template library, what a template's ext_json may say, its variables, and deleting with care."""

from __future__ import annotations

from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Window, link_path
from saas.sandbox.control import SandboxControl

VERSION, SPARE = "2.0.0", "2.0.1"
EXT_JSON = '{\n  "ext": {"shop": "${shop_no}", "seats": "${seats}"},\n  "extPages": {"pages/index/index": {}}\n}'


def steps(journey: Journey) -> list[Step]:
    library = Library(journey)
    return [
        ("9 WeChat refuses a draft because the library is full: read why, add it later", library.be_refused),
        ("9 label a template; a key that WeChat does not know is refused at its line", library.label),
        ("9 say what its variables are; a default that does not fit is refused", library.describe),
        ("9 see the merged JSON; a value that does not fit is refused at its field", library.preview),
        ("9 while it is uploaded it cannot be deleted", library.upload),
        ("9 a page that the code lacks is refused at its line", library.refuse_page),
        ("9 what mini programs run is not deleted unasked", library.refuse_deletion),
        ("9 delete one that nobody uses; its place is free", library.delete),
    ]


class Library:
    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.template_page = ""

    @property
    def owner(self) -> Window:
        return self.journey.owner

    def be_refused(self) -> None:
        self.journey.add_template(VERSION)
        with SandboxControl(self.journey.wechat) as control:
            control.add_draft(self.journey.component["appid"], user_version=SPARE, user_desc=f"旅程 {SPARE}")
            control.fail_next("addToTemplate", 85065)
        self.owner.press("从微信刷新")
        self.owner.wait_for(f"旅程 {SPARE}", seconds=self.journey.patience)
        self.owner.press("添加到模板库", near=f"旅程 {SPARE}")
        self.owner.wait_for("错误码 85065", seconds=self.journey.patience)
        self.journey.expect(self.owner, "模板库已满")
        self.owner.press("添加到模板库", near=f"旅程 {SPARE}")
        self.owner.wait_for_path(link_path("编辑", near=f"旅程 {SPARE}"), seconds=self.journey.patience)

    def label(self) -> None:
        self.owner.follow("编辑", near=f"旅程 {VERSION}")
        self.template_page = self.journey.here(self.owner)
        wrong = EXT_JSON.replace("extPages", "extPage")
        self.owner.press("检查并保存", {"label": "堂食版", "note": "带桌号", "ext_json": wrong}, status=422)
        self.journey.expect(self.owner, "第 3 行 extPage")
        self.owner.press("检查并保存", {"label": "堂食版", "note": "带桌号", "ext_json": EXT_JSON})
        self.journey.expect(self.owner, "已保存模板")

    def describe(self) -> None:
        self.owner.follow("编辑变量")
        shop = {"variables-0-title": "门店号", "variables-0-default": "总店"}
        seats = {"variables-1-title": "座位数", "variables-1-kind": "number", "variables-1-default": "很多"}
        self.owner.press("保存", {**shop, **seats}, status=422)
        self.journey.expect(self.owner, "变量 座位数 应是数字")
        self.owner.press("保存", {"variables-1-default": "20"})
        self.journey.expect(self.owner, "座位数")
        self.owner.press("设为默认")
        self.journey.expect(self.owner, "取消默认")

    def preview(self) -> None:
        self.owner.open(f"{self.journey.program_page}/upload")
        self.owner.press("更新预览", {"template": f"旅程 {VERSION}", "value.seats": "八"})
        self.journey.expect(self.owner, "变量 座位数 应是数字")
        self.owner.press("更新预览", {"value.seats": "8", "value.shop_no": "八号店"})
        shown = self.owner.read("//pre[@class='json']")
        if '"seats": 8' not in shown or '"shop": "八号店"' not in shown or self.journey.appid not in shown:
            raise Stuck(f"the preview shows {shown}")

    def upload(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.slow_next("commit", 3, appid=self.journey.appid)
        self.owner.press("开始上传", {"user_version": VERSION, "description": f"旅程 {VERSION}"})
        upload_page = self.journey.here(self.owner)
        self.owner.open(f"{self.template_page}/delete")
        self.journey.expect(self.owner, "1 个小程序正在用它上传代码，现在不能删除")
        if not self.owner.has("//main//button[@disabled][normalize-space(.)='删除模板']"):
            raise Stuck("the template can be deleted while it is uploaded")
        self.owner.open(upload_page)
        self.journey.finish_upload()

    def refuse_page(self) -> None:
        self.owner.open(self.template_page)
        self.journey.expect(self.owner, "pages/menu/menu")
        wrong = EXT_JSON.replace("pages/index/index", "pages/nowhere/nowhere")
        self.owner.press("检查并保存", {"ext_json": wrong}, status=422)
        self.journey.expect(self.owner, "模板里没有页面 pages/nowhere/nowhere")

    def refuse_deletion(self) -> None:
        self.owner.open(f"{self.template_page}/delete")
        self.journey.expect(self.owner, "体验版 1 个")
        self.owner.press("删除模板", status=422)
        self.journey.expect(self.owner, "没有删除；确定不再用它上传，请先勾选")

    def delete(self) -> None:
        self.owner.open(self.journey.page("/templates"))
        before = self.owner.read("//*[contains(text(), '还能放')]")
        self.owner.follow("删除", near=f"旅程 {SPARE}")
        self.owner.press("删除模板")
        gone = f"//body[not(.//tr[contains(., '旅程 {SPARE}')]//a[normalize-space(.)='删除'])]"
        self.owner.wait_for_path(gone, seconds=self.journey.patience)
        if self.owner.read("//*[contains(text(), '还能放')]") == before:
            raise Stuck(f"the library still has {before}")
