"""The reject desk and the map of versions: empty, with a small fleet, and what comes before a click."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.models import ComponentApp
from saas.db import new_id, platform_session, tenant_session
from saas.pictures import picture_type
from saas.releases import rejects
from saas.releases.models import Audit, AuditStatus, CodeState, Template
from saas.sandbox.pictures import screenshot_png
from saas.seed import PASSWORD
from saas.tenants import providers
from saas.tenants.access import Who
from saas.tenants.models import Role, User
from saas.tenants.stored_files import keep_file
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_looks import LANGUAGES, looks  # noqa: F401
from tests.cast import Cast
from tests.demo.running import RunningDemo, beside
from tests.trains.conftest import Yard

Begin = Callable[..., Looks]
BLANK = "1:内容不符合规则:<br>(1):《微信小程序平台运营规范》3.4.1 所述情形，首页没有内容<br>2:请提供测试账号"
SLUG = "fleet-desk"
DOMAIN = "小程序“门店”的页面 pages/index/index 打不开，请检查服务器域名的配置"


@dataclass(frozen=True)
class House:
    """Whose provider this is; nothing else of the cast is needed here."""

    alices: UUID


@pytest.fixture(scope="module")
def yard(demo: RunningDemo, request: pytest.FixtureRequest) -> Iterator[Yard]:
    """Another provider of alice's in the demo, with mini programs of many versions and some that were rejected. Each
    file has one of its own, under the file's `SLUG`."""
    with beside(demo):
        yield _fill(request.module.SLUG)


def _fill(slug: str) -> Yard:
    with platform_session("make a provider of alice's") as db:
        alice = db.scalars(select(User).where(User.email == "alice@example.com")).one()
        provider_id = providers.create_provider(db, alice, "小旅科技", slug).id
    component = ComponentApp(id=new_id(), provider_id=provider_id, key=slug, name="小旅平台", appid=f"wx{slug}")
    own = {"provider_id": provider_id, "component_id": component.id}
    template = Template(id=new_id(), **own, template_id="7", user_version="2.0.0")
    with tenant_session(provider_id) as db:
        db.add(component)
        db.flush()
        db.add(template)
    yard = Yard(cast(Cast, House(provider_id)), component.id, template.id)
    yard.component(audit_quota_rest=260, audit_quota_limit=500, quota_read_at=clock.now())
    fleet = {"2.0.0": 41, "1.9.12": 17, "1.9.2": 6, "1.0.0-hotfix.2": 2, "": 5}
    for number, (version, count) in enumerate(fleet.items()):
        ids = yard.programs(count, version)
        with yard.session() as db:
            for row in db.query(CodeState).filter(CodeState.program_id.in_(ids)):
                row.trial_version = "2.1.0" if number % 2 else version
                row.online_at = clock.now() - timedelta(days=40 * number + 2) if version else None
                if version == "2.0.0":
                    row.online_template_row_id = template.id
            for program_id in ids[:3]:
                audit = Audit(provider_id=provider_id, program_id=program_id, user_version="2.1.0", auditid="9")
                audit.status, audit.submitted_at = AuditStatus.IN_REVIEW, clock.now()
                db.add(audit)
            db.query(CodeState).filter(CodeState.program_id == ids[-1]).update(
                {"phased_percent": 20, "phased_at": clock.now(), "audit_version": "2.1.0"}
            )
    rejected = yard.rejected(12, BLANK, "2.1.0")
    yard.rejected(3, DOMAIN, "2.1.0")
    yard.rejected(1, DOMAIN, "1.9.12", authorization="lost")
    aside = yard.rejected(1, "5.2.1 诱导分享", "2.1.0")
    who = Who(provider_id, "Alice", None, role=Role.OWNER)
    with yard.session() as db:
        rejects.set_aside(db, "5.2.1", aside, who=who, note="等商家确认活动是否下线")
        picture = screenshot_png(7)
        file = keep_file(db, provider_id, "screenshot", picture, content_type=picture_type(picture))
        for audit in db.query(Audit).filter(Audit.program_id.in_(rejected)):
            audit.screenshot_media_ids, audit.screenshots = ["a", "b"], {"a": str(file.id), "b": str(file.id)}
    return yard


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_desk_and_the_map(
    width: int, language: str, looks: Begin, yard: Yard, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    looking, house = looks(language, width, "alice@example.com", PASSWORD), f"{demo.url}/p/{SLUG}"
    group = f"{house}/rejects/reasons/3.4.1"
    for name, address in {
        "rejects": f"{house}/rejects", "reject-group": group, "reject-overcome": f"{house}/rejects/reasons/5.2.1",
        "reject-resubmit": f"{group}/resubmit?all=1", "reject-set-aside": f"{group}/set-aside?all=1",
        "rejects-aside": f"{house}/rejects/set-aside", "fleet-versions": f"{house}/fleet-versions",
        "fleet-nobody": f"{house}/fleet-versions?q=nobody", "fleet-phased": f"{house}/fleet-versions/phased",
        "trains-tabs": f"{house}/trains", "programs-filtered": f"{house}/programs?reject=3.4.1&age=30-90",
    }.items():  # fmt: skip
        looking.examine(name, address)
    looking.window.page.goto(f"{group}/resubmit?all=1")
    for details in looking.window.page.locator("details").all():
        details.evaluate("one => one.open = true")
    looking.examine_here("reject-resubmit-open", [width])
    assert looking.faults == [], "\n".join(looking.faults)
