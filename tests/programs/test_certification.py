"""Certifications from the draft to the verdict, at a real sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import callbacks
from saas import clock
from saas.batches.models import Batch, BatchItem, ItemStatus
from saas.batches.progress import list_items
from saas.batches.starting import Subject, start_batch
from saas.components.access import load_component
from saas.db import platform_session
from saas.errors import Conflict, Invalid
from saas.programs import certification as certifying
from saas.programs import certification_templates as templates
from saas.programs.access import load_program
from saas.programs.certification_access import find_template, list_certifications_of, open_certification
from saas.programs.certification_charges import list_charges, months
from saas.programs.certification_data import FIELDS, QUALIFICATION, Faults, Part, lacking
from saas.programs.certification_filling import Filling, find_identities, place_in, reveal_personal
from saas.programs.certification_models import Certification, CertificationStatus, CertificationTemplate
from saas.programs.certification_progress import look_at_certificates, note_certification
from saas.programs.certification_states import ways
from saas.programs.words import Step, Word
from saas.tenants import activity
from saas.tenants.models import StoredFile
from saas.tenants.stored_files import keep_file
from saas.wx.events import parse_event
from tests.programs.shop import Shop, add_program, picture

S = CertificationStatus
DAY = 86400
BASICS = {"customer_type": "1", "account_name_type": "1", "pay_type": "2"}
CONTACT = {"contact_name": "林小燕", "contact_email": "lin@example.com", "third_party_phone": "0571-88001234"}
INVOICE = {"invoice_type": "2", "invoice_title": "青禾果蔬有限公司", "taxpayer_id": "91330106MA2K0QH50X"}
PROVIDER_PAYS = {"pay_type": "1", "service_appid": "wx5a1b2c3d4e5f6071"}


def make_template(shop: Shop, **basics: str) -> CertificationTemplate:
    with shop.session() as db:
        filling = Filling(Part.BASICS, {**BASICS, **basics}, pictures={QUALIFICATION: [picture(), picture()]})
        template = templates.add_template(db, "标准", filling, who=shop.alice)
        templates.edit_template(db, template, Filling(Part.CONTACT, CONTACT), who=shop.alice)
        templates.edit_template(db, template, Filling(Part.INVOICE, INVOICE), who=shop.alice)
        return template


def draft(shop: Shop, template: CertificationTemplate | None = None) -> Certification:
    with shop.session() as db:
        return certifying.make_draft(db, load_program(db, shop.id), who=shop.alice, template=template)


def call(shop: Shop, service: Callable[..., BatchItem]) -> BatchItem:
    """Ask for a step as a request would, and let it run."""
    with shop.session() as db:
        program = load_program(db, shop.id)
        certification = open_certification(db, program)
        args = () if service is certifying.request_progress else (certification,)
        item = service(db, program, *args, who=shop.alice)
    shop.run_jobs(wait=30)
    return shop.item(item)


def fill(shop: Shop, part: Part, pictures: dict[str, list[bytes]] | None = None, **values: str) -> None:
    with shop.session() as db:
        program = load_program(db, shop.id)
        certification = open_certification(db, program)
        assert certification is not None
        certifying.fill_draft(
            db, program, certification, Filling(part, values, pictures=pictures or {}), who=shop.alice
        )


def newest(shop: Shop) -> Certification:
    with shop.session() as db:
        return list_certifications_of(db, load_program(db, shop.id))[0]


def status(shop: Shop) -> str:
    return newest(shop).status


def tap(shop: Shop, *steps: str) -> None:
    for step in steps:
        shop.control.take_certification_step(shop.appid, step)


def ask(shop: Shop) -> None:
    assert call(shop, certifying.request_progress).status == ItemStatus.DONE


def push(shop: Shop, info_type: str, **fields: Any) -> None:
    """WeChat pushes to the component app's address."""
    message = {"InfoType": info_type, "CreateTime": str(int(clock.now().timestamp())), "appid": shop.appid}
    event = parse_event({**message, **{key: str(value) for key, value in fields.items()}})
    with shop.session() as db:
        callbacks.dispatch(db, load_component(db, shop.component.id), "", event)
    shop.run_jobs()


