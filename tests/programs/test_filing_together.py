"""Certification and filing in one go, from the drafts to the number, with what is sent back on the way."""

from __future__ import annotations

import re
from typing import Any

import pytest

from saas.batches.models import ItemStatus
from saas.db import settle
from saas.errors import Conflict
from saas.programs import certification, filing_reading, filing_sending, filing_together
from saas.programs.access import load_program
from saas.programs.certification_access import list_certifications_of
from saas.programs.certification_data import Part
from saas.programs.certification_filling import Filling
from saas.programs.certification_models import Certification, CertificationStatus
from saas.programs.certification_states import ways
from saas.programs.changing import client_of
from saas.programs.filing_fields import NAME
from saas.programs.filing_models import FilingStatus
from saas.programs.words import Step, Word
from saas.wx.api.filing import Filing as FilingCalls
from tests.programs.filing_data import filing_of, fill_in
from tests.programs.shop import Shop, control, picture, sandbox, shop  # noqa: F401 - fixtures
from tests.programs.test_filing import DAY

FOOD = [{"first_class": "餐饮服务", "second_class": "点餐平台"}]
S, C = FilingStatus, CertificationStatus
BASICS = {"customer_type": "1", "account_name": "青禾果蔬", "account_name_type": "1", "pay_type": "2"}
CONTACT = {"contact_name": "陈梅", "contact_email": "mei@example.com", "third_party_phone": "020-88001234"}


@pytest.fixture
def fresh(shop: Shop) -> Shop:  # noqa: F811
    """Neither certified nor filed, with both drafts complete."""
    shop.control.change_account(shop.appid, categories=FOOD, verified=False)
    with shop.session() as db:
        load_program(db, shop.id).verified = False
    fill_in(shop)
    prepare(shop)
    return shop


def prepare(shop: Shop, **changes: str) -> None:  # noqa: F811
    with shop.session() as db:
        program = load_program(db, shop.id)
        draft = certification.make_draft(db, program, who=shop.alice)
        parts = {
            Part.BASICS: BASICS | changes, Part.CONTACT: CONTACT, Part.INVOICE: {"invoice_type": "1"},
        }  # fmt: skip
        for part, values in parts.items():
            pictures = {"qualification": [picture()]} if part is Part.BASICS else {}
            certification.fill_draft(
                db, program, draft, Filling(part, values, pictures=pictures), who=shop.alice
            )  # fmt: skip


def certification_of(shop: Shop) -> Certification:  # noqa: F811
    with shop.session() as db:
        return list_certifications_of(db, load_program(db, shop.id))[0]


def states(shop: Shop) -> tuple[FilingStatus, CertificationStatus]:  # noqa: F811
    return S(filing_of(shop).status), C(certification_of(shop).status)


def ask_face(shop: Shop) -> None:  # noqa: F811
    assert shop.do(filing_sending.request_face_check, together=True).status == ItemStatus.DONE


def pass_face(shop: Shop) -> None:  # noqa: F811
    ask_face(shop)
    shop.control.pass_face_check(shop.appid)
    shop.run_jobs(wait=60)
    assert filing_of(shop).status == S.FACE_PASSED


def read(shop: Shop) -> None:  # noqa: F811
    assert shop.do(filing_reading.request_reading).status == ItemStatus.DONE


def start(shop: Shop) -> None:  # noqa: F811
    pass_face(shop)
    assert shop.do(filing_sending.request_sending).status == ItemStatus.DONE


def pay(shop: Shop) -> None:  # noqa: F811
    shop.control.take_certification_step(shop.appid, "pay")
    tell(shop, 17)


def tell(shop: Shop, status: int) -> None:  # noqa: F811
    procedure = filing_of(shop).procedure_id
    shop.hear("notify_3rd_wxa_auth_and_icp", procedure_id=procedure, procedure_status=status)


