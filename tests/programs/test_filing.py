"""The filing of a mini program from the draft to the number, back and away, at a real sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from saas import clock
from saas.batches.models import ItemStatus
from saas.batches.progress import list_items
from saas.batches.starting import Subject, start_batch
from saas.components.budgets import left
from saas.db import platform_session, settle
from saas.errors import Conflict
from saas.programs import filing_drafts, filing_reading, filing_sending, filing_templates
from saas.programs.access import load_program
from saas.programs.filing_checks import FilingFaults
from saas.programs.filing_fields import (
    APPROVALS,
    COMMENT,
    NAME,
    PROGRAM_PERSON,
    SUBJECT_PERSON,
    TYPE,
    Part,
    field_at,
    field_named,
)
from saas.programs.filing_models import NEXT, FilingStatus
from saas.programs.models import AuthorizationStatus
from saas.programs.standing import steps_of
from saas.programs.words import Step, Word
from saas.tenants.models import OutgoingMail
from saas.wx.contract.operations import lifecycle
from tests.programs.filing_data import PICTURES, SECOND, SECOND_PICTURES, filing_of, fill_in, person
from tests.programs.shop import Shop, control, sandbox, shop  # noqa: F401 - fixtures

DAY = 86400


@pytest.fixture
def certified(shop: Shop) -> Shop:  # noqa: F811
    """A mini program that may be filed."""
    shop.control.change_account(
        shop.appid, categories=[{"first_class": "餐饮服务", "second_class": "点餐平台"}], verified=True
    )
    return shop


def status(shop: Shop) -> str:  # noqa: F811
    return filing_of(shop).status


def read(shop: Shop) -> None:  # noqa: F811
    assert shop.do(filing_reading.request_reading).status == ItemStatus.DONE


def pass_face(shop: Shop) -> None:  # noqa: F811
    assert shop.do(filing_sending.request_face_check).status == ItemStatus.DONE
    shop.control.pass_face_check(shop.appid)
    shop.hear("notify_icpfiling_verify_result", task_id=filing_of(shop).face_task_id, verify_appid=shop.appid, result=3)


def send(shop: Shop) -> None:  # noqa: F811
    fill_in(shop)
    pass_face(shop)
    assert shop.do(filing_sending.request_sending).status == ItemStatus.DONE


def letters() -> list[OutgoingMail]:
    with platform_session("read the letters") as db:
        query = select(OutgoingMail).where(OutgoingMail.subject.contains("备案")).order_by(OutgoingMail.id)
        return list(db.scalars(query))


def test_a_shop_gets_its_number(certified: Shop) -> None:
    fill_in(certified)
    assert certified.word(Step.FILE) == Word.FILE_READY
    pass_face(certified)
    assert certified.word(Step.FILE) == Word.FILE_FACE_PASSED
    assert certified.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert certified.word(Step.FILE) == Word.FILE_PLATFORM_REVIEW
    certified.control.decide_filing(certified.appid)
    read(certified)
    assert certified.word(Step.FILE) == Word.FILE_SMS
    certified.control.confirm_sms(certified.appid)
    read(certified)
    assert certified.word(Step.FILE) == Word.FILE_AUTHORITY_REVIEW
    certified.control.decide_filing(certified.appid)
    certified.hear("notify_apply_icpfiling_result", authorizer_appid=certified.appid, beian_status=6)
    assert certified.word(Step.FILE) == Word.FILED
    done = filing_of(certified)
    assert done.number == f"{done.subject_number}-1X"
    assert [move["status"] for move in done.history] == [
        "face", "face_passed", "platform_review", "sms", "authority_review", "filed",
    ]  # fmt: skip
    assert certified.counts()["applyIcpFiling"] == 1


def test_the_watch_finds_what_no_event_tells(certified: Shop, run_jobs: Callable[..., list[str]]) -> None:
    send(certified)
    certified.control.decide_filing(certified.appid)
    assert run_jobs(wait=3600, limit=30)
    assert status(certified) == FilingStatus.SMS
    certified.control.confirm_sms(certified.appid)
    run_jobs(wait=1000, limit=60)
    assert status(certified) == FilingStatus.AUTHORITY_REVIEW


def test_two_persons_and_their_letters(certified: Shop) -> None:
    fill_in(certified, program=SECOND)
    with pytest.raises(FilingFaults) as lacking:
        certified.start(filing_sending.request_face_check)
    assert {fault.field for fault in lacking.value.faults} == set(SECOND_PICTURES)
    with certified.session() as db:
        filing_drafts.add_files(db, load_program(db, certified.id), SECOND_PICTURES, who=certified.alice)
    pass_face(certified)
    assert certified.do(filing_sending.request_sending).status == ItemStatus.DONE


def test_a_person_files_with_the_own_paper(certified: Shop) -> None:
    certified.control.change_account(certified.appid, principal_name="陈梅")
    with certified.session() as db:
        load_program(db, certified.id).company_name = "陈梅"
    fill_in(certified, subject={"icp_subject.base_info.type": "5", NAME: "陈梅"})
    pass_face(certified)
    assert certified.do(filing_sending.request_sending).status == ItemStatus.DONE


# What is sent back


def test_what_is_returned_is_corrected_and_sent_again(certified: Shop) -> None:
    send(certified)
    reasons = [
        {"key_name": "小程序备注", "error": "太简单", "suggest": "写详细"}, {"key_name": "别的", "error": "不清楚"},
    ]  # fmt: skip
    certified.control.decide_filing(certified.appid, "return", reasons=reasons)
    certified.hear("notify_apply_icpfiling_result", authorizer_appid=certified.appid, beian_status=3)
    assert certified.word(Step.FILE) == Word.FILE_PLATFORM_REJECTED
    returned = filing_of(certified)
    assert [(one["name"], one["error"], one["suggest"]) for one in returned.reasons] == [
        ("小程序备注", "太简单", "写详细"), ("别的", "不清楚", ""),
    ]  # fmt: skip
    found = field_named("小程序备注")
    assert found is not None
    assert found.path == COMMENT
    with certified.session() as db:
        more = {COMMENT: "为到店顾客提供扫码点餐、外卖下单、会员积分查询和储值服务"}
        filing_drafts.edit_part(db, load_program(db, certified.id), Part.PROGRAM, more, who=certified.alice)
    assert certified.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert status(certified) == FilingStatus.PLATFORM_REVIEW
    assert filing_of(certified).reasons == []


def test_after_three_days_it_takes_another_face_check(certified: Shop, move_clock: Callable[[float], None]) -> None:
    send(certified)
    certified.control.decide_filing(certified.appid, "return")
    read(certified)
    move_clock(3 * DAY)
    with pytest.raises(Conflict, match="人脸核验"):
        certified.start(filing_sending.request_sending)


def test_a_refusal_at_once_names_the_fields(certified: Shop) -> None:
    fill_in(certified)
    certified.control.change_account(certified.appid, principal_name="别家有限公司")
    pass_face(certified)
    item = certified.do(filing_sending.request_sending)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 86202)
    refused = filing_of(certified)
    assert (refused.status, certified.word(Step.FILE)) == (FilingStatus.INVALID, Word.FILE_INVALID)
    assert refused.faults == {NAME: "主办单位名称与小程序主体不一致"}
    with certified.session() as db:
        mine = load_program(db, certified.id)
        mine.company_name = "别家有限公司"
        filing_drafts.edit_part(db, mine, Part.SUBJECT, {NAME: "别家有限公司"}, who=certified.alice)
    assert filing_of(certified).faults == {}
    assert certified.do(filing_sending.request_sending).status == ItemStatus.DONE
    with certified.session() as db:
        assert left(db, load_program(db, certified.id), filing_sending.LIMIT).used == 2


def test_a_try_that_arrived_without_an_answer_is_not_repeated(certified: Shop) -> None:
    fill_in(certified)
    pass_face(certified)
    certified.control.cut_next("applyIcpFiling")
    assert certified.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert (status(certified), certified.counts()["applyIcpFiling"]) == (FilingStatus.PLATFORM_REVIEW, 1)


def test_a_path_of_wechats_finds_its_field() -> None:
    """Lists carry numbers; what the second person shares with the first was typed at the first."""
    mobile, paper = f"{SUBJECT_PERSON}.mobile", "icp_subject.organize_info.certificate_number"
    found = {path: field_at(path, {TYPE: "4"}) for path in (f"{PROGRAM_PERSON}.mobile", APPROVALS, paper)}
    assert [one.path for one in found.values() if one] == [mobile, f"{APPROVALS}.0.type", paper]
    letter = field_at("icp_materials.commitment_letter.0", {})
    assert letter is not None
    assert letter.path == "icp_materials.commitment_letter"
    own = field_at(paper, {TYPE: "5"})
    assert own is not None
    assert own.path == f"{SUBJECT_PERSON}.certificate_number"
    assert field_at(f"{PROGRAM_PERSON}.verify_task_id", {}) is None


# Face checks


def test_a_failed_face_check_is_asked_for_again(certified: Shop) -> None:
    fill_in(certified)
    certified.do(filing_sending.request_face_check)
    certified.control.fail_face_check(certified.appid, finally_=True)
    certified.hear(
        "notify_icpfiling_verify_result", task_id=filing_of(certified).face_task_id, verify_appid=certified.appid,
        result=2,
    )  # fmt: skip
    assert certified.word(Step.FILE) == Word.FILE_FACE_FAILED
    with pytest.raises(Conflict, match="人脸核验"):
        certified.start(filing_sending.request_sending)
    pass_face(certified)
    assert status(certified) == FilingStatus.FACE_PASSED


def test_a_day_ends_a_face_check(certified: Shop) -> None:
    fill_in(certified)
    certified.do(filing_sending.request_face_check)
    due = filing_of(certified).due_at
    assert due is not None
    assert timedelta(hours=23) < due - clock.now() <= timedelta(hours=24)
    certified.pass_time(DAY + 60)
    certified.run_jobs()
    assert status(certified) == FilingStatus.FACE_FAILED


def test_a_face_check_that_nobody_could_ask_about_is_not_taken_for_failed(certified: Shop) -> None:
    fill_in(certified)
    certified.do(filing_sending.request_face_check)
    certified.control.pass_face_check(certified.appid)
    certified.pass_time(DAY + 60)
    certified.control.fail_next("queryIcpVerifyTask", -1, times=3, appid=certified.appid)
    certified.run_jobs()
    assert status(certified) == FilingStatus.FACE
    certified.run_jobs(wait=2 * 3600 + 1200)
    assert status(certified) == FilingStatus.FACE_PASSED


def test_a_face_check_of_a_shop_that_took_its_authorization_back_ends_once_it_would_not_count(certified: Shop) -> None:
    fill_in(certified)
    certified.do(filing_sending.request_face_check)
    with certified.session() as db:
        load_program(db, certified.id).authorization = AuthorizationStatus.UNAUTHORIZED
    states = []
    for days in (1, 2):
        certified.pass_time(days * DAY + 60)
        certified.run_jobs()
        states.append(status(certified))
    assert states == [FilingStatus.FACE, FilingStatus.FACE_FAILED]


# Text messages


def test_the_owner_hears_of_the_message_and_again_at_the_end(
    certified: Shop, run_jobs: Callable[..., list[str]]
) -> None:
    send(certified)
    certified.control.decide_filing(certified.appid)
    read(certified)
    with certified.session() as db:
        row = next(one for one in steps_of(db, [certified.id])[certified.id] if one.step == Step.FILE)
    assert row.due_at is not None
    assert timedelta(hours=22) < row.due_at - clock.now() <= timedelta(hours=24)
    assert [mail.to for mail in letters()] == ["alice@example.com"]
    run_jobs(wait=DAY - 3600, limit=400)
    assert len(letters()) == 2
    assert "快要超时" in letters()[-1].subject


def test_an_unanswered_message_is_seen_and_sent_anew(certified: Shop) -> None:
    send(certified)
    certified.control.decide_filing(certified.appid)
    read(certified)
    certified.pass_time(DAY + 10)
    read(certified)
    assert certified.word(Step.FILE) == Word.FILE_SMS_EXPIRED
    certified.control.decide_filing(certified.appid, "resend")
    read(certified)
    assert certified.word(Step.FILE) == Word.FILE_SMS
    assert len(letters()) == 2


# Taking back


def test_an_application_is_withdrawn_and_sent_again(certified: Shop) -> None:
    send(certified)
    assert certified.do(filing_sending.request_withdrawal).status == ItemStatus.DONE
    assert (status(certified), certified.word(Step.FILE)) == (FilingStatus.WITHDRAWN, Word.FILE_READY)
    assert certified.do(filing_sending.request_sending).status == ItemStatus.DONE
    assert status(certified) == FilingStatus.PLATFORM_REVIEW


def test_a_withdrawal_that_comes_too_late_tells_how_it_stands(certified: Shop) -> None:
    send(certified)
    certified.control.decide_filing(certified.appid)
    item = certified.do(filing_sending.request_withdrawal)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 86330)
    assert status(certified) == FilingStatus.SMS


def file(shop: Shop) -> None:  # noqa: F811
    send(shop)
    shop.control.decide_filing(shop.appid)
    shop.control.confirm_sms(shop.appid)
    shop.control.decide_filing(shop.appid)
    read(shop)


def test_a_filing_is_cancelled_for_good(certified: Shop) -> None:
    file(certified)
    item = certified.do(filing_sending.request_cancellation, filing_sending.PROGRAM, filing_sending.NO_LONGER_RUN)
    assert item.status == ItemStatus.DONE
    assert certified.word(Step.FILE) == Word.FILE_CANCELLING
    certified.control.confirm_sms(certified.appid)
    read(certified)
    cancelled = filing_of(certified)
    assert (cancelled.status, cancelled.number) == (FilingStatus.CANCELLED, "")
    assert certified.word(Step.FILE) == Word.FILE_READY


def test_an_unconfirmed_cancellation_leaves_the_filing(certified: Shop) -> None:
    file(certified)
    certified.do(filing_sending.request_cancellation, filing_sending.PROGRAM, filing_sending.NO_LONGER_RUN)
    certified.pass_time(DAY + 10)
    read(certified)
    assert certified.word(Step.FILE) == Word.FILED


# Before anything is sent


def test_what_is_lacking_is_told_and_nothing_is_sent(shop: Shop) -> None:  # noqa: F811
    shop.control.change_account(shop.appid, verified=False)
    fill_in(shop)
    read(shop)
    assert shop.word(Step.FILE) == Word.FILE_NOT_READY
    with pytest.raises(filing_sending.NotReady) as lacking:
        shop.start(filing_sending.request_face_check)
    assert lacking.value.lacking[-1] == "没有通过微信认证"
    assert "createIcpVerifyTask" not in shop.counts()


@pytest.mark.parametrize(
    ("part", "typed", "field"),
    [
        (Part.SUBJECT, person("icp_subject.principal_info", mobile="1380013"), "mobile"),
        (Part.SUBJECT, person("icp_subject.principal_info", emergency_contact="13800138000"), "emergency_contact"),
        (Part.SUBJECT, person("icp_subject.principal_info", certificate_number="440104198805123428"), "number"),
        (Part.SUBJECT, person("icp_subject.principal_info", certificate_validity_date_end="2020-01-01"), "end"),
        (Part.SUBJECT, person("icp_subject.principal_info", email="mei"), "email"),
        (Part.SUBJECT, {"icp_subject.base_info.province": "330000"}, "city"),
        (Part.SUBJECT, {"icp_subject.base_info.type": "6"}, "certificate_type"),
        (Part.PROGRAM, {COMMENT: "太短"}, "comment"),
        (Part.PROGRAM, {"icp_applets.base_info.service_content_types": ["33", "33"]}, "types"),
        (Part.PROGRAM, {"icp_applets.base_info.service_content_types": ["500"]}, "types"),
        (Part.PROGRAM, SECOND | person("icp_applets.principal_info", name="陈立"), "mobile"),
    ],
)
def test_what_is_typed_wrong_is_refused_at_its_field(
    certified: Shop, part: Part, typed: dict[str, Any], field: str
) -> None:
    fill_in(certified)
    before = filing_of(certified).values
    with certified.session() as db, pytest.raises(FilingFaults) as refused:
        filing_drafts.edit_part(db, load_program(db, certified.id), part, typed, who=certified.alice)
    assert any(fault.field.endswith(field) for fault in refused.value.faults)
    assert filing_of(certified).values == before


def test_nothing_changes_while_it_is_handed_in(certified: Shop) -> None:
    fill_in(certified)
    pass_face(certified)
    with certified.session() as db:
        template = filing_templates.add_template(db, "餐饮", who=certified.alice)
    item = certified.start(filing_sending.request_sending)
    path = next(iter(PICTURES))
    kept = filing_of(certified)
    for change, args in (
        (filing_drafts.begin, ()),
        (filing_drafts.edit_part, (Part.SUBJECT, {NAME: "别家有限公司"})),
        (filing_drafts.add_files, ({path: PICTURES[path]},)),
        (filing_drafts.drop_file, (path, kept.files[path][0])),
    ):
        with certified.session() as db, pytest.raises(Conflict):
            change(db, load_program(db, certified.id), *args, who=certified.alice)
    with certified.session() as db:
        subjects = [Subject(certified.id, "青禾果蔬")]
        params = {"template": str(template.id)}
        batch = start_batch(db, filing_drafts.APPLY, subjects, who=certified.alice, params=params)
    certified.control.fail_next("applyIcpFiling", -1, appid=certified.appid)
    certified.run_jobs()
    with certified.session() as db:
        assert [one.status for one in list_items(db, batch)] == [ItemStatus.SKIPPED]
    certified.run_jobs(wait=600)
    assert certified.item(item).status == ItemStatus.DONE
    assert (filing_of(certified).values, filing_of(certified).files) == (kept.values, kept.files)


def test_two_people_change_a_template_at_once(certified: Shop) -> None:
    alice, path = certified.alice, next(iter(PICTURES))
    fill_in(certified)
    with certified.session() as db:
        template = filing_templates.add_template(db, "餐饮", who=alice)
    for number, change in enumerate((
        lambda db, row: filing_templates.edit_part(db, row, Part.SUBJECT, {NAME: "青禾果蔬有限公司"}, who=alice),
        lambda db, row: filing_templates.add_files(db, row, {path: PICTURES[path]}, who=alice),
        lambda db, row: filing_templates.drop_file(db, row, path, row.files[path][0], who=alice),
    )):  # fmt: skip
        with certified.session() as db, certified.session() as elsewhere:
            mine = filing_templates.load_template(db, template.id)
            theirs = filing_templates.load_template(elsewhere, template.id)
            assert mine is not None
            assert theirs is not None
            comment = f"为到店顾客提供扫码点餐、外卖下单和会员积分查询服务{number}"
            filing_templates.edit_part(elsewhere, theirs, Part.PROGRAM, {COMMENT: comment}, who=alice)
            settle(elsewhere)
            change(db, mine)
            assert mine.values[COMMENT] == comment


def test_nothing_personal_is_in_the_log_or_the_items(certified: Shop) -> None:
    send(certified)
    with certified.session() as db:
        rows = db.connection().exec_driver_sql(
            "select detail::text from activities union all select params::text || result::text from batch_items "
            "union all select row_to_json(f)::text from filings f union all select detail::text from program_steps"
        )
        text = " ".join(row[0] for row in rows)
    for secret in ("陈梅", "13800138000", "44010419880512342X", "mei@example.com"):
        assert secret not in text


def test_files_are_kept_until_nobody_holds_them(certified: Shop) -> None:
    fill_in(certified)
    path = next(iter(PICTURES))
    before = filing_of(certified).files[path]
    with certified.session() as db:
        filing_drafts.add_files(db, load_program(db, certified.id), {path: PICTURES[path]}, who=certified.alice)
    after = filing_of(certified).files[path]
    assert len(after) == 1
    assert after != before
    with certified.session() as db:
        count = db.connection().exec_driver_sql("select count(*) from stored_files where kind = 'filing'").scalar()
    assert count == len(PICTURES)


def test_the_states_are_those_of_the_contract() -> None:
    named = {"not_ready": "draft", "ready": "draft", "face_pending": "face", "face_ok": "face_passed"}
    named |= {"refused_at_once": "invalid", "sms_waiting": "sms", "sms_timeout": "sms_expired"}
    ours = {FilingStatus(named.get(state["id"], state["id"])) for state in lifecycle("icp_filing")["states"]}
    together = {FilingStatus.CERTIFYING, FilingStatus.CERTIFY_SENT_BACK}
    assert ours | {FilingStatus.WITHDRAWN, FilingStatus.CANCELLED} | together == set(FilingStatus) == set(NEXT)
    for state in lifecycle("icp_filing")["states"]:
        here = FilingStatus(named.get(state["id"], state["id"]))
        for follows in state["next"]:
            there = FilingStatus(named.get(follows, follows))
            if there is FilingStatus.DRAFT and here is not FilingStatus.DRAFT:
                there = FilingStatus.CANCELLED if here is FilingStatus.CANCELLING else FilingStatus.WITHDRAWN
            assert there is here or there in NEXT[here], f"{here} → {there}"