@pytest.fixture
def started(shop: Shop) -> Shop:
    draft(shop, make_template(shop))
    assert call(shop, certifying.request_start).status == ItemStatus.DONE
    return shop


@pytest.fixture
def paid_by_provider(shop: Shop) -> Shop:
    draft(shop, make_template(shop, **PROVIDER_PAYS))
    assert call(shop, certifying.request_start).status == ItemStatus.DONE
    tap(shop, "agree", "face", "send_code", "code")
    ask(shop)
    return shop


# from a template to the verdict


def test_the_merchant_pays_and_passes(started: Shop) -> None:
    shop = started
    begun = newest(shop)
    assert begun.status == S.ADMIN_PENDING
    assert begun.task_id
    assert begun.task_id in begun.auth_url
    assert begun.due_at
    assert begun.started_at
    assert (begun.due_at - begun.started_at).total_seconds() == DAY
    assert shop.word(Step.CERTIFY) == Word.CERTIFY_ADMIN
    assert (shop.program().stage, shop.program().due_at) == (Word.CERTIFY_ADMIN, begun.due_at)
    tap(shop, "agree", "face", "send_code", "code")
    push(shop, "notify_3rd_wxa_auth", taskid=begun.task_id, task_status=9)
    assert (status(shop), shop.word(Step.CERTIFY)) == (S.PAY_PENDING, Word.CERTIFY_PAYING)
    tap(shop, "pay")
    shop.hear("wx_verify_pay_succ", OrderId="417230018")
    assert status(shop) == S.IN_REVIEW
    assert newest(shop).agency["contact"]
    assert newest(shop).order_id
    shop.control.decide_certification(shop.appid, "pass")
    shop.run_jobs(wait=8 * 3600, limit=400)  # the event is lost
    assert (status(shop), shop.word(Step.CERTIFY)) == (S.PASSED, Word.CERTIFIED)
    assert shop.program().verified
    assert "program.certification.passed" in shop.seen()
    with shop.session() as db:
        assert list_charges(db) == []


def test_the_provider_pays_when_the_order_is_made(paid_by_provider: Shop) -> None:
    shop = paid_by_provider
    assert status(shop) == S.IN_REVIEW
    with shop.session() as db:
        charge = list_charges(db)[0]
        assert (charge.state, charge.amount_fen, charge.program_name) == ("charged", 30000, "青禾果蔬")
        assert charge.order_id
        assert [(month.count, month.amount_fen) for month in months(db, "Asia/Shanghai")] == [(1, 30000)]
    shop.control.decide_certification(shop.appid, "fail", reason="主体<br>异常")
    ask(shop)
    assert (newest(shop).status, newest(shop).reason) == (S.FAILED, "主体\n异常")
    assert shop.word(Step.CERTIFY) == Word.CERTIFY_FAILED
    with shop.session() as db:
        assert list_charges(db)[0].state == "charged"


def test_what_was_sent_back_is_handed_in_again_and_no_more_than_three_times(paid_by_provider: Shop) -> None:
    shop = paid_by_provider
    for number in (1, 2, 3):
        shop.control.decide_certification(shop.appid, "refill", reason="执照不清楚")
        shop.hear("wx_verify_refill", RefillReason="执照不清楚")
        sent_back = newest(shop)
        assert (sent_back.status, sent_back.reason) == (S.SENT_BACK, "执照不清楚")
        assert sent_back.sent_back_at
        assert sent_back.due_at
        assert (sent_back.due_at - sent_back.sent_back_at).days == 30
        assert shop.word(Step.CERTIFY) == Word.CERTIFY_SENT_BACK
        fill(shop, Part.CONTACT, contact_mobile="13800138000")
        assert call(shop, certifying.request_resubmission).status == ItemStatus.DONE
        assert (status(shop), newest(shop).refills) == (S.IN_REVIEW, number)
    with pytest.raises(Conflict):
        call(shop, certifying.request_resubmission)
    assert shop.counts()["secwxaapiReauth"] == 3
    assert shop.counts()["secwxaapiWxaauth"] == 1
    with shop.session() as db:
        assert len(list_charges(db)) == 1


