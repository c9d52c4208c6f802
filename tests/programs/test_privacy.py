"""Privacy guides at the sandbox: compared with the code, changed, written by a template, online with a release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from jobs import runner
from saas.batches.models import BatchItem, ItemStatus
from saas.components.wechat import wechat
from saas.errors import Conflict, Invalid
from saas.programs import privacy, privacy_templates
from saas.programs.access import load_program
from saas.programs.changing import client_of
from saas.programs.privacy_guides import Guide, Sdk, check_guide, key_of, label_of
from saas.programs.privacy_models import PrivacyTemplate, ProgramPrivacy
from saas.tenants.merchants import load_merchant
from tests.programs.shop import Shop

GUIDE = Guide(contact_phone="0571-88001234", notice_method="弹窗", days="30", purposes={"PhoneNumber": "登录"})


@pytest.fixture
def upload(shop: Shop) -> Callable[..., None]:
    """Put code on the mini program that uses these interfaces."""

    def put(*uses: str) -> None:
        control, client, component = shop.control, wechat(shop.component), shop.component.appid
        draft = control.add_draft(component, user_version="1.0.0", privacy=list(uses))
        client.templates.addtotemplate(draft_id=draft)
        template = client.templates.gettemplatelist()["template_list"][-1]["template_id"]
        client.code.commit(shop.appid, template_id=int(template), ext_json="{}", user_version="1.0.0", user_desc="x")

    return put


def state(shop: Shop) -> ProgramPrivacy:
    with shop.session() as db:
        found = privacy.find_privacy(db, load_program(db, shop.id))
        assert found is not None
        return found


def template(shop: Shop, guide: Guide = GUIDE, name: str = "零售") -> PrivacyTemplate:
    with shop.session() as db:
        return privacy_templates.add_template(db, name, guide, who=shop.alice)


def apply(shop: Shop, row: PrivacyTemplate, **options: Any) -> BatchItem:
    return shop.do(privacy.start_template, row, **options)


def test_what_the_code_uses_and_the_guide_lacks_is_missing(shop: Shop, upload: Callable[..., None]) -> None:
    upload("getPhoneNumber", "chooseImage")
    assert shop.do(privacy.request_reading).status == ItemStatus.DONE
    assert (state(shop).used, state(shop).missing) == (["Album", "PhoneNumber"], ["Album", "PhoneNumber"])
    assert state(shop).development.is_empty
    assert state(shop).online.is_empty
    assert shop.do(privacy.change_guide, GUIDE).status == ItemStatus.DONE
    assert state(shop).missing == ["Album"]
    assert state(shop).development == GUIDE


def test_an_answer_that_was_asked_before_a_change_is_not_kept_after_it(
    shop: Shop, upload: Callable[..., None]
) -> None:  # fmt: skip
    upload("getPhoneNumber")
    with shop.session() as db:
        program = load_program(db, shop.id)
        client = client_of(db, program)

        def ask(appid: str) -> Any:
            answer = client.privacy.get_privacy_interface(appid)
            shop.do(privacy.change_guide, GUIDE)
            return answer

        asking = SimpleNamespace(getprivacysetting=client.privacy.getprivacysetting, get_privacy_interface=ask)
        slow: Any = SimpleNamespace(privacy=asking, code=client.code)
        privacy.read_state(db, program, slow)
    assert state(shop).development == GUIDE


def test_new_code_is_compared_without_being_asked(shop: Shop, upload: Callable[..., None]) -> None:
    upload("chooseImage")
    with shop.session() as db:
        runner.find(privacy.READ_AFTER_UPLOAD).function(db, shop.id, 1)
    assert state(shop).missing == ["Album"]
    shop.control.fail_next("getPrivacySetting", 48001)
    with shop.session() as db:
        privacy.read_after_upload(db, load_program(db, shop.id))
    assert (state(shop).errcode, state(shop).missing) == (48001, ["Album"])


def test_a_guide_with_sdks_and_an_own_text_comes_back_as_it_was_sent(shop: Shop) -> None:
    with shop.session() as db:
        text = privacy.keep_own_text(db, shop.alice, "我们的指引".encode())
    sdks = (Sdk("示例统计SDK", "示例科技有限公司", {"DeviceInfo": "统计访问情况"}),)
    guide = replace(GUIDE, sdks=sdks, own_text=text, purposes={"PhoneNumber": "用于登录", "会员卡号": "积分"})
    assert shop.do(privacy.change_guide, guide).status == ItemStatus.DONE
    kept = state(shop).development
    assert (kept.sdks, dict(kept.purposes)) == (sdks, {"PhoneNumber": "登录", "会员卡号": "积分"})
    assert kept.own_text.isdigit()
    assert shop.do(privacy.change_guide, replace(kept, days="")).status == ItemStatus.DONE
    assert state(shop).development.own_text == kept.own_text
    assert shop.counts()["uploadPrivacySetting"] == 1


def test_what_wechat_refuses_is_told(shop: Shop) -> None:
    item = shop.do(privacy.change_guide, replace(GUIDE, own_text="123"))
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 86073)


def test_a_running_scan_is_waited_for(shop: Shop, upload: Callable[..., None]) -> None:
    shop.control.set_scan_seconds(600)
    upload("getPhoneNumber")
    item = shop.start(privacy.change_guide, GUIDE)
    shop.run_jobs()
    assert shop.item(item).status == ItemStatus.WAITING
    shop.do(privacy.request_reading)
    assert state(shop).scanning


def test_the_contact_online_changes_at_once_and_alone(shop: Shop, upload: Callable[..., None]) -> None:
    shop.do(privacy.change_guide, GUIDE)
    with pytest.raises(Conflict):
        shop.start(privacy.change_contact, GUIDE)
    upload()
    client = wechat(shop.component)
    shop.control.approve(client.code.submit_audit(shop.appid)["auditid"])
    client.release.release(shop.appid)
    shop.do(privacy.request_reading)
    assert state(shop).online == GUIDE
    other = Guide(contact_email="kf@example.cn", notice_method="公告")
    assert shop.do(privacy.change_contact, other).status == ItemStatus.DONE
    assert (state(shop).online.contact_email, state(shop).online.contact_phone) == ("kf@example.cn", "")
    assert state(shop).online.purposes == {"PhoneNumber": "登录"}
    assert state(shop).development == GUIDE
    shop.control.fail_next("setPrivacySetting", 86072)
    assert shop.do(privacy.change_contact, other).errcode == 86072
    assert state(shop).wanted == GUIDE


def test_a_template_declares_and_tells_what_it_has_no_words_for(shop: Shop, upload: Callable[..., None]) -> None:
    upload("getPhoneNumber", "chooseImage", "chooseAddress")
    shop.do(privacy.change_guide, replace(GUIDE, purposes={"Address": "配送", "Email": "开票"}))
    row = template(shop, replace(GUIDE, purposes={"PhoneNumber": "登录", "DeviceInfo": "统计"}))
    item = apply(shop, row)
    assert [one["name"] for one in item.partial] == [label_of("Album")]
    assert state(shop).development.purposes == {"Address": "配送", "PhoneNumber": "登录", "DeviceInfo": "统计"}
    apply(shop, row, only_used=True)
    assert state(shop).development.purposes == {"Address": "配送", "PhoneNumber": "登录"}


def test_a_template_takes_the_merchants_contact(shop: Shop) -> None:
    row = template(shop, Guide(notice_method="弹窗", merchants_contact=True, purposes={"PhoneNumber": "登录"}))
    item = apply(shop, row)
    assert (item.status, item.error) == (ItemStatus.FAILED, "请至少填写一种联系方式")
    assert shop.counts().get("setPrivacySetting", 0) == 0
    with shop.session() as db:
        load_merchant(db, shop.cast.meis).contact_phone = "13800001111"
    assert apply(shop, row).status == ItemStatus.DONE
    assert state(shop).development.contact_phone == "13800001111"


def test_a_deleted_template_cannot_be_applied(shop: Shop) -> None:
    row = template(shop)
    item = shop.start(privacy.start_template, row)
    with shop.session() as db:
        privacy_templates.delete_template(db, privacy_templates.load_template(db, row.id), who=shop.alice)
    shop.run_jobs(wait=30)
    assert shop.item(item).error == "隐私模板已被删除"


def test_what_is_missing_is_added_with_the_templates_words(shop: Shop, upload: Callable[..., None]) -> None:
    upload("getPhoneNumber", "chooseImage")
    shop.do(privacy.request_reading)
    with pytest.raises(Invalid, match="模板没有写"):
        shop.start(privacy.add_missing, template(shop))
    whole = template(shop, replace(GUIDE, purposes={"PhoneNumber": "登录", "Album": "上传晒单", "Email": "开票"}), "全")
    assert shop.do(privacy.add_missing, whole).status == ItemStatus.DONE
    assert state(shop).development.purposes == {"PhoneNumber": "登录", "Album": "上传晒单"}
    upload("getPhoneNumber", "chooseImage", "chooseAddress")
    shop.do(privacy.request_reading)
    assert state(shop).missing == ["Address"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"contact_phone": ""}, "contact_phone"), ({"contact_phone": "call me"}, "contact_phone"),
        ({"contact_email": "nobody"}, "contact_email"), ({"contact_weixin": "长" * 61}, "contact_weixin"),
        ({"notice_method": ""}, "notice_method"), ({"days": "一个月"}, "days"), ({"days": "0"}, "days"),
        ({"purposes": {"PhoneNumber": "用于"}}, "purpose_PhoneNumber"),
        ({"purposes": {"PhoneNumber": "长" * 201}}, "purpose_PhoneNumber"),
        ({"sdks": (Sdk("统计", "", {"DeviceInfo": "统计"}),)}, "sdk_0"),
        ({"sdks": (Sdk("统计", "公司", {"DeviceInfo": ""}),)}, "sdk_0"),
    ],
)  # fmt: skip
def test_a_guide_that_does_not_fit_is_refused_at_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_guide(replace(GUIDE, **change))
    assert refused.value.field == field


def test_nothing_that_does_not_fit_goes_to_wechat(shop: Shop) -> None:
    with pytest.raises(Invalid):
        shop.start(privacy.change_guide, replace(GUIDE, contact_phone=""))
    with shop.session() as db, pytest.raises(Invalid):
        privacy.keep_own_text(db, shop.alice, b"x" * 102_401)
    with shop.session() as db, pytest.raises(Invalid):
        privacy.keep_own_text(db, shop.alice, b"\xff\xfe")
    assert shop.counts().get("setPrivacySetting", 0) == 0


def test_words_stand_for_keys() -> None:
    assert (key_of("手机号"), key_of("PhoneNumber"), key_of("会员卡号")) == ("PhoneNumber", "PhoneNumber", "会员卡号")
    assert label_of("Album") == "选中的照片或视频信息"


def test_templates_have_names_of_their_own(shop: Shop) -> None:
    row = template(shop)
    with pytest.raises(Invalid) as refused:
        template(shop)
    assert refused.value.field == "name"

    def edit(db: Session, name: str) -> None:
        found = privacy_templates.load_template(db, row.id)
        privacy_templates.edit_template(db, found, name, replace(GUIDE, days=""), who=shop.alice)

    with shop.session() as db:
        edit(db, "零售")
        edit(db, "餐饮")
        assert [(one.name, one.guide.days) for one in privacy_templates.list_templates(db)] == [("餐饮", "")]