def test_both_pass_one_after_the_other(fresh: Shop) -> None:
    ask_face(fresh)
    asked = filing_of(fresh)
    assert (asked.face_certifies, "/phone/face_check" in asked.face_url) == (True, True)
    fresh.control.pass_face_check(fresh.appid)
    fresh.run_jobs(wait=60)
    passed = filing_of(fresh)
    assert passed.face_usable_until is not None
    assert (passed.face_usable_until - passed.face_asked_at).days == 1  # type: ignore[operator]
    assert fresh.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert states(fresh) == (S.CERTIFYING, C.PAY_PENDING)
    assert fresh.word(Step.FILE) == Word.FILE_CERTIFYING
    assert fresh.word(Step.CERTIFY) == Word.CERTIFY_PAYING
    assert certification_of(fresh).due_at is not None
    assert certification_of(fresh).auth_url
    pay(fresh)
    assert states(fresh) == (S.CERTIFYING, C.IN_REVIEW)
    assert filing_of(fresh).due_at is None
    fresh.control.decide_certification(fresh.appid)
    tell(fresh, 22)
    assert states(fresh) == (S.PLATFORM_REVIEW, C.PASSED)
    assert fresh.program().verified
    fresh.control.decide_filing(fresh.appid)
    read(fresh)
    assert filing_of(fresh).status == S.SMS
    fresh.control.confirm_sms(fresh.appid)
    fresh.control.decide_filing(fresh.appid)
    tell(fresh, 26)
    done = filing_of(fresh)
    assert (done.status, done.procedure_id, bool(done.number)) == (S.FILED, "", True)
    assert fresh.word(Step.CERTIFY) == Word.CERTIFIED
    counts = fresh.counts()
    assert (counts["submitAuthAndIcp"], counts.get("applyIcpFiling", 0), counts.get("secwxaapiQueryauth", 0)) == (
        1,
        0,
        0,
    )


def test_the_provider_pays_at_once(fresh: Shop) -> None:
    with fresh.session() as db:
        program = load_program(db, fresh.id)
        row = list_certifications_of(db, program)[0]
        values = {"pay_type": "1", "service_appid": "wx5a1b2c3d4e5f6071"}
        certification.fill_draft(db, program, row, Filling(Part.BASICS, values), who=fresh.alice)
    start(fresh)
    read(fresh)
    assert states(fresh) == (S.CERTIFYING, C.IN_REVIEW)


# What is lacking, and what is sent back


def test_what_stands_in_the_way_is_said_before(fresh: Shop) -> None:
    with fresh.session() as db:
        certification.discard_draft(
            db, load_program(db, fresh.id), list_certifications_of(db, load_program(db, fresh.id))[0], who=fresh.alice
        )
    with pytest.raises(Conflict, match="认证资料"):
        fresh.start(filing_sending.request_face_check, together=True)
    prepare(fresh, customer_type="15")
    with pytest.raises(Conflict, match="不一致"):
        fresh.start(filing_sending.request_face_check, together=True)
    with fresh.session() as db:
        load_program(db, fresh.id).verified = True
    with pytest.raises(Conflict, match="已经通过微信认证"):
        fresh.start(filing_sending.request_face_check, together=True)
    assert "createIcpVerifyTask" not in fresh.counts()


def test_fields_that_wechat_refuses_are_corrected(fresh: Shop) -> None:
    fresh.control.change_account(fresh.appid, principal_name="别家有限公司")
    pass_face(fresh)
    item = fresh.do(filing_sending.request_sending)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 86202)
    assert states(fresh) == (S.INVALID, C.DRAFT)
    assert list(filing_of(fresh).faults) == [NAME]
    fresh.control.change_account(fresh.appid, principal_name="青禾果蔬有限公司")
    assert fresh.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert states(fresh) == (S.CERTIFYING, C.PAY_PENDING)


def test_a_certification_that_wechat_refuses_is_told_at_its_half(fresh: Shop) -> None:
    pass_face(fresh)
    fresh.control.fail_next("submitAuthAndIcp", 89623, appid=fresh.appid)
    item = fresh.do(filing_sending.request_sending)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 89623)
    assert states(fresh) == (S.FACE_PASSED, C.DRAFT)
    refused = certification_of(fresh)
    assert (refused.errcode, refused.sent_at) == (89623, None)
    assert fresh.word(Step.CERTIFY) == Word.CERTIFY_CHECK_FAILED
    assert fresh.do(filing_sending.request_sending).status == ItemStatus.DONE


def test_a_certification_that_is_sent_back_goes_again_with_the_filing(fresh: Shop) -> None:
    start(fresh)
    pay(fresh)
    fresh.control.decide_certification(fresh.appid, "refill", reason="营业执照不清楚")
    tell(fresh, 18)
    assert states(fresh) == (S.CERTIFY_SENT_BACK, C.SENT_BACK)
    assert fresh.word(Step.FILE) == Word.FILE_CERTIFY_SENT_BACK
    row = certification_of(fresh)
    assert (row.reason, ways(row).edit, ways(row).resubmit) == ("营业执照不清楚", True, False)
    with pytest.raises(Conflict):
        fresh.start(certification.request_resubmission, row)
    assert fresh.do(filing_sending.request_sending).status == ItemStatus.DONE
    read(fresh)
    assert states(fresh) == (S.CERTIFYING, C.IN_REVIEW)
    assert certification_of(fresh).refills == 1