def test_a_day_without_the_administrator_ends_it_and_another_may_begin(started: Shop) -> None:
    shop = started
    shop.pass_time(DAY + 90)
    shop.run_jobs()
    assert (status(shop), shop.word(Step.CERTIFY)) == (S.TASK_EXPIRED, Word.CERTIFY_EXPIRED)
    with shop.session() as db:
        program = load_program(db, shop.id)
        assert open_certification(db, program) is None
        again = certifying.make_draft(db, program, who=shop.alice, like=newest(shop))
        assert lacking(again.values, again.papers) == []


def test_thirty_days_without_an_answer_end_what_was_sent_back(paid_by_provider: Shop) -> None:
    shop = paid_by_provider
    shop.control.decide_certification(shop.appid, "refill")
    ask(shop)
    shop.pass_time(30 * DAY + 90)
    shop.run_jobs()
    assert (status(shop), shop.word(Step.CERTIFY)) == (S.FAILED, Word.CERTIFY_FAILED)


@pytest.mark.parametrize(
    ("steps", "ended", "word"),
    [
        (("refuse",), S.ADMIN_REFUSED, Word.CERTIFY_ADMIN_REFUSED),
        (("agree", "face_fail"), S.FACE_FAILED, Word.CERTIFY_FACE_FAILED),
        (("agree", "face", "send_code", "code_fail"), S.PHONE_FAILED, Word.CERTIFY_PHONE_FAILED),
    ],
)
def test_what_the_administrator_ends_has_to_begin_anew(
    shop: Shop, steps: tuple[str, ...], ended: S, word: Word
) -> None:  # fmt: skip
    draft(shop, make_template(shop, **PROVIDER_PAYS))
    call(shop, certifying.request_start)
    tap(shop, *steps)
    shop.run_jobs(wait=300)  # no event tells of it
    assert (status(shop), shop.word(Step.CERTIFY)) == (ended, word)
    assert ways(newest(shop)).again
    assert not ways(newest(shop)).resubmit
    with shop.session() as db:
        assert [charge.state for charge in list_charges(db)] == ["released"]
        assert months(db, "Asia/Shanghai") == []


# what goes wrong on the way


def test_what_wechat_refuses_stays_a_draft_and_says_why(shop: Shop) -> None:
    draft(shop, make_template(shop))
    shop.control.fail_next("secwxaapiWxaauth", errcode=89639)
    assert call(shop, certifying.request_start).errcode == 89639
    refused = newest(shop)
    assert (refused.status, refused.errcode, shop.word(Step.CERTIFY)) == (S.DRAFT, 89639, Word.CERTIFY_CHECK_FAILED)
    assert call(shop, certifying.request_start).status == ItemStatus.DONE
    assert (newest(shop).error, shop.word(Step.CERTIFY)) == ("", Word.CERTIFY_ADMIN)


def test_an_answer_that_got_lost_is_found_by_the_event(shop: Shop) -> None:
    draft(shop, make_template(shop))
    shop.control.cut_next("secwxaapiWxaauth")
    with shop.session() as db:
        item = certifying.request_start(db, load_program(db, shop.id), newest(shop), who=shop.alice)
    shop.run_jobs()
    assert status(shop) == S.DRAFT
    desk = httpx2.get(f"{shop.control.base_url}/desk/certifications", trust_env=False).text
    push(shop, "notify_3rd_wxa_auth", taskid=re.findall(r"\b[0-9a-f]{32}\b", desk)[0], task_status=0)
    shop.run_jobs(wait=60)
    assert shop.item(item).status == ItemStatus.DONE
    assert newest(shop).auth_url
    assert (status(shop), shop.counts()["secwxaapiWxaauth"]) == (S.ADMIN_PENDING, 1)


