"""Row 1: who is behind a mini program, by hand and by table, and finding mini programs in the list."""

from __future__ import annotations

from saas.journey.main_job import COMPANY, Journey, Step
from saas.journey.window import Upload
from saas.sandbox.control import SandboxControl

CODE = "91440101MA5CQ2X94K"
PHONE, MASKED = "13800138000", "138****8000"
PERSON = "梅文君"
_PROFILE = "//section[@aria-labelledby='profile']"


def steps(journey: Journey) -> list[Step]:
    office = RecordsOffice(journey)
    return [
        ("1 write down a mini program to come; a wrong code is refused at its field", office.add_case),
        ("1 personal data is masked; whole on demand, and that is recorded", office.look),
        ("1 edit the subject of the program that is online", office.edit_subject),
        ("1 put somebody in charge, add tags, find by tag and name", office.label),
        ("1 WeChat refuses to tell the profile: read why, read it again", office.read_again),
        ("1 import a table with one bad row: told by row and column, nothing written", office.import_badly),
        ("1 repair the row, look at the preview, take it over", office.import_table),
        ("1 save a filter; give all that it finds a tag", office.act_on_selection),
    ]


class RecordsOffice:
    def __init__(self, journey: Journey) -> None:
        self.journey, self.owner, self.mark = journey, journey.owner, journey.mark
        self.shop, self.second = f"备案茶铺{journey.mark}", f"二店{journey.mark}"
        self.case_page = ""

    def add_case(self) -> None:
        self.owner.open(self.journey.page("/programs"))
        self.owner.follow("登记小程序")
        given = {
            "program_name": self.shop,
            "merchant_id": "",
            "name": self.shop,
            "company_name": f"{self.shop}有限公司",
        }
        self.owner.press("登记", {**given, "company_code": CODE[:-1]}, status=422)
        self.journey.expect(self.owner, "企业代码应为 18 位")
        personal = {"legal_name": PERSON, "legal_wechat": "mei_wenjun", "contact_phone": PHONE, "contact_name": "梅姐"}
        self.owner.press("登记", {"company_code": CODE, **personal})
        self.case_page = self.journey.here(self.owner)
        self.journey.expect(self.owner, CODE)
        self.journey.expect(self.owner, "待注册")

    def look(self) -> None:
        self.journey.expect(self.owner, MASKED)
        assert PERSON not in self.owner.text
        self.owner.press("显示完整内容")
        self.journey.expect(self.owner, PHONE)
        self.journey.expect(self.owner, PERSON)
        self.owner.open(self.journey.page("/activity"))
        self.journey.expect(self.owner, "查看完整电话")

    def edit_subject(self) -> None:
        self.owner.open(f"{self.journey.program_page}/subject")
        self.owner.follow("修改主体信息")
        self.owner.press("保存", {"company_code": CODE, "company_code_type": "3"}, status=422)
        self.journey.expect(self.owner, "企业代码与所选的代码类型不符")
        self.owner.press("保存", {"company_code_type": "1", "contact_phone": PHONE})
        self.journey.expect(self.owner, COMPANY)
        self.journey.expect(self.owner, MASKED)

    def label(self) -> None:
        self.owner.follow("修改负责人和标签")
        self.owner.press("保存", {"owner": "小旅", "tags": f"旗舰{self.mark}，连锁"})
        self.journey.expect(self.owner, f"旗舰{self.mark}")
        self.owner.open(self.journey.page(f"/programs?tag=旗舰{self.mark}"))
        self.owner.press("筛选", {"q": self.journey.program_name[1:4]})
        self.journey.expect(self.owner, self.journey.program_name)
        self.journey.expect(self.owner, "共 1 个")

    def read_again(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next("getAuthorizerInfo", 48001)
        self.owner.open(self.journey.program_page)
        self.owner.press("重新读取")
        self.owner.wait_for("上次读取没有成功", seconds=self.journey.patience)
        self.owner.press("重新读取")
        self.owner.wait_for_path(f"{_PROFILE}[not(contains(., '没有成功'))]//button", seconds=self.journey.patience)

    def import_badly(self) -> None:
        self.owner.open(self.journey.page("/programs"))
        self.owner.follow("导入表格")
        self.owner.press("检查表格", {"file": self.table("电话", "连锁 华南")}, status=422)
        self.journey.expect(self.owner, "什么都没有写入")
        self.journey.expect(self.owner, "第 3 行")
        self.journey.expect(self.owner, "电话号码格式不正确")

    def import_table(self) -> None:
        self.owner.press("检查表格", {"file": self.table(PHONE, "连锁 华南")})
        self.journey.expect(self.owner, self.second)
        self.owner.press("确认导入")
        self.journey.expect(self.owner, "已导入：更新 1 个小程序，新办理 1 个，新增 1 个商家")
        self.owner.press("筛选", {"q": self.second})
        self.journey.expect(self.owner, "待注册")

    def act_on_selection(self) -> None:
        self.owner.open(self.journey.page("/programs?tag=华南"))
        self.owner.press("保存筛选", {"name": f"华南{self.mark}"})
        self.owner.follow("对全部 2 个操作")
        self.owner.press("增减标签")
        self.owner.press("开始", {"do-way": "add", "do-tags": f"华南组{self.mark}"})
        self.owner.wait_for("2 / 2", seconds=self.journey.patience)
        self.owner.open(self.journey.page(f"/programs?tag=华南组{self.mark}"))
        self.journey.expect(self.owner, "共 2 个")

    def table(self, phone: str, tags: str) -> Upload:
        """The program that is online, and a new case."""
        lines = (
            "AppID,小程序名称（新办理时填）,商家名称,公司名称,联系电话,标签,备注",
            f"{self.journey.appid},,,,,{tags},周五前上线",
            f",{self.second},{self.second},{self.second}有限公司,{phone},{tags},",
        )
        return Upload("小程序.csv", "\ufeff".encode() + "\r\n".join(lines).encode(), "text/csv")