def test_after_a_day_what_is_sent_back_takes_another_face_check(fresh: Shop) -> None:
    start(fresh)
    pay(fresh)
    fresh.control.decide_certification(fresh.appid, "refill", reason="营业执照不清楚")
    tell(fresh, 18)
    fresh.pass_time(DAY + 60)
    with pytest.raises(Conflict, match="人脸核验"):
        fresh.start(filing_sending.request_sending)
    pass_face(fresh)
    assert fresh.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert states(fresh) == (S.CERTIFYING, C.IN_REVIEW)


def test_a_certification_that_fails_for_good_ends_both(fresh: Shop) -> None:
    start(fresh)
    pay(fresh)
    fresh.control.decide_certification(fresh.appid, "fail", reason="主体已注销")
    tell(fresh, 20)
    assert states(fresh) == (S.DRAFT, C.FAILED)
    ended = filing_of(fresh)
    assert (ended.procedure_id, ended.reasons[0]["error"]) == ("", "主体已注销")
    with fresh.session() as db:
        program = load_program(db, fresh.id)
        like = list_certifications_of(db, program)[0]
        certification.make_draft(db, program, who=fresh.alice, like=like)
    start(fresh)
    assert states(fresh) == (S.CERTIFYING, C.PAY_PENDING)


def test_nobody_pays_within_a_day(fresh: Shop) -> None:
    start(fresh)
    fresh.pass_time(DAY + 60)
    read(fresh)
    assert states(fresh) == (S.DRAFT, C.FAILED)


def test_a_rejected_filing_goes_again_through_the_procedure(fresh: Shop) -> None:
    start(fresh)
    pay(fresh)
    fresh.control.decide_certification(fresh.appid)
    fresh.control.decide_filing(fresh.appid, "return", reasons=[{"key_name": "小程序备注", "error": "太简单"}])
    tell(fresh, 23)
    returned = filing_of(fresh)
    assert states(fresh) == (S.PLATFORM_REJECTED, C.PASSED)
    assert returned.reasons[0]["error"] == "太简单"
    with fresh.session() as db:
        program = load_program(db, fresh.id)
        with pytest.raises(Conflict, match="一起办"):
            filing_sending.refuse_unready(db, program, returned, together=False)
    assert fresh.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert states(fresh) == (S.PLATFORM_REVIEW, C.PASSED)
    assert fresh.counts().get("applyIcpFiling", 0) == 0


def test_a_withdrawn_filing_goes_alone_afterwards(fresh: Shop) -> None:
    start(fresh)
    pay(fresh)
    fresh.control.decide_certification(fresh.appid)
    read(fresh)
    assert fresh.do(filing_sending.request_withdrawal).status == ItemStatus.DONE
    withdrawn = filing_of(fresh)
    assert (withdrawn.status, withdrawn.procedure_id, filing_sending.face_holds(withdrawn)) == (S.WITHDRAWN, "", False)
    read(fresh)
    assert fresh.do(filing_sending.request_face_check).status == ItemStatus.DONE
    fresh.control.pass_face_check(fresh.appid)
    fresh.run_jobs(wait=60)
    assert fresh.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert fresh.counts()["applyIcpFiling"] == 1


# Lost answers


def test_a_withdrawal_without_an_answer_is_seen(fresh: Shop) -> None:
    review(fresh)
    fresh.control.cut_next("cancelApplyIcpFiling", appid=fresh.appid)
    assert fresh.do(filing_sending.request_withdrawal).status == ItemStatus.DONE
    assert_goes_alone(fresh)


def test_a_withdrawal_elsewhere_is_seen(fresh: Shop) -> None:
    review(fresh)
    withdraw_elsewhere(fresh)
    read(fresh)
    assert_goes_alone(fresh)


def test_a_withdrawal_elsewhere_before_the_review_was_seen_is_believed_after_a_while(fresh: Shop) -> None:
    start(fresh)
    pay(fresh)
    fresh.control.decide_certification(fresh.appid)
    withdraw_elsewhere(fresh)
    read(fresh)
    assert states(fresh) == (S.CERTIFYING, C.PASSED)  # WeChat may be about to make the filing
    fresh.pass_time(DAY)
    read(fresh)
    assert_goes_alone(fresh)