def test_a_task_of_somebody_else_is_left_alone(shop: Shop) -> None:
    draft(shop)
    push(shop, "notify_3rd_wxa_auth", taskid="stranger", task_status=0)
    assert (newest(shop).task_id, status(shop)) == ("", S.DRAFT)


def test_a_resubmission_whose_answer_got_lost_is_counted_once(paid_by_provider: Shop) -> None:
    shop = paid_by_provider
    shop.control.decide_certification(shop.appid, "refill")
    ask(shop)
    shop.control.cut_next("secwxaapiReauth")
    assert call(shop, certifying.request_resubmission).status == ItemStatus.DONE
    assert (status(shop), newest(shop).refills, shop.counts()["secwxaapiReauth"]) == (S.IN_REVIEW, 1, 1)


def test_what_cannot_be_is_refused_here(shop: Shop) -> None:
    draft(shop)
    with pytest.raises(Invalid):
        call(shop, certifying.request_start)
    with pytest.raises(Conflict):
        draft(shop)
    wrong = {
        "customer_type": "7", "account_name": "青", "service_appid": "wx1", "third_party_phone": "phone",
        "contact_email": "lin@", "contact_mobile": "123", "invoice_type": "3", "taxpayer_id": "91", "postcode": "x",
    }  # fmt: skip
    for name, value in wrong.items():
        with pytest.raises(Faults) as faults:
            fill(shop, FIELDS[name].part, **{"invoice_type": "4", name: value})
        assert [error.field for error in faults.value.errors] == [name]
    with pytest.raises(Invalid) as refused:
        fill(shop, Part.BASICS, {QUALIFICATION: [b"no picture"]})
    assert refused.value.field == QUALIFICATION
    assert not any(name.startswith("secwxaapi") for name in shop.counts())


# many


def items_of(db: Session, batch: Batch) -> dict[Any, BatchItem]:
    return {item.subject_id: item for item in list_items(db, batch)}


def test_a_template_is_applied_to_many_and_the_complete_ones_start(shop: Shop) -> None:
    template = make_template(shop, customer_type="12")
    other_appid = shop.control.add_account("梅姐", nick_name="青禾水产", principal_name="青禾果蔬有限公司")
    grant = shop.control.grant(shop.component.appid, other_appid, push=False)
    other = add_program(shop.cast, shop.component.id, other_appid, grant, shop.run_jobs)
    subjects = [Subject(shop.id, "青禾果蔬"), Subject(other, "青禾水产")]
    with shop.session() as db:
        for program in (load_program(db, shop.id), load_program(db, other)):
            program.verified = False
            note_certification(db, program)
        row = find_template(db, template.id)
        assert row is not None
        row.values = {**row.values, "contact_email": ""}
        certifying.make_draft(db, load_program(db, other), who=shop.alice)
        mine = open_certification(db, load_program(db, other))
        assert mine is not None
        mine.values = {**mine.values, "contact_email": "own@example.com"}
        apply = start_batch(db, certifying.APPLY, subjects, who=shop.alice, params={"template": str(template.id)})
    shop.run_jobs()
    with shop.session() as db:
        items = items_of(db, apply)
        assert [item.error for item in items.values()] == ["", ""]
        assert [one["name"] for one in items[shop.id].partial] == ["联系人邮箱"]
        assert items[other].partial == []
        start = start_batch(db, certifying.START, subjects, who=shop.alice)
    shop.run_jobs()
    with shop.session() as db:
        items = items_of(db, start)
        assert (items[shop.id].status, items[other].status) == (ItemStatus.SKIPPED, ItemStatus.DONE)
        begun = open_certification(db, load_program(db, other))
        assert begun is not None
        assert begun.status == S.ADMIN_PENDING
        assert begun.values["account_name"] == "青禾水产"


