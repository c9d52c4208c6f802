"""Rows 6 and 7: server and business domains, the component app's first, and what WeChat says about single hosts."""

from __future__ import annotations

import httpx2

from saas.journey.another import authorize_another
from saas.journey.main_job import Journey, Step
from saas.journey.window import Stuck, Window, link_path
from saas.sandbox.control import SandboxControl

_SET_SERVERS = "modifyServerDomain"


def steps(journey: Journey) -> list[Step]:
    desk = DomainDesk(journey)
    return [
        ("6 register domains at the component app; a path in one is refused at its field", desk.register),
        ("7 WeChat's check file is shown, and served where a business domain leads to us", desk.serve_check_file),
        ("6 set a mini program's domains: one host is not filed, another not registered", desk.be_refused_hosts),
        ("6 the filing is done: set the host again, register the other, read back", desk.repair_hosts),
        ("6 remove a domain after seeing what goes", desk.remove),
        ("7 set a business domain directly: the check file is missing, put it there, try again", desk.set_directly),
        ("6 WeChat says that the month is used up: the next change is refused before it is sent", desk.use_up),
        ("6 set a domain for a selection: one mini program works, the other has none left", desk.set_for_many),
    ]


class DomainDesk:
    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self.base, self.web, self.late = (f"{word}{journey.mark}.example.com" for word in ("api", "h5", "late"))
        self.unfiled = f"img{journey.mark}.example.com"
        self.page = f"{journey.program_page}/domains"
        self.second_name, self.second_page = f"旅程分店{journey.mark}", ""

    @property
    def owner(self) -> Window:
        return self.journey.owner

    def register(self) -> None:
        self.owner.open(self.journey.component_page)
        self.owner.follow("服务器域名与业务域名")
        self.owner.press("重新读取")
        self.owner.wait_for("读取于", seconds=self.journey.patience)
        self.owner.follow("编辑域名")
        self.owner.press("保存并登记", {"server": f"{self.base}/v1\n{self.unfiled}", "business": self.web}, status=422)
        self.journey.expect(self.owner, "不要带路径")
        self.owner.press("保存并登记", {"server": f"https://{self.base}\n{self.unfiled}", "published": True})
        self.wait_for_row(self.base, "已登记")
        self.wait_for_row(self.web, "已登记")

    def serve_check_file(self) -> None:
        self.journey.expect(self.owner, "业务域名校验文件")
        name, content = (self.owner.read(f"(//*[@class='copy']//code)[{number}]") for number in (1, 2))
        answer = httpx2.get(f"{self.journey.site}/{name}", headers={"Host": self.web}, trust_env=False)
        if (answer.status_code, answer.text) != (200, content):
            raise Stuck(f"{self.web}/{name} answered {answer.status_code}: {answer.text[:100]}")
        elsewhere = httpx2.get(f"{self.journey.site}/{name}", trust_env=False)
        if elsewhere.status_code != 404:
            raise Stuck(f"the check file is served at a host that is nobody's business domain: {elsewhere.status_code}")

    def be_refused_hosts(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.change_host(self.unfiled, filed=0)
        self.owner.open(self.page)
        self.owner.follow("编辑域名")
        typed = {"requestdomain": "ftp://files.example.com", "webviewdomain": self.web}
        self.owner.press("保存并设置", typed, status=422)
        self.journey.expect(self.owner, "应以 https:// 开头")
        self.owner.press("保存并设置", {"requestdomain": "\n".join((self.base, self.unfiled, self.late))})
        self.wait_for_row(self.base, "一致")
        self.wait_for_row(self.web, "一致")
        self.wait_for_row(self.unfiled, "没有 ICP 备案")
        self.wait_for_row(self.late, "第三方平台未登记")

    def repair_hosts(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.change_host(self.unfiled, filed=1)
        self.owner.press("登记到 旅程平台")
        self.wait_for_row(self.late, "已登记")
        self.owner.open(self.page)
        self.owner.press("现在设置")
        self.wait_for_row(self.unfiled, "一致")
        self.wait_for_row(self.late, "一致")
        self.journey.read_again()
        for host in (self.base, self.unfiled, self.late):
            self.wait_for_row(host, "一致")

    def remove(self) -> None:
        self.owner.follow("编辑域名")
        self.owner.press("保存并设置", {"requestdomain": "\n".join((self.base, self.unfiled))})
        self.journey.expect(self.owner, f"https://{self.late}")
        self.owner.press("确认移除")
        self.wait_for_row(self.base, "一致")
        self.owner.wait_for_path(f"//body[not(.//tr[contains(., '{self.late}')])]", seconds=self.journey.patience)

    def set_directly(self) -> None:
        _appid, self.second_page = authorize_another(self.journey, self.second_name)
        own = f"shop{self.journey.mark}.example.org"
        with SandboxControl(self.journey.wechat) as control:
            control.change_host(own, check_file=0)
        self.owner.open(f"{self.second_page}/domains")
        self.owner.follow("编辑域名")
        self.owner.press("保存并设置", {"way": "direct", "webviewdomain": own})
        self.owner.wait_for("域名的根目录下没有校验文件", seconds=self.journey.patience)
        self.journey.expect(self.owner, "86103")
        if not self.owner.has(link_path("下载校验文件")):
            raise Stuck("the check file cannot be downloaded")
        with SandboxControl(self.journey.wechat) as control:
            control.change_host(own, check_file=1)
        self.owner.press("再试一次")
        self.wait_for_row(own, "一致")

    def use_up(self) -> None:
        with SandboxControl(self.journey.wechat) as control:
            control.fail_next(_SET_SERVERS, 86102)
        self.owner.follow("编辑域名")
        self.owner.press("保存并设置", {"way": "third", "requestdomain": self.base})
        self.owner.wait_for("机会已用完", seconds=self.journey.patience)
        self.owner.follow("编辑域名")
        typed = {"requestdomain": f"{self.base}\n{self.unfiled}"}
        self.owner.press("保存并设置", typed, status=422)
        self.journey.expect(self.owner, "下个月恢复")

    def set_for_many(self) -> None:
        self.owner.open(self.journey.page("/programs"))
        ids = [page.rsplit("/", 1)[1] for page in (self.journey.program_page, self.second_page)]
        self.owner.press("对勾选的操作", {"id": ids})
        self.owner.press("设置域名")
        empty = dict.fromkeys(("do-requestdomain", "do-uploaddomain", "do-downloaddomain", "do-webviewdomain"), "")
        self.owner.press("开始", {**empty, "do-uploaddomain": f"{self.base}/upload"}, status=422)
        self.journey.expect(self.owner, "不要带路径")
        self.owner.press("开始", {**empty, "do-uploaddomain": self.base})
        self.owner.wait_for("已结束", seconds=self.journey.patience)
        self.journey.expect(self.owner, "86102")
        self.owner.open(self.page)
        if self.owner.read("//section[@aria-labelledby='uploaddomain']//td[contains(., 'https')]").strip() != (
            f"https://{self.base}"
        ):
            raise Stuck(f"{self.base} is no upload domain")

    def wait_for_row(self, host: str, words: str) -> None:
        path = f"//tr[contains(., '{host}')][contains(., '{words}')]"
        self.owner.wait_for_path(path, seconds=self.journey.patience)