def test_what_wechat_is_about_to_make_is_not_taken_for_withdrawn(fresh: Shop) -> None:
    start(fresh)
    pay(fresh)
    fresh.control.decide_certification(fresh.appid)
    read(fresh)
    withdraw_elsewhere(fresh)
    read(fresh)
    kept = filing_of(fresh)
    assert (kept.status, bool(kept.procedure_id)) == (S.PLATFORM_REVIEW, True)


def test_the_watch_may_see_a_withdrawal_before_its_answer_is_noted(
    fresh: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    review(fresh)
    withdraw = FilingCalls.cancel_apply_icp_filing

    def answer_late(calls: FilingCalls, appid: str) -> Any:
        answer = withdraw(calls, appid)
        read_state_of(fresh)
        return answer

    monkeypatch.setattr(FilingCalls, "cancel_apply_icp_filing", answer_late)
    assert fresh.do(filing_sending.request_withdrawal).status == ItemStatus.DONE
    assert [one["status"] for one in filing_of(fresh).history][-2:] == ["platform_review", "withdrawn"]
    assert_goes_alone(fresh)


def review(shop: Shop) -> None:  # noqa: F811
    """WeChat's people have it for a while."""
    start(shop)
    pay(shop)
    shop.control.decide_certification(shop.appid)
    read(shop)
    assert states(shop) == (S.PLATFORM_REVIEW, C.PASSED)
    shop.pass_time(600)


def withdraw_elsewhere(shop: Shop) -> None:  # noqa: F811
    with shop.session() as db:
        program = load_program(db, shop.id)
        client = client_of(db, program)
        settle(db)
        client.filing.cancel_apply_icp_filing(program.appid)


def read_state_of(shop: Shop) -> None:  # noqa: F811
    with shop.session() as db:
        filing_reading.read_state(db, load_program(db, shop.id))


def assert_goes_alone(shop: Shop) -> None:  # noqa: F811
    gone = filing_of(shop)
    assert (states(shop), gone.procedure_id, gone.face_certifies) == ((S.WITHDRAWN, C.PASSED), "", False)
    assert filing_sending.lacking_of(gone) == []
    assert shop.do(filing_sending.request_face_check).status == ItemStatus.DONE


def test_a_start_without_an_answer_is_found_by_its_event(fresh: Shop) -> None:
    pass_face(fresh)
    fresh.control.cut_next("submitAuthAndIcp", appid=fresh.appid)
    item = fresh.start(filing_sending.request_sending)
    fresh.run_jobs(wait=20)
    assert states(fresh) == (S.FACE_PASSED, C.DRAFT)
    fresh.control.take_certification_step(fresh.appid, "pay")
    pushed = fresh.control.pushes(component_appid=fresh.component.appid, name="notify_3rd_wxa_auth_and_icp")
    assert pushed
    with fresh.session() as db:
        program = load_program(db, fresh.id)
    procedure = procedure_in(pushed[-1])
    fresh.hear("notify_3rd_wxa_auth_and_icp", procedure_id=procedure, procedure_status=17, appid=program.appid)
    fresh.run_jobs(wait=120)
    assert states(fresh) == (S.CERTIFYING, C.IN_REVIEW)
    assert fresh.item(item).status == ItemStatus.DONE
    assert fresh.counts()["submitAuthAndIcp"] == 1


def procedure_in(push: Any) -> str:
    found = re.search(r"<procedure_id>(?:<!\[CDATA\[)?(\w+)", push["xml"])
    assert found
    return found[1]


def test_an_event_of_somebody_elses_procedure_changes_nothing(fresh: Shop) -> None:
    fresh.hear("notify_3rd_wxa_auth_and_icp", procedure_id="p" * 32, procedure_status=22, appid=fresh.appid)
    assert states(fresh) == (S.DRAFT, C.DRAFT)
    assert filing_of(fresh).procedure_id == ""


def test_unknown_states_mean_that_it_runs(fresh: Shop) -> None:
    start(fresh)
    with fresh.session() as db:
        program = load_program(db, fresh.id)
        row = filing_reading.get_filing(db, program)
        for status in (9, 27, 0):
            filing_together.take_answer(db, program, row, {"procedure_status": status})
    assert states(fresh) == (S.CERTIFYING, C.PAY_PENDING)