def test_copies_share_pictures_until_nobody_has_them(shop: Shop) -> None:
    template = make_template(shop)
    with shop.session() as db:
        copy = templates.copy_template(db, template, who=shop.alice)
        assert (copy.name, copy.values, copy.papers) == ("标准 (2)", template.values, template.papers)
        with pytest.raises(Invalid):
            templates.edit_template(db, copy, Filling(Part.BASICS, {}), who=shop.alice, name="标准")
    for one, files in ((template, 1), (copy, 0)):
        with shop.session() as db:
            row = find_template(db, one.id)
            assert row is not None
            templates.delete_template(db, row, who=shop.alice)
        with shop.session() as db:
            assert len(list(db.scalars(select(StoredFile).where(StoredFile.kind == "certification")))) == files


def test_only_its_own_pictures_are_dropped_and_replaced_ones_are(shop: Shop) -> None:
    template = make_template(shop)
    first = template.papers[QUALIFICATION][0]
    with shop.session() as db:
        others = keep_file(db, shop.cast.alices, "paper", b"x", content_type="image/png", name="a.png")
        row = find_template(db, template.id)
        assert row is not None
        filling = Filling(Part.BASICS, BASICS, pictures={QUALIFICATION: [picture()]}, removed=[str(others.id), "%"])
        templates.edit_template(db, row, filling, who=shop.alice)
        assert row.papers[QUALIFICATION] != [first]
        kept = {str(file_id) for file_id in db.scalars(select(StoredFile.id))}
    assert str(others.id) in kept
    assert first not in kept


def test_personal_data_is_sealed_and_looking_at_it_is_logged(shop: Shop) -> None:
    template = make_template(shop)
    assert "林小燕".encode() not in (template.data_sealed or b"")
    with shop.session() as db:
        row = find_template(db, template.id)
        assert row is not None
        templates.edit_template(db, row, Filling(Part.CONTACT, {**CONTACT, "contact_name": ""}), who=shop.alice)
        assert reveal_personal(db, row, who=shop.alice)["contact_name"] == "林小燕"
        assert activity.list_activities(db, object_id=template.id)[0].verb == "certification.personal.view"


def test_the_tree_of_identities_is_walked(shop: Shop) -> None:
    with shop.session() as db:
        certifying.request_identities(db, load_program(db, shop.id), who=shop.alice)
    shop.run_jobs()
    with shop.session() as db:
        tree = find_identities(db, load_program(db, shop.id))
        assert tree is not None
        top = place_in(tree, "")
        assert [node["name"] for node in top.nodes] == ["职业身份认证"]
        leaf = place_in(tree, "121").leaf
        assert leaf is not None
        assert leaf["requirement"] == "教师资格证或在职证明"
        assert [node["name"] for node in place_in(tree, "121").path] == ["职业身份认证", "教育", "高校教师"]


# the certificate


def test_a_certificate_that_ends_is_told_before(started: Shop) -> None:
    shop = started
    tap(shop, "agree", "face", "send_code", "code", "pay")
    shop.control.decide_certification(shop.appid, "pass")
    ask(shop)
    words = []
    for days in (270, 10, 100):
        shop.pass_time(days * DAY)
        with platform_session("the cron") as db:
            look_at_certificates(db)
        shop.run_jobs()
        words.append(shop.word(Step.CERTIFY))
    assert words == [Word.CERTIFIED, Word.CERTIFICATE_ENDING, Word.CERTIFICATE_ENDED]


def test_wechat_tells_that_a_certificate_has_ended(shop: Shop) -> None:
    push(shop, "notify_3rd_wxa_wxverify", expired=int(clock.now().timestamp()) - 60)
    assert shop.word(Step.CERTIFY) == Word.CERTIFICATE_ENDED
